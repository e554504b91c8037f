"""The command `coskit tag`: the tags of objects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.command_set import command_set
from coskit.cli.arguments.flags import AsJsonLines, DryRun, Quiet, Raw, Recursive, VersionId
from coskit.cli.arguments.locations import argument_key
from coskit.cli.objects.listing import ListedEntry
from coskit.cli.objects.selection.selected_objects import (
    ObjectLocation,
    change_each,
    is_one_object,
    selected_place,
)
from coskit.cli.terminal.lines import print_json, quoted, shown_name
from coskit.protocol.errors import NoSuchTagSet

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Show the tags of an object:
  coskit tag cos://photos-1250000000/a.jpg
Replace them:
  coskit tag set cos://photos-1250000000/a.jpg project=apollo 'owner=Zhang San'
Add a tag to everything in a folder, or change its value:
  coskit tag add -r cos://photos-1250000000/2026/ reviewed=yes
Remove a tag, or all of them:
  coskit tag rm cos://photos-1250000000/a.jpg reviewed
Remove all tags of the objects that match a pattern:
  coskit tag rm --all 'cos://photos-1250000000/2026/*.tmp'
"""
Tags = Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="The tags.")]
_TagSet = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagShowOptions(ClientOptions):
    """The options of `coskit tag show`."""

    location: ObjectLocation
    recursive: Recursive = False
    raw: Raw = False
    version_id: VersionId = None
    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSetOptions(ClientOptions):
    """The options of `coskit tag set` and `coskit tag add`."""

    location: ObjectLocation
    tags: Tags
    recursive: Recursive = False
    raw: Raw = False
    version_id: VersionId = None
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRmOptions(ClientOptions):
    """The options of `coskit tag rm`."""

    location: ObjectLocation
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of the tags.")
    ] = None
    all_: Annotated[bool, typer.Option("--all", help="Remove all tags.")] = False
    recursive: Recursive = False
    raw: Raw = False
    version_id: VersionId = None
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJsonLines = False


def show(options: TagShowOptions) -> int:
    """Show the tags of objects: of one object one tag a line, of several one object a line."""
    location = selected_place(options)
    alone = is_one_object(options)

    def read(entry: ListedEntry) -> _TagSet:
        return read_tags(client, location.bucket, entry.key, options.version_id)

    def print_tags(entry: ListedEntry, tags: _TagSet) -> None:
        if options.as_json:
            print_json({"key": entry.key, "tags": tags})
        elif alone:
            for name, value in tags.items():
                print(f"{name}={value}")
        else:
            words = [quoted(f"{name}={value}") for name, value in tags.items()]
            print("  ".join((shown_name(entry.key), *words)))

    with options.client() as client:
        return change_each(client, options, read, print_tags)


def set_tags(options: TagSetOptions) -> int:
    """Replace the tags of objects."""
    wanted = parse_tags(options.tags)
    return _change(options, lambda _: wanted)


def add_tags(options: TagSetOptions) -> int:
    """Add tags to those that objects have; a tag of the same name gets the new value."""
    wanted = parse_tags(options.tags)
    return _change(options, lambda present: {**present, **wanted})


def rm_tags(options: TagRmOptions) -> int:
    """Remove tags of objects, by their names or all of them."""
    names = {*(options.names or ())}
    if bool(names) == options.all_:
        raise typer.BadParameter("name the tags to remove, or add --all")

    def left(present: Mapping[str, str]) -> _TagSet:
        return {
            name: value for name, value in present.items() if name not in names and not options.all_
        }

    return _change(options, left)


def _change(
    options: TagSetOptions | TagRmOptions, change: Callable[[Mapping[str, str]], _TagSet]
) -> int:
    """Give each selected object the tags that a function makes of those it has."""
    location = selected_place(options)

    def put(entry: ListedEntry) -> _TagSet | None:
        present = read_tags(client, location.bucket, entry.key, options.version_id)
        wanted = change(present)
        if wanted == present:
            return None
        if not options.dry_run:
            write_tags(client, location.bucket, entry.key, options.version_id, wanted)
        return wanted

    def print_change(entry: ListedEntry, tags: _TagSet | None) -> None:
        what = "unchanged" if tags is None else "would tag" if options.dry_run else "tagged"
        if options.as_json:
            print_json({"type": what, "key": entry.key, **({} if tags is None else {"tags": tags})})
        elif not options.quiet:
            words = [quoted(f"{name}={value}") for name, value in (tags or {}).items()]
            print(" ".join((what, shown_name(str(location.with_key(entry.key))), *words)))

    with options.client() as client:
        return change_each(client, options, put, print_change)


def read_tags(client: "Client", bucket: str, key: str, version_id: str | None) -> _TagSet:
    """Return the tags of an object by their names."""
    try:
        found = client.get_object_tagging(bucket, argument_key(key), VersionId=version_id)
    except NoSuchTagSet:
        return {}
    return {tag["Key"]: tag["Value"] or "" for tag in found["TagSet"]["Tag"]}


def write_tags(
    client: "Client", bucket: str, key: str, version_id: str | None, tags: _TagSet
) -> None:
    """Replace the tags of an object; without tags, delete them."""
    place: dict[str, Any] = {"Bucket": bucket, "Key": argument_key(key), "VersionId": version_id}
    if tags:
        listed: Any = [{"Key": name, "Value": value} for name, value in tags.items()]
        client.put_object_tagging(**place, Tagging={"TagSet": {"Tag": listed}})
    else:
        client.delete_object_tagging(**place)


def parse_tags(words: Sequence[str]) -> _TagSet:
    """Return the tags that the words of a command name.

    Raises:
        typer.BadParameter: a word has no name or no `=`, or a name occurs twice.
    """
    tags: _TagSet = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not (name and sign):
            raise typer.BadParameter(f"{word!r} is not a tag such as project=apollo")
        if name in tags:
            raise typer.BadParameter(f"the tag {name!r} is named twice")
        tags[name] = value
    return tags


app = command_set(
    "tag", "Show, set, add and remove tags of objects.", EXAMPLES, show, set_tags, add_tags, rm_tags
)
