"""The command `coskit cat`: the bytes of objects on standard output."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import Raw, VersionId
from coskit.cli.arguments.locations import CosLocation, argument_key, parse_object
from coskit.cli.arguments.sizes import parse_byte_range
from coskit.cli.objects.named_objects import named_objects
from coskit.cli.terminal.failures import FailureList
from coskit.protocol.errors import CosException

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Print an object:
  coskit cat cos://logs-1250000000/2026/11/29.log
Join objects in the order of their keys and unpack them:
  coskit cat 'cos://logs-1250000000/2026/11/*.gz' | gunzip
Print the first hundred bytes, and the last kilobyte:
  coskit cat --range 0-99 cos://logs-1250000000/2026/11/29.log
  coskit cat --range -1000 cos://logs-1250000000/2026/11/29.log
Print an old version:
  coskit cat --version-id MTg0NDUxNTc1NjIzMTQ1MDAwODg cos://logs-1250000000/a.txt
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatOptions(ClientOptions):
    """The options of `coskit cat`."""

    objects: Annotated[
        list[str], typer.Argument(metavar="OBJECT...", help="Objects, or patterns of keys.")
    ]
    range_: Annotated[
        str | None,
        typer.Option(
            "--range", metavar="RANGE", help="Bytes to print: 0-99, 100- or, for the last 50, -50."
        ),
    ] = None
    version_id: VersionId = None
    raw: Raw = False


def cat(options: CatOptions) -> int:
    """Print the bytes of objects to standard output.

    Objects are printed one after the other. A connection that is cut is resumed, and each whole
    object is compared with its checksum: a damaged or shortened object is a failure. The other
    objects are printed all the same.

    The exit status is 1 if an object failed.
    """
    places = [parse_object(text, options.dialect) for text in options.objects]
    byte_range = None if options.range_ is None else parse_byte_range(options.range_)
    if options.version_id and (len(places) > 1 or (places[0].is_pattern and not options.raw)):
        raise typer.BadParameter("--version-id needs exactly one object")
    sys.stdout.flush()
    failures = FailureList()
    with options.client() as client:
        for place in named_objects(client, places, failures, raw=options.raw):
            try:
                _copy(client, place, byte_range, options.version_id, sys.stdout.buffer)
            except CosException as cause:
                failures.add(str(place), cause)
    return failures.report()


def _copy(
    client: "Client",
    place: CosLocation,
    byte_range: str | None,
    version_id: str | None,
    output: BinaryIO,
) -> None:
    """Write an object or a range of it to a file."""
    key = argument_key(place.key)
    if byte_range is None:
        client.download_fileobj(place.bucket, key, output, VersionId=version_id or "")
    else:
        found = client.get_object(place.bucket, key, Range=byte_range, VersionId=version_id)
        with found["Body"] as body:
            for chunk in body.get_stream():
                output.write(chunk)
    output.flush()
