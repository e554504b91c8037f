"""Locations of files and objects: bucket folders, names that a file and a key share."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from coskit.protocol.errors import CosClientError, ParameterError

_SCHEME = "cos://"
_LONGEST_NAME = 255
# The temporary files of downloads; other programs do not use such names.
_PARTIAL = re.compile(r"\..*\.[0-9a-f]{16,64}\.part", re.DOTALL)


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A folder of a bucket; the prefix is empty or ends with a slash."""

    bucket: str
    prefix: str = ""

    def key(self, name: str) -> str:
        """Return the key of a name below this folder, as the client's methods take it.

        The methods drop one leading slash, so a key that begins with a slash gets another one.
        """
        key = self.prefix + name
        return f"/{key}" if key.startswith("/") else key

    def overlaps(self, other: "BucketPlace") -> bool:
        """Return whether the folders are equal or one lies in the other."""
        outer, inner = sorted((self.prefix, other.prefix), key=len)
        return self.bucket == other.bucket and inner.startswith(outer)


def bucket_place(bucket: str, prefix: str = "") -> BucketPlace:
    """Return the folder of a prefix, which may lack its slash at the end."""
    prefix = prefix.removeprefix("/")
    return BucketPlace(bucket, f"{prefix}/" if prefix and not prefix.endswith("/") else prefix)


def parse_place(place: str | os.PathLike[str] | tuple[str, str]) -> BucketPlace | Path:
    """Return the folder for `cos://bucket/prefix` or a pair of both; a directory for a path.

    Raises:
        ParameterError: the bucket has no name.
    """
    if isinstance(place, tuple):
        return bucket_place(*place)
    if not isinstance(place, str) or not place.startswith(_SCHEME):
        return Path(place)
    bucket, _, prefix = place.removeprefix(_SCHEME).partition("/")
    if not bucket:
        raise ParameterError(f"{place!r} names no bucket: it must be cos://bucket/prefix")
    return bucket_place(bucket, prefix)


def check_name(name: str) -> None:
    """Refuse a key, relative to its folder, that cannot name a file below a directory.

    Raises:
        CosClientError: the file would lie elsewhere, or a file cannot have this name.
    """
    if not name:
        raise CosClientError("The key '' cannot become a file: it stands for the folder itself")
    for part in name.split("/"):
        if part in ("", ".", ".."):
            reason = f"{part!r} is not a name in a directory"
        elif "\0" in part:
            reason = "a file's name cannot have a NUL"
        elif len(part.encode(errors="surrogateescape")) > _LONGEST_NAME:
            reason = f"a file's name has at most {_LONGEST_NAME} bytes"
        else:
            continue
        raise CosClientError(f"The key {name!r} cannot become a file: {reason}")


def is_text(name: str) -> bool:
    """Return whether a file's name is UTF-8, as every key is."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_partial(name: str) -> bool:
    """Return whether a name is that of the temporary file of a download."""
    return _PARTIAL.fullmatch(name) is not None


class NameCollisions:
    """Finds keys that need a directory where another key needs a file, among sorted keys.

    Args:
        case_blind: the file system ignores case; all names are then kept in memory.
    """

    def __init__(self, *, case_blind: bool = False) -> None:
        self._open: list[str] = []
        self._seen: set[str] | None = set() if case_blind else None

    def check(self, name: str) -> None:
        """Check the next name.

        Raises:
            CosClientError: the name collides with an earlier one.
        """
        # Names that sort between `a` and `a/b` begin with `a`, so few names are open at a time.
        while self._open and not name.startswith(self._open[-1]):
            self._open.pop()
        for file in self._open:
            if name.startswith(f"{file}/"):
                raise CosClientError(f"The key {name!r} cannot become a file: {file!r} is one")
        if self._seen is not None:
            blind = name.casefold()
            if blind in self._seen:
                raise CosClientError(
                    f"The key {name!r} cannot become a file: another differs only in case"
                )
            self._seen.add(blind)
        self._open.append(name)
