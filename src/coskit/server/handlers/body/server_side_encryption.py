"""Encryption keys: the key of a request, the key that an object needs, and the response headers."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.errors import (
    AccessDenied,
    InternalError,
    InvalidArgument,
    NotImplementedOperation,
    SsecDecryptHeaderInvalid,
    SSEHeaderNotAllowed,
)
from coskit.server.handlers.body.default_encryption import KMS, checked_key_name, default_encryption
from coskit.server.handlers.body.encrypted_blocks import (
    DecryptingBody,
    EncryptionKey,
    encrypted_ranges,
    fingerprint_key_name,
    fingerprint_owner,
    named_key,
)
from coskit.server.handlers.context import Context, OutgoingBody
from coskit.server.store.model import Version

_SSE = "x-cos-server-side-encryption"
_DEFAULT_KEY = "default"  # if the request names no key


def customer_key(params: Mapping[str, Any], prefix: str = "") -> EncryptionKey | None:
    """Return the customer key of a request, or None if the request has none.

    Args:
        params: the request's parameters.
        prefix: "CopySource" for the key of a copy's source.

    Raises:
        InvalidArgument: one of the three headers is missing or wrong.
    """
    base = f"{prefix}SSECustomer"
    algorithm, text, md5 = [params.get(base + name, "") for name in ("Algorithm", "Key", "KeyMD5")]
    if not (algorithm or text or md5):
        return None
    if algorithm != "AES256":
        raise InvalidArgument("The algorithm of a customer key must be AES256")
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != 32:
        raise InvalidArgument("A customer key must be the Base64 of 32 bytes")
    if content_md5(secret) != md5:
        raise InvalidArgument("The MD5 of the customer key does not match the key")
    return EncryptionKey("customer", secret)


def requested_key(ctx: Context) -> EncryptionKey | None:
    """Return the key that encrypts the object of a write, or None for no encryption.

    Raises:
        InvalidArgument: the headers are inconsistent.
        NotImplementedOperation: the headers ask for an encryption context.
    """
    key = customer_key(ctx.params)
    asked, name = ctx.params.get("ServerSideEncryption", ""), ctx.params.get("SSEKMSKeyId", "")
    if ctx.params.get("SSEKMSContext"):
        raise NotImplementedOperation("Encryption contexts are not implemented")
    if not asked and not name:
        return key or _server_key(ctx, *default_encryption(ctx.bucket))
    if key or asked not in ("AES256", KMS):
        raise InvalidArgument(f"{_SSE} must be AES256 or {KMS}, without a customer key")
    if name and asked != KMS:
        raise InvalidArgument(f"Only {KMS} takes a key id")
    return _server_key(ctx, asked, name)


def _server_key(ctx: Context, algorithm: str, name: str) -> EncryptionKey | None:
    """Return the server key for an algorithm, or None for no algorithm.

    Raises:
        InvalidArgument: the key's name is not valid.
    """
    if not algorithm:
        return None
    if algorithm != KMS:
        return EncryptionKey("server", ctx.master_key)
    return named_key(ctx.master_key, checked_key_name(name) if name else _DEFAULT_KEY)


def required_key(ctx: Context, fingerprint: str | None, prefix: str = "") -> EncryptionKey | None:
    """Return the key that decrypts a body, or None if the body is not encrypted.

    Args:
        ctx: the request.
        fingerprint: the fingerprint of the body's key, or None.
        prefix: "CopySource" for a copy's source.

    Raises:
        InvalidArgument: the headers of the customer key are inconsistent.
        SsecDecryptHeaderInvalid: the body needs a customer key that the request lacks.
        SSEHeaderNotAllowed: the body needs no customer key, or the headers belong to a write.
        AccessDenied: the client is anonymous.
        InternalError: another server key encrypted the body.
    """
    if not prefix and ctx.headers.get(_SSE):
        if fingerprint is None or ctx.operation.method in ("GET", "HEAD"):
            raise SSEHeaderNotAllowed
    given = customer_key(ctx.params, prefix)
    if fingerprint is None or fingerprint_owner(fingerprint) != "customer":
        if given:
            raise SSEHeaderNotAllowed("The object is not encrypted with a customer key")
        if fingerprint is None:
            return None
    if ctx.principal.account is None:
        raise AccessDenied("Anonymous clients cannot read encrypted objects")
    if fingerprint_owner(fingerprint) == "customer":
        if given is None or not given.matches(fingerprint):
            raise SsecDecryptHeaderInvalid
        return given
    name = fingerprint_key_name(fingerprint)
    own = named_key(ctx.master_key, name) if name else EncryptionKey("server", ctx.master_key)
    if not own.matches(fingerprint):
        raise InternalError("The object was encrypted with another key of this server.")
    return own


def encryption_headers(key: EncryptionKey | None, fingerprint: str | None = None) -> dict[str, str]:
    """Return the headers that describe an object's encryption; of a customer key only the MD5.

    Args:
        key: the request's key, or the key that the object needs.
        fingerprint: the fingerprint of the key, for an object described without it.
    """
    owner = key.owner if key else fingerprint_owner(fingerprint) if fingerprint else ""
    if not owner:
        return {}
    if owner == "server":
        return {_SSE: "AES256"}
    if owner == "named":
        name = key.name if key else fingerprint_key_name(fingerprint or "")
        return {_SSE: KMS, f"{_SSE}-cos-kms-key-id": name}
    headers = {f"{_SSE}-customer-algorithm": "AES256"}
    return {**headers, f"{_SSE}-customer-key-MD5": content_md5(key.secret)} if key else headers


def plain_body(
    ctx: Context, version: Version, first: int, length: int, key: EncryptionKey | None
) -> OutgoingBody:
    """Return a stream of an object's bytes, decrypted with the key that the object needs."""
    if key is None:
        return ctx.store.read(version, first, length)
    wanted = list(encrypted_ranges(version.extents, first, length))
    raw = ctx.store.read_extents([extent for piece in wanted for extent in piece.extents])
    return DecryptingBody(raw, wanted, key)
