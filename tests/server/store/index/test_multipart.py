"""Multipart uploads: valid completions, the resulting objects, and the files of their bytes."""

import hashlib
import itertools
import os

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import (
    CosServiceError,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    MalformedXML,
    NoSuchKey,
    NoSuchUpload,
    PreconditionFailed,
)
from coskit.server.store.interfaces.upload_records import SMALLEST_PART
from coskit.server.store.model import Bucket, NewVersion, Upload, Version
from tests.server.store.store_fixture import StoreFixture, body, compose, put, put_part, run

_numbers = itertools.count()

PARTS = [os.urandom(SMALLEST_PART), os.urandom(SMALLEST_PART + 1), b"tail"]
TAGS = [hashlib.md5(data).hexdigest() for data in PARTS]


def begin(
    fixture: StoreFixture, parts: list[bytes], new: NewVersion | None = None
) -> tuple[Bucket, Upload]:
    """Open an upload in a bucket of its own and give it parts."""
    bucket = fixture.bucket(f"multipart{next(_numbers)}")
    upload = fixture.call(fixture.store.index.begin_upload, bucket.id, "key", new or NewVersion())
    for number, data in enumerate(parts, 1):
        fixture.run(put_part(fixture.store, bucket, "key", upload.upload_id, number, data))
    return bucket, upload


def test_the_parts_become_one_object_in_place(fixture: StoreFixture) -> None:
    store = fixture.store
    new = NewVersion("ARCHIVE", "me", {"x-cos-meta-a": "é"}, "ACL", "TAGS")
    bucket, upload = begin(fixture, PARTS, new)
    files = fixture.files()
    inodes = {path.stat().st_ino for path in (fixture.directory / "blobs").glob("*/*")}
    version = fixture.call(
        store.index.complete_upload, bucket.id, "key", upload.upload_id, [*enumerate(TAGS, 1)]
    )
    whole = b"".join(PARTS)
    digest = hashlib.md5(b"".join(map(bytes.fromhex, TAGS))).hexdigest()
    assert (version.etag, version.parts) == (f"{digest}-3", 3)
    assert (version.size, version.crc64) == (len(whole), crc64(whole))
    assert (version.storage_class, version.owner, version.acl) == ("ARCHIVE", "me", "ACL")
    assert (version.tags, version.headers) == ("TAGS", {"x-cos-meta-a": "é"})
    assert store.get(bucket, "key") == (version, None)
    assert fixture.run(body(store, version)) == whole
    assert fixture.files() == files
    assert {p.stat().st_ino for p in (fixture.directory / "blobs").glob("*/*")} == inodes
    with pytest.raises(NoSuchUpload):
        store.index.upload(bucket.id, "key", upload.upload_id)
    assert fixture.call(store.index.list_uploads, bucket.id).entries == ()


OTHER = "0" * 32
REFUSALS: list[tuple[str, list[tuple[int, str]], type[CosServiceError]]] = [
    ("nothing listed", [], MalformedXML),
    ("descending", [(2, TAGS[1]), (1, TAGS[0])], InvalidPartOrder),
    ("twice the same", [(1, TAGS[0]), (1, TAGS[0])], InvalidPartOrder),
    ("order is checked before tags", [(2, OTHER), (1, OTHER)], InvalidPartOrder),
    ("not uploaded", [(1, TAGS[0]), (2, TAGS[1]), (3, TAGS[2]), (4, OTHER)], InvalidPart),
    ("another tag", [(1, OTHER)], InvalidPart),
    ("a gap", [(1, TAGS[0]), (3, TAGS[2])], InvalidPart),
    ("not from one", [(2, TAGS[1]), (3, TAGS[2])], InvalidPart),
    ("tags are checked before sizes", [(1, TAGS[0]), (2, TAGS[1]), (3, OTHER)], InvalidPart),
]


