"""Ciphertext in, as it arrives; plaintext out, not a byte of it before it is known to be right."""

from dataclasses import dataclass
from typing import Protocol

from coskit.encryption.errors import SealBroken
from coskit.encryption.format.frames import Frames, Layout
from coskit.protocol.codec.ranges import ByteRange


class Opener(Protocol):
    """Turns the bytes of an answer into those that the caller asked for."""

    def feed(self, arrived: bytes) -> bytes:
        """Take further bytes of the answer and return the plaintext that they complete.

        Raises:
            SealBroken: they are not what was sealed.
        """
        ...

    def finish(self) -> None:
        """Take note that the answer has ended.

        Raises:
            SealBroken: bytes that the caller asked for are missing.
        """
        ...


@dataclass(frozen=True, slots=True)
class FramedContent:
    """The content of a sealed object whose key is at hand."""

    frames: Frames
    layout: Layout

    def opener(self, answer: ByteRange, wanted: ByteRange | None) -> "FrameOpener":
        """Return what opens an answer; see `FrameOpener`."""
        return FrameOpener(self.frames, self.layout, answer, wanted)


class FrameOpener:
    """Opens the frames of an answer, which holds an object or a range of whole frames of it."""

    def __init__(
        self, frames: Frames, layout: Layout, answer: ByteRange, wanted: ByteRange | None
    ) -> None:
        """Prepare for an answer.

        Args:
            frames: the object's.
            layout: the object's.
            answer: where the answer's bytes are in the sealed object.
            wanted: the plaintext that is asked for; None for all of it.

        Raises:
            SealBroken: the answer does not hold the frames of what is asked for.
        """
        plain = layout.plain_length(answer.total)
        step = layout.sealed_frame
        self._frames = frames
        self._layout = layout
        self._total = answer.total
        self._final = layout.frames(plain) - 1
        self._number = -(-answer.first // step)
        # An answer from the end may begin inside a frame.
        self._skip = self._number * step - answer.first
        self._from = wanted.first if wanted else 0
        self._to = wanted.last + 1 if wanted else plain
        self._end = min((self._to - 1) // layout.frame, self._final) + 1 if self._to else 1
        self._pending = b""
        enough = min(self._end * step, answer.total) <= answer.last + 1
        if self._number > self._from // layout.frame or not enough:
            raise SealBroken("The service sent another range of the object than was asked for")

    def feed(self, arrived: bytes) -> bytes:
        """See `Opener.feed`."""
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
        # What follows the last frame that is needed is nobody's business.
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
        """See `Opener.finish`."""
        if self._number < self._end:
            raise SealBroken(f"The object ended in frame {self._number}")
