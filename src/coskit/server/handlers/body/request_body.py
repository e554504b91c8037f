"""Body and metadata of writing requests: limits, validation, and storing."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from coskit.protocol.codec.checksums.md5_crc64 import parse_content_md5
from coskit.protocol.codec.conditional_headers import (
    CONDITIONAL_HEADERS,
    FLAGS,
    unsupported_conditions,
)
from coskit.protocol.errors import (
    AccessDenied,
    BadDigest,
    EntityTooLarge,
    InvalidArgument,
    InvalidDigest,
    MissingContentLength,
    NotImplementedOperation,
    NotSupportedStorageClass,
)
from coskit.protocol.messages import encode_text, is_header_name, unsendable
from coskit.protocol.model import Operation
from coskit.protocol.operations import PUT_OBJECT_ACL
from coskit.protocol.s3.checksums.algorithms import Checksum, RequestedChecksum
from coskit.server.handlers.access.acl import dump_grants, refuse_unusable_grants, requested_acl
from coskit.server.handlers.access.authorization import is_allowed_in_bucket
from coskit.server.handlers.access.object_lock import new_lock
from coskit.server.handlers.access.ownership import new_owner, refuse_acl
from coskit.server.handlers.body.checksums import ChecksumVerifier
from coskit.server.handlers.body.encrypted_blocks import EncryptingReceiver, EncryptionKey, Receiver
from coskit.server.handlers.body.traffic_limit import requested_rate, throttled
from coskit.server.handlers.context import Context
from coskit.server.handlers.object_state.tagging import dump_tags, parse_tag_header
from coskit.server.store.io.receive import BodyReceiver
from coskit.server.store.model import NewVersion, StoredBody

MAX_BODY = 5 << 30
MAX_METADATA = 2048
MAX_DESCRIPTION = 8 << 10  # bytes of Content-Type and other stored headers; S3 allows 2 KiB
STORAGE_CLASSES = frozenset(
    name
    for tier in ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ARCHIVE", "DEEP_ARCHIVE")
    for name in (tier, f"MAZ_{tier}")
)
_STORED = {
    "CacheControl": "Cache-Control",
    "ContentDisposition": "Content-Disposition",
    "ContentEncoding": "Content-Encoding",
    "ContentLanguage": "Content-Language",
    "ContentType": "Content-Type",
    "Expires": "Expires",
}
# Ignoring one of these would store an object that differs from the request.
_NEVER_IMPLEMENTED = ("pic-operations", "x-amz-website-redirect-location")
_PAYER, _CONTENT_RANGE = "x-amz-request-payer", "content-range"
_CHECKED_VALUES = CONDITIONAL_HEADERS | {_PAYER, _CONTENT_RANGE}
_PART_OPERATIONS = ("UploadPart", "UploadPartCopy", "CompleteMultipartUpload")
_IMPLEMENTED_BY_ROW = (
    "x-cos-server-side-encryption",
    "x-cos-server-side-encryption-customer-algorithm",
    "x-cos-server-side-encryption-customer-key",
    "x-cos-copy-source-server-side-encryption-customer-algorithm",
    "x-cos-copy-source-server-side-encryption-customer-key",
)


def refuse_unimplemented_headers(ctx: Context) -> None:
    """Refuse a header that this server would have to ignore, with 501.

    Raises:
        NotImplementedOperation: the message names the header.
        InvalidArgument: a guard header is empty, or the body has a Content-Range.
    """
    refused = _unimplemented_headers(ctx.operation)
    if not refused.isdisjoint(ctx.headers):
        for name in sorted(refused):
            text = ctx.headers.get(name, "")
            may_be_off = name in FLAGS or name not in CONDITIONAL_HEADERS
            if text and not (may_be_off and text == "false"):
                raise NotImplementedOperation(f"The header {name} is not implemented here")
    if not _CHECKED_VALUES.isdisjoint(ctx.headers):
        _check_header_values(ctx)
    if "aws-chunked" in ctx.headers.get("content-encoding", "").lower():
        raise NotImplementedOperation("COS does not take bodies in aws-chunked encoding")


def _check_header_values(ctx: Context) -> None:
    for name in CONDITIONAL_HEADERS & ctx.headers.keys():
        # An empty guard is a client's mistake, not a missing guard.
        if not ctx.headers[name].strip():
            raise InvalidArgument(f"The header {name} is empty")
    if ctx.headers.get(_PAYER, "requester").lower() != "requester":
        raise InvalidArgument(f"{_PAYER} must be requester")
    if _CONTENT_RANGE in ctx.headers and ctx.operation.method not in ("GET", "HEAD"):
        # RFC 9110 14.5: stored as a whole object, the part would replace all of it.
        raise InvalidArgument(
            "A write must not have a Content-Range: partial updates are not supported"
        )


@cache
def _unimplemented_headers(operation: Operation) -> frozenset[str]:
    if operation.method in ("GET", "HEAD"):
        return unsupported_conditions(operation) | frozenset(_NEVER_IMPLEMENTED)
    done = {param.wire for param in operation.params}
    if operation.name in _PART_OPERATIONS:
        done.add(
            "x-cos-server-side-encryption"
        )  # it belongs to CreateMultipartUpload; see required_key
    if operation.name == "CreateMultipartUpload":
        # It reads no source, but cos-python-sdk-v5 sends these headers for copies in parts.
        done.update(name for name in _IMPLEMENTED_BY_ROW if name.startswith("x-cos-copy-source-"))
    others = frozenset((*_NEVER_IMPLEMENTED, *_IMPLEMENTED_BY_ROW)) - done
    return unsupported_conditions(operation) | others


def new_version(ctx: Context, key: EncryptionKey | None = None) -> NewVersion:
    """Return the properties of a new object that a writing request names, without the body.

    Args:
        ctx: the request.
        key: the key that will encrypt the body, or None.

    Raises:
        InvalidArgument: an ACL, a tag, a lock or the size of the metadata is wrong.
        InvalidRequest: the request asks for a lock, and the bucket has no object lock.
        NotSupportedStorageClass: the storage class does not exist.
        AccessDenied: the ACL is a folder's, and the principal may not write ACLs.
    """
    tags = parse_tag_header(ctx.params["Tagging"]) if "Tagging" in ctx.params else None
    return NewVersion(
        storage_class=requested_storage_class(ctx.params),
        owner=new_owner(ctx),
        headers=stored_headers(ctx.params),
        acl=_new_acl(ctx),
        tags=dump_tags(tags) if tags else None,
        sealing=key.fingerprint() if key else None,
        lock=new_lock(ctx),
    )


def _new_acl(ctx: Context) -> str | None:
    refuse_acl(ctx.bucket, ctx.params)
    acl = requested_acl(ctx.params, ctx.rules, bucket_owner=ctx.bucket.owner, on_bucket=False)
    is_asked = acl is not None
    if acl is None:
        if ctx.rules.inherits_bucket_acl:
            return None
        acl = dump_grants(())
    refuse_unusable_grants(ctx, acl)
    # The ACL of the owner's folders applies to their content, so a writer may not set it.
    if ctx.key.endswith("/") and ctx.principal.root_account in ("", ctx.bucket.owner):
        if not is_allowed_in_bucket(ctx.principal, PUT_OBJECT_ACL, ctx.store, ctx.bucket, ctx.key):
            if is_asked:
                raise AccessDenied("The ACL of a folder needs the right to write ACLs")
            return None
    return acl


def requested_storage_class(params: Mapping[str, Any]) -> str:
    """Return the requested storage class in upper case.

    Raises:
        NotSupportedStorageClass: the storage class does not exist.
    """
    name = str(params.get("StorageClass", "STANDARD")).upper()
    if name not in STORAGE_CLASSES:
        raise NotSupportedStorageClass(f"There is no storage class {name[:40]}")
    return name


def stored_headers(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that are stored with an object. Every response can carry them.

    Raises:
        InvalidArgument: the headers are too large, or hold a character that headers cannot carry.
    """
    metadata: Mapping[str, str] = params.get("Metadata", {})
    size = sum(len(encode_text(name)) + len(encode_text(text)) for name, text in metadata.items())
    if size > MAX_METADATA:
        raise InvalidArgument(f"User metadata is {size} bytes; at most {MAX_METADATA} are allowed")
    kept = {header: params[name] for name, header in _STORED.items() if name in params}
    if sum(map(len, kept.values())) > MAX_DESCRIPTION:
        raise InvalidArgument(
            f"{', '.join(kept)} may take at most {MAX_DESCRIPTION} bytes together"
        )
    headers = {**kept, **metadata}
    for name, text in headers.items():
        if not is_header_name(name) or unsendable(text):
            raise InvalidArgument(
                f"{name[:60]!a} is not a header name, or its value is not allowed"
            )
    return headers


