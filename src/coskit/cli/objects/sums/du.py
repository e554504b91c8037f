"""The command `coskit du`: objects and bytes by prefix."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines, Human, Raw
from coskit.cli.arguments.locations import CosLocation, parse_prefix
from coskit.cli.objects.listing import entries, versions
from coskit.cli.objects.sums.folder_sums import FolderSum, folder_of, folder_sums
from coskit.cli.terminal.columns import Columns
from coskit.cli.terminal.lines import human_size, json_line, name_form, print_lines

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Print the bytes and objects of each folder, then of the bucket:
  coskit du -h cos://photos-1250000000
Print the total only:
  coskit du --depth 0 cos://photos-1250000000/2026/
Print the three largest folders of the second level:
  coskit du --depth 2 cos://photos-1250000000 | sort -rn | head -4
Include old versions:
  coskit du --versions --json cos://photos-1250000000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DuOptions(ClientOptions):
    """The options of `coskit du`."""

    locations: Annotated[
        list[str], typer.Argument(metavar="LOCATION...", help="Buckets, prefixes or patterns.")
    ]
    depth: Annotated[
        int, typer.Option("--depth", "-d", min=0, help="Levels of folders; 0 for totals only.")
    ] = 1
    human: Human = False
    versions: Annotated[
        bool, typer.Option("--versions", help="Include old versions and count delete markers.")
    ] = False
    raw: Raw = False
    as_json: AsJsonLines = False


def du(options: DuOptions) -> int:
    """Print the bytes and the number of objects by prefix.

    Each folder comes after the folders in it, each location after its folders.

    The exit status is 1 if a prefix or a pattern matches nothing.
    """
    places = [parse_prefix(text, options.dialect) for text in options.locations]
    with options.client() as client:
        return max([_print_sums(client, place, options) for place in places])


def _print_sums(client: "Client", location: CosLocation, options: DuOptions) -> int:
    if options.versions:
        listed = versions(client, location, raw=options.raw)
    else:
        listed = entries(client, location, recursive=True, raw=options.raw)
    prefix = location.key if options.raw else location.literal_prefix
    columns, shown, found = Columns(-14 if not options.human else -10, -9), name_form(), False
    for sum_ in folder_sums(listed, folder_of(prefix), options.depth):
        place = location.with_key(sum_.key) if sum_.depth else location
        found = bool(sum_.count or sum_.markers)
        if options.as_json:
            print_lines([json_line(_facts(sum_, place, options))])
        else:
            size = human_size(sum_.size) if options.human else str(sum_.size)
            print_lines(columns.lines([(size, str(sum_.count), shown(str(place)))]))
    return 0 if found or not location.key else 1


def _facts(sum_: FolderSum, place: CosLocation, options: DuOptions) -> dict[str, object]:
    facts: dict[str, object] = {
        "type": "folder" if sum_.depth else "total",
        "location": str(place),
        "depth": sum_.depth,
        "count": sum_.count,
        "size": sum_.size,
    }
    return facts | ({"delete_markers": sum_.markers} if options.versions else {})
