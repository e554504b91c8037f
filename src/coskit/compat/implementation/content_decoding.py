"""Decoding of content codings while content is read, in bounded memory, to their end."""

import gzip
import io
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from coskit.protocol.errors import CosClientError, IntegrityError

_PIECE = 1 << 16
# A block of zstd decodes to 128 KiB at most, and takes four bytes at least.
_ZSTD_READ_SIZE = 64


class Readable(Protocol):
    """A stream that is read once, from its start."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; `b""` is the end."""
        ...


class Decoded:
    """Content without its codings.

    Args:
        raw: the content as it was stored.
        codings: the Content-Encoding, such as `gzip` or `deflate, gzip`; unknown names are
            ignored.

    Raises:
        CosClientError: the package that decodes one of them is missing.
    """

    def __init__(self, raw: Readable, codings: str) -> None:
        self._stream: Any = raw
        self._failure: IntegrityError | None = None
        for name in reversed(codings.lower().split(",")):
            undo = _CODINGS.get(name.strip())
            if undo is not None:
                self._stream = undo(self._stream)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes of content, b"" at its end; a negative size reads everything.

        Raises:
            IntegrityError: the content is damaged, or ends before its coding does.
        """
        if self._failure is not None:
            raise self._failure
        try:
            content: bytes = self._stream.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error, ValueError) as cause:
            self._failure = IntegrityError(f"The content cannot be decoded: {cause}")
            raise self._failure from cause
        return content


def is_coded(codings: str) -> bool:
    """Return whether a Content-Encoding names a supported coding."""
    return any(name.strip() in _CODINGS for name in codings.lower().split(","))


class _Decoder(Protocol):
    """The decoder of one coding, some bytes at a time."""

    @property
    def ended(self) -> bool:
        """True after the end of the coding."""
        ...

    def feed(self, data: bytes, limit: int) -> bytes:
        """Decode `data`; return about `limit` bytes at most, the rest for further calls with b"".

        Raises:
            ValueError: the data is damaged, or continues after its end.
        """
        ...


class _EncodedFile(io.RawIOBase):
    """The encoded content as a file."""

    def __init__(self, raw: Readable) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._raw.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


class _DecodedFile(io.RawIOBase):
    """The content of one decoder as a file."""

    def __init__(self, raw: Readable, engine: _Decoder, step: int) -> None:
        self._raw = raw
        self._engine = engine
        self._step = step
        self._spare = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._spare or self._more(len(buffer))
        given, self._spare = content[: len(buffer)], content[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)

    def _more(self, limit: int) -> bytes:
        while not (content := self._engine.feed(b"", limit)):
            piece = self._raw.read(self._step)
            if not piece and self._engine.ended:
                return b""
            if not piece:
                raise EOFError("it ends within its coding")
            if content := self._engine.feed(piece, limit):
                break
        return content


class _Deflate:
    """Decodes `deflate`: zlib's format, or raw deflate, which some senders use."""

    ended = True  # no bytes at all are complete, empty content

    def __init__(self) -> None:
        self._inflate: Any = None
        self._rest = b""

    def feed(self, data: bytes, limit: int) -> bytes:
        """See `_Decoder.feed`."""
        data = self._rest + data
        self._rest, self.ended = data, self.ended and not data
        if self._inflate is None:
            if len(data) < 2:
                return b""
            self._inflate = zlib.decompressobj(
                zlib.MAX_WBITS if _is_zlib(data) else -zlib.MAX_WBITS
            )
        content: bytes = self._inflate.decompress(data, limit)
        self._rest, self.ended = self._inflate.unconsumed_tail, self._inflate.eof
        if self._inflate.unused_data:
            raise ValueError("there is more after its end")
        return content


def _is_zlib(head: bytes) -> bool:
    """Return whether content begins with a head of zlib's format (RFC 1950 2.2)."""
    return head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0


class _Brotli:
    """Decodes `br`, with the package `brotli`."""

    ended = True

    def __init__(self) -> None:
        self._module = _package("brotli")
        self._decoder = self._module.Decompressor()
        if not hasattr(self._decoder, "can_accept_more_data"):
            raise CosClientError("brotli 1.2 or newer is needed, which bounds what it returns")

    def feed(self, data: bytes, limit: int) -> bytes:
        """See `_Decoder.feed`."""
        if not data and self.ended:
            return b""
        try:
            content: bytes = self._decoder.process(data, output_buffer_limit=limit)
        except self._module.error as cause:
            raise ValueError(str(cause) or "it is damaged") from cause
        self.ended = self._decoder.is_finished()
        return content


class _Zstd:
    """Decodes all frames of `zstd`, with the package `zstandard`."""

    ended = True

    def __init__(self) -> None:
        self._module = _package("zstandard")
        self._frame = self._new()

    def _new(self) -> Any:
        return self._module.ZstdDecompressor().decompressobj()

    def feed(self, data: bytes, limit: int) -> bytes:
        """See `_Decoder.feed`; the blocks of the format limit what a few bytes decode to."""
        content = b""
        try:
            while data:
                content += self._frame.decompress(data)
                self.ended, data = self._frame.eof, b""
                if self.ended:
                    data, self._frame = self._frame.unused_data, self._new()
        except self._module.ZstdError as cause:
            raise ValueError(str(cause)) from cause
        return content


def _package(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        raise CosClientError(f"This Content-Encoding needs a package: {name}") from missing


def _gzip(raw: Readable) -> Any:
    # It reads all members and checks the CRC of each; a truncated one is an EOFError.
    return gzip.GzipFile(fileobj=io.BufferedReader(_EncodedFile(raw), _PIECE), mode="rb")


def _deflate(raw: Readable) -> Any:
    return io.BufferedReader(_DecodedFile(raw, _Deflate(), _PIECE), _PIECE)


def _brotli(raw: Readable) -> Any:
    return io.BufferedReader(_DecodedFile(raw, _Brotli(), _PIECE), _PIECE)


def _zstd(raw: Readable) -> Any:
    source = io.BufferedReader(_EncodedFile(raw), _PIECE)
    return io.BufferedReader(_DecodedFile(source, _Zstd(), _ZSTD_READ_SIZE), _PIECE)


_CODINGS: dict[str, Callable[[Readable], Any]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
