"""Listings against a model that sorts everything, for every prefix, delimiter, marker and limit."""

import bisect
import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coskit.protocol.errors import InvalidArgument, NoSuchUpload
from coskit.server.store.index.prefix_scan import page, successor
from coskit.server.store.model import Bucket, ListingEntry, NewVersion, Upload
from tests.server.store.store_fixture import StoreFixture, put, put_part

_numbers = itertools.count()
_quick = settings(max_examples=60, deadline=None)

# Characters of one to four bytes, a byte that is no UTF-8, and the delimiters themselves.
LETTERS = "a/-b\u07ff\uffff\U0001f600\udcff"
keys = st.text(LETTERS, min_size=1, max_size=5)
key_sets = st.lists(keys, max_size=24, unique=True)
prefixes = st.text(LETTERS, max_size=2)
delimiters = st.sampled_from(
    [
        "",
        "/",
        "-",
        "//",
        "/-",
        "a",
        "\uffff",
        "\U0001f600",
        "\udcff",
        "a/-",
        "b\uffff",
        "-\U0001f600//",
    ]
)
markers = st.text(LETTERS, max_size=4)
limits = st.integers(1, 8)


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def shown(keys: Sequence[str], prefix: str, delimiter: str) -> Iterator[tuple[str, bool]]:
    """Yield each key or common prefix that a listing without marker and limit shows."""
    seen = set()
    for key in sorted(keys, key=raw):
        if not raw(key).startswith(raw(prefix)):
            continue
        head, found, _ = raw(key)[len(raw(prefix)) :].partition(raw(delimiter) or b"\0none")
        group = (raw(prefix) + head + found).decode("utf-8", "surrogateescape")
        if not found:
            yield key, False
        elif group not in seen:
            seen.add(group)
            yield group, True


def fill(fixture: StoreFixture, keys: Sequence[str]) -> Bucket:
    bucket = fixture.bucket(f"listing{next(_numbers)}")

    async def put_all() -> None:
        for key in keys:
            await put(fixture.store, bucket, key, b"")

    fixture.run(put_all())
    return bucket


@_quick
@given(key_sets, prefixes, delimiters, markers, limits)
def test_a_page_of_objects_is_what_follows_the_marker(
    shared: StoreFixture, keys: list[str], prefix: str, delimiter: str, marker: str, limit: int
) -> None:
    bucket = fill(shared, keys)
    page = shared.call(shared.store.index.list_objects, bucket.id, prefix, delimiter, marker, limit)
    after = [item for item in shown(keys, prefix, delimiter) if raw(item[0]) > raw(marker)]
    taken = after[:limit]
    assert [entry.key for entry in page.entries] == [name for name, group in taken if not group]
    assert list(page.prefixes) == [name for name, group in taken if group]
    assert page.truncated is (len(after) > limit)
    assert page.next_marker == (taken[-1][0] if page.truncated else "")


