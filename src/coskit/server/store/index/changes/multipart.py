"""The SQL of changes to multipart uploads, run in the writer's transaction."""

# ruff: noqa: S608 - statements are put together from constants only

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from coskit.protocol.codec.checksums.md5_crc64 import crc64_combine
from coskit.protocol.errors import (
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    MalformedXML,
    NoSuchUpload,
)
from coskit.server.store import ids
from coskit.server.store.index import rows
from coskit.server.store.index.changes import buckets, objects
from coskit.server.store.index.transaction import Transaction
from coskit.server.store.interfaces.conditions import Finish, WriteCondition
from coskit.server.store.interfaces.upload_records import SMALLEST_PART
from coskit.server.store.model import NewVersion, Part, StoredBody, Upload, Version
from coskit.server.store.part_layout import dump_layout

UPLOAD = f"SELECT {rows.UPLOAD} FROM upload WHERE bucket_id = ? AND key = ? AND upload_id = ?"
_ADD_UPLOAD = (
    f"INSERT INTO upload (bucket_id, {rows.UPLOAD}) VALUES (?, {rows.places(rows.UPLOAD)})"
)
_DROP_UPLOAD = "DELETE FROM upload WHERE bucket_id = ? AND key = ? AND upload_id = ?"
_PARTS = f"SELECT {rows.PART} FROM part WHERE upload_id = ?"
_PART = f"{_PARTS} AND number = ?"
_SET_PART = (
    f"INSERT OR REPLACE INTO part (upload_id, {rows.PART}) VALUES (?, {rows.places(rows.PART)})"
)
_DROP_PARTS = "DELETE FROM part WHERE upload_id = ?"


def begin(tx: Transaction, bucket_id: int, key: str, new: NewVersion) -> Upload:
    """See `Index.begin_upload`."""
    buckets.current(tx, bucket_id)
    upload = Upload(
        key=key,
        upload_id=ids.new_upload_id(tx.seconds(), tx.next_order()),
        initiated=tx.now(),
        owner=new.owner,
        storage_class=new.storage_class,
        headers=new.headers,
        acl=new.acl,
        tags=new.tags,
        sealing=new.sealing,
        checksums=new.checksums,
        lock=new.lock,
        initiator=new.initiator,
    )
    tx.db.execute(_ADD_UPLOAD, (bucket_id, *rows.upload_row(upload)))
    return upload


def put_part(
    tx: Transaction,
    bucket_id: int,
    key: str,
    upload_id: str,
    number: int,
    stored: StoredBody,
    checksums: str | None = None,
) -> Part:
    """See `Index.put_part`."""
    _require(tx, bucket_id, key, upload_id)
    extents = tx.references.add(stored, ids.inline_id(tx.next_order()))
    shown = stored.shown
    part = Part(number, shown.etag, shown.crc64, shown.size, tx.now(), extents, checksums)
    return _set_part(tx, upload_id, part)


def copy_part(tx: Transaction, bucket_id: int, key: str, upload_id: str, part: Part) -> Part:
    """See `Index.copy_part`."""
    _require(tx, bucket_id, key, upload_id)
    tx.references.share(part.extents)
    return _set_part(tx, upload_id, replace(part, modified=tx.now()))


def complete(
    tx: Transaction,
    bucket_id: int,
    key: str,
    upload_id: str,
    listed: Sequence[tuple[int, str]],
    minimum_part: int = SMALLEST_PART,
    condition: WriteCondition | None = None,
    *,
    gaps: bool = False,
    finish: Finish | None = None,
) -> Version:
    """See `Index.complete_upload`."""
    upload = _require(tx, bucket_id, key, upload_id)
    uploaded = {row[0]: rows.read_part(row) for row in tx.db.execute(_PARTS, (upload_id,))}
    chosen = _choose(uploaded, listed, minimum_part, gaps)
    new = NewVersion(
        upload.storage_class,
        upload.owner,
        upload.headers,
        upload.acl,
        upload.tags,
        sealing=upload.sealing,
        checksums=finish(upload, chosen) if finish else None,
        lock=upload.lock,
    )
    version = objects.publish(tx, bucket_id, key, _join(upload_id, chosen), new, condition)
    for part in chosen:  # the version takes over their references
        del uploaded[part.number]
    for part in uploaded.values():
        tx.references.drop(part.extents, tx.now())
    _end(tx, bucket_id, key, upload_id)
    return version


def abort(tx: Transaction, bucket_id: int, key: str, upload_id: str) -> None:
    """See `Index.abort_upload`."""
    _require(tx, bucket_id, key, upload_id)
    for row in tx.db.execute(_PARTS, (upload_id,)).fetchall():
        tx.references.drop(rows.read_part(row).extents, tx.now())
    _end(tx, bucket_id, key, upload_id)


def _choose(
    uploaded: Mapping[int, Part],
    listed: Sequence[tuple[int, str]],
    minimum_part: int,
    gaps: bool,
) -> list[Part]:
    """Return the listed parts, or raise the errors of `Index.complete_upload`."""
    if not listed:
        raise MalformedXML("At least one part must be listed.")
    numbers = [number for number, _ in listed]
    if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
        raise InvalidPartOrder
    chosen: list[Part] = []
    for expected, (number, etag) in enumerate(listed, 1):
        part = uploaded.get(number)
        in_place = gaps or number == expected
        if not in_place or part is None or etag.strip('"').lower() != part.etag:
            raise InvalidPart(f"Part {number} was not uploaded, differs, or follows a gap.")
        chosen.append(part)
    if any(part.size < minimum_part for part in chosen[:-1]):
        raise EntityTooSmall
    return chosen


def _join(upload_id: str, parts: Sequence[Part]) -> objects.VersionContent:
    """Return the content that the parts form in this order."""
    crc = 0
    for part in parts:
        crc = crc64_combine(crc, part.crc64, part.size)
    digests = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts))
    return objects.VersionContent(
        etag=f"{digests.hexdigest()}-{len(parts)}",
        crc64=crc,
        size=sum(part.size for part in parts),
        parts=len(parts),
        extents=tuple(extent for part in parts for extent in part.extents),
        layout=dump_layout(upload_id, parts),
    )


def _set_part(tx: Transaction, upload_id: str, part: Part) -> Part:
    old = tx.db.execute(_PART, (upload_id, part.number)).fetchone()
    if old is not None:
        tx.references.drop(rows.read_part(old).extents, tx.now())
    tx.db.execute(_SET_PART, (upload_id, *rows.part_row(part)))
    return part


def _require(tx: Transaction, bucket_id: int, key: str, upload_id: str) -> Upload:
    row = tx.db.execute(UPLOAD, (bucket_id, rows.encode_key(key), upload_id)).fetchone()
    if row is None:
        raise NoSuchUpload
    return rows.read_upload(row)


def _end(tx: Transaction, bucket_id: int, key: str, upload_id: str) -> None:
    tx.db.execute(_DROP_PARTS, (upload_id,))
    tx.db.execute(_DROP_UPLOAD, (bucket_id, rows.encode_key(key), upload_id))
