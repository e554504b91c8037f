"""Filters of names: patterns that select files and objects of a directory."""

import os
import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Any

from coskit.protocol.errors import ParameterError


class Filter:
    """A filter of names: it accepts names that match an Include pattern and no Exclude pattern.

    `*` and `?` match characters other than the slash, `[abc]` one of several characters, `**` any
    text. A pattern without a slash matches the last part of a name, in any folder. A pattern with a
    slash matches the whole name; the slash may be the first character. A pattern that ends with a
    slash matches all names below a folder.

    Attributes:
        prefix: the text that every accepted name begins with; often empty.

    Args:
        include: the patterns of accepted names; without any, all names.
        exclude: the patterns of rejected names; they take precedence.
        ordered: further filters, pairs of `include` or `exclude` and a pattern of the AWS CLI; the
            last one that matches decides.
    """

    def __init__(
        self,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        ordered: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Compile the patterns.

        Raises:
            ParameterError: an argument is a text instead of a list, or has a malformed range.
        """
        for patterns in (include, exclude):
            if isinstance(patterns, str):
                raise ParameterError("Include and Exclude must be lists of patterns")
        include, exclude = tuple(include), tuple(exclude)
        self._ordered = OrderedFilters(ordered)
        self._include = _compiled(include)
        self.prefix = _literal_prefix(include)
        self._exclude = _compiled(exclude)
        # These patterns match all names below a folder, so the folder is not walked.
        self._pruned = _compiled(p for p in exclude if p.endswith(("/", "/**")) or p == "**")

    def takes(self, name: str) -> bool:
        """Return whether the filter accepts a name."""
        if self._include and not self._include.fullmatch(name):
            return False
        if self._exclude and self._exclude.fullmatch(name):
            return False
        return self._ordered.takes(name)

    def enters(self, folder: str) -> bool:
        """Return whether a name below a folder may be accepted; the folder ends with a slash."""
        if self._pruned and self._pruned.fullmatch(folder):
            return False
        # A folder outside the prefix that every accepted name has is not walked.
        prefix = self.prefix
        return (folder.startswith(prefix) or prefix.startswith(folder)) and self._ordered.enters(
            folder
        )


class OrderedFilters:
    """Filters in the order of the AWS CLI: the last pattern that matches decides.

    A name that no pattern matches is accepted. `*`, `?` and `[abc]` match the slash too, and a
    pattern matches the whole name.
    """

    def __init__(self, ordered: Iterable[tuple[str, str]]) -> None:
        """Compile the patterns.

        Args:
            ordered: pairs of `include` or `exclude` and a pattern.

        Raises:
            ParameterError: a filter is no such pair.
        """
        filters = [_checked(pair) for pair in ordered]
        # The last filter first, because it decides.
        self._filters = tuple(
            (kind == "include", pattern.endswith("*"), re.compile(translate(pattern)))
            for kind, pattern in reversed(filters)
        )

    def takes(self, name: str) -> bool:
        """Return whether the filters accept a name."""
        for accepts, _, pattern in self._filters:
            if pattern.match(name):
                return accepts
        return True

    def enters(self, folder: str) -> bool:
        """Return whether a name below a folder may be accepted; the folder ends with a slash."""
        for accepts, is_open, pattern in self._filters:
            if accepts:
                return True
            # A pattern with a `*` at its end that matches a folder matches all names below it.
            if is_open and pattern.match(folder):
                return False
        return True


def _checked(pair: Any) -> tuple[str, str]:
    if isinstance(pair, list | tuple) and len(pair) == 2:
        kind, pattern = pair
        if kind in ("include", "exclude") and isinstance(pattern, str):
            return kind, pattern
    raise ParameterError(f"Filters must hold pairs such as ('exclude', '*.tmp'), not {pair!r}")


def _literal_prefix(include: tuple[str, ...]) -> str:
    """Return the text that every name begins with that an Include pattern matches."""
    heads = [_head(pattern) for pattern in include]
    return os.path.commonprefix(heads)  # noqa: RUF071 - texts, not paths


def _head(pattern: str) -> str:
    """Return the text before the first special character; none if it matches in any folder."""
    if "/" not in pattern.removesuffix("/"):
        return ""
    return re.split(r"[*?\[]", pattern.removeprefix("/"), maxsplit=1)[0]


def _compiled(patterns: Iterable[str]) -> re.Pattern[str] | None:
    texts = [_regex(pattern) for pattern in patterns]
    try:
        return re.compile("|".join(texts), re.DOTALL) if texts else None
    except re.error as error:
        raise ParameterError(f"Include and Exclude have a malformed pattern: {error}") from error


def _regex(pattern: str) -> str:
    if not isinstance(pattern, str):
        raise ParameterError(f"Include and Exclude have {pattern!r}, which is not a pattern")
    anywhere = "/" not in pattern.removesuffix("/")
    if pattern.endswith("/"):
        pattern += "**"
    text = glob_expression(pattern.removeprefix("/"))
    return f"(?:(?:.*/)?{text})" if anywhere else f"(?:{text})"


def glob_expression(pattern: str) -> str:
    """Return the regular expression of a glob; `**` also matches slashes, `**/` also nothing."""
    # Repeated `**/` match what one matches, and would make the regular expression slow.
    pattern = re.sub(r"(\*\*/)+", "**/", pattern)
    return "".join(_PIECES.get(piece) or _literal(piece) for piece in _SPLIT.findall(pattern))


_SPLIT = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?[^\]]+\]|.", re.DOTALL)
_PIECES = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _literal(piece: str) -> str:
    if len(piece) == 1:
        return re.escape(piece)
    negated = piece[1] in "!^" and len(piece) > 3
    chars = re.sub(r"([\\\[\]^&~|])", r"\\\1", piece[2 if negated else 1 : -1])
    return f"[^/{chars}]" if negated else f"(?!/)[{chars}]"
