"""The comparison of a file or object with its counterpart at the destination."""

from dataclasses import dataclass
from enum import Enum

from coskit.client.directory.locations import BucketPlace
from coskit.protocol.errors import ParameterError

_SECOND = 1_000_000_000
# Dates of objects have whole seconds, and a file may be written again within a second.
_DATE_TOLERANCE = 2 * _SECOND
# The size of a file that was named and not looked at.
UNKNOWN = -1
# The service refuses requests of a client whose clock differs by more than this.
_SKEW = 15 * 60 * _SECOND


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file or an object.

    Attributes:
        name: the path below the directory, or the key below the folder.
        size: the size in bytes, or `UNKNOWN`.
        modified: the nanoseconds since 1970; whole seconds for an object.
        etag: the ETag of an object, without quotes; "" for a file.
        new_name: the name at the destination, if it is another one.
        version: the version of an object, if the program named one.
    """

    name: str
    size: int
    modified: int
    etag: str = ""
    new_name: str = ""
    version: str = ""

    @property
    def target(self) -> str:
        """The name at the destination."""
        return self.new_name or self.name


class Verdict(Enum):
    """The result of a comparison that reads no content."""

    SAME = "same"
    DIFFERENT = "different"
    UNSURE = "unsure"


def judge(comparison: str, source: FileEntry, there: FileEntry) -> Verdict:
    """Compare a source with its counterpart by what the listings return.

    By `size-mtime`, two objects are the same if their ETags are equal; a file and an object if the
    object was stored after the last write of the file; an object and a file if the file has the
    object's date. Dates that are too close to each other leave the result unsure.

    Args:
        comparison: `size-mtime`, `size` or `checksum`.
        source: the file or object at the source.
        there: the file or object at the destination.
    """
    if source.size != there.size:
        return Verdict.DIFFERENT
    if comparison == "size":
        return Verdict.SAME
    if source.etag and there.etag:
        return Verdict.SAME if source.etag == there.etag else Verdict.UNSURE
    if comparison == "checksum":
        return Verdict.UNSURE
    return _upload(source, there) if there.etag else _download(source, there)


def _upload(file: FileEntry, stored: FileEntry) -> Verdict:
    age = stored.modified - file.modified
    if abs(age) <= _DATE_TOLERANCE:
        return Verdict.UNSURE
    return Verdict.SAME if age > 0 else Verdict.DIFFERENT


def _download(stored: FileEntry, file: FileEntry) -> Verdict:
    if stored.modified == file.modified:
        return Verdict.SAME
    same_second = stored.modified // _SECOND == file.modified // _SECOND
    return Verdict.UNSURE if same_second else Verdict.DIFFERENT


def file_time(modified: int, responded: int | None) -> int:
    """Return the modification time of a downloaded file, in nanoseconds.

    It is the date of the object, so that a later synchronisation recognises the file. If another
    object could still get the same date, a fraction of a second marks that.

    Args:
        modified: the date of the object, in milliseconds.
        responded: the Date header of the response, in milliseconds, or None.
    """
    settled = responded is not None and (responded - modified) * 1_000_000 > _DATE_TOLERANCE
    return modified * 1_000_000 + (0 if settled else 1_000_000)


def is_settled(modified: int, now: float) -> bool:
    """Return whether no other object can get the date of an object any more.

    Args:
        modified: the date of the object, in nanoseconds.
        now: the seconds of this machine's clock.
    """
    return now * _SECOND - modified > _SKEW + _DATE_TOLERANCE


def check_apart(source: BucketPlace, destination: BucketPlace) -> None:
    """Refuse a synchronisation between a folder and a folder inside it.

    Raises:
        ParameterError: one of the folders lies in the other.
    """
    if source.overlaps(destination):
        raise ParameterError("Source and Destination overlap: one lies in the other")
