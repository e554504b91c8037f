"""The values that the store takes and returns; none of them knows a database or a file.

Times are milliseconds since 1970. ACL, tags, restore state, checksums, locks and bucket settings
are text that the store does not interpret; None if they are not set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

NULL_VERSION = "null"  # the id of an object stored while versioning is not enabled


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket; `versioning` is "", "Enabled" or "Suspended", `config` has its settings by name."""

    id: int
    name: str
    owner: str
    created: int
    versioning: str
    acl: str
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Extent:
    """`length` bytes of a blob from `offset` on."""

    blob_id: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or a delete marker.

    Attributes:
        version_id: the version's id, "null" if it was stored while versioning was not enabled.
        order: a unique number; a larger one is newer.
        etag: the ETag without quotes.
        crc64: the CRC64 of the whole body, unsigned.
        headers: stored response headers, including `x-cos-meta-*`.
        parts: the number of parts that it was completed from; 0 after a simple upload.
        extents: the places of the body's bytes, in order; empty for an empty body.
        sealing: the encryption of the stored body, as text that the store does not interpret; None
            if it is not encrypted. If it is, each extent is a whole blob, whose length differs from
            the length of the bytes it encrypts.
        checksums: further checksums of the body.
        lock: the object lock.
        layout: the parts that it was completed from, see `part_layout.load_layout`; None if it was
            not made of parts.
    """

    key: str
    version_id: str
    order: int
    is_latest: bool
    is_marker: bool
    etag: str
    crc64: int
    size: int
    modified: int
    storage_class: str
    owner: str
    headers: Mapping[str, str]
    acl: str | None
    tags: str | None
    restore: str | None
    appendable: bool
    parts: int
    extents: tuple[Extent, ...]
    sealing: str | None = None
    checksums: str | None = None
    lock: str | None = None
    layout: str | None = None


@dataclass(frozen=True, slots=True)
class NewVersion:
    """The properties of a new object besides its body.

    Attributes:
        initiator: the account or sub-account that begins a multipart upload.
    """

    storage_class: str = "STANDARD"
    owner: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    acl: str | None = None
    tags: str | None = None
    appendable: bool = False
    sealing: str | None = None
    checksums: str | None = None
    lock: str | None = None
    initiator: str = ""


@dataclass(frozen=True, slots=True)
class VisibleBody:
    """The ETag, CRC64 and size of a body as clients see them."""

    etag: str
    crc64: int
    size: int


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A body that has been received: in memory as `inline`, else in the durable file `blob_id`.

    Size and checksums describe the stored bytes. If these are encrypted, `unsealed` describes the
    body that clients see.
    """

    blob_id: str
    size: int
    md5: str
    crc64: int
    inline: bytes | None
    unsealed: VisibleBody | None = None

    @property
    def shown(self) -> VisibleBody:
        """The body as clients see it."""
        return self.unsealed or VisibleBody(self.md5, self.crc64, self.size)


@dataclass(frozen=True, slots=True)
class DeletionResult:
    """The result of a deletion.

    Attributes:
        version_id: the id of the removed version or new marker; None in a never-versioned bucket.
        is_marker: whether a marker was inserted, or the removed version was a marker.
        existed: whether there was something to delete.
    """

    version_id: str | None
    is_marker: bool
    existed: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that is neither completed nor aborted.

    Attributes:
        checksums: the kinds of checksums that the object shall have; completion sets the values.
        initiator: the account or sub-account that began it; "" or None if it is unknown.
    """

    key: str
    upload_id: str
    initiated: int
    owner: str
    storage_class: str
    headers: Mapping[str, str]
    acl: str | None
    tags: str | None
    sealing: str | None = None
    checksums: str | None = None
    lock: str | None = None
    initiator: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part; `etag` is its MD5 in hex, or 32 other digits under a customer's key."""

    number: int
    etag: str
    crc64: int
    size: int
    modified: int
    extents: tuple[Extent, ...]
    checksums: str | None = None


@dataclass(frozen=True, slots=True)
class ListingEntry:
    """An entry of a listing: the fields of a `Version` that listings return."""

    key: str
    version_id: str
    is_latest: bool
    is_marker: bool
    etag: str
    size: int
    modified: int
    storage_class: str
    owner: str
    restore: str | None


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """A page of live objects; `next_marker` is its last key or prefix, "" on the last page."""

    entries: tuple[ListingEntry, ...]
    prefixes: tuple[str, ...]
    truncated: bool
    next_marker: str


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A page of versions and markers: keys ascending, then newest first."""

    entries: tuple[ListingEntry, ...]
    prefixes: tuple[str, ...]
    truncated: bool
    next_key_marker: str
    next_version_id_marker: str  # "" after a prefix


@dataclass(frozen=True, slots=True)
class UploadPage:
    """A page of unfinished uploads: keys ascending, then oldest first."""

    entries: tuple[Upload, ...]
    prefixes: tuple[str, ...]
    truncated: bool
    next_key_marker: str
    next_upload_id_marker: str  # "" after a prefix


@dataclass(frozen=True, slots=True)
class PartPage:
    """A page of an upload's parts in numeric order; `next_marker` is its last number, or 0."""

    upload: Upload
    entries: tuple[Part, ...]
    truncated: bool
    next_marker: int


@dataclass(frozen=True, slots=True)
class BlobRow:
    """The index's record of a blob.

    Attributes:
        size: the blob's length in bytes.
        crc64: the blob's CRC64, unsigned.
        data: the bytes of a blob that is stored in the index, None for a file.
        damage: a description of the damage that was found, "" if there is none.
    """

    size: int
    crc64: int
    data: bytes | None
    damage: str = ""


@dataclass(frozen=True, slots=True)
class DamageMark:
    """A mark on a blob that was found damaged.

    Attributes:
        blob_id: the blob's id.
        since: the time of the discovery.
        what: a short description of the damage.
    """

    blob_id: str
    since: int
    what: str


# Upper bounds of the classes of commits in `CommitStatistics.groups`, by their number of changes.
GROUPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class CommitStatistics:
    """Statistics of an index's commits since it was opened.

    Attributes:
        waiting: changes that wait for their commit.
        changes: changes that were committed, or refused in a commit.
        groups: the number of commits in each class of `GROUPS`, and above the last.
        failed: commits that failed.
        seconds: the time spent in commits.
    """

    waiting: int
    changes: int
    groups: tuple[int, ...]
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StoreTotals:
    """Totals of a store.

    Attributes:
        blobs: the number of bodies and parts; copies that share a blob count once.
        bytes: the size of those blobs.
        index: the size of the index in bytes, with the bodies that are stored in it.
        free: bytes that are free on the index's disk.
    """

    blobs: int
    bytes: int
    index: int
    free: int
