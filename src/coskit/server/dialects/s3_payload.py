"""The bodies of S3 requests: check their SHA-256, and decode the framing aws-chunked."""

import re
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256

from coskit.protocol.errors import (
    InvalidArgument,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    NotImplementedOperation,
    XAmzContentSHA256Mismatch,
)
from coskit.protocol.messages import Request
from coskit.protocol.s3.auth.aws_chunked import (
    SIGNED,
    SIGNED_TRAILER,
    STREAMING,
    UNSIGNED_TRAILER,
    ChunkDecoder,
    SeedSignature,
)
from coskit.protocol.s3.auth.sigv4 import EMPTY_PAYLOAD, PAYLOAD_HASH, UNSIGNED_PAYLOAD
from coskit.server.auth.s3_signature import Identity
from coskit.server.handlers.context import IncomingBody

_DECODED_LENGTH = "x-amz-decoded-content-length"
_LENGTH_DIGITS = 18
_HEX_DIGEST = re.compile("[0-9a-fA-F]{64}").fullmatch


def open_payload(identity: Identity, request: Request, body: IncomingBody) -> IncomingBody:
    """Return the decoded body of a request; it raises before its end if it was altered.

    Args:
        identity: the request's sender and signature.
        request: the request as received, under the names of S3.
        body: the body as received.

    Raises:
        InvalidArgument: x-amz-content-sha256 or the length of the data is malformed.
        InvalidRequest: the chunks are signed, but not the request.
        MissingContentLength: the body is framed, and no header gives the length of its data.
        NotImplementedOperation: the chunks have a signature of an unknown kind.
        XAmzContentSHA256Mismatch: the body is missing.
    """
    headers, hashed = request.headers, identity.payload_hash
    if hashed in ("", UNSIGNED_PAYLOAD):
        hashed = headers.get(PAYLOAD_HASH, UNSIGNED_PAYLOAD).strip()
    if hashed == UNSIGNED_PAYLOAD:
        # Old tools frame a body and announce it only in Content-Encoding.
        return _unframe(headers, body, None) if _is_framed(headers) else body
    if hashed == UNSIGNED_TRAILER:
        return _unframe(headers, body, None)
    if hashed.startswith(STREAMING):
        if hashed not in (SIGNED, SIGNED_TRAILER):
            raise NotImplementedOperation(f"{hashed[:60]} is not implemented")
        if identity.seed is None:
            raise InvalidRequest("Signed chunks need a request signed in version 4")
        return _unframe(headers, body, identity.seed, has_trailer=hashed == SIGNED_TRAILER)
    if not _HEX_DIGEST(hashed):
        raise InvalidArgument(
            f"{PAYLOAD_HASH} must be UNSIGNED-PAYLOAD, {SIGNED_TRAILER}, {SIGNED}, "
            f"{UNSIGNED_TRAILER} or a valid sha256 value"
        )
    if _has_body(headers):
        return _Hashed(body, hashed.lower())
    if hashed.lower() != EMPTY_PAYLOAD:
        raise XAmzContentSHA256Mismatch
    return body


class _Hashed:
    """A body with a SHA-256 to check."""

    def __init__(self, body: IncomingBody, expected: str) -> None:
        self._body = body
        self._expected = expected

    @property
    def length(self) -> int | None:
        """See `IncomingBody.length`."""
        return self._body.length

    @property
    def trailers(self) -> Mapping[str, str]:
        """See `IncomingBody.trailers`."""
        return self._body.trailers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # On the event loop: a chunk takes tens of microseconds; its MD5, in a thread, takes four
        # times as long, so another thread would gain nothing.
        digest = sha256()
        async for chunk in self._body:
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != self._expected:
            raise XAmzContentSHA256Mismatch


class _Unframed:
    """The data of a body in the framing `aws-chunked`."""

    def __init__(
        self, body: IncomingBody, length: int, decoder: ChunkDecoder, announced: frozenset[str]
    ) -> None:
        self._body = body
        self._length = length
        self._decoder = decoder
        self._announced = announced

    @property
    def length(self) -> int:
        """See `IncomingBody.length`; the length without the framing."""
        return self._length

    @property
    def trailers(self) -> Mapping[str, str]:
        """See `IncomingBody.trailers`."""
        return self._decoder.trailers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            for piece in self._decoder.feed(chunk):
                yield piece
        self._decoder.finish()
        if missing := self._announced - self._decoder.trailers.keys():
            raise MalformedTrailerError(f"The trailer lacks {min(missing)[:60]}")


def _unframe(
    headers: Mapping[str, str],
    body: IncomingBody,
    seed: SeedSignature | None,
    *,
    has_trailer: bool = True,
) -> _Unframed:
    text = headers.get(_DECODED_LENGTH)
    if text is None:
        raise MissingContentLength(f"A framed body needs {_DECODED_LENGTH}")
    if not (text.isascii() and text.isdigit() and len(text) <= _LENGTH_DIGITS):
        raise InvalidArgument(f"{_DECODED_LENGTH} is not a number of bytes")
    names = (name.strip().lower() for name in headers.get("x-amz-trailer", "").split(","))
    decoder = ChunkDecoder(int(text), seed, has_trailer=has_trailer)
    return _Unframed(body, int(text), decoder, frozenset(filter(None, names)))


def _is_framed(headers: Mapping[str, str]) -> bool:
    return "aws-chunked" in headers.get("content-encoding", "").lower()


def _has_body(headers: Mapping[str, str]) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
