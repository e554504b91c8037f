"""The objects that a command works on: one object, the matches of a pattern, or a whole folder."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from coskit.cli.arguments.locations import CosLocation, glob_regex, parse_location
from coskit.cli.objects.listing import ListedEntry, entries
from coskit.cli.objects.selection.concurrent_calls import run_each
from coskit.cli.terminal.failures import FailureList

if TYPE_CHECKING:
    from coskit import Client

_Made = TypeVar("_Made")
ObjectLocation = Annotated[
    str,
    typer.Argument(metavar="LOCATION", help="An object, a pattern, or with --recursive a folder."),
]


class SelectionOptions(Protocol):
    """The options that select objects."""

    @property
    def location(self) -> str:
        """The location, as typed."""

    @property
    def recursive(self) -> bool:
        """True if everything in the folder is selected."""

    @property
    def raw(self) -> bool:
        """True if glob characters are part of the key."""

    @property
    def dialect(self) -> Any:
        """The dialect of the service."""


def selected_place(options: SelectionOptions) -> CosLocation:
    """Return the location that the options name.

    Raises:
        typer.BadParameter: it names no bucket, or no key without `--recursive`.
    """
    location = parse_location(options.location, options.dialect)
    if not location.bucket or not (location.key or options.recursive):
        raise typer.BadParameter(
            f"{options.location!r} is not an object: name a key, or add --recursive for all of them"
        )
    return location


def is_one_object(options: SelectionOptions) -> bool:
    """Return whether the options name one object by its key."""
    location = selected_place(options)
    return not options.recursive and (options.raw or not location.is_pattern)


def selected_objects(client: "Client", options: SelectionOptions) -> Iterator[ListedEntry]:
    """Yield the objects that the options name; of a single one only the key is known."""
    location = selected_place(options)
    if is_one_object(options):
        yield ListedEntry("object", location.key)
        return
    is_wanted = key_filter(options)
    recursive = options.recursive and (options.raw or not location.is_pattern)
    for entry in entries(client, location, recursive=recursive, raw=options.raw):
        if is_wanted(entry.key):
            yield entry


def key_filter(options: SelectionOptions) -> Callable[[str], bool]:
    """Return the test whether the options name a key.

    A folder is everything below its slash, and the object of the same name without one. So
    `cos://b/doc` with `--recursive` does not name `document.txt`.
    """
    location = selected_place(options)
    key = location.key
    if location.is_pattern and not options.raw:
        matches = glob_regex(key).fullmatch
        return lambda found: matches(found) is not None
    if not options.recursive:
        return lambda found: found == key
    folder = key if location.is_folder else f"{key}/"
    return lambda found: found == key or found.startswith(folder)


def search_prefix(options: SelectionOptions) -> str:
    """Return the beginning that all keys which the options name have."""
    location = selected_place(options)
    is_pattern = location.is_pattern and not options.raw
    return location.literal_prefix if is_pattern else location.key


def nothing_found(options: SelectionOptions, text: str) -> str:
    """Return why nothing was found; a folder needs --recursive."""
    is_folder = is_one_object(options) and selected_place(options).is_folder
    return f"{text}; add --recursive for everything below the folder" if is_folder else text


def change_each(
    client: "Client",
    options: SelectionOptions,
    act: Callable[[ListedEntry], _Made],
    show: Callable[[ListedEntry, _Made], None],
) -> int:
    """Do something with each selected object, and return the exit status.

    What fails is listed at the end, while the rest goes on.

    Args:
        client: the client.
        options: the options that select the objects.
        act: the work on one object; it runs in threads.
        show: prints the result of one object.
    """
    location = selected_place(options)
    failures, count = FailureList(), 0
    for done in run_each(selected_objects(client, options), act):
        count += 1
        if done.error is not None:
            failures.add(str(location.with_key(done.item.key)), done.error)
        else:
            show(done.item, done.result)  # type: ignore[arg-type]
    if not count:
        failures.add(str(location), "nothing matches")
    return failures.report()
