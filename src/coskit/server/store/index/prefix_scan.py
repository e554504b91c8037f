"""How a listing walks over sorted keys: common prefixes are jumped over, not read through."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from coskit.server.store.index.rows import Row

T = TypeVar("T")

# Gives rows whose first column is the key, ascending, from a key on; reads only as far as asked.
Scan = Callable[[bytes], Iterator[Row]]

# A jump costs as much as reading this many rows: a shorter group is read through.
_ROWS_BEFORE_JUMP = 4


@dataclass(frozen=True, slots=True)
class ScannedPage(Generic[T]):
    """What a page shows; `next_marker` is its last key or prefix if there is more, else b""."""

    entries: list[T]
    prefixes: list[bytes]
    truncated: bool
    next_marker: bytes
    next_entry: T | None  # the entry at `next_marker`, None if that is a prefix


def page(
    scan: Scan,
    read: Callable[[Row], T],
    prefix: bytes,
    delimiter: bytes,
    marker: bytes,
    limit: int,
    rest: Callable[[], Iterator[Row]] | None = None,
) -> ScannedPage[T]:
    """Return up to `limit` entries and common prefixes after a marker.

    Args:
        scan: the rows from a key on.
        read: makes an entry of a row.
        prefix: what every key must start with.
        delimiter: keys alike through its first place after the prefix count as one; b"" for none.
        marker: the key or common prefix that the page before ended with, b"" for the first page.
        limit: how many to return.
        rest: the rows of the marker's own key that are still to be shown.
    """
    first = _begin(scan, rest, prefix, delimiter, marker)
    entries: list[T] = []
    prefixes: list[bytes] = []
    last, last_entry = b"", None
    if limit > 0:
        for row, group in _steps(first, scan, prefix, delimiter):
            if len(entries) + len(prefixes) == limit:
                return ScannedPage(entries, prefixes, True, last, last_entry)
            if group is None:
                last, last_entry = row[0], read(row)
                entries.append(last_entry)
            else:
                last, last_entry = group, None
                prefixes.append(group)
    return ScannedPage(entries, prefixes, False, b"", None)


def _begin(
    scan: Scan,
    rest: Callable[[], Iterator[Row]] | None,
    prefix: bytes,
    delimiter: bytes,
    marker: bytes,
) -> Iterator[Row]:
    """Give the rows that follow the marker; a marker inside a common prefix skips all of it."""
    group = _group(marker, prefix, delimiter)
    if group is not None:
        beyond = successor(group)
        return iter(()) if beyond is None else scan(beyond)
    if not marker:
        return scan(prefix)
    after = max(prefix, marker + b"\0")
    if rest is None or not marker.startswith(prefix):
        return scan(after)
    return _joined(rest, lambda: scan(after))


def _joined(*sources: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    for source in sources:
        yield from source()


def _steps(
    rows: Iterator[Row], scan: Scan, prefix: bytes, delimiter: bytes
) -> Iterator[tuple[Row, bytes | None]]:
    """Give each row to show, or the first row of each common prefix together with that prefix."""
    if not delimiter:
        for shown in rows:
            if not shown[0].startswith(prefix):
                return
            yield shown, None
        return
    group: bytes | None = None
    passed = 0
    while (row := next(rows, None)) is not None:
        key: bytes = row[0]
        if group is None or not key.startswith(group):
            if not key.startswith(prefix):
                return
            group, passed = _group(key, prefix, delimiter), 0
            yield row, group
            continue
        passed += 1
        if passed == _ROWS_BEFORE_JUMP:
            beyond = successor(group)
            if beyond is None:
                return
            rows = scan(beyond)


def _group(key: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    """Return the key through its first delimiter after the prefix, None if it has none there."""
    if not delimiter or not key.startswith(prefix):
        return None
    place = key.find(delimiter, len(prefix))
    return None if place < 0 else key[: place + len(delimiter)]


def successor(prefix: bytes) -> bytes | None:
    """Return the least key above all that start with `prefix`, None if there is none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes((kept[-1] + 1,)) if kept else None
