"""Code blocks of the documentation."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
# Generated pages have no blocks that run; the commands of contributing.md are make's.
LEFT_OUT = ("operations.md", "s3-operations.md", "contributing.md")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of code.

    Attributes:
        language: `sh` and `python` are run, any other is not.
        text: its text.
        line: its first line in the page.
    """

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """Return the pages whose blocks run."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in found if page.name not in LEFT_OUT]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page."""
    text = page.read_text()
    return [
        Block(hit[1], hit[2], text.count("\n", 0, hit.start()) + 1) for hit in _BLOCK.finditer(text)
    ]


def commands(page: Path) -> Iterator[str]:
    """Yield the command lines of a page's `sh` blocks."""
    for block in blocks(page):
        if block.language == "sh":
            yield from block.text.splitlines()


def requirements(page: Path) -> tuple[str, ...]:
    """Return the packages that a page installs."""
    found: list[str] = []
    for line in commands(page):
        words = shlex.split(line, comments=True)
        if words[:2] == ["pip", "install"]:
            found += words[2:]
    return tuple(dict.fromkeys(found))


def documented_sets() -> list[tuple[str, ...]]:
    """Return each set of packages that a page installs, the smallest first."""
    lines = {
        tuple(shlex.split(line, comments=True)[2:])
        for page in pages()
        for line in commands(page)
        if line.startswith("pip install ")
    }
    return sorted(lines, key=lambda one: (len(one), one))
