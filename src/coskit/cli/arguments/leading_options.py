"""Options of the service that stand before the command."""

from collections.abc import Sequence

FLAGS = ("--no-sign", "-v", "-vv", "--verbose")
VALUES = ("--endpoint", "--region", "--profile", "--dialect")


def command_first(words: Sequence[str]) -> list[str]:
    """Return the words with options that stand before the command moved behind it."""
    leading: list[str] = []
    rest = list(words)
    while rest:
        if rest[0] in FLAGS or rest[0].partition("=")[0] in VALUES:
            count = 2 if rest[0] in VALUES else 1
            leading, rest = leading + rest[:count], rest[count:]
        else:
            break
    return [*rest[:1], *leading, *rest[1:]] if rest else leading
