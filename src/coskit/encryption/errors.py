"""What goes wrong with a sealed object: every way of it is an IntegrityError."""

from coskit.protocol.errors import IntegrityError


class SealBroken(IntegrityError):
    """What arrived is not what was sealed: changed, cut, reordered, or from another object."""


class NotSealed(SealBroken):
    """The object carries no seal that this client reads; it was stored by other means."""


class UnknownKey(SealBroken):
    """The object is sealed for a master key that this client does not have."""
