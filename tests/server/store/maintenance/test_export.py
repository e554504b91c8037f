"""An exported and imported bucket is unchanged; a damaged archive is an error."""

import io
import json
import random
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.server.store.maintenance import import_archive
from coskit.server.store.maintenance.export import (
    ArchiveSummary,
    InvalidArchive,
    dump_version,
    export,
    load_version,
)
from coskit.server.store.maintenance.fsck import check
from coskit.server.store.maintenance.import_archive import MARK, BucketInUse, import_bucket
from coskit.server.store.model import Bucket, Extent, ListingEntry, NewVersion, Version
from coskit.server.store.store import Store
from tests.server.store.io.test_damage import flip
from tests.server.store.store_fixture import StoreFixture, body, compose, put

LARGE = random.Random(6).randbytes(170_000)
NEW = NewVersion(
    storage_class="ARCHIVE",
    owner="me",
    headers={"x-cos-meta-a": "\udc80é"},
    acl="acl!",
    tags="tags!",
    checksums="sums!",
    lock="lock!",
)


def fill(fixture: StoreFixture) -> Bucket:
    """Make a bucket with a bit of everything."""
    store = fixture.store
    bucket = fixture.bucket("source")
    fixture.run(put(store, bucket, "before", b"null version"))
    bucket = fixture.call(
        store.index.update_bucket, "source", versioning="Enabled", config={"cors": "x"}
    )
    for data in (b"one", LARGE, b""):
        fixture.run(put(store, bucket, "key/\udcff", data, new=NEW))
    fixture.run(put(store, bucket, "before", LARGE[::-1]))
    version = fixture.run(
        compose(store, bucket, "joined", [LARGE, b"tail"], NEW, finish=lambda *_: "joined sums")
    )
    fixture.call(store.index.copy_version, bucket.id, "copied", version, NEW)
    fixture.call(store.index.delete_version, bucket.id, "copied")
    fixture.call(
        store.index.update_version, bucket.id, "joined", None, {"tags": "new", "restore": "r"}
    )
    fixture.call(store.index.begin_upload, bucket.id, "open", NEW)
    return store.index.bucket("source")


async def read_versions(store: Store, name: str) -> list[tuple[ListingEntry, Version, bytes]]:
    """Return all that a store returns for a bucket."""
    bucket = store.index.bucket(name)
    found = []
    for entry in (await store.index.list_versions(bucket.id)).entries:
        version = store.index.version(bucket.id, entry.key, entry.version_id)
        data = b"" if version.is_marker else await body(store, version)
        found.append((entry, replace(version, extents=()), data))
    return found


def test_a_bucket_comes_back_with_all_its_versions(fixture: StoreFixture, tmp_path: Path) -> None:
    bucket = fill(fixture)
    before = fixture.run(read_versions(fixture.store, "source"))
    archive = tmp_path / "bucket.tar"
    moved = export(fixture.directory, "source", archive)  # beside the open store
    assert moved == ArchiveSummary("source", len(before), moved.bytes)
    assert list(tmp_path.glob("*.part")) == []
    fixture.close()
    target = tmp_path / "other"
    assert import_bucket(archive, target, time.time) == moved
    assert list(check(target, exclusive=True)) == []
    first, fixture.directory = fixture.directory, target
    store = fixture.reopen()
    assert fixture.run(read_versions(store, "source")) == before
    assert replace(store.index.bucket("source"), id=bucket.id) == bucket
    newest = max(version.order for _, version, _ in before)
    assert (
        fixture.run(put(store, store.index.bucket("source"), "key/\udcff", b"next")).order > newest
    )
    fixture.close()
    fixture.directory = first
    fixture.reopen()


def test_an_import_can_give_another_name(fixture: StoreFixture, tmp_path: Path) -> None:
    fill(fixture)
    before = fixture.run(read_versions(fixture.store, "source"))
    fixture.close()
    export(fixture.directory, "source", tmp_path / "a.tar")
    assert (
        import_bucket(tmp_path / "a.tar", fixture.directory, time.time, "second").bucket == "second"
    )
    assert list(check(fixture.directory, exclusive=True)) == []
    store = fixture.reopen()
    assert (
        fixture.run(read_versions(store, "second"))
        == fixture.run(read_versions(store, "source"))
        == before
    )


