"""The command `coskit meta`: the headers and the user metadata of objects."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.command_set import command_set
from coskit.cli.arguments.flags import AsJsonLines, DryRun, Quiet, Raw, Recursive, VersionId
from coskit.cli.objects.listing import ListedEntry
from coskit.cli.objects.selection.selected_objects import (
    ObjectLocation,
    change_each,
    is_one_object,
    selected_place,
)
from coskit.cli.objects.state.kept_properties import (
    STORED_HEADERS,
    copy_onto_itself,
    read_headers,
    read_stored,
)
from coskit.cli.terminal.lines import print_json, quoted, shown_name

EXAMPLES = """
Show the headers and the metadata of an object:
  coskit meta cos://photos-1250000000/a.jpg
Set a header and a metadata field:
  coskit meta set cos://photos-1250000000/a.jpg Cache-Control=max-age=3600 x-cos-meta-author=Li
Set the type of every CSV file in a folder; show first what would change:
  coskit meta set --dry-run 'cos://photos-1250000000/2026/**.csv' Content-Type=text/csv
Remove a header and a metadata field:
  coskit meta rm cos://photos-1250000000/a.jpg Cache-Control x-cos-meta-author
"""
_PREFIXES = ("x-cos-meta-", "x-amz-meta-")
# The client's encryption keeps the keys of an object in its metadata.
_SEALED = ("x-cos-meta-client-side-encryption-", "x-cos-meta-coskit-")
_Headers = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaShowOptions(ClientOptions):
    """The options of `coskit meta show`."""

    location: ObjectLocation
    recursive: Recursive = False
    raw: Raw = False
    version_id: VersionId = None
    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaSetOptions(ClientOptions):
    """The options of `coskit meta set`."""

    location: ObjectLocation
    fields: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...", help="Headers such as Cache-Control, or x-cos-meta-NAME."
        ),
    ]
    recursive: Recursive = False
    raw: Raw = False
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaRmOptions(ClientOptions):
    """The options of `coskit meta rm`."""

    location: ObjectLocation
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of the fields.")]
    recursive: Recursive = False
    raw: Raw = False
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJsonLines = False


def show(options: MetaShowOptions) -> int:
    """Show the headers and the user metadata that are stored with objects."""
    location = selected_place(options)
    alone = is_one_object(options)

    def read(entry: ListedEntry) -> _Headers:
        return read_headers(client, location.bucket, entry.key, options.version_id)

    def print_headers(entry: ListedEntry, headers: _Headers) -> None:
        if options.as_json:
            print_json({"key": entry.key, "headers": headers})
        elif alone:
            for name, text in headers.items():
                print(f"{name}: {text}")
        else:
            words = [quoted(f"{name}={text}") for name, text in headers.items()]
            print("  ".join((shown_name(entry.key), *words)))

    with options.client() as client:
        return change_each(client, options, read, print_headers)


def set_fields(options: MetaSetOptions) -> int:
    """Set headers and user metadata of objects; the others are kept.

    The service copies each object onto itself, a large one in parts. Tags, storage class, ACL and
    encryption are kept. An object that would lose something is refused: one that data can be
    appended to, a symbolic link, one with a retention, one that is encrypted with a customer's key.
    In a bucket with versioning, the object gets a new version.
    """
    wanted: _Headers = {}
    for field in options.fields:
        name, sign, value = field.partition("=")
        if not sign:
            raise typer.BadParameter(f"{field!r} is not a field such as Cache-Control=no-cache")
        wanted[field_name(name)] = value
    return _change(options, lambda present: {**present, **wanted})


def rm_fields(options: MetaRmOptions) -> int:
    """Remove headers and user metadata of objects; the others are kept.

    An object without Content-Type is served as application/octet-stream. What is kept or refused is
    as in `coskit meta set`.
    """
    names = {field_name(name) for name in options.names}

    def left(present: Mapping[str, str]) -> _Headers:
        return {name: text for name, text in present.items() if name not in names}

    return _change(options, left)


def _change(
    options: MetaSetOptions | MetaRmOptions, change: Callable[[Mapping[str, str]], _Headers]
) -> int:
    """Give each selected object the headers that a function makes of those it has."""
    location = selected_place(options)

    def copy(entry: ListedEntry) -> _Headers | None:
        stored = read_stored(client, location.bucket, entry.key, None)
        wanted = change(stored.headers())
        if wanted == stored.headers():
            return None
        stored.refuse_loss()
        if not options.dry_run:
            copy_onto_itself(client, location.bucket, entry.key, stored, wanted)
        return wanted

    def print_change(entry: ListedEntry, headers: _Headers | None) -> None:
        what = "unchanged" if headers is None else "changed"
        what = "would change" if headers is not None and options.dry_run else what
        if options.as_json:
            print_json(
                {"type": what, "key": entry.key, **({"headers": headers} if headers else {})}
            )
        elif not options.quiet:
            print(f"{what} {shown_name(str(location.with_key(entry.key)))}")

    with options.client() as client:
        return change_each(client, options, copy, print_change)


def field_name(text: str) -> str:
    """Return the name of a header or of a metadata field as it is compared.

    Raises:
        typer.BadParameter: no such field is stored with objects, or it is needed to read the
            object.
    """
    name = text.strip().lower()
    known = {header.lower(): header for header in STORED_HEADERS}
    if name in known:
        return known[name]
    prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), None)
    if prefix is None or name == prefix:
        raise typer.BadParameter(f"{text!r} is not stored with objects{_hint(name, [*known])}")
    name = _PREFIXES[0] + name.removeprefix(prefix)
    if name.startswith(_SEALED):
        raise typer.BadParameter(f"{text!r} is needed to decrypt the object, and is not changed")
    return name


def _hint(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    names = ", ".join(STORED_HEADERS)
    shown = next((each for each in STORED_HEADERS if close and each.lower() == close[0]), "")
    return f"; did you mean {shown}?" if shown else f": name one of {names}, or x-cos-meta-NAME"


app = command_set(
    "meta",
    "Show, set and remove headers and metadata of objects.",
    EXAMPLES,
    show,
    set_fields,
    rm_fields,
)
