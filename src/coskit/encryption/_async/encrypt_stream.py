"""Encryption of content that can be read only once, frame by frame while it is read."""

from collections.abc import AsyncIterator

from coskit.client._async.body.request_body import AsyncRequestBody
from coskit.encryption.format.frames import Frames, Layout


async def encrypt_chunks(
    frames: Frames, layout: Layout, content: AsyncRequestBody
) -> AsyncIterator[bytes]:
    """Yield the sealed frames of content, of its first `length` bytes if the length is known.

    Raises:
        ParameterError: the content does not have its announced length.
    """
    # A frame is held back until it is known whether it is the last one.
    left = content.length
    number, held = 0, await _frame_of(content, layout, left)
    while True:
        left = None if left is None else left - len(held)
        following = await _frame_of(content, layout, left)
        yield frames.seal(number, held, last=not following)
        if not following:
            return
        number, held = number + 1, following


async def _frame_of(content: AsyncRequestBody, layout: Layout, left: int | None) -> bytes:
    """Return the next frame's plaintext, whole unless the content ends in it."""
    size = layout.frame if left is None else min(layout.frame, left)
    plain = b""
    while len(plain) < size and (chunk := await content.read(size - len(plain))):
        plain += chunk
    return plain