async def receive(
    ctx: Context,
    sink: BodyReceiver,
    key: EncryptionKey | None = None,
    asked: RequestedChecksum | None = None,
) -> tuple[StoredBody, Checksum | None]:
    """Store the body of a request and verify it against the request's headers.

    Args:
        ctx: the request.
        sink: the store's receiver of the body.
        key: the key that encrypts the body, or None.
        asked: the checksum that the upload of a part asks for, or None.

    Returns:
        The body and, if the request or the upload asks for one, its checksum.

    Raises:
        MissingContentLength: the body has neither a length nor chunks.
        EntityTooLarge: the body is larger than 5 GB.
        InvalidDigest: the Content-MD5 is not an MD5.
        BadDigest: the Content-MD5 or the checksum differs from the body's.
        InvalidRequest: the checksum is malformed, or differs in kind from what the upload asks for.
        MalformedTrailerError: the announced trailing checksum is missing.
        IncompleteBody: the body ended too early.
        InvalidArgument: the traffic limit is out of bounds.
    """
    expected, check = expected_md5(ctx.headers), ChecksumVerifier(ctx.headers, asked)
    if ctx.body.length is None and "transfer-encoding" not in ctx.headers:
        raise MissingContentLength
    if (ctx.body.length or 0) > MAX_BODY:
        raise EntityTooLarge
    sealer = EncryptingReceiver(sink, key) if key else None
    receiver: Receiver = sealer or sink
    if check.hasher:
        receiver.observe(check.hasher.update)
    size = 0
    rate = requested_rate(ctx)
    async for chunk in throttled(ctx.body, rate) if rate else ctx.body:
        size += len(chunk)
        if size > MAX_BODY:
            raise EntityTooLarge
        await receiver.write(chunk)
    stored = await receiver.finish()
    if expected is not None and (sealer or stored).md5 != expected.hex():
        raise BadDigest
    return stored, check.verify(ctx.body.trailers)


def expected_md5(headers: Mapping[str, str]) -> bytes | None:
    """Return the MD5 of a request's Content-MD5, or None if there is no such header.

    Raises:
        InvalidDigest: the header is not the Base64 of an MD5.
    """
    text = headers.get("content-md5", "")
    if not text:
        return None
    digest = parse_content_md5(text)
    if digest is None:
        raise InvalidDigest
    return digest
