"""The content of an encrypted object: opened as it arrives, checked before it is handed out."""

from coskit.client._async.body.streaming_body import AsyncBody
from coskit.client._async.concurrency import AsyncRaw
from coskit.encryption.decrypt import Opener

_CHUNK = 1 << 20


class AsyncDecryptedBody(AsyncBody):
    """An object's plaintext; it has all that a `Body` has.

    Bytes that fail their check are never handed out, nor is anything behind them.
    """

    def __init__(self, sealed: AsyncBody, opener: Opener, length: int) -> None:
        self._sealed = sealed
        self._opener = opener
        self._length = length
        self._opened = memoryview(b"")
        self._over = False

    async def _take(self, size: int, *, full: bool = True) -> bytes:
        pieces, left = list[bytes](), size
        while left and (chunk := await self._some(left if size > 0 else _CHUNK)):
            pieces.append(chunk)
            left = left - len(chunk) if full else 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _some(self, size: int) -> bytes:
        if not self._opened:
            await self._open_more()
        chunk, self._opened = bytes(self._opened[:size]), self._opened[size:]
        return chunk

    async def _open_more(self) -> None:
        try:
            while not self._over and not self._opened:
                arrived = await self._sealed.read1(_CHUNK)
                if arrived:
                    self._opened = memoryview(self._opener.feed(arrived))
                else:
                    self._over = True
                    self._opener.finish()
        except Exception:
            await self._sealed.aclose()
            raise

    async def aclose(self) -> None:
        """Give the connection back; what has not been read is not downloaded."""
        self._over = True
        self._opened = memoryview(b"")
        self._held = b""
        await self._sealed.aclose()
        await AsyncRaw.aclose(self)
