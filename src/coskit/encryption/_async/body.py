"""The content of an encrypted object: opened as it arrives, checked before it is handed out."""

from coskit.client._async.body import AsyncBody
from coskit.encryption.opening import Opener

_CHUNK = 1 << 20


class AsyncDecryptedBody(AsyncBody):
    """An object's plaintext; it has all that a `Body` has.

    Bytes that fail their check are never handed out, nor is anything behind them: the failure is
    raised again, however often one reads.
    """

    def __init__(self, sealed: AsyncBody, opener: Opener, length: int) -> None:
        self._sealed = sealed
        self._opener = opener
        self._length = length
        self._opened = memoryview(b"")
        self._over = False
        self._failure: Exception | None = None

    async def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, b"" at the end; a negative size reads everything.

        Raises:
            TransportError: the connection failed or ended before the last byte.
            IntegrityError: the bytes are not those that were stored or sealed.
        """
        if size < 0:
            return b"".join([chunk async for chunk in self])
        if not size:
            return b""
        if not self._opened:
            await self._open_more()
        chunk, self._opened = bytes(self._opened[:size]), self._opened[size:]
        return chunk

    async def _open_more(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            while not self._over and not self._opened:
                arrived = await self._sealed.read(_CHUNK)
                if arrived:
                    self._opened = memoryview(self._opener.feed(arrived))
                else:
                    self._over = True
                    self._opener.finish()
        except Exception as failure:
            self._failure = failure
            await self._sealed.aclose()
            raise

    async def aclose(self) -> None:
        """Give the connection back; what has not been read is not downloaded."""
        self._over = True
        self._opened = memoryview(b"")
        await self._sealed.aclose()
