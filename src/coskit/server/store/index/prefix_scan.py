"""A scan of sorted keys for a listing, which jumps over common prefixes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from coskit.server.store.index.rows import Row

T = TypeVar("T")

# Returns rows from a key on, ascending; the first column is the key. Rows are read when needed.
Scan = Callable[[bytes], Iterator[Row]]

# A jump costs as much as reading this many rows: a shorter group is read through.
_ROWS_BEFORE_JUMP = 4


@dataclass(frozen=True, slots=True)
class ScannedPage(Generic[T]):
    """A page of a scan; `next_marker` is its last key or prefix, b"" on the last page."""

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
        scan: returns the rows from a key on.
        read: converts a row to an entry.
        prefix: the prefix that every key must have.
        delimiter: keys that are equal through its first place after the prefix count as one common
            prefix; b"" for none.
        marker: the last key or common prefix of the previous page, b"" for the first page.
        limit: the number of entries and prefixes to return.
        rest: returns the remaining rows of the marker's own key.
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
    """Return the rows after the marker; a marker inside a common prefix skips the whole prefix."""
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
    """Yield each listed row, and the first row of each common prefix with that prefix."""
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
    """Return the least key above all keys with `prefix`, None if there is none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes((kept[-1] + 1,)) if kept else None
