"""The command `coskit ls`: buckets, folders, objects and versions, printed as they are listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines, Human, Raw, Recursive
from coskit.cli.arguments.locations import CosLocation, parse_location
from coskit.cli.objects.listing import ListedEntry, entry_pages, version_pages
from coskit.cli.terminal.columns import Columns
from coskit.cli.terminal.lines import (
    human_size,
    json_line,
    local_time,
    name_form,
    print_json,
    print_lines,
)

if TYPE_CHECKING:
    from coskit import Client

_KINDS = {"folder": "DIR", "delete marker": "DELETED"}  # shown in the place of a size
EXAMPLES = """
List the buckets:
  coskit ls
List a folder, with sizes for people:
  coskit ls -h cos://photos-1250000000/2026/
List everything below it, with a total:
  coskit ls -r --summarize cos://photos-1250000000/2026/
List the keys that match a pattern; quote it for the shell:
  coskit ls 'cos://photos-1250000000/2026-*/x?.csv'
List versions and delete markers as JSON:
  coskit ls --versions --json cos://photos-1250000000/a.txt
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LsOptions(ClientOptions):
    """The options of `coskit ls`."""

    location: Annotated[
        str,
        typer.Argument(metavar="LOCATION", help="cos:// for the buckets, or cos://bucket/prefix."),
    ] = "cos://"
    recursive: Recursive = False
    human: Human = False
    long: Annotated[bool, typer.Option("--long", "-l", help="Print the storage class too.")] = False
    versions: Annotated[bool, typer.Option("--versions", help="List every version.")] = False
    summarize: Annotated[
        bool, typer.Option("--summarize", "-s", help="Print the number and the total size.")
    ] = False
    raw: Raw = False
    as_json: AsJsonLines = False


def ls(options: LsOptions) -> int:
    """List buckets, folders, objects and versions.

    Keys that begin with the given text are listed, as far as the next slash. A pattern lists every
    key that matches it: * and ? match all but slashes, ** matches everything.

    The exit status is 1 if a prefix or a pattern matches nothing.
    """
    location = parse_location(options.location, options.dialect)
    with options.client() as client:
        if not location.bucket:
            return _list_buckets(client, options)
        return _list_entries(client, location, options)


def _list_buckets(client: "Client", options: LsOptions) -> int:
    rows, facts = list[tuple[str, str, str]](), list[dict[str, str]]()
    for bucket in client.iter_buckets():
        name, region = str(bucket["Name"]), str(bucket.get("Location", ""))
        created = str(bucket.get("CreationDate", ""))
        rows.append((local_time(created), region, name))
        facts.append({"type": "bucket", "name": name, "created": created, "region": region})
    print_lines(map(json_line, facts) if options.as_json else Columns(19, 14).lines(rows))
    return 0


def _list_entries(client: "Client", location: CosLocation, options: LsOptions) -> int:
    base = "" if options.recursive or location.is_pattern else location.key
    base = base[: base.rfind("/") + 1]
    count = total = 0
    columns = Columns(*_widths(options))
    shown = name_form()
    for page in _pages(client, location, options):
        count, total = count + len(page), total + sum(entry.size for entry in page)
        if options.as_json:
            print_lines([json_line(entry.facts()) for entry in page])
        else:
            rows = [(*_columns(entry, options), shown(entry.key[len(base) :])) for entry in page]
            print_lines(columns.lines(rows))
    if options.summarize:
        _print_total(count, total, options)
    return 0 if count or not location.key else 1


def _pages(
    client: "Client", location: CosLocation, options: LsOptions
) -> Iterator[list[ListedEntry]]:
    if options.versions:
        return version_pages(client, location, raw=options.raw)
    return entry_pages(client, location, recursive=options.recursive, raw=options.raw)


def _widths(options: LsOptions) -> list[int]:
    """Return the least width of each column but the name; sizes stand at the right."""
    return [19, -12] + [8] * options.long + [1, 20] * options.versions


def _columns(entry: ListedEntry, options: LsOptions) -> list[str]:
    """Return the texts of the columns before the name."""
    size = human_size(entry.size) if options.human else str(entry.size)
    columns = [local_time(entry.modified), _KINDS.get(entry.kind, size)]
    if options.long:
        columns.append(entry.storage_class)
    if options.versions:
        columns += ["*" if entry.is_latest else " ", entry.version_id]
    return columns


def _print_total(count: int, total: int, options: LsOptions) -> None:
    if options.as_json:
        print_json({"type": "total", "count": count, "size": total})
    else:
        size = human_size(total) if options.human else f"{total} bytes"
        print(f"{count} {'entry' if count == 1 else 'entries'}, {size}")
