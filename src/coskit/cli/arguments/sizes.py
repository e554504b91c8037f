"""Sizes in the words of the command line, conditions such as `+10MiB`, ranges such as `0-99`."""

import re
from dataclasses import dataclass
from decimal import Decimal

import typer

_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?) ?(?:([kmgtp])(ib?|b)?|b)?", re.ASCII | re.IGNORECASE)
_RANGE = re.compile(r"(?:bytes=)?(\d{0,19})-(\d{0,19})", re.ASCII)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def parse_size(text: str) -> int:
    """Return the bytes of a size such as `512`, `64KiB`, `1.5G` or `10MB`.

    `K`, `M`, `G`, `T`, `P` and the same with `iB` are powers of 1024; with `B` alone they are
    powers of 1000. Upper and lower case are the same.

    Raises:
        typer.BadParameter: it is not a size.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise typer.BadParameter(f"a size is written like 512, 64KiB, 1.5G or 10MB, not {text!r}")
    base = 1000 if (found[3] or "").lower() == "b" else 1024
    power = _POWERS[found[2].lower()] if found[2] else 0
    return int(Decimal(found[1]) * base**power)


@dataclass(frozen=True, slots=True)
class SizeCondition:
    """A condition on sizes.

    Attributes:
        sign: `+` for larger, `-` for smaller, "" for exactly this size.
        size: the bytes to compare with.
    """

    sign: str
    size: int

    def holds(self, size: int) -> bool:
        """Return whether a size meets the condition."""
        if self.sign == "+":
            return size > self.size
        return size < self.size if self.sign == "-" else size == self.size


def parse_size_condition(text: str) -> SizeCondition:
    """Return the condition of a text such as `+10MiB`, `-1k` or `0`.

    Raises:
        typer.BadParameter: it is not a size after an optional `+` or `-`.
    """
    sign = text[:1] if text[:1] in ("+", "-") else ""
    return SizeCondition(sign, parse_size(text[len(sign) :]))


def parse_byte_range(text: str) -> str:
    """Return the header of a range such as `0-99`, `100-` or `-50`, which is the last 50 bytes.

    Raises:
        typer.BadParameter: it is not a range.
    """
    found = _RANGE.fullmatch(text.strip())
    if not found or not (found[1] or found[2]) or (found[1] and found[2] and _ends_early(found)):
        raise typer.BadParameter(f"a range is written like 0-99, 100- or -50, not {text!r}")
    return f"bytes={found[1]}-{found[2]}"


def _ends_early(found: re.Match[str]) -> bool:
    return int(found[1]) > int(found[2])
