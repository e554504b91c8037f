"""Objects and bytes of folders, summed while a bucket is listed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from coskit.cli.objects.listing import ListedEntry


@dataclass(slots=True)
class FolderSum:
    """A folder with what is below it, or an object.

    Attributes:
        key: the folder's prefix, or the object's key.
        depth: the number of folders above it, 0 for where the listing began.
        count: the number of objects or versions.
        size: their bytes.
        markers: the number of delete markers.
        is_object: whether it is an object.
    """

    key: str
    depth: int
    count: int = 0
    size: int = 0
    markers: int = 0
    is_object: bool = False

    def add(self, entry: ListedEntry) -> None:
        """Count an entry of a listing."""
        if entry.kind == "delete marker":
            self.markers += 1
        else:
            self.count += 1
            self.size += entry.size

    def add_folder(self, inner: "FolderSum") -> None:
        """Add the sums of a folder in this one."""
        self.count += inner.count
        self.size += inner.size
        self.markers += inner.markers


def folder_of(key: str) -> str:
    """Return a key as far as its last slash."""
    return key[: key.rfind("/") + 1]


def folder_sums(
    entries: Iterable[ListedEntry], base: str, depth: int | None, *, with_objects: bool = False
) -> Iterator[FolderSum]:
    """Yield the sums of folders, each after those in it; the last one is the whole.

    Args:
        entries: objects or versions in byte order of their keys.
        base: the folder that all of them are in.
        depth: the depth of the deepest folders to yield; None for all.
        with_objects: yield the objects too, as far down as the folders.
    """
    opened = [FolderSum(base, 0)]
    for entry in entries:
        while not entry.key.startswith(opened[-1].key):
            yield _close(opened)
        while depth is None or len(opened) <= depth:
            end = entry.key.find("/", len(opened[-1].key))
            if end < 0:
                break
            opened.append(FolderSum(entry.key[: end + 1], len(opened)))
        opened[-1].add(entry)
        if with_objects and entry.key != opened[-1].key and (depth is None or len(opened) <= depth):
            yield FolderSum(entry.key, len(opened), 1, entry.size, is_object=True)
    while len(opened) > 1:
        yield _close(opened)
    yield opened[0]


def _close(opened: list[FolderSum]) -> FolderSum:
    """Take the innermost folder away and add it to the one around it."""
    closed = opened.pop()
    opened[-1].add_folder(closed)
    return closed


@dataclass(slots=True)
class TreeNode:
    """A folder or an object with what is shown below it."""

    sum: FolderSum
    children: "list[TreeNode]" = field(default_factory=list)


def tree_nodes(sums: Iterable[FolderSum]) -> Iterator[TreeNode]:
    """Yield each node of the first level as soon as all below it is known, then the whole.

    Args:
        sums: what `folder_sums` yields.
    """
    waiting: dict[int, list[TreeNode]] = {}
    for sum_ in sums:
        node = TreeNode(sum_, [] if sum_.is_object else waiting.pop(sum_.depth + 1, []))
        if sum_.depth <= 1:
            yield node
        else:
            waiting.setdefault(sum_.depth, []).append(node)
