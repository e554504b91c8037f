"""Header names that keep their spelling: the vendor's clients look them up by it.

The HTTP server writes what `lower()` of a name returns, so these names return themselves.
"""

from functools import lru_cache


class _Spelled(bytes):
    """A header name as it is to stand on the wire."""

    def lower(self) -> bytes:
        return self


class _Recognised(_Spelled):
    """A name that the HTTP server acts on, and so has to recognise."""

    def __eq__(self, other: object) -> bool:
        return other == bytes.lower(self) or bytes.__eq__(self, other)

    def __hash__(self) -> int:
        return hash(bytes.lower(self))


@lru_cache(maxsize=4096)
def spelled(name: str) -> bytes:
    """Return a header name that is written exactly like this."""
    kind = _Recognised if name in ("Connection", "Content-Length") else _Spelled
    return kind(name.encode("latin-1"))
