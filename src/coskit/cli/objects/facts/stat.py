"""The command `coskit stat`: everything that is known about objects and buckets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines, Raw, VersionId
from coskit.cli.arguments.locations import CosLocation, parse_prefix
from coskit.cli.objects.facts.object_state import bucket_facts, object_facts
from coskit.cli.objects.named_objects import named_objects
from coskit.cli.terminal.failures import FailureList
from coskit.cli.terminal.lines import (
    human_size,
    json_line,
    local_time,
    print_lines,
    shown_name,
)
from coskit.protocol.errors import CosException

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Show size, dates, checksums, headers, metadata, tags and grants of an object:
  coskit stat cos://photos-1250000000/a.txt
Show a bucket:
  coskit stat cos://photos-1250000000
Print the checksums of many objects:
  coskit stat --json 'cos://photos-1250000000/2026/*.jpg' | jq -r '.crc64 + "  " + .location'
"""
_TITLES = {"etag": "ETag", "crc64": "CRC64", "acl": "ACL", "version_id": "Version id"}
_WIDTH = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class StatOptions(ClientOptions):
    """The options of `coskit stat`."""

    locations: Annotated[
        list[str],
        typer.Argument(metavar="LOCATION...", help="Objects, patterns of keys, or buckets."),
    ]
    version_id: VersionId = None
    raw: Raw = False
    as_json: AsJsonLines = False


def stat(options: StatOptions) -> int:
    """Show what is known about objects and buckets.

    That is size, dates, ETag, CRC64, storage class, headers, metadata, tags and the ACL. What the
    keys do not permit to read is shown as the code of the error.

    The exit status is 1 if an object or a bucket cannot be read.
    """
    places = [parse_prefix(text, options.dialect) for text in options.locations]
    if options.version_id and (
        len(places) > 1 or not places[0].key or (places[0].is_pattern and not options.raw)
    ):
        raise typer.BadParameter("--version-id needs exactly one object")
    failures, is_first = FailureList(), True
    with options.client() as client:
        for place in named_objects(client, places, failures, raw=options.raw):
            try:
                facts = _facts(client, place, options.version_id)
            except CosException as cause:
                failures.add(str(place), cause)
                continue
            if options.as_json:
                print_lines([json_line(facts)])
            else:
                print_lines([*([] if is_first else [""]), *_lines(facts)])
            is_first = False
    return failures.report()


def _facts(client: "Client", place: CosLocation, version_id: str | None) -> dict[str, Any]:
    if place.key:
        return object_facts(client, place, version_id)
    return bucket_facts(client, place)


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the facts as lines, each text with its title."""
    yield shown_name(facts["location"])
    for name, value in facts.items():
        if name not in ("type", "location") and value not in (None, "", {}):
            title = _TITLES.get(name, name.replace("_", " ").capitalize())
            for at, text in enumerate(_texts(name, value)):
                yield f"  {'' if at else title:{_WIDTH}} {text}"


def _texts(name: str, value: Any) -> Iterator[str]:
    """Yield the texts of a fact."""
    if name in ("modified", "created"):
        yield local_time(value) if "T" in value else value
    elif name == "size":
        yield f"{value} bytes ({human_size(value)})" if value >= 1024 else f"{value} bytes"
    elif name == "acl" and isinstance(value, dict):
        yield f"{value['canned'] or 'grants'}, owner {value['owner']}"
        for grant in value["grants"]:
            yield f"{grant['permission']} to {grant['grantee']}"
    elif isinstance(value, dict):
        for key, text in value.items():
            yield f"{shown_name(key)}: {shown_name(str(text))}"
    else:
        yield str(value)
