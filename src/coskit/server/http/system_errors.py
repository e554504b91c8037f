"""Errors of the operating system as responses: a full disk or too few descriptors is temporary."""

import errno

from coskit.protocol.errors import ServiceUnavailable

_DISK_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_OUT_OF_RESOURCES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN))


def unavailable(cause: BaseException | None) -> ServiceUnavailable | None:
    """Return the response to a temporary lack of a system resource, or None for other errors."""
    number = cause.errno if isinstance(cause, OSError) else None
    if number in _DISK_FULL:
        return no_space_left()
    if number in _OUT_OF_RESOURCES:
        return ServiceUnavailable("The server is out of descriptors", headers={"Retry-After": "2"})
    return None


def no_space_left() -> ServiceUnavailable:
    """Return the response to a write for which the disk has no space."""
    return ServiceUnavailable("The server has no room left", headers={"Retry-After": "10"})
