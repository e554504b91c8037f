"""The body of a sealed object: decrypted as it arrives, authenticated before it is returned."""

from coskit.client._async.body.streaming_body import AsyncBody
from coskit.client._async.concurrency import AsyncRaw
from coskit.encryption.decrypt import Decryptor

_CHUNK = 1 << 20


class AsyncDecryptedBody(AsyncBody):
    """The plaintext of an object, with all methods of a `Body`.

    Bytes that fail authentication are never returned, nor any bytes after them.
    """

    def __init__(self, sealed: AsyncBody, decryptor: Decryptor, length: int) -> None:
        self._sealed = sealed
        self._decryptor = decryptor
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
                    self._opened = memoryview(self._decryptor.feed(arrived))
                else:
                    self._over = True
                    self._decryptor.finish()
        except Exception:
            await self._sealed.aclose()
            raise

    async def aclose(self) -> None:
        """Return the connection to the pool; the rest is not downloaded."""
        self._over = True
        self._opened = memoryview(b"")
        self._held = b""
        await self._sealed.aclose()
        await AsyncRaw.aclose(self)
