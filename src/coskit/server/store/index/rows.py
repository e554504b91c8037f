"""Conversion between the store's values and the rows of the SQL index."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from coskit.server.store import ids
from coskit.server.store.model import (
    NULL_VERSION,
    Bucket,
    Extent,
    ListingEntry,
    Part,
    Upload,
    Version,
)

Row = tuple[Any, ...]

BUCKET = "id, name, owner, created, versioning, acl, config"
VERSION = (
    "vord, is_null, etag, crc64, size, modified, storage_class, owner, restore,"
    " appendable, parts, acl, tags, headers, body, sealing, checksums, lock, layout"
)
ENTRY = "key, vord, is_null, etag, size, modified, storage_class, owner, restore"
UPLOAD = (
    "key, upload_id, initiated, owner, storage_class, acl, tags, headers, sealing, checksums, lock,"
    " initiator"
)
PART = "number, etag, crc64, size, modified, body, checksums"


def places(columns: str) -> str:
    """Return as many placeholders as there are columns."""
    return ", ".join("?" * len(columns.split(",")))


def encode_key(key: str) -> bytes:
    """Return the bytes that keys, prefixes and markers are compared by."""
    return key.encode("utf-8", "surrogateescape")


def decode_key(raw: bytes) -> str:
    """Return the text that `encode_key` has encoded."""
    return raw.decode("utf-8", "surrogateescape")


def signed(crc: int) -> int:
    """Return an unsigned 64-bit number as SQL's signed one."""
    return crc - (1 << 64) if crc >> 63 else crc


def unsigned(crc: int) -> int:
    """Return the unsigned number of one that `signed` has returned."""
    return crc + (1 << 64) if crc < 0 else crc


def encode_headers(headers: Mapping[str, str]) -> str | None:
    """Return headers as ASCII JSON, which can hold lone surrogates; None if there are none."""
    return json.dumps(dict(headers)) if headers else None


def decode_headers(text: str | None) -> Mapping[str, str]:
    """Return the headers that `encode_headers` has encoded."""
    return json.loads(text) if text else {}


def encode_body(extents: Sequence[Extent], size: int) -> str:
    """Return the extents of a body of `size` bytes as the text of a `body` column."""
    if not extents:
        return ""
    if len(extents) == 1 and (extents[0].offset, extents[0].length) == (0, size):
        return extents[0].blob_id
    return json.dumps([(e.blob_id, e.offset, e.length) for e in extents], separators=(",", ":"))


def decode_body(text: str, size: int) -> tuple[Extent, ...]:
    """Return the extents of a body of `size` bytes from a `body` column."""
    if not text:
        return ()
    if text[0] != "[":
        return (Extent(text, 0, size),)
    return tuple(Extent(*extent) for extent in json.loads(text))


# Every request looks up its bucket; equal rows are the same bucket.
@lru_cache(maxsize=256)
def read_bucket(row: Row) -> Bucket:
    """Return the bucket of a row of `BUCKET` columns."""
    bucket_id, name, owner, created, versioning, acl, config = row
    return Bucket(bucket_id, name, owner, created, versioning, acl, json.loads(config))


def read_version(key: str, latest: int, marker: int, row: Row) -> Version:
    """Return the version of a key from a row of `VERSION` columns."""
    order, is_null, etag, crc, size, modified, storage_class, owner, restore, *rest = row
    appendable, parts, acl, tags, headers, body, sealing, checksums, lock, layout = rest
    return Version(
        key,
        NULL_VERSION if is_null else ids.version_id(order),
        order,
        bool(latest),
        bool(marker),
        etag,
        unsigned(crc),
        size,
        modified,
        storage_class,
        owner,
        decode_headers(headers),
        acl,
        tags,
        restore,
        bool(appendable),
        parts,
        decode_body(body, size),
        sealing,
        checksums,
        lock,
        layout,
    )


def version_row(version: Version) -> Row:
    """Return the `VERSION` columns of a version."""
    return (
        version.order,
        version.version_id == NULL_VERSION,
        version.etag,
        signed(version.crc64),
        version.size,
        version.modified,
        version.storage_class,
        version.owner,
        version.restore,
        version.appendable,
        version.parts,
        version.acl,
        version.tags,
        encode_headers(version.headers),
        encode_body(version.extents, version.size),
        version.sealing,
        version.checksums,
        version.lock,
        version.layout,
    )


def read_entry(row: Row) -> ListingEntry:
    """Return the entry of a row of `ENTRY` columns, followed by is-latest and is-marker."""
    key, order, is_null, etag, size, modified, storage_class, owner, restore, latest, marker = row
    return ListingEntry(
        decode_key(key),
        NULL_VERSION if is_null else ids.version_id(order),
        bool(latest),
        bool(marker),
        etag,
        size,
        modified,
        storage_class,
        owner,
        restore,
    )


def read_upload(row: Row) -> Upload:
    """Return the upload of a row of `UPLOAD` columns."""
    key, upload_id, initiated, owner, storage_class, acl, tags, headers = row[:8]
    return Upload(
        decode_key(key),
        upload_id,
        initiated,
        owner,
        storage_class,
        decode_headers(headers),
        acl,
        tags,
        *row[8:],  # sealing, checksums, lock, initiator
    )


def upload_row(upload: Upload) -> Row:
    """Return the `UPLOAD` columns of an upload."""
    return (
        encode_key(upload.key),
        upload.upload_id,
        upload.initiated,
        upload.owner,
        upload.storage_class,
        upload.acl,
        upload.tags,
        encode_headers(upload.headers),
        upload.sealing,
        upload.checksums,
        upload.lock,
        upload.initiator,
    )


def read_part(row: Row) -> Part:
    """Return the part of a row of `PART` columns."""
    number, etag, crc, size, modified, body, checksums = row
    extents = decode_body(body, size)
    return Part(number, etag, unsigned(crc), size, modified, extents, checksums)


def part_row(part: Part) -> Row:
    """Return the `PART` columns of a part."""
    return (
        part.number,
        part.etag,
        signed(part.crc64),
        part.size,
        part.modified,
        encode_body(part.extents, part.size),
        part.checksums,
    )
