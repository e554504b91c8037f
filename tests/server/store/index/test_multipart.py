"""Multipart uploads: what may be completed, what it makes, and where its bytes stay."""

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
from tests.server.store.store_fixture import Shelf, body, compose, put, put_part, run

_numbers = itertools.count()

PARTS = [os.urandom(SMALLEST_PART), os.urandom(SMALLEST_PART + 1), b"tail"]
TAGS = [hashlib.md5(data).hexdigest() for data in PARTS]


def begin(shelf: Shelf, parts: list[bytes], new: NewVersion | None = None) -> tuple[Bucket, Upload]:
    """Open an upload in a bucket of its own and give it parts."""
    bucket = shelf.bucket(f"multipart{next(_numbers)}")
    upload = shelf.call(shelf.store.index.begin_upload, bucket.id, "key", new or NewVersion())
    for number, data in enumerate(parts, 1):
        shelf.run(put_part(shelf.store, bucket, "key", upload.upload_id, number, data))
    return bucket, upload


def test_the_parts_become_one_object_in_place(shelf: Shelf) -> None:
    store = shelf.store
    new = NewVersion("ARCHIVE", "me", {"x-cos-meta-a": "é"}, "ACL", "TAGS")
    bucket, upload = begin(shelf, PARTS, new)
    files = shelf.files()
    inodes = {path.stat().st_ino for path in (shelf.directory / "blobs").glob("*/*")}
    version = shelf.call(
        store.index.complete_upload, bucket.id, "key", upload.upload_id, [*enumerate(TAGS, 1)]
    )
    whole = b"".join(PARTS)
    digest = hashlib.md5(b"".join(map(bytes.fromhex, TAGS))).hexdigest()
    assert (version.etag, version.parts) == (f"{digest}-3", 3)
    assert (version.size, version.crc64) == (len(whole), crc64(whole))
    assert (version.storage_class, version.owner, version.acl) == ("ARCHIVE", "me", "ACL")
    assert (version.tags, version.headers) == ("TAGS", {"x-cos-meta-a": "é"})
    assert store.get(bucket, "key") == (version, None)
    assert shelf.run(body(store, version)) == whole
    assert shelf.files() == files
    assert {p.stat().st_ino for p in (shelf.directory / "blobs").glob("*/*")} == inodes
    with pytest.raises(NoSuchUpload):
        store.index.upload(bucket.id, "key", upload.upload_id)
    assert shelf.call(store.index.list_uploads, bucket.id).entries == ()


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
    shared: Shelf, says: str, listed: list[tuple[int, str]], error: type[CosServiceError]
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


def test_only_the_last_part_may_be_small(shared: Shelf) -> None:
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


def test_a_part_can_be_sent_again_and_unlisted_ones_are_dropped(shelf: Shelf) -> None:
    store = shelf.store
    bucket, upload = begin(shelf, [b"old", b"second", b"third"])
    part = shelf.run(put_part(store, bucket, "key", upload.upload_id, 1, b"new"))
    assert shelf.call(store.index.list_parts, bucket.id, "key", upload.upload_id).entries[0] == part
    version = shelf.call(
        store.index.complete_upload, bucket.id, "key", upload.upload_id, [(1, part.etag)]
    )
    assert shelf.run(body(store, version)) == b"new"
    shelf.close()
    assert len(shelf.files()) == 1
    shelf.reopen()


def test_a_completion_can_be_conditional(shared: Shelf) -> None:
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


def test_an_ended_upload_takes_nothing_more(shelf: Shelf) -> None:
    store = shelf.store
    bucket, aborted = begin(shelf, [b"part"])
    shelf.call(store.index.abort_upload, bucket.id, "key", aborted.upload_id)
    completed = shelf.call(store.index.begin_upload, bucket.id, "key", NewVersion())
    part = shelf.run(put_part(store, bucket, "key", completed.upload_id, 1, b"part"))
    listed = [(1, part.etag)]
    version = shelf.call(store.index.complete_upload, bucket.id, "key", completed.upload_id, listed)
    for key, upload_id in (
        ("key", aborted.upload_id),
        ("key", completed.upload_id),
        ("key", "never"),
        ("other", shelf.call(store.index.begin_upload, bucket.id, "key", NewVersion()).upload_id),
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
                shelf.run(run(use))
    shelf.close()
    assert len(shelf.files()) == 1
    shelf.reopen()


def test_several_uploads_of_a_key_do_not_touch_each_other(shared: Shelf) -> None:
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
    shelf: Shelf, says: str, pieces: list[bytes], first: int, length: int | None, shares: bool
) -> None:
    store = shelf.store
    bucket, upload = begin(shelf, [])
    write = compose(store, bucket, "source", pieces)
    if len(pieces) == 1:
        write.close()
        write = put(store, bucket, "source", pieces[0])
    source = shelf.run(write)
    files = shelf.files()
    part = shelf.run(store.copy_part(bucket, "key", upload.upload_id, 1, source, first, length))
    data = b"".join(pieces)[first : None if length is None else first + length]
    assert (part.size, part.crc64) == (len(data), crc64(data))
    assert part.etag == hashlib.md5(data).hexdigest()
    assert (shelf.files() == files) is shares
    shelf.call(store.index.delete_version, bucket.id, "source")
    version = shelf.call(
        store.index.complete_upload, bucket.id, "key", upload.upload_id, [(1, part.etag)]
    )
    assert (version.size, version.crc64) == (len(data), crc64(data))
    assert shelf.run(body(store, version)) == data


def test_a_part_cannot_be_copied_from_what_is_gone(shelf: Shelf) -> None:
    store = shelf.store
    bucket, upload = begin(shelf, [])
    for data in (b"inline", SOURCE):
        source = shelf.run(put(store, bucket, "source", data))
        shelf.call(store.index.delete_version, bucket.id, "source")
        for first, length in ((0, None), (1, 2)):
            with pytest.raises(NoSuchKey):
                shelf.run(
                    store.copy_part(bucket, "key", upload.upload_id, 1, source, first, length)
                )
    assert shelf.call(store.index.list_parts, bucket.id, "key", upload.upload_id).entries == ()


def test_copies_share_their_bytes_and_outlive_their_source(shelf: Shelf) -> None:
    store = shelf.store
    bucket, other = shelf.bucket("one"), shelf.bucket("other", "Enabled")
    for pieces in ([b"inline"], [SOURCE], PARTS):
        write = compose(store, bucket, "source", pieces)
        if len(pieces) == 1:
            write.close()
            write = put(store, bucket, "source", pieces[0])
        source = shelf.run(write)
        files = shelf.files()
        new = NewVersion("ARCHIVE", "you", {"a": "b"})
        copy = shelf.call(store.index.copy_version, other.id, "copy", source, new)
        itself = shelf.call(store.index.copy_version, bucket.id, "source", source, new)
        assert shelf.files() == files
        shelf.call(store.index.delete_version, bucket.id, "source")
        for version in (copy, itself):
            assert (version.etag, version.crc64) == (source.etag, source.crc64)
            assert (version.size, version.parts) == (source.size, source.parts)
            assert (version.storage_class, version.headers) == ("ARCHIVE", {"a": "b"})
        found, inline = store.get(other, "copy")
        assert found == copy
        data = inline if inline is not None else shelf.run(body(store, found))
        assert data == b"".join(pieces)
