"""Conditions of `coskit find` on the entries of a listing."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
from typing import Any

import typer

from coskit.cli.arguments.locations import glob_regex
from coskit.cli.arguments.sizes import SizeCondition, parse_size_condition
from coskit.cli.arguments.times import parse_moment
from coskit.cli.objects.listing import ListedEntry
from coskit.cli.terminal.lines import moment

Condition = Callable[[ListedEntry], bool]


@dataclass(frozen=True, slots=True)
class FindConditions:
    """Conditions that an entry has to meet, all of them.

    Attributes:
        base: the folder in which the search began.
        conditions: the cheap ones first.
    """

    base: str
    conditions: tuple[Condition, ...]

    def hold(self, entry: ListedEntry) -> bool:
        """Return whether an entry meets all conditions."""
        return all(condition(entry) for condition in self.conditions)


def depth_of(key: str, base: str) -> int:
    """Return how deep a key or folder is below a folder: 1 for what is in it."""
    return key[len(base) : -1].count("/") + 1


def is_at_most(depth: int, base: str) -> Condition:
    """Return the condition on the depth."""
    return lambda entry: depth_of(entry.key, base) <= depth


def has_name(patterns: Iterable[str], *, any_case: bool = False) -> Condition:
    """Return the condition that the last part of the key matches one of the patterns."""
    flags = re.IGNORECASE if any_case else 0
    matches = _any([re.compile(translate(pattern), flags) for pattern in patterns])
    return lambda entry: matches(_last_part(entry.key))


def has_path(patterns: Iterable[str]) -> Condition:
    """Return the condition that the whole key matches one of the patterns."""
    matches = _any([glob_regex(pattern) for pattern in patterns])
    return lambda entry: matches(entry.key)


def contains(expressions: Iterable[str]) -> Condition:
    """Return the condition that one of the regular expressions is found in the key.

    Raises:
        typer.BadParameter: a text is not a regular expression.
    """
    try:
        searches = [re.compile(text).search for text in expressions]
    except re.error as cause:
        raise typer.BadParameter(
            f"{cause.pattern!r} is not a regular expression: {cause}"
        ) from None
    return lambda entry: any(search(entry.key) for search in searches)


def has_size(texts: Iterable[str]) -> Condition:
    """Return the condition that the size meets all conditions such as `+10MiB`.

    Raises:
        typer.BadParameter: a text is not such a condition.
    """
    conditions: list[SizeCondition] = [parse_size_condition(text) for text in texts]
    return lambda entry: all(condition.holds(entry.size) for condition in conditions)


def is_newer(text: str) -> Condition:
    """Return the condition that an entry was modified after a date, or within an age."""
    since = parse_moment(text)
    return lambda entry: _modified(entry) > since


def is_older(text: str) -> Condition:
    """Return the condition that an entry was modified before a date, or longer ago than an age."""
    until = parse_moment(text)
    return lambda entry: _modified(entry) < until


def has_storage_class(names: Iterable[str]) -> Condition:
    """Return the condition that the storage class is one of those named, in any case."""
    wanted = {name.upper() for name in names}
    return lambda entry: entry.storage_class in wanted


class FolderFinder:
    """Finds the folders of a listing, each as soon as something in it is listed.

    Args:
        base: the folder that all entries are in; it is not found.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._last = base

    def new_in(self, page: Iterable[ListedEntry]) -> list[ListedEntry]:
        """Return the folders in a page that were in none before."""
        return [ListedEntry("folder", key) for entry in page for key in self._new_of(entry.key)]

    def _new_of(self, key: str) -> Iterator[str]:
        while not key.startswith(self._last):
            self._last = self._last[: self._last.rfind("/", 0, -1) + 1]
        while (end := key.find("/", len(self._last))) >= 0:
            self._last = key[: end + 1]
            yield self._last


def _modified(entry: ListedEntry) -> datetime:
    return moment(entry.modified)


def _last_part(key: str) -> str:
    return key[key.rfind("/", 0, -1) + 1 :].removesuffix("/")


def _any(patterns: list[Any]) -> Callable[[str], bool]:
    return lambda text: any(pattern.fullmatch(text) for pattern in patterns)
