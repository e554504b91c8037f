"""The command `coskit head`: the first lines or bytes of objects."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import Raw, VersionId
from coskit.cli.arguments.locations import CosLocation, argument_key, parse_object
from coskit.cli.arguments.sizes import parse_size
from coskit.cli.objects.named_objects import named_objects
from coskit.cli.terminal.failures import FailureList
from coskit.cli.terminal.lines import shown_name
from coskit.protocol.errors import CosException, InvalidRange, ObjectChanged, PreconditionFailed

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Print the first ten lines of an object:
  coskit head cos://logs-1250000000/2026/11/29.log
Print the first line of each file of a day:
  coskit head -n 1 'cos://logs-1250000000/2026/11/29/*.csv'
Print the first kilobyte:
  coskit head -c 1KiB cos://logs-1250000000/image.png | file -
"""
_LINES = 10
_FIRST, _MOST = 1 << 16, 8 << 20  # bytes of the first request and of the largest


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadOptions(ClientOptions):
    """The options of `coskit head`."""

    objects: Annotated[
        list[str], typer.Argument(metavar="OBJECT...", help="Objects, or patterns of keys.")
    ]
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", min=0, help="Lines to print; 10 unless given.")
    ] = None
    bytes_: Annotated[
        str | None,
        typer.Option("--bytes", "-c", metavar="SIZE", help="Bytes to print, as 100 or 1KiB."),
    ] = None
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print no names, even of several objects.")
    ] = False
    version_id: VersionId = None
    raw: Raw = False


def head(options: HeadOptions) -> int:
    """Print the first lines or bytes of objects.

    Only the beginning of an object is requested: 64 KiB for lines, then more if they are longer.
    Several objects have their names above them.

    The exit status is 1 if an object failed.
    """
    places = [parse_object(text, options.dialect) for text in options.objects]
    many = len(places) > 1 or (places[0].is_pattern and not options.raw)
    if options.version_id and many:
        raise typer.BadParameter("--version-id needs exactly one object")
    if options.lines is not None and options.bytes_ is not None:
        raise typer.BadParameter("--lines and --bytes exclude each other")
    size = None if options.bytes_ is None else parse_size(options.bytes_)
    lines = _LINES if options.lines is None else options.lines
    failures, title = FailureList(), ""
    with options.client() as client:
        for place in named_objects(client, places, failures, raw=options.raw):
            source = _ObjectStart(client, place, options.version_id)
            try:
                chunks = source.first_lines(lines) if size is None else source.first_bytes(size)
                first = next(chunks, b"")
                if many and not options.quiet:
                    print(f"{title}==> {shown_name(str(place))} <==", flush=True)
                    title = "\n"
                _write(first, chunks)
            except CosException as cause:
                failures.add(str(place), cause)
    return failures.report()


def _write(first: bytes, rest: Iterator[bytes]) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(first)
    for chunk in rest:
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


class _ObjectStart:
    """The beginning of one object, requested in ranges that grow.

    Args:
        client: the client.
        place: the object.
        version_id: its version, or None for the latest.
    """

    def __init__(self, client: "Client", place: CosLocation, version_id: str | None) -> None:
        self._client = client
        self._bucket, self._key = place.bucket, argument_key(place.key)
        self._version = version_id
        self._etag: str | None = None
        self._size = 0

    def first_lines(self, count: int) -> Iterator[bytes]:
        """Yield the first lines in chunks."""
        if not count:
            yield from self.first_bytes(0)
            return
        offset, step = 0, _FIRST
        while offset == 0 or offset < self._size:
            for chunk in self._range(offset, step):
                end = _end_of_lines(chunk, count)
                count -= chunk.count(b"\n", 0, end)
                yield chunk[:end]
                if not count:
                    return
            offset, step = offset + step, min(step * 4, _MOST)

    def first_bytes(self, count: int) -> Iterator[bytes]:
        """Yield the first bytes in chunks."""
        if count:
            yield from self._range(0, count)
        else:
            self._client.head_object(self._bucket, self._key, VersionId=self._version)

    def _range(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield a range of the object that was found first, shorter at its end."""
        try:
            found = self._client.get_object(
                self._bucket,
                self._key,
                VersionId=self._version,
                Range=f"bytes={offset}-{offset + length - 1}",
                IfMatch=self._etag,
            )
        except InvalidRange:
            if offset:
                raise
            return  # an empty object
        except PreconditionFailed as cause:
            raise ObjectChanged(f"The object changed after {offset} bytes were read") from cause
        self._etag = str(found["ETag"])
        whole = str(found.get("Content-Range") or found["Content-Length"])
        self._size = int(whole.rpartition("/")[2])
        with found["Body"] as body:
            yield from body.get_stream()


def _end_of_lines(chunk: bytes, count: int) -> int:
    """Return where a number of lines end in a chunk, or its end."""
    end = 0
    for _ in range(count):
        end = chunk.find(b"\n", end) + 1
        if not end:
            return len(chunk)
    return end
