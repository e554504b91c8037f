"""The first bytes of a file or an object as text, or as hexadecimal digits."""

import codecs
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from coskit.cli.arguments.locations import CosLocation, argument_key
from coskit.cli.browse.model.entries import PaneEntry
from coskit.cli.browse.model.places import Place
from coskit.cli.terminal.lines import printable
from coskit.protocol.errors import CosClientError

if TYPE_CHECKING:
    from coskit import Client

PREVIEWED = 1024  # bytes
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_WIDE = 77  # cells of a line with 16 bytes


def beginning(client: "Client", place: Place, entry: PaneEntry) -> bytes:
    """Return the first bytes of an entry.

    Raises:
        CosClientError: the entry is a device or a pipe, whose bytes can be read once only.
        OSError: the file cannot be read.
    """
    if isinstance(place, Path):
        return _beginning_of_file(place / entry.name)
    return _beginning_of_object(client, place.with_key(place.key + entry.name), entry.size)


def _beginning_of_file(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CosClientError(f"{path.name!r} is not a regular file")
        return file.read(PREVIEWED)


def _beginning_of_object(client: "Client", location: CosLocation, size: int) -> bytes:
    if not size:  # no range of it exists
        return b""
    found = client.get_object(
        location.bucket, argument_key(location.key), Range=f"bytes=0-{PREVIEWED - 1}"
    )
    with found["Body"] as body:
        return b"".join(body)


def preview_text(content: bytes, width: int) -> str:
    """Return bytes as text if they are, and as lines of a hexadecimal dump otherwise.

    Args:
        content: the first bytes; a character may be cut at their end.
        width: the cells of a line of the dump.
    """
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(content)
    except UnicodeDecodeError:
        text = None
    if text is None or _BINARY.search(text):
        return hex_dump(content, 16 if width >= _WIDE else 8)
    return "\n".join(printable(line.expandtabs()) for line in text.splitlines())


def hex_dump(content: bytes, each: int) -> str:
    """Return bytes as lines with their place, their digits and their ASCII characters."""
    lines = []
    for place in range(0, len(content), each):
        part = content[place : place + each]
        signs = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        lines.append(f"{place:06x}  {part.hex(' '):{each * 3 - 1}}  {signs}")
    return "\n".join(lines)
