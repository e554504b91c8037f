"""Names that a program passes instead of a listing, each with the name at the destination."""

from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from typing import Any

from coskit.client.directory.compare import UNKNOWN, FileEntry
from coskit.protocol.errors import ParameterError


@dataclass(frozen=True, slots=True)
class FileName:
    """A file or an object that is transferred.

    Attributes:
        name: the path below the directory, or the key below the folder.
        new_name: the name at the destination, if it is another one.
        version: the version of the object, if not the latest.
    """

    name: str
    new_name: str = ""
    version: str = ""


Names = Iterable[str | FileName]
AsyncNames = Names | AsyncIterable[str | FileName]


def named_entry(value: Any) -> FileEntry:
    """Return the entry of one of the `Names`, whose size is still unknown.

    Raises:
        ParameterError: the value is neither text nor a `FileName`.
    """
    if isinstance(value, str):
        return FileEntry(value, UNKNOWN, 0)
    if isinstance(value, FileName):
        return FileEntry(value.name, UNKNOWN, 0, new_name=value.new_name, version=value.version)
    raise ParameterError(f"Names must hold texts and FileName, not {value!r}")
