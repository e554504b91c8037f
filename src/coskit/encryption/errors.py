"""Errors of sealed objects, all of them IntegrityErrors."""

from coskit.protocol.errors import IntegrityError


class SealBroken(IntegrityError):
    """The received bytes differ from what was sealed: changed, cut, reordered or mixed."""


class NotSealed(SealBroken):
    """The object has no seal that this client reads."""


class UnknownKey(SealBroken):
    """The object is sealed for a master key that this client does not have."""