@_quick
@given(key_sets, prefixes, delimiters, limits)
def test_pages_of_objects_make_up_the_whole(
    shared: StoreFixture, keys: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    bucket = fill(shared, keys)
    found, marker, truncated = [], "", True
    while truncated:
        page = shared.call(
            shared.store.index.list_objects, bucket.id, prefix, delimiter, marker, limit
        )
        found += [(entry.key, False) for entry in page.entries]
        found += [(name, True) for name in page.prefixes]
        marker, truncated = page.next_marker, page.truncated
    assert sorted(found) == sorted(shown(keys, prefix, delimiter))


AFTER = [
    ("inside a common prefix skips it", "a/2", ["b", "c/"]),
    ("a common prefix skips it", "a/", ["b", "c/"]),
    ("before a common prefix shows it", "a", ["a/", "b", "c/"]),
    ("beyond the last key of a prefix", "a/9", ["b", "c/"]),
    ("a key that is not there", "b0", ["c/"]),
    ("inside the last prefix", "c/0", []),
]


@pytest.mark.parametrize(("says", "marker", "names"), AFTER, ids=[row[0] for row in AFTER])
def test_only_names_greater_than_the_marker_are_shown(
    shared: StoreFixture, says: str, marker: str, names: list[str]
) -> None:
    bucket = fill(shared, ["a/1", "a/3", "b", "c/1"])
    page = shared.call(shared.store.index.list_objects, bucket.id, "", "/", marker)
    assert sorted([*(entry.key for entry in page.entries), *page.prefixes]) == names


writes = st.lists(st.tuples(keys.map(lambda key: key[:2]), st.booleans()), max_size=24)


def write_versions(fixture: StoreFixture, writes: list[tuple[str, bool]]) -> Bucket:
    """Put or delete each key in turn, the first half of them before versioning is enabled."""
    bucket = fixture.bucket(f"versions{next(_numbers)}")

    async def write_all() -> None:
        for place, (key, deletes) in enumerate(writes):
            if place == len(writes) // 2:
                await fixture.store.index.update_bucket(bucket.name, versioning="Enabled")
            if deletes:
                await fixture.store.index.delete_version(bucket.id, key)
            else:
                await put(fixture.store, bucket, key, b"")

    fixture.run(write_all())
    return bucket


@_quick
@given(writes, prefixes, delimiters, limits)
def test_pages_of_versions_make_up_the_whole(
    shared: StoreFixture, writes: list[tuple[str, bool]], prefix: str, delimiter: str, limit: int
) -> None:
    store = shared.store
    bucket = write_versions(shared, writes)
    whole = shared.call(store.index.list_versions, bucket.id).entries
    order = {e: store.index.version(bucket.id, e.key, e.version_id).order for e in whole}
    assert list(whole) == sorted(whole, key=lambda e: (raw(e.key), -order[e]))
    newest = [next(group) for _, group in itertools.groupby(whole, key=lambda e: e.key)]
    assert [e for e in whole if e.is_latest] == newest

    expected = list(shown([*{e.key for e in whole}], prefix, delimiter))
    entries: list[ListingEntry] = []
    groups: list[str] = []
    marker = ("", "")
    while True:
        page = shared.call(store.index.list_versions, bucket.id, prefix, delimiter, *marker, limit)
        assert len(page.entries) + len(page.prefixes) <= limit
        entries += page.entries
        groups += page.prefixes
        marker = (page.next_key_marker, page.next_version_id_marker)
        if not page.truncated:
            break
        assert len(page.entries) + len(page.prefixes) == limit
    plain = {name for name, group in expected if not group}
    assert entries == [e for e in whole if e.key in plain]
    assert groups == [name for name, group in expected if group]


@_quick
@given(writes.filter(bool), limits)
def test_versions_can_be_deleted_page_by_page(
    shared: StoreFixture, writes: list[tuple[str, bool]], limit: int
) -> None:
    store = shared.store
    bucket = write_versions(shared, writes)

    async def empty() -> None:
        page = await store.index.list_versions(bucket.id, limit=limit)
        while True:
            await store.index.delete_versions(
                bucket.id, [(e.key, e.version_id) for e in page.entries]
            )
            if not page.truncated:
                break
            marker = (page.next_key_marker, page.next_version_id_marker)
            page = await store.index.list_versions(bucket.id, "", "", *marker, limit)
        await store.index.delete_bucket(bucket.name)

    shared.run(empty())


def test_a_key_marker_alone_skips_the_key(shared: StoreFixture) -> None:
    bucket = write_versions(shared, [("a", False), ("a", False), ("b", False), ("b", False)])
    page = shared.call(shared.store.index.list_versions, bucket.id, key_marker="a")
    assert {entry.key for entry in page.entries} == {"b"}
    page = shared.call(shared.store.index.list_versions, bucket.id, version_id_marker="null")
    assert {entry.key for entry in page.entries} == {"a", "b"}


def test_a_version_marker_that_is_no_id_is_refused(shared: StoreFixture) -> None:
    bucket = write_versions(shared, [("a", False)])
    with pytest.raises(InvalidArgument):
        shared.call(
            shared.store.index.list_versions, bucket.id, key_marker="a", version_id_marker="?"
        )


@_quick
@given(st.lists(keys.map(lambda key: key[:2]), max_size=16), prefixes, delimiters, limits)
def test_pages_of_uploads_make_up_the_whole(
    shared: StoreFixture, keys: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    store = shared.store
    bucket = shared.bucket(f"uploads{next(_numbers)}")

    async def begin_all() -> None:
        for key in keys:
            await store.index.begin_upload(
                bucket.id, key, NewVersion(headers={"x-cos-meta-key": key})
            )

    shared.run(begin_all())
    whole = shared.call(store.index.list_uploads, bucket.id).entries
    assert list(whole) == sorted(whole, key=lambda upload: (raw(upload.key), upload.upload_id))
    assert sorted(upload.key for upload in whole) == sorted(keys)
    assert all(upload.headers == {"x-cos-meta-key": upload.key} for upload in whole)

    entries: list[Upload] = []
    groups: list[str] = []
    marker = ("", "")
    while True:
        page = shared.call(store.index.list_uploads, bucket.id, prefix, delimiter, *marker, limit)
        entries += page.entries
        groups += page.prefixes
        marker = (page.next_key_marker, page.next_upload_id_marker)
        if not page.truncated:
            break
        assert len(page.entries) + len(page.prefixes) == limit
    expected = list(shown([*set(keys)], prefix, delimiter))
    plain = {name for name, group in expected if not group}
    assert entries == [upload for upload in whole if upload.key in plain]
    assert groups == [name for name, group in expected if group]


def test_upload_ids_ascend_with_time(fixture: StoreFixture) -> None:
    times = itertools.count(1_800_000_000)
    store = fixture.reopen(clock=lambda: float(next(times)))
    bucket = fixture.bucket()
    begun = [
        fixture.call(store.index.begin_upload, bucket.id, "key", NewVersion()) for _ in range(5)
    ]
    assert list(fixture.call(store.index.list_uploads, bucket.id).entries) == begun
    assert [u.initiated for u in begun] == sorted({u.initiated for u in begun})


PART_PAGES = [
    (0, 10, [1, 2, 3, 7], False, 0),
    (0, 2, [1, 2], True, 2),
    (2, 2, [3, 7], False, 0),
    (3, 1, [7], False, 0),
    (7, 5, [], False, 0),
    (0, 0, [], False, 0),
]


def test_parts_are_listed_by_number(shared: StoreFixture) -> None:
    store = shared.store
    bucket = shared.bucket(f"parts{next(_numbers)}")
    upload = shared.call(store.index.begin_upload, bucket.id, "key", NewVersion())
    for number in (7, 2, 1, 3):
        shared.run(put_part(store, bucket, "key", upload.upload_id, number, b"x" * number))
    for marker, limit, numbers, truncated, following in PART_PAGES:
        page = shared.call(
            store.index.list_parts, bucket.id, "key", upload.upload_id, marker, limit
        )
        assert [(part.number, part.size) for part in page.entries] == [(n, n) for n in numbers]
        assert (page.upload, page.truncated, page.next_marker) == (upload, truncated, following)
    with pytest.raises(NoSuchUpload):
        shared.call(store.index.list_parts, bucket.id, "other", upload.upload_id)


@pytest.mark.parametrize("limit", [0, -1])
def test_nothing_is_a_page_too(shared: StoreFixture, limit: int) -> None:
    bucket = fill(shared, ["a", "b"])
    lists: tuple[Callable, ...] = (
        shared.store.index.list_objects,
        shared.store.index.list_versions,
        shared.store.index.list_uploads,
    )
    for list_some in lists:
        page = shared.call(list_some, bucket.id, limit=limit)
        assert (page.entries, page.prefixes, page.truncated) == ((), (), False)


def test_a_listing_stays_in_its_bucket(shared: StoreFixture) -> None:
    first, second = fill(shared, ["a", "z"]), fill(shared, ["m"])
    assert [e.key for e in shared.call(shared.store.index.list_objects, first.id).entries] == [
        "a",
        "z",
    ]
    assert [e.key for e in shared.call(shared.store.index.list_objects, second.id).entries] == ["m"]


@pytest.mark.parametrize(
    ("prefix", "beyond"),
    [
        (b"a", b"b"),
        (b"a\xff", b"b"),
        (b"\xff\xff", None),
        (b"a\x7f\xff\xff", b"a\x80"),
        (b"", None),
    ],
)
def test_successor_carries_past_the_highest_byte(prefix: bytes, beyond: bytes | None) -> None:
    assert successor(prefix) == beyond


@pytest.mark.parametrize(
    ("delimiter", "limit", "shown"),
    [(b"/", 1000, 100), (b"/", 10, 10), (b"", 1000, 1000), (b"", 1, 1), (b"-", 1000, 1)],
)
def test_a_listing_reads_little_more_than_it_shows(
    delimiter: bytes, limit: int, shown: int
) -> None:
    stored = [b"folder-%03d/%04d" % divmod(n, 1000) for n in range(100_000)]
    read = 0

    def scan(start: bytes) -> Iterator[tuple[bytes]]:
        nonlocal read
        for place in range(bisect.bisect_left(stored, start), len(stored)):
            read += 1
            yield (stored[place],)

    found = page(scan, lambda row: row[0], b"", delimiter, b"", limit)
    assert len(found.entries) + len(found.prefixes) == shown
    assert read <= 8 * shown + 8
