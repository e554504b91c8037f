"""The `aws-chunked` encoding: chunks with sizes, chained signatures, and a trailer.

Nothing here reads or writes: a decoder is fed with received bytes, in pieces of any size.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from coskit.protocol.auth.prepared_hmac import hmac_sha256
from coskit.protocol.errors import (
    IncompleteBody,
    InvalidChunkSizeError,
    MalformedTrailerError,
    SignatureDoesNotMatch,
)
from coskit.protocol.messages import decode_text, encode_text
from coskit.protocol.s3.auth.sigv4 import EMPTY_PAYLOAD

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING = "STREAMING-"
TRAILER_SIGNATURE = "x-amz-trailer-signature"

_EXTENSION = b"chunk-signature="
_CRLF = b"\r\n"
_LONGEST_LINE = 1 << 10  # bytes of a chunk's size and signature
_LONGEST_TRAILER = 16 << 10
_SIZE = re.compile(b"[0-9A-Fa-f]{1,16}").fullmatch

_Where = Literal["size", "data", "after data", "trailer", "end"]


@dataclass(frozen=True, slots=True)
class SeedSignature:
    """The seed of the chunks' signatures: the signature of the request's headers.

    Attributes:
        key: the signing key.
        date: the request's date, `20231114T221320Z`.
        scope: the scope of the signing key.
        signature: the request's signature.
    """

    key: bytes
    date: str
    scope: str
    signature: str

    def __repr__(self) -> str:
        return f"Seed(key=..., date={self.date!r}, scope={self.scope!r})"


class ChunkSigner:
    """The signatures of one body's chunks, each of which covers the previous one.

    Args:
        seed: the signature of the request.
    """

    def __init__(self, seed: SeedSignature) -> None:
        self._seed = seed
        self._last = seed.signature

    def sign_chunk(self, digest: str) -> str:
        """Return the signature of the next chunk, from the hex SHA-256 of its data."""
        return self._sign("PAYLOAD", f"{EMPTY_PAYLOAD}\n{digest}")

    def sign_trailer(self, trailer: Iterable[tuple[str, str]]) -> str:
        """Return the signature of the trailer, which comes last."""
        text = "".join(f"{name}:{value}\n" for name, value in trailer)
        return self._sign("TRAILER", sha256(encode_text(text)).hexdigest())

    def _sign(self, what: str, digests: str) -> str:
        head = f"AWS4-HMAC-SHA256-{what}\n{self._seed.date}\n{self._seed.scope}"
        self._last = hmac_sha256(self._seed.key, f"{head}\n{self._last}\n{digests}")
        return self._last


class ChunkDecoder:
    """Incremental decoder of a body in `aws-chunked` encoding.

    Data is returned as it arrives, before the signature of its chunk is checked; it is verified
    once `finish` has returned. So chunks may have any size, and no data is buffered.

    Args:
        length: the declared length of the data in bytes, or None.
        seed: the signature of the request; None if the chunks are not signed.
        has_trailer: whether a trailer follows the last chunk.

    Attributes:
        trailers: the trailers by lower-case name; complete after `finish`.
    """

    def __init__(
        self, length: int | None, seed: SeedSignature | None = None, *, has_trailer: bool = False
    ) -> None:
        self.trailers: dict[str, str] = {}
        self._chain = ChunkSigner(seed) if seed else None
        self._has_trailer = has_trailer
        self._due = length
        self._where: _Where = "size"
        self._line = bytearray()  # the received part of a line or of the trailer
        self._left = 0  # bytes of the chunk that are still to come
        self._hash = sha256()
        self._signature = ""

    def feed(self, data: bytes) -> list[bytes]:
        """Decode the next bytes, and return the pieces of data in them.

        Raises:
            InvalidChunkSizeError: the framing is malformed.
            MalformedTrailerError: the trailer is malformed.
            SignatureDoesNotMatch: the signature of a chunk does not match.
            IncompleteBody: there is more data than declared.
        """
        pieces: list[bytes] = []
        at = 0
        while at < len(data):
            if self._where == "data":
                piece = data[at : at + self._left]
                at += len(piece)
                self._take(piece)
                pieces.append(piece)
            elif self._where == "trailer":
                at = self._read_trailer(data, at)
            elif self._where == "end":
                raise InvalidChunkSizeError("There is something after the last chunk")
            else:
                at = self._read_line(data, at)
        return pieces

    def finish(self) -> None:
        """Check that the body is complete, after its last bytes.

        Raises:
            IncompleteBody: the last chunk, the end of the trailer or data is missing.
            MalformedTrailerError: the trailer is malformed.
            SignatureDoesNotMatch: the signature of the trailer does not match.
        """
        if self._where == "trailer" and (not self._line or self._line.endswith(_CRLF)):
            # Some clients leave out the empty line at the end.
            self._apply_trailer(decode_text(bytes(self._line)))
        elif self._where != "end":
            raise IncompleteBody("The body ends before its last chunk")
        if self._due:
            raise IncompleteBody("The body is shorter than its x-amz-decoded-content-length")

    def _take(self, piece: bytes) -> None:
        """Count and hash a piece of a chunk."""
        self._left -= len(piece)
        if self._chain:
            self._hash.update(piece)
        if not self._left:
            self._check_chunk()
            self._where = "after data"

    def _check_chunk(self) -> None:
        if self._chain is None:
            return
        expected = self._chain.sign_chunk(self._hash.hexdigest())
        if not hmac.compare_digest(expected.encode(), encode_text(self._signature)):
            raise SignatureDoesNotMatch("A chunk is not the one that was signed in its place")
        self._hash = sha256()

    def _read_line(self, data: bytes, at: int) -> int:
        """Read a line up to its CRLF, and return the position after it."""
        end = data.find(b"\n", at)
        stop = end + 1 if end >= 0 else len(data)
        self._line += data[at:stop]
        if len(self._line) > _LONGEST_LINE:
            raise InvalidChunkSizeError("The line before a chunk is too long")
        if end >= 0:
            line = bytes(self._line)
            self._line.clear()
            if not line.endswith(_CRLF):
                raise InvalidChunkSizeError("A line does not end with CR LF")
            self._apply_line(line[:-2])
        return stop

    def _apply_line(self, line: bytes) -> None:
        if self._where == "after data":
            if line:
                raise InvalidChunkSizeError("A chunk is longer than its size")
            self._where = "size"
            return
        size, _, extension = line.partition(b";")
        if not _SIZE(size):
            raise InvalidChunkSizeError("A chunk has no hexadecimal size")
        self._left = int(size, 16)
        if self._chain:
            if not extension.startswith(_EXTENSION):
                raise InvalidChunkSizeError("A chunk has no signature")
            self._signature = decode_text(extension[len(_EXTENSION) :])
        if self._left:
            self._where = "data"
            if self._due is not None:
                self._due -= self._left
                if self._due < 0:
                    raise IncompleteBody("There is more than x-amz-decoded-content-length")
            return
        self._check_chunk()
        self._where = "trailer"

    def _read_trailer(self, data: bytes, at: int) -> int:
        """Read the trailer up to its empty line, and return the position after it."""
        known = len(self._line)
        self._line += data[at : at + _LONGEST_TRAILER + 4 - known]
        if self._line.startswith(_CRLF):
            length = 2
        else:
            found = self._line.find(_CRLF + _CRLF, max(0, known - 3))
            if found < 0:
                if len(self._line) > _LONGEST_TRAILER:
                    raise MalformedTrailerError("The trailer is too long")
                return len(data)
            length = found + 4
        text = decode_text(bytes(self._line[:length]))
        self._line.clear()
        self._apply_trailer(text)
        self._where = "end"
        return at + length - known

    def _apply_trailer(self, text: str) -> None:
        trailer: list[tuple[str, str]] = []
        # Some clients end a line of the trailer with LF CR LF.
        for line in filter(None, (line.strip() for line in text.split("\n"))):
            name, colon, value = line.partition(":")
            if not colon or not name or not self._has_trailer:
                raise MalformedTrailerError
            trailer.append((name.strip().lower(), value.strip()))
        signature = dict(trailer).get(TRAILER_SIGNATURE, "")
        trailer = [pair for pair in trailer if pair[0] != TRAILER_SIGNATURE]
        if self._chain and self._has_trailer:
            expected = self._chain.sign_trailer(trailer)
            if not hmac.compare_digest(expected.encode(), encode_text(signature)):
                raise SignatureDoesNotMatch("The trailer is not the one that was signed")
        # The first of a repeated name counts.
        self.trailers = dict(reversed(trailer))


class ChunkEncoder:
    """Encoder of a body in `aws-chunked` encoding, chunk by chunk.

    Args:
        seed: the signature of the request; None if the chunks are not signed.
    """

    def __init__(self, seed: SeedSignature | None = None) -> None:
        self._chain = ChunkSigner(seed) if seed else None

    def chunk(self, data: bytes) -> bytes:
        """Return the next chunk, encoded; an empty one would be the last."""
        assert data, "an empty chunk ends the body"
        return b"".join((self._head(data), data, _CRLF))

    def end(self, trailer: Mapping[str, str] | None = None) -> bytes:
        """Return the end of the body.

        Args:
            trailer: the trailers by lower-case name, or None for a body without a trailer.
        """
        last = self._head(b"")
        if trailer is None:
            return last + _CRLF
        pairs = tuple(trailer.items())
        if self._chain:
            pairs = (*pairs, (TRAILER_SIGNATURE, self._chain.sign_trailer(pairs)))
        return last + b"".join(encode_text(f"{name}:{value}\r\n") for name, value in pairs) + _CRLF

    def _head(self, data: bytes) -> bytes:
        if self._chain is None:
            return b"%x\r\n" % len(data)
        signature = self._chain.sign_chunk(sha256(data).hexdigest())
        return b"%x;%s%s\r\n" % (len(data), _EXTENSION, signature.encode())


def encoded_length(
    length: int, chunk: int, *, is_signed: bool, trailer: Mapping[str, int] | None = None
) -> int:
    """Return the encoded length of a body.

    Args:
        length: the length of the data in bytes.
        chunk: the bytes of data in each chunk but the last.
        is_signed: whether the chunks are signed.
        trailer: the length of each trailer's value by name, or None for a body without a trailer.
    """
    extension = len(b";" + _EXTENSION) + 64 if is_signed else 0
    whole, rest = divmod(length, chunk)
    sizes = [(whole, chunk), (1 if rest else 0, rest), (1, 0)]
    framed = sum(
        times * (len(f"{size:x}") + extension + 2 + (size + 2 if size else 0))
        for times, size in sizes
    )
    names = dict(trailer or {})
    if is_signed and trailer is not None:
        names[TRAILER_SIGNATURE] = 64
    return framed + sum(len(name) + 1 + size + 2 for name, size in names.items()) + 2
