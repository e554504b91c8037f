"""The command `coskit find`: objects by name, size, age and storage class."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines, Raw
from coskit.cli.arguments.locations import CosLocation, parse_prefix
from coskit.cli.objects.find import find_conditions as conditions
from coskit.cli.objects.listing import ListedEntry, entry_pages, version_pages
from coskit.cli.objects.sums.folder_sums import folder_of
from coskit.cli.terminal.lines import json_line, name_form, print_lines

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Find large objects that are older than a month:
  coskit find --size +100MiB --older 30d cos://logs-1250000000
Find images by name, in any case, in one folder only:
  coskit find --iname '*.jpg' --iname '*.png' --max-depth 1 cos://photos-1250000000/2026/
Pass every name to another command, spaces and line breaks included:
  coskit find --name '*.csv' -0 cos://logs-1250000000/2026/ | xargs -0 coskit cat --raw
Find what is archived, with all that is known about it:
  coskit find --storage-class ARCHIVE --json cos://photos-1250000000
"""
Type = Literal["object", "folder", "marker", "f", "d"]
_TYPES = {"object": "object", "f": "object", "folder": "folder", "d": "folder", "marker": "marker"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOptions(ClientOptions):
    """The options of `coskit find`."""

    location: Annotated[
        str, typer.Argument(metavar="LOCATION", help="A bucket, a prefix or a pattern.")
    ]
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="Pattern of the key's last part, as '*.csv'; repeatable."
        ),
    ] = None
    iname: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="As --name, in upper and lower case; repeatable."),
    ] = None
    path: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="Pattern of the whole key, as 'logs/**.gz'; repeatable."
        ),
    ] = None
    regex: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEX", help="Regular expression found in the key; repeatable."),
    ] = None
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIZE", help="+10MiB for larger, -1k for smaller, or this size; repeatable."
        ),
    ] = None
    newer: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Modified within an age, as 7d, or after a date."),
    ] = None
    older: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Modified longer ago than an age, or before a date."),
    ] = None
    storage_class: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="Storage class, as ARCHIVE; repeatable."),
    ] = None
    type_: Annotated[
        Type | None,
        typer.Option(
            "--type", help="object or f, folder or d, or marker for delete markers of versions."
        ),
    ] = None
    max_depth: Annotated[
        int | None, typer.Option(min=1, help="Levels of folders to search; 1 for one folder.")
    ] = None
    versions: Annotated[
        bool, typer.Option("--versions", help="Search old versions and delete markers too.")
    ] = False
    raw: Raw = False
    null: Annotated[
        bool,
        typer.Option("--null", "--print0", "-0", help="Names end with NUL, not a line break."),
    ] = False
    as_json: AsJsonLines = False


def find(options: FindOptions) -> int:
    """Find objects by name, size, age and storage class.

    Locations are printed while the bucket is listed. All conditions must hold; of a repeated
    option, except --size, one value is enough. A folder is found once something is in it; it has a
    name and a path only.
    """
    location = parse_prefix(options.location, options.dialect)
    kind = _TYPES.get(options.type_ or "")
    if kind == "folder" and (options.size or options.newer or options.older):
        raise typer.BadParameter("folders have neither a size nor a date")
    if kind == "folder" and (options.storage_class or options.versions):
        raise typer.BadParameter("folders have neither a storage class nor versions")
    if kind == "marker" and not options.versions:
        raise typer.BadParameter("--type marker needs --versions")
    base = folder_of(location.key if options.raw else location.literal_prefix)
    holds = conditions.FindConditions(base, tuple(_conditions(options, base))).hold
    with options.client() as client:
        for page in _pages(client, location, base, options):
            found = [entry for entry in page if holds(entry)]
            if found:
                _print(found, location, options)
    return 0


def _conditions(options: FindOptions, base: str) -> Iterator[conditions.Condition]:
    if options.max_depth is not None:
        yield conditions.is_at_most(options.max_depth, base)
    if options.type_ == "marker":
        yield lambda entry: entry.kind == "delete marker"
    elif _TYPES.get(options.type_ or "") == "object":
        yield lambda entry: entry.kind in ("object", "version")
    if options.name:
        yield conditions.has_name(options.name)
    if options.iname:
        yield conditions.has_name(options.iname, any_case=True)
    if options.path:
        yield conditions.has_path(options.path)
    if options.regex:
        yield conditions.contains(options.regex)
    if options.size:
        yield conditions.has_size(options.size)
    if options.storage_class:
        yield conditions.has_storage_class(options.storage_class)
    if options.newer:
        yield conditions.is_newer(options.newer)
    if options.older:
        yield conditions.is_older(options.older)


def _pages(
    client: "Client", location: CosLocation, base: str, options: FindOptions
) -> Iterator[list[ListedEntry]]:
    if options.versions:
        return version_pages(client, location, raw=options.raw)
    depth, only_folders = options.max_depth, _TYPES.get(options.type_ or "") == "folder"
    one_level = only_folders and depth == 1  # the service lists these alone
    pages = entry_pages(client, location, recursive=not one_level, raw=options.raw, max_depth=depth)
    return _folder_pages(pages, base) if only_folders else pages


def _folder_pages(pages: Iterator[list[ListedEntry]], base: str) -> Iterator[list[ListedEntry]]:
    """Yield the folders of each page, each folder once."""
    known = conditions.FolderFinder(base)
    for page in pages:
        yield known.new_in(page)


def _print(found: list[ListedEntry], location: CosLocation, options: FindOptions) -> None:
    places = [str(location.with_key(entry.key)) for entry in found]
    if options.as_json:
        facts = zip(found, places, strict=True)
        print_lines([json_line({"location": place, **each.facts()}) for each, place in facts])
    elif options.null:
        print("\0".join([*places, ""]), end="", flush=True)
    elif options.versions:
        ids = [f"{entry.version_id:20}" for entry in found]
        print_lines(map("  ".join, zip(ids, map(name_form(), places), strict=True)))
    else:
        print_lines(map(name_form(), places))