def downgrade(path: Path) -> None:
    """Make an archive what the first format was: without checksums, locks and layouts."""
    old = path.with_suffix(".old")
    with tarfile.open(path) as source, tarfile.open(old, "w") as target:
        for info in source:
            member = source.extractfile(info)
            assert member is not None
            data = member.read()
            if info.name.endswith(".json"):
                document = json.loads(data)
                document = {k: v for k, v in document.items() if k not in LATER}
                if info.name == "archive.json":
                    document["version"] = 1
                data = json.dumps(document).encode()
            info.size = len(data)
            target.addfile(info, io.BytesIO(data))
    old.rename(path)


LATER = ("checksums", "lock", "layout")


def test_an_archive_of_the_first_format_is_read(fixture: StoreFixture, tmp_path: Path) -> None:
    fill(fixture)
    before = fixture.run(read_versions(fixture.store, "source"))
    assert any(version.layout and version.lock for _, version, _ in before)
    fixture.close()
    export(fixture.directory, "source", tmp_path / "a.tar")
    downgrade(tmp_path / "a.tar")
    import_bucket(tmp_path / "a.tar", fixture.directory, time.time, "second")
    store = fixture.reopen()
    assert fixture.run(read_versions(store, "second")) == [
        (entry, replace(version, checksums=None, lock=None, layout=None), data)
        for entry, version, data in before
    ]


class Killed(BaseException):
    """Stands for the end of a process."""


