"""The body of an object with the vendor's method names; it is verified while it is read."""

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

from coskit.client._sync.body.save_body import save_chunks
from coskit.client._sync.body.streaming_body import Body
from coskit.client.settings.argument_checks import path_of
from coskit.compat.implementation.content_decoding import Decoded, is_coded
from coskit.protocol.errors import IntegrityError

_CHUNK = 1 << 20


class StreamBody:
    """An object's bytes, raw or without their Content-Encoding.

    Args:
        body: the body of the response.
        encoding: the Content-Encoding of the object.
    """

    def __init__(self, body: Body, *, encoding: str = "") -> None:
        self._body = body
        self._encoding = encoding if is_coded(encoding) else ""
        self._content: Decoded | None = None

    def __len__(self) -> int:
        return len(self._body)

    def __iter__(self) -> Iterator[bytes]:
        return self.get_stream()

    def get_raw_stream(self) -> Body:
        """Return a file-like object with the bytes as they are stored."""
        return self._body

    def get_stream(self, chunk_size: int = 1024) -> Iterator[bytes]:
        """Yield the content in chunks, without its Content-Encoding.

        Raises:
            IntegrityError: the content is damaged, or ends too early.
            CosClientError: the connection failed, or the package that decodes it is missing.
        """
        while chunk := self.read(chunk_size, auto_decompress=True):
            yield chunk

    def read(self, chunk_size: int = 1024, auto_decompress: bool = False) -> bytes:
        """Return `chunk_size` bytes, fewer only at the end; a negative number reads everything.

        Args:
            chunk_size: the number of bytes; with `auto_decompress` they are decoded bytes, so that
                memory is bounded for any content.
            auto_decompress: return the content without its Content-Encoding: gzip of any number
                of members, deflate, br, zstd, or several of them.

        Raises:
            IntegrityError: the content is damaged, or ends too early.
            CosClientError: the connection failed, or the package that decodes it is missing.
        """
        if not (auto_decompress and self._encoding):
            return self._body.read(chunk_size)
        if self._content is None:
            self._content = Decoded(self._body, self._encoding)
        return self._content.read(chunk_size)

    def get_stream_to_file(
        self,
        file_name: str | bytes | os.PathLike[str],
        disable_tmp_file: bool = False,
        auto_decompress: bool = False,
    ) -> None:
        """Write the content to a file, which appears when it is complete.

        Pipes and devices are written directly, links are followed, and the new file gets the owner
        and permissions of the file that it replaces.

        Args:
            file_name: the path of the file.
            disable_tmp_file: write to the file directly, which may then be left incomplete.
            auto_decompress: the same as for `read`.
        """
        path = path_of("file_name", file_name)
        try:
            if disable_tmp_file:
                with open(path, "wb", 0) as file:  # noqa: PTH123 - a pipe or a device too
                    self._pour(file, auto_decompress)
            else:
                save_chunks(path, self._chunks(auto_decompress))
        except BaseException:
            self.close()
            raise

    def _chunks(self, auto_decompress: bool) -> Iterator[bytes]:
        decoded = auto_decompress and self._encoding
        while chunk := self.read(_CHUNK, True) if decoded else self._body.read1(_CHUNK):
            yield chunk

    def pget_stream_to_file(
        self, fdst: BinaryIO, offset: int, expected_len: int, auto_decompress: bool = False
    ) -> None:
        """Write the content into an open file.

        Args:
            fdst: the file.
            offset: the position in the file.
            expected_len: the expected number of bytes, unless they are decoded.
            auto_decompress: the same as for `read`.

        Raises:
            IntegrityError: the number of bytes differs.
        """
        fdst.seek(offset)
        written = self._pour(fdst, auto_decompress)
        if written != expected_len and not (auto_decompress and self._encoding):
            raise IntegrityError(f"{written} bytes came, not {expected_len}")

    def _pour(self, file: Any, auto_decompress: bool) -> int:
        written = 0
        for chunk in self._chunks(auto_decompress):
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]
            written += len(chunk)
        return written

    def close(self) -> None:
        """Return the connection to the pool."""
        self._body.close()
