"""The options `--include` and `--exclude`, whose order on the command line matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from coskit.cli.arguments.dataclass_command import ExampleCommand

_KINDS = ("include", "exclude")

Include = Annotated[
    list[str],
    typer.Option(
        metavar="PATTERN", help="Take names that match, though an earlier --exclude left them out."
    ),
]
Exclude = Annotated[
    list[str],
    typer.Option(
        metavar="PATTERN", help="Leave out names that match; of all filters the last match decides."
    ),
]


class FilteredCommand(ExampleCommand):
    """A command with filters; each pattern gets its place on the command line in front."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the words."""
        return super().parse_args(ctx, _numbered(args))


def ordered_filters(include: Sequence[str], exclude: Sequence[str]) -> list[tuple[str, str]]:
    """Return the filters in the order of the command line, as the client takes them.

    Args:
        include: the values of `--include` of a `FilteredCommand`.
        exclude: the values of `--exclude` of a `FilteredCommand`.
    """
    found = []
    for kind, values in zip(_KINDS, (include, exclude), strict=True):
        for value in values:
            place, _, pattern = value.partition(":")
            found.append((int(place), kind, pattern))
    return [(kind, pattern) for _, kind, pattern in sorted(found)]


def _numbered(words: Sequence[str]) -> list[str]:
    """Return the words with the number of its word before each pattern."""
    numbered, place = list[str](), 0
    while place < len(words):
        word = words[place]
        name, sign, pattern = word.partition("=")
        if word == "--":
            return [*numbered, *words[place:]]
        if name.removeprefix("--") in _KINDS and name.startswith("--"):
            if sign:
                numbered.append(f"{name}={place}:{pattern}")
            elif place + 1 < len(words):
                numbered += [word, f"{place}:{words[place + 1]}"]
                place += 1
            else:
                numbered.append(word)
        else:
            numbered.append(word)
        place += 1
    return numbered