@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_a_killed_import_resumes(
    fixture: StoreFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    fill(fixture)
    before = fixture.run(read_versions(fixture.store, "source"))
    fixture.close()
    export(fixture.directory, "source", tmp_path / "a.tar")
    monkeypatch.setattr(import_archive, "_COMMIT_SIZE", 1)
    real, count = import_archive._Import._commit, 0

    def commit(self: import_archive._Import, bucket: Bucket) -> None:
        nonlocal count
        count += 1
        if count > after:
            raise Killed
        real(self, bucket)

    with monkeypatch.context() as patch:
        patch.setattr(import_archive._Import, "_commit", commit)
        with pytest.raises(Killed):
            import_bucket(tmp_path / "a.tar", fixture.directory, time.time, "second")
    moved = import_bucket(tmp_path / "a.tar", fixture.directory, time.time, "second")
    assert moved.versions == len(before)
    store = fixture.reopen()
    assert fixture.run(read_versions(store, "second")) == before
    assert MARK not in store.index.bucket("second").config
    fixture.close()
    assert list(check(fixture.directory, exclusive=True)) == []
    fixture.reopen()


def test_what_is_in_a_bucket_is_never_mixed_with_an_archive(
    fixture: StoreFixture, tmp_path: Path
) -> None:
    fill(fixture)
    fixture.close()
    export(fixture.directory, "source", tmp_path / "a.tar")
    with pytest.raises(BucketInUse):
        import_bucket(tmp_path / "a.tar", fixture.directory, time.time)
    assert list(check(fixture.directory, exclusive=True)) == []
    fixture.reopen()
    with pytest.raises(BlockingIOError):
        import_bucket(tmp_path / "a.tar", fixture.directory, time.time, "second")


def test_a_damaged_version_is_left_out_and_named(fixture: StoreFixture, tmp_path: Path) -> None:
    store, bucket = fixture.store, fixture.bucket("source")
    version = fixture.run(put(store, bucket, "bad", LARGE))
    fixture.run(put(store, bucket, "good", LARGE[::-1]))
    name = version.extents[0].blob_id
    flip(fixture.directory / "blobs" / name[:2] / name, 100_000)
    moved = export(fixture.directory, "source", tmp_path / "a.tar")
    assert (moved.versions, moved.left_out) == (1, ("bad@null",))
    fixture.close()
    assert import_bucket(tmp_path / "a.tar", fixture.directory, time.time, "second").left_out == (
        "bad@null",
    )
    store = fixture.reopen()
    ((entry, _, data),) = fixture.run(read_versions(store, "second"))
    assert (entry.key, data) == ("good", LARGE[::-1])
    fixture.close()
    assert {finding.kind for finding in check(fixture.directory, exclusive=True)} == {
        "blob-damaged"
    }
    fixture.reopen()


def test_there_is_no_archive_of_no_bucket(fixture: StoreFixture, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no bucket nobody"):
        export(fixture.directory, "nobody", tmp_path / "a.tar")
    assert list(tmp_path.glob("a.tar*")) == []


def test_an_archive_that_was_changed_is_refused(fixture: StoreFixture, tmp_path: Path) -> None:
    fill(fixture)
    fixture.close()
    export(fixture.directory, "source", tmp_path / "good.tar")
    good = (tmp_path / "good.tar").read_bytes()
    bodies = [place for place in range(0, len(good), 512) if good[place : place + 7] == b"bodies/"]
    chance, bad = random.Random(9), tmp_path / "bad.tar"
    for turn, header in enumerate(bodies):
        size = int(good[header + 124 : header + 135], 8)
        if not size:
            continue
        changed = bytearray(good)
        changed[header + 512 + chance.randrange(size)] ^= 8
        bad.write_bytes(changed)
        with pytest.raises(InvalidArchive, match="damaged"):
            import_bucket(bad, tmp_path / f"t{turn}", time.time)
        assert list(check(tmp_path / f"t{turn}", exclusive=True, deep=False)) == []
    for turn in range(5):
        bad.write_bytes(good[: chance.randrange(len(good) - 10_240)])
        with pytest.raises(InvalidArchive):
            import_bucket(bad, tmp_path / f"cut{turn}", time.time)
    fixture.reopen()


def tar(*members: tuple[str, bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tarfile.open(path, "w") as out:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))

    return write


ABOUT = {"format": "coskit bucket", "version": 1, "id": "x"}
BUCKET = {"id": 1, "name": "b", "owner": "o", "created": 1, "versioning": "", "acl": ""}
WHOLE = json.dumps({**ABOUT, "bucket": {**BUCKET, "config": {}}}).encode()
NO_ARCHIVES = {
    "empty": lambda path: path.write_bytes(b""),
    "no tar": lambda path: path.write_bytes(b"hello" * 1000),
    "another tar": tar(("hello.txt", b"hello")),
    "of the future": tar(("archive.json", b'{"format": "coskit bucket", "version": 3}')),
    "no bucket": tar(("archive.json", json.dumps(ABOUT).encode())),
    "half a bucket": tar(("archive.json", json.dumps({**ABOUT, "bucket": BUCKET}).encode())),
    "no JSON": tar(("archive.json", b"{")),
    "no end": tar(("archive.json", WHOLE)),
    "a stranger": tar(("archive.json", WHOLE), ("../../etc/passwd", b"root")),
    "no version": tar(("archive.json", WHOLE), ("versions/0.json", b"{}")),
    "another count": tar(("archive.json", WHOLE), ("end.json", b'{"versions": 1}')),
}


@pytest.mark.parametrize("kind", NO_ARCHIVES)
def test_a_file_that_is_no_archive_is_an_error(tmp_path: Path, kind: str) -> None:
    NO_ARCHIVES[kind](tmp_path / "a.tar")
    with pytest.raises(InvalidArchive):
        import_bucket(tmp_path / "a.tar", tmp_path / "data", time.time)


TEXT = st.text(max_size=9)
VERSIONS = st.builds(
    Version,
    TEXT,
    TEXT,
    st.integers(0, 1 << 62),
    st.booleans(),
    st.booleans(),
    TEXT,
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 1 << 50),
    st.integers(0, 1 << 50),
    TEXT,
    TEXT,
    st.dictionaries(TEXT, TEXT, max_size=3),
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | TEXT,
    st.booleans(),
    st.integers(0, 10_000),
    st.lists(st.builds(Extent, st.just(""), st.just(0), st.integers(0, 1 << 40))).map(tuple),
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | TEXT,
)


@given(VERSIONS)
def test_any_version_is_described_and_read_back(version: Version) -> None:
    crcs = [extent.length * 7 for extent in version.extents]
    assert load_version(dump_version(version, crcs)) == (version, crcs)
