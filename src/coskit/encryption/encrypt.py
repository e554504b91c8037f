"""Encryption of content: from memory, from a file or from the source of an upload."""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, cast

from coskit.client.transfer.upload_source import UploadSource
from coskit.encryption.errors import NotSealed
from coskit.encryption.format.envelope import Envelope, new_envelope
from coskit.encryption.format.frames import FRAME, Frames, Layout
from coskit.encryption.master_keys import MasterKey
from coskit.protocol.errors import SourceChanged


def encrypt_bytes(frames: Frames, layout: Layout, plain: bytes) -> bytes:
    """Return the whole plaintext, sealed."""
    return b"".join(_sealed(frames, layout, plain))


def _sealed(frames: Frames, layout: Layout, plain: bytes) -> Iterator[bytes]:
    view, final = memoryview(plain), layout.frames(len(plain)) - 1
    for number in range(final + 1):
        start = number * layout.frame
        yield frames.seal(number, view[start : start + layout.frame], last=number == final)


class EncryptingFile(io.RawIOBase):
    """A section of a sealed object as a file, sealed while it is read; each read gives the same."""

    def __init__(
        self,
        frames: Frames,
        layout: Layout,
        plain: BinaryIO,
        size: int,
        *,
        origin: int = 0,
        offset: int = 0,
        length: int | None = None,
        own: bool = False,
        check: Callable[[], None] | None = None,
    ) -> None:
        """Read from a file of plaintext, whose position is changed.

        Args:
            frames: the frames of the object.
            layout: the layout of the object.
            plain: the seekable file with the plaintext of the section's frames.
            size: the bytes of plaintext in the whole object.
            origin: the position in `plain` of the object's first byte; may be negative.
            offset: the offset of the section in the sealed object.
            length: the bytes of the section; None for all that follow.
            own: whether to close `plain` with this file.
            check: checks that `plain` is unchanged, before the last byte is returned.
        """
        super().__init__()
        self._frames, self._layout, self._plain, self._size = frames, layout, plain, size
        self._origin, self._offset, self._own, self._check = origin, offset, own, check
        self._length = layout.sealed_length(size) - offset if length is None else length
        self._position = 0
        self._latest: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the section."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position in the section and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Return `size` bytes, fewer at the end of the section.

        Raises:
            SourceChanged: the file of plaintext became shorter.
        """
        left = max(self._length - self._position, 0)
        left = left if size < 0 else min(size, left)
        pieces = []
        while left:
            number, start = divmod(self._offset + self._position, self._layout.sealed_frame)
            piece = self._frame(number)[start : start + left]
            pieces.append(piece)
            self._position += len(piece)
            left -= len(piece)
        if self._check is not None and self._position >= self._length:
            self._check_end(self._check)
        return b"".join(pieces)

    def _check_end(self, check: Callable[[], None]) -> None:
        self._plain.seek(self._origin + self._size)
        if self._plain.read(1):
            raise SourceChanged(f"The file has more than the {self._size} bytes it had")
        check()

    def _frame(self, number: int) -> bytes:
        if self._latest[0] != number:
            start = number * self._layout.frame
            length = min(self._layout.frame, self._size - start)
            self._plain.seek(self._origin + start)
            plain = _read_all(self._plain, length)
            last = start + length == self._size
            self._latest = number, self._frames.seal(number, plain, last=last)
        return self._latest[1]

    def close(self) -> None:
        """Close the file of plaintext if this file owns it."""
        if self._own:
            self._plain.close()
        super().close()


def _read_all(file: BinaryIO, length: int) -> bytes:
    plain = file.read(length)
    while len(plain) < length:
        more = file.read(length - len(plain))
        if not more:
            raise SourceChanged(f"The file ended {length - len(plain)} bytes too early")
        plain += more
    return plain


class EncryptingSource:
    """An upload source that is sealed while it is read; it resumes with its first data key."""

    def __init__(
        self, plain: UploadSource, key: MasterKey, *, frame: int = FRAME, description: str = ""
    ) -> None:
        """Seal a source with a new data key."""
        self._plain = plain
        self._key = key
        self._envelope, self._frames = new_envelope(key, frame=frame, description=description)

    @property
    def size(self) -> int:
        """See `UploadSource.size`."""
        return self._envelope.layout.sealed_length(self._plain.size)

    @property
    def identity(self) -> Mapping[str, str | int]:
        """See `UploadSource.identity`: without a key that unwraps, each source is a new one."""
        seal = self._envelope
        how: dict[str, str | int] = {
            "seal": f"{seal.algorithm} {seal.key_id}",
            "frame": seal.frame,
            "description": seal.description,
        }
        if not self._key.opens:
            how["once"] = seal.wrapped.hex()
        return {**self._plain.identity, **how}

    @property
    def metadata(self) -> Mapping[str, str]:
        """See `UploadSource.metadata`."""
        return {**self._plain.metadata, **self._envelope.headers()}

    @property
    def state(self) -> Mapping[str, str]:
        """See `UploadSource.state`: the wrapped key, never the key."""
        return {**self._plain.state, **self._envelope.headers()}

    def restore(self, state: Mapping[str, str]) -> None:
        """See `UploadSource.restore`.

        Raises:
            SealBroken: the state has no seal of this master key.
        """
        self._plain.restore(state)
        found = Envelope.from_headers(state)
        if found is None:
            raise NotSealed("The interrupted upload left no seal to go on with")
        self._frames, self._envelope = found.open((self._key,)), found

    def section(self, offset: int, length: int) -> BinaryIO:
        """See `UploadSource.section`: parts need not begin or end where frames do."""
        layout, total = self._envelope.layout, self._plain.size
        first = offset // layout.sealed_frame * layout.frame
        end = -(-(offset + length) // layout.sealed_frame) * layout.frame
        plain = self._plain.section(first, min(end, total) - first)
        file = EncryptingFile(
            self._frames,
            layout,
            plain,
            total,
            origin=-first,
            offset=offset,
            length=length,
            own=True,
        )
        return cast(BinaryIO, file)

    def check(self) -> None:
        """See `UploadSource.check`."""
        self._plain.check()
