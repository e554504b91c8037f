"""Decryption of objects as they arrive: plaintext is returned only after it is authenticated."""

from dataclasses import dataclass
from typing import Protocol

from coskit.encryption.errors import SealBroken
from coskit.encryption.format.frames import Frames, Layout
from coskit.protocol.codec.ranges import ByteRange


class Decryptor(Protocol):
    """Decrypts the bytes of a response into the requested plaintext."""

    def feed(self, arrived: bytes) -> bytes:
        """Add bytes of the response and return the plaintext that they complete.

        Raises:
            SealBroken: the bytes are not those that were sealed.
        """
        ...

    def finish(self) -> None:
        """Check that the response has ended with all requested bytes.

        Raises:
            SealBroken: requested bytes are missing.
        """
        ...


@dataclass(frozen=True, slots=True)
class FramedContent:
    """The content of a sealed object whose data key is unwrapped."""

    frames: Frames
    layout: Layout

    def decryptor(self, stored: ByteRange, wanted: ByteRange | None) -> "FrameDecryptor":
        """Return the decryptor of a response; see `FrameDecryptor`."""
        return FrameDecryptor(self.frames, self.layout, stored, wanted)


class FrameDecryptor:
    """Decrypts the frames of a response, which holds an object or a range of whole frames."""

    def __init__(
        self, frames: Frames, layout: Layout, stored: ByteRange, wanted: ByteRange | None
    ) -> None:
        """Prepare for a response.

        Args:
            frames: the frames of the object.
            layout: the layout of the object.
            stored: the range of the response in the sealed object.
            wanted: the requested range of the plaintext; None for all of it.

        Raises:
            SealBroken: the response lacks frames of the requested range.
        """
        plain = layout.plain_length(stored.total)
        step = layout.sealed_frame
        self._frames = frames
        self._layout = layout
        self._total = stored.total
        self._final = layout.frames(plain) - 1
        self._number = -(-stored.first // step)
        # A range from the end may begin inside a frame.
        self._skip = self._number * step - stored.first
        self._from = wanted.first if wanted else 0
        self._to = wanted.last + 1 if wanted else plain
        self._end = min((self._to - 1) // layout.frame, self._final) + 1 if self._to else 1
        self._pending = b""
        enough = min(self._end * step, stored.total) <= stored.last + 1
        if self._number > self._from // layout.frame or not enough:
            raise SealBroken("The service sent another range of the object than was requested")

    def feed(self, arrived: bytes) -> bytes:
        """See `Decryptor.feed`."""
        if self._skip:
            skipped = min(self._skip, len(arrived))
            self._skip -= skipped
            arrived = arrived[skipped:]
        data = self._pending + arrived if self._pending else arrived
        view, position, opened = memoryview(data), 0, []
        while self._number < self._end:
            size = self._size(self._number)
            if len(data) - position < size:
                break
            opened.append(self._open(view[position : position + size]))
            position += size
        # Bytes after the last needed frame are ignored.
        self._pending = data[position:] if self._number < self._end else b""
        return opened[0] if len(opened) == 1 else b"".join(opened)

    def _open(self, sealed: memoryview) -> bytes:
        number = self._number
        plain = self._frames.open(number, sealed, last=number == self._final)
        self._number += 1
        start = number * self._layout.frame
        if start >= self._from and start + len(plain) <= self._to:
            return plain
        return plain[max(self._from - start, 0) : self._to - start]

    def _size(self, number: int) -> int:
        step = self._layout.sealed_frame
        return step if number < self._final else self._total - number * step

    def finish(self) -> None:
        """See `Decryptor.finish`."""
        if self._number < self._end:
            raise SealBroken(f"The object ended in frame {self._number}")
