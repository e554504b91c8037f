"""The command `coskit tree`: folders as a tree, each with its objects and bytes."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Annotated

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines, Human, Raw
from coskit.cli.arguments.locations import parse_prefix
from coskit.cli.objects.listing import entries
from coskit.cli.objects.sums.folder_sums import (
    FolderSum,
    TreeNode,
    folder_of,
    folder_sums,
    tree_nodes,
)
from coskit.cli.terminal.lines import human_size, json_line, name_form, print_lines

EXAMPLES = """
Show the folders of a bucket, with sizes for people:
  coskit tree -h cos://photos-1250000000
Show two levels, with their objects:
  coskit tree --depth 2 --all cos://photos-1250000000/2026/
Print one JSON object a line:
  coskit tree --json cos://photos-1250000000
"""
_BRANCHES = ("├── ", "└── ", "│   ", "    ")
_ASCII_BRANCHES = ("|-- ", "`-- ", "|   ", "    ")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderTreeOptions(ClientOptions):
    """The options of `coskit tree`."""

    location: Annotated[
        str, typer.Argument(metavar="LOCATION", help="A bucket, a prefix or a pattern.")
    ]
    depth: Annotated[
        int | None, typer.Option("--depth", "-d", min=1, help="Levels to show; without it all.")
    ] = None
    all_: Annotated[bool, typer.Option("--all", "-a", help="Show the objects too.")] = False
    human: Human = False
    raw: Raw = False
    as_json: AsJsonLines = False


def tree(options: FolderTreeOptions) -> int:
    """Show folders as a tree, with their objects and bytes.

    A folder's sums include everything below it. Each folder of the first level is printed when all
    of it has been listed.

    The exit status is 1 if a prefix or a pattern matches nothing.
    """
    location = parse_prefix(options.location, options.dialect)
    prefix = location.key if options.raw else location.literal_prefix
    with options.client() as client:
        listed = entries(client, location, recursive=True, raw=options.raw)
        base = folder_of(prefix)
        sums = folder_sums(listed, base, options.depth, with_objects=options.all_)
        if options.as_json:
            total = _print_json(tree_nodes(sums))
        else:
            nodes = tree_nodes(sums)
            first = next(nodes)
            print_lines([name_form()(str(location))])
            total = _print_tree(chain([first], nodes), base, options)
    return 0 if total.count or not location.key else 1


def _print_json(nodes: Iterator[TreeNode]) -> FolderSum:
    for node in nodes:
        print_lines(json_line(_facts(each.sum)) for each in _all(node))
    return node.sum


def _all(node: TreeNode) -> Iterator[TreeNode]:
    """Yield a node and all nodes below it."""
    yield node
    for child in node.children:
        yield from _all(child)


def _facts(sum_: FolderSum) -> dict[str, object]:
    if sum_.is_object:
        return {"type": "object", "key": sum_.key, "depth": sum_.depth, "size": sum_.size}
    kind = "folder" if sum_.depth else "total"
    place = {"key": sum_.key} if sum_.depth else {}
    return {"type": kind, **place, "depth": sum_.depth, "count": sum_.count, "size": sum_.size}


def _print_tree(nodes: Iterator[TreeNode], base: str, options: FolderTreeOptions) -> FolderSum:
    lines = _TreeLines(options.human)
    folders, node = 0, next(nodes)
    for following in nodes:
        print_lines(lines.below(node, base, "", is_last=following.sum.depth == 0))
        folders += sum(not each.sum.is_object for each in _all(node))
        node = following
    print_lines([f"{_counted(folders, 'folder')}, {lines.sums(node.sum)}"])
    return node.sum


class _TreeLines:
    """The lines of nodes.

    Args:
        human: whether sizes are for people.
    """

    def __init__(self, human: bool) -> None:
        self._human = human
        self._shown = name_form()
        unicode = (sys.stdout.encoding or "").lower().startswith("utf")
        self._branches = _BRANCHES if unicode else _ASCII_BRANCHES

    def below(self, node: TreeNode, base: str, indent: str, *, is_last: bool) -> Iterator[str]:
        """Yield the line of a node and the lines of all nodes below it."""
        name = self._shown(node.sum.key[len(base) :])
        sums = self._size(node.sum.size) if node.sum.is_object else self.sums(node.sum)
        yield f"{indent}{self._branches[is_last]}{name}  {sums}"
        indent += self._branches[2 + is_last]
        for child in node.children:
            last = child is node.children[-1]
            yield from self.below(child, node.sum.key, indent, is_last=last)

    def sums(self, sum_: FolderSum) -> str:
        """Return the objects and bytes of a folder."""
        return f"{_counted(sum_.count, 'object')}, {self._size(sum_.size)}"

    def _size(self, size: int) -> str:
        return human_size(size) if self._human else _counted(size, "byte")


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'s' * (count != 1)}"