@pytest.mark.parametrize(("says", "listed", "error"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_refused_completion_leaves_the_upload_open(
    shared: StoreFixture, says: str, listed: list[tuple[int, str]], error: type[CosServiceError]
) -> None:
    store = shared.store
    bucket, upload = begin(shared, PARTS)
    with pytest.raises(error):
        shared.call(store.index.complete_upload, bucket.id, "key", upload.upload_id, listed)
    assert len(shared.call(store.index.list_parts, bucket.id, "key", upload.upload_id).entries) == 3
    with pytest.raises(NoSuchKey):
        store.index.latest(bucket.id, "key")
    shared.call(
        store.index.complete_upload, bucket.id, "key", upload.upload_id, [*enumerate(TAGS, 1)]
    )


def test_only_the_last_part_may_be_small(shared: StoreFixture) -> None:
    small = b"x" * (SMALLEST_PART - 1)
    tag = hashlib.md5(small).hexdigest()
    bucket, upload = begin(shared, [small, small])
    complete = shared.store.index.complete_upload
    with pytest.raises(EntityTooSmall):
        shared.call(complete, bucket.id, "key", upload.upload_id, [(1, tag), (2, tag)])
    version = shared.call(complete, bucket.id, "key", upload.upload_id, [(1, f'"{tag.upper()}"')])
    assert (version.size, version.etag) == (
        len(small),
        hashlib.md5(bytes.fromhex(tag)).hexdigest() + "-1",
    )


def test_a_part_can_be_sent_again_and_unlisted_ones_are_dropped(fixture: StoreFixture) -> None:
    store = fixture.store
    bucket, upload = begin(fixture, [b"old", b"second", b"third"])
    part = fixture.run(put_part(store, bucket, "key", upload.upload_id, 1, b"new"))
    assert (
        fixture.call(store.index.list_parts, bucket.id, "key", upload.upload_id).entries[0] == part
    )
    version = fixture.call(
        store.index.complete_upload, bucket.id, "key", upload.upload_id, [(1, part.etag)]
    )
    assert fixture.run(body(store, version)) == b"new"
    fixture.close()
    assert len(fixture.files()) == 1
    fixture.reopen()


def test_a_completion_can_be_conditional(shared: StoreFixture) -> None:
    store = shared.store
    bucket, upload = begin(shared, [b"part"])
    live = shared.run(put(store, bucket, "key"))

    def absent(found: Version | None) -> None:
        assert found == live
        raise PreconditionFailed

    listed = [(1, hashlib.md5(b"part").hexdigest())]
    with pytest.raises(PreconditionFailed):
        shared.call(
            store.index.complete_upload,
            bucket.id,
            "key",
            upload.upload_id,
            listed,
            condition=absent,
        )
    assert store.index.latest(bucket.id, "key") == live
    assert store.index.upload(bucket.id, "key", upload.upload_id) == upload


def test_an_ended_upload_refuses_further_requests(fixture: StoreFixture) -> None:
    store = fixture.store
    bucket, aborted = begin(fixture, [b"part"])
    fixture.call(store.index.abort_upload, bucket.id, "key", aborted.upload_id)
    completed = fixture.call(store.index.begin_upload, bucket.id, "key", NewVersion())
    part = fixture.run(put_part(store, bucket, "key", completed.upload_id, 1, b"part"))
    listed = [(1, part.etag)]
    version = fixture.call(
        store.index.complete_upload, bucket.id, "key", completed.upload_id, listed
    )
    for key, upload_id in (
        ("key", aborted.upload_id),
        ("key", completed.upload_id),
        ("key", "never"),
        ("other", fixture.call(store.index.begin_upload, bucket.id, "key", NewVersion()).upload_id),
    ):
        uses = (
            lambda: put_part(store, bucket, key, upload_id, 1, b"late"),  # noqa: B023
            lambda: store.copy_part(bucket, key, upload_id, 1, version),  # noqa: B023
            lambda: store.index.complete_upload(bucket.id, key, upload_id, listed),  # noqa: B023
            lambda: store.index.abort_upload(bucket.id, key, upload_id),  # noqa: B023
            lambda: store.index.list_parts(bucket.id, key, upload_id),  # noqa: B023
        )
        for use in uses:
            with pytest.raises(NoSuchUpload):
                fixture.run(run(use))
    fixture.close()
    assert len(fixture.files()) == 1
    fixture.reopen()


def test_several_uploads_of_a_key_do_not_touch_each_other(shared: StoreFixture) -> None:
    store = shared.store
    bucket, first = begin(shared, [b"first"])
    second = shared.call(store.index.begin_upload, bucket.id, "key", NewVersion())
    part = shared.run(put_part(store, bucket, "key", second.upload_id, 1, b"second"))
    shared.run(put(store, bucket, "key", b"simple"))
    shared.call(store.index.complete_upload, bucket.id, "key", second.upload_id, [(1, part.etag)])
    assert len(shared.call(store.index.list_parts, bucket.id, "key", first.upload_id).entries) == 1


SOURCE = os.urandom(2 * SMALLEST_PART)
COPIES = [
    ("a whole file", [SOURCE], 0, None, True),
    ("a range of a file", [SOURCE], 10, SMALLEST_PART, True),
    ("a whole body of parts", PARTS, 0, None, True),
    ("a range across parts", PARTS, SMALLEST_PART - 5, 10, True),
    ("a whole body in the index", [b"inline"], 0, None, False),
    ("a range of a body in the index", [b"inline"], 2, 3, False),
    ("an empty body", [b""], 0, None, True),
]


@pytest.mark.parametrize(("says", "pieces", "first", "length", "shares"), COPIES)
def test_a_part_can_be_copied(
    fixture: StoreFixture,
    says: str,
    pieces: list[bytes],
    first: int,
    length: int | None,
    shares: bool,
) -> None:
    store = fixture.store
    bucket, upload = begin(fixture, [])
    write = compose(store, bucket, "source", pieces)
    if len(pieces) == 1:
        write.close()
        write = put(store, bucket, "source", pieces[0])
    source = fixture.run(write)
    files = fixture.files()
    part = fixture.run(store.copy_part(bucket, "key", upload.upload_id, 1, source, first, length))
    data = b"".join(pieces)[first : None if length is None else first + length]
    assert (part.size, part.crc64) == (len(data), crc64(data))
    assert part.etag == hashlib.md5(data).hexdigest()
    assert (fixture.files() == files) is shares
    fixture.call(store.index.delete_version, bucket.id, "source")
    version = fixture.call(
        store.index.complete_upload, bucket.id, "key", upload.upload_id, [(1, part.etag)]
    )
    assert (version.size, version.crc64) == (len(data), crc64(data))
    assert fixture.run(body(store, version)) == data


def test_a_part_cannot_be_copied_from_what_is_gone(fixture: StoreFixture) -> None:
    store = fixture.store
    bucket, upload = begin(fixture, [])
    for data in (b"inline", SOURCE):
        source = fixture.run(put(store, bucket, "source", data))
        fixture.call(store.index.delete_version, bucket.id, "source")
        for first, length in ((0, None), (1, 2)):
            with pytest.raises(NoSuchKey):
                fixture.run(
                    store.copy_part(bucket, "key", upload.upload_id, 1, source, first, length)
                )
    assert fixture.call(store.index.list_parts, bucket.id, "key", upload.upload_id).entries == ()


def test_copies_share_their_bytes_and_outlive_their_source(fixture: StoreFixture) -> None:
    store = fixture.store
    bucket, other = fixture.bucket("one"), fixture.bucket("other", "Enabled")
    for pieces in ([b"inline"], [SOURCE], PARTS):
        write = compose(store, bucket, "source", pieces)
        if len(pieces) == 1:
            write.close()
            write = put(store, bucket, "source", pieces[0])
        source = fixture.run(write)
        files = fixture.files()
        new = NewVersion("ARCHIVE", "you", {"a": "b"})
        copy = fixture.call(store.index.copy_version, other.id, "copy", source, new)
        itself = fixture.call(store.index.copy_version, bucket.id, "source", source, new)
        assert fixture.files() == files
        fixture.call(store.index.delete_version, bucket.id, "source")
        for version in (copy, itself):
            assert (version.etag, version.crc64) == (source.etag, source.crc64)
            assert (version.size, version.parts) == (source.size, source.parts)
            assert (version.storage_class, version.headers) == ("ARCHIVE", {"a": "b"})
        found, inline = store.get(other, "copy")
        assert found == copy
        data = inline if inline is not None else fixture.run(body(store, found))
        assert data == b"".join(pieces)
