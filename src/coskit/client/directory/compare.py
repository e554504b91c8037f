"""What a synchronisation has to do about each pair of a file or object and its counterpart."""

from dataclasses import dataclass
from enum import Enum

from coskit.client.directory.locations import BucketPlace
from coskit.protocol.errors import ParameterError

_SECOND = 1_000_000_000
# An object's date has whole seconds, and a file may be written again within one.
_CLOSE = 2 * _SECOND
# The service refuses requests of a client whose clock differs by more.
_SKEW = 15 * 60 * _SECOND


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file or an object.

    Attributes:
        name: its path below the directory, or its key below the folder.
        size: in bytes.
        modified: nanoseconds since 1970; an object's are whole seconds.
        etag: an object's, without quotes; "" of a file.
    """

    name: str
    size: int
    modified: int
    etag: str = ""


class Verdict(Enum):
    """What is known of two contents without reading them."""

    SAME = "same"
    DIFFERENT = "different"
    UNSURE = "unsure"


def judge(comparison: str, source: FileEntry, there: FileEntry) -> Verdict:
    """Compare a source with what is at its destination, as far as listings tell.

    By `size-mtime` two objects are the same if their ETags are, a file and an object if the object
    was stored after the file was written last, and a file that was downloaded if it still has the
    object's date. What happened within the same moment has to be looked at.

    Args:
        comparison: `size-mtime`, `size` or `checksum`.
        source: what is to be stored.
        there: what is stored there now.
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
    if abs(age) <= _CLOSE:
        return Verdict.UNSURE
    return Verdict.SAME if age > 0 else Verdict.DIFFERENT


def _download(stored: FileEntry, file: FileEntry) -> Verdict:
    if stored.modified == file.modified:
        return Verdict.SAME
    same_second = stored.modified // _SECOND == file.modified // _SECOND
    return Verdict.UNSURE if same_second else Verdict.DIFFERENT


def file_time(modified: int, answered: int | None) -> int:
    """Return the modification time of a downloaded file, in nanoseconds.

    It is the object's, so that a later synchronisation knows the file. An object that was so young
    that another could still get the same date is marked by a fraction of a second.

    Args:
        modified: the object's date, in milliseconds.
        answered: the service's date of the answer, if it gave one, in milliseconds.
    """
    settled = answered is not None and (answered - modified) * 1_000_000 > _CLOSE
    return modified * 1_000_000 + (0 if settled else 1_000_000)


def is_settled(modified: int, now: float) -> bool:
    """Return whether no other object can get an object's date any more.

    Args:
        modified: the object's date, in nanoseconds.
        now: by this side's clock, in seconds.
    """
    return now * _SECOND - modified > _SKEW + _CLOSE


def check_apart(source: BucketPlace, destination: BucketPlace) -> None:
    """Make sure that a synchronisation would not read what it writes.

    Raises:
        ParameterError: one of the folders lies in the other.
    """
    if source.overlaps(destination):
        raise ParameterError("Source and Destination overlap: one lies in the other")
