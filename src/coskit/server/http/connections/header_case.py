"""Header names that keep their case, by which the vendor's clients look them up.

uvicorn writes the result of `lower()` of a name, so these names return themselves.
"""

from functools import lru_cache


class _Spelled(bytes):
    """A header name that keeps its case on the wire."""

    def lower(self) -> bytes:
        return self


class _Recognised(_Spelled):
    """A header name that uvicorn acts on, so it equals its lower-case form."""

    def __eq__(self, other: object) -> bool:
        return other == bytes.lower(self) or bytes.__eq__(self, other)

    def __hash__(self) -> int:
        return hash(bytes.lower(self))


@lru_cache(maxsize=4096)
def spelled(name: str) -> bytes:
    """Return a header name that uvicorn writes with exactly these letters."""
    kind = _Recognised if name in ("Connection", "Content-Length") else _Spelled
    return kind(name.encode("latin-1"))
