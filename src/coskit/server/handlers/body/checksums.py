"""S3 checksums of requests and responses: verify, compute, and return them."""

import asyncio
from collections.abc import Mapping

from coskit.protocol.errors import MalformedTrailerError
from coskit.protocol.s3.checksums.algorithms import (
    HEADER,
    Algorithm,
    Checksum,
    Hasher,
    RequestedChecksum,
    checksum,
    load_checksum,
    load_requested_checksum,
)
from coskit.protocol.s3.checksums.headers import declared_checksum, other_algorithm
from coskit.server.handlers.body.encrypted_blocks import EncryptionKey, Receiver, receive_body
from coskit.server.handlers.body.server_side_encryption import plain_body
from coskit.server.handlers.context import Context, OutgoingBody
from coskit.server.store.model import Part, StoredBody, Upload, Version
from coskit.server.store.part_layout import LayoutPart

_HASHED_INLINE = 1 << 16  # up to this size a thread costs more than it saves


class ChecksumVerifier:
    """Verifies a body against the checksum that its request announces.

    Args:
        headers: the request's headers.
        asked: the checksum that the upload of a part asks for, or None.

    Attributes:
        hasher: has to see the whole body; None if there is nothing to compute.

    Raises:
        InvalidRequest: the headers are inconsistent, or differ from what the upload asks for.
    """

    def __init__(self, headers: Mapping[str, str], asked: RequestedChecksum | None = None) -> None:
        self._declared = declared_checksum(headers)
        algorithm = self._declared.algorithm if self._declared else None
        if asked:
            # Unannounced checksums are computed only if parts can be combined into one.
            if algorithm is None and asked.kind == "FULL_OBJECT":
                algorithm = asked.algorithm
            if algorithm is not asked.algorithm:
                raise other_algorithm(asked.algorithm, algorithm)
        self._algorithm = algorithm
        self.hasher: Hasher | None = algorithm.hasher() if algorithm else None

    def verify(self, trailers: Mapping[str, str]) -> Checksum | None:
        """Return the checksum of the complete body; None if nothing was computed.

        Args:
            trailers: the fields after the body.

        Raises:
            MalformedTrailerError: the trailers lack the announced checksum or have another one.
            InvalidRequest: the trailer is not a checksum.
            BadDigest: the checksum differs from the body's.
        """
        expected = self._declared.algorithm.header if self._declared else ""
        if any(name.startswith(HEADER) and name != expected for name in trailers):
            raise MalformedTrailerError
        if self._algorithm is None or self.hasher is None:
            return None
        digest = self.hasher.digest()
        if self._declared:
            return self._declared.verify(digest, trailers)
        return checksum(self._algorithm, digest)


def check_document(
    headers: Mapping[str, str], trailers: Mapping[str, str], document: bytes
) -> None:
    """Verify a document against the checksum that its request announces.

    Raises:
        MalformedTrailerError: the trailers lack the announced checksum or have another one.
        InvalidRequest: the headers are inconsistent.
        BadDigest: the checksum differs from the document's.
    """
    check = ChecksumVerifier(headers)
    if check.hasher:
        check.hasher.update(document)
    check.verify(trailers)


async def receive_with_checksum(
    body: OutgoingBody, receiver: Receiver, algorithm: Algorithm | None
) -> tuple[StoredBody, str | None]:
    """Store bytes of another body; return them with their checksum as text."""
    if algorithm is None:
        return await receive_body(body, receiver), None
    hasher = algorithm.hasher()
    receiver.observe(hasher.update)
    stored = await receive_body(body, receiver)
    return stored, checksum(algorithm, hasher.digest()).dump()


async def range_checksum(
    ctx: Context,
    source: Version,
    first: int,
    length: int,
    key: EncryptionKey | None,
    algorithm: Algorithm | None,
) -> str | None:
    """Return the checksum of stored bytes as text; None if no algorithm is given.

    Args:
        ctx: the request.
        source: the version with the bytes.
        first: the offset of the first byte.
        length: the number of bytes.
        key: the key that decrypts the bytes, or None.
        algorithm: the algorithm, or None.
    """
    if algorithm is None:
        return None
    whole = load_checksum(source.checksums) if length == source.size else None
    if whole and whole.algorithm is algorithm and whole.kind == "FULL_OBJECT":
        return source.checksums
    return await _compute(plain_body(ctx, source, first, length, key), algorithm)


async def _compute(body: OutgoingBody, algorithm: Algorithm) -> str:
    hasher = algorithm.hasher()
    try:
        async for chunk in body:
            if len(chunk) <= _HASHED_INLINE:
                hasher.update(chunk)
            else:
                await asyncio.to_thread(hasher.update, chunk)
    finally:
        await body.aclose()
    return checksum(algorithm, hasher.digest()).dump()


def checksum_headers(ctx: Context, found: Checksum | None) -> dict[str, str]:
    """Return the headers with a checksum, in a dialect that has them."""
    if found is None or not ctx.rules.returns_checksums:
        return {}
    return {found.algorithm.header: found.text, f"{HEADER}type": found.kind}


def checksum_fields(ctx: Context, found: Checksum | None) -> dict[str, str]:
    """Return the elements of a document with a checksum, in a dialect that has them."""
    if found is None or not ctx.rules.returns_checksums:
        return {}
    return {found.algorithm.field: found.text, "ChecksumType": found.kind}


def part_checksum_fields(ctx: Context, part: Part | LayoutPart) -> dict[str, str]:
    """Return the elements of a document with the checksum of a part."""
    found = load_checksum(part.checksums)
    if found is None or not ctx.rules.returns_checksums:
        return {}
    return {found.algorithm.field: found.text}


def upload_checksum_fields(upload: Upload) -> dict[str, str]:
    """Return the elements of a document with the checksum that an upload asks for."""
    asked = load_requested_checksum(upload.checksums)
    if asked is None:
        return {}
    return {"ChecksumAlgorithm": asked.algorithm.name, "ChecksumType": asked.kind}


def read_checksum_headers(
    ctx: Context, version: Version, piece: LayoutPart | None = None
) -> dict[str, str]:
    """Return the headers with the checksum of what is read, if the request asks for it.

    Args:
        ctx: the request.
        version: the version that is read.
        piece: the part that is read, or None for the whole version.
    """
    if ctx.headers.get(f"{HEADER}mode", "").upper() != "ENABLED":
        return {}
    whole = load_checksum(version.checksums)
    if piece is None:
        return checksum_headers(ctx, whole)
    headers = checksum_headers(ctx, load_checksum(piece.checksums))
    return {**headers, f"{HEADER}type": whole.kind} if headers and whole else headers
