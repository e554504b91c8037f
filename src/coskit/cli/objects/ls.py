"""The command `coskit ls`: buckets, folders, objects and versions, printed as they are listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines, Human, Raw, Recursive
from coskit.cli.arguments.locations import CosLocation, parse_location
from coskit.cli.objects.listing import ListedEntry, entries, versions
from coskit.cli.terminal.lines import human_size, local_time, print_json, shown_name

if TYPE_CHECKING:
    from coskit import Client

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
    for bucket in client.iter_buckets():
        created, region = str(bucket.get("CreationDate", "")), str(bucket.get("Location", ""))
        if options.as_json:
            facts = {"type": "bucket", "name": bucket["Name"], "created": created}
            print_json({**facts, "region": region})
        else:
            print(f"{local_time(created)}  {region:14}  {bucket['Name']}")
    return 0


def _list_entries(client: "Client", location: CosLocation, options: LsOptions) -> int:
    base = "" if options.recursive or location.is_pattern else location.key
    base = base[: base.rfind("/") + 1]
    count = total = 0
    for entry in _found(client, location, options):
        count, total = count + 1, total + entry.size
        if options.as_json:
            print_json(entry.facts())
        else:
            print(_line(entry, entry.key.removeprefix(base), options))
    if options.summarize:
        _print_total(count, total, options)
    return 0 if count or not location.key else 1


def _found(client: "Client", location: CosLocation, options: LsOptions) -> Iterator[ListedEntry]:
    if options.versions:
        return versions(client, location, raw=options.raw)
    return entries(client, location, recursive=options.recursive, raw=options.raw)


def _line(entry: ListedEntry, name: str, options: LsOptions) -> str:
    size = human_size(entry.size) if options.human else str(entry.size)
    size = {"folder": "DIR", "delete marker": "DELETED"}.get(entry.kind, size)
    columns = [local_time(entry.modified), f"{size:>12}"]
    if options.long:
        columns.append(f"{entry.storage_class:19}")
    if options.versions:
        columns.append(f"{'*' if entry.is_latest else ' '} {entry.version_id:20}")
    return "  ".join((*columns, shown_name(name)))


def _print_total(count: int, total: int, options: LsOptions) -> None:
    if options.as_json:
        print_json({"type": "total", "count": count, "size": total})
    else:
        size = human_size(total) if options.human else f"{total} bytes"
        print(f"{count} {'entry' if count == 1 else 'entries'}, {size}")
