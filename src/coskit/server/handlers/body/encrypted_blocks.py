"""How bodies lie encrypted: AES-256-GCM in blocks, so that any range can be opened by itself.

A sealed blob is a random salt of 32 bytes, then blocks of 64 KiB, each followed by its 16-byte tag.
Its key is derived from the owner's key and the salt, so that no two blobs share one; the nonce of a
block is its number.
"""

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import InternalError
from coskit.server.handlers.context import OutgoingBody
from coskit.server.store.io.read import Reading
from coskit.server.store.io.receive import Observer, Sink
from coskit.server.store.model import Extent, Shown, Stored

SALT = 32
BLOCK = 1 << 16
_ENCRYPTED_BLOCK = BLOCK + 16
_BATCH = 8  # blocks that are worth a change of threads


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """32 bytes that open a body, and whose they are.

    Attributes:
        owner: the server's are its one key, and the `named` ones that are made from it.
        secret: the bytes.
        name: of a named key, else "".
    """

    owner: Literal["customer", "server", "named"]
    secret: bytes = field(repr=False)
    name: str = ""

    def lock(self) -> str:
        """Return what is kept with a body: by it the key can be told, but not found."""
        salt = os.urandom(SALT)
        kept = {"by": self.owner, "salt": salt.hex(), "print": self._print(salt)}
        return json.dumps({**kept, "name": self.name} if self.name else kept)

    def opens(self, lock: str) -> bool:
        """Return whether `lock` made this lock with the same key."""
        kept = json.loads(lock)
        found = self._print(bytes.fromhex(kept["salt"]))
        same = (kept["by"], kept.get("name", "")) == (self.owner, self.name)
        return same and hmac.compare_digest(found, kept["print"])

    def cipher(self, salt: bytes) -> AESGCM:
        """Return the cipher of one blob."""
        return AESGCM(hmac.digest(self.secret, b"coskit blob" + salt, "sha256"))

    def _print(self, salt: bytes) -> str:
        return hmac.digest(self.secret, b"coskit lock" + salt, "sha256").hex()


def named_key(master_key: bytes, name: str) -> EncryptionKey:
    """Return one of the server's named keys; each name has its own, and needs no making."""
    secret = hmac.digest(master_key, b"coskit named key " + name.encode(), "sha256")
    return EncryptionKey("named", secret, name)


def fingerprint_owner(lock: str) -> str:
    """Return whose key a lock needs: "customer", "server" or "named"."""
    return str(json.loads(lock)["by"])


def fingerprint_key_name(lock: str) -> str:
    """Return the name of the key that a lock needs, or "" if it has none."""
    return str(json.loads(lock).get("name", ""))


class Receiver(Protocol):
    """Takes a body in: a Sink, or what stands before one."""

    def observe(self, observer: Observer) -> None:
        """Show the whole body to an observer too; to be called before the first byte."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        ...

    async def finish(self) -> Stored:
        """Return the body."""
        ...


async def receive_body(body: OutgoingBody, receiver: Receiver) -> Stored:
    """Take in bytes that come from another body."""
    try:
        async for chunk in body:
            await receiver.write(chunk)
    finally:
        await body.aclose()
    return await receiver.finish()


class EncryptingReceiver:
    """Encrypts a body on its way into a sink.

    Attributes:
        md5: of what came in, in hex, once it is finished.
    """

    def __init__(self, sink: Sink, key: EncryptionKey) -> None:
        self.md5 = ""
        self._sink = sink
        self._key = key
        self._salt = os.urandom(SALT)
        self._cipher = key.cipher(self._salt)
        self._number = 0
        self._waiting = bytearray()
        self._digest = hashlib.md5()
        self._crc64 = 0
        self._size = 0
        self._observer: Observer | None = None

    def observe(self, observer: Observer) -> None:
        """See `Receiver.observe`; what is shown is not encrypted yet."""
        self._observer = observer

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._waiting += chunk
        if len(self._waiting) >= _BATCH * BLOCK:
            await self._pass_on(len(self._waiting) // BLOCK * BLOCK)

    async def finish(self) -> Stored:
        """Return the body, with what its readers are told of it."""
        if self._waiting:
            await self._pass_on(len(self._waiting))
        stored = await self._sink.finish()
        self.md5 = self._digest.hexdigest()
        # The MD5 of a body whose key only the customer has would tell of its content.
        etag = stored.md5 if self._key.owner == "customer" else self.md5
        return replace(stored, unsealed=Shown(etag, self._crc64, self._size))

    async def _pass_on(self, length: int) -> None:
        plain = bytes(self._waiting[:length])
        del self._waiting[:length]
        if not self._number:
            await self._sink.write(self._salt)
        if length <= BLOCK:
            await self._sink.write(self._seal(plain))
        else:
            await self._sink.write(await asyncio.to_thread(self._seal, plain))

    def _seal(self, plain: bytes) -> bytes:
        self._digest.update(plain)
        self._crc64 = crc64(plain, self._crc64)
        self._size += len(plain)
        if self._observer:
            self._observer(plain)
        sealed = []
        for offset in range(0, len(plain), BLOCK):
            sealed.append(
                self._cipher.encrypt(_nonce(self._number), plain[offset : offset + BLOCK], None)
            )
            self._number += 1
        return b"".join(sealed)


@dataclass(frozen=True, slots=True)
class EncryptedRange:
    """The blocks of one blob that hold some bytes of a body.

    Attributes:
        extents: the salt, then the blocks.
        block: number of the first one.
        skip: bytes of it that are not asked for.
        length: bytes that are asked for.
    """

    extents: tuple[Extent, ...]
    block: int
    skip: int
    length: int

    @property
    def sealed(self) -> int:
        """The bytes of the blocks as they lie."""
        return sum(extent.length for extent in self.extents) - SALT


def plain_length(length: int) -> int:
    """Return how many bytes a sealed blob of some length stands for."""
    blocks = -(-(length - SALT) // _ENCRYPTED_BLOCK)
    return length - SALT - blocks * (_ENCRYPTED_BLOCK - BLOCK)


def encrypted_ranges(
    extents: Sequence[Extent], first: int, length: int
) -> Iterator[EncryptedRange]:
    """Yield where `length` bytes from `first` on of a sealed body lie."""
    for extent in extents:
        whole = plain_length(extent.length)
        taken = min(whole - first, length)
        if taken > 0:
            block, skip = divmod(first, BLOCK)
            start = SALT + block * _ENCRYPTED_BLOCK
            end = min(SALT + -(-(first + taken) // BLOCK) * _ENCRYPTED_BLOCK, extent.length)
            blob = extent.blob_id
            # In one extent where they touch, so that a whole blob is checked as a whole.
            apart = (Extent(blob, 0, SALT), Extent(blob, start, end - start))
            yield EncryptedRange(
                (Extent(blob, 0, end),) if not block else apart, block, skip, taken
            )
            length -= taken
        first = max(0, first - whole)


class DecryptingBody:
    """A sealed body on its way out."""

    def __init__(self, raw: Reading, wanted: Sequence[EncryptedRange], key: EncryptionKey) -> None:
        self._raw = raw
        self._wanted = wanted
        self._key = key
        self._held = bytearray()
        self._chunks = self._open()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield chunks.

        Raises:
            InternalError: a block is missing or damaged.
        """
        return self._chunks

    async def aclose(self) -> None:
        """Let go of what is being read."""
        await self._chunks.aclose()
        await self._raw.aclose()

    async def _open(self) -> AsyncGenerator[bytes, None]:
        for piece in self._wanted:
            cipher = self._key.cipher(await self._take(SALT))
            number, skip, left, sealed = piece.block, piece.skip, piece.length, piece.sealed
            while sealed:
                batch = min(sealed, _BATCH * _ENCRYPTED_BLOCK)
                data = await self._take(batch)
                plain = await asyncio.to_thread(_decrypt, cipher, number, data)
                yield plain[skip : skip + left]
                number, sealed = number + _BATCH, sealed - batch
                left -= len(plain) - skip
                skip = 0

    async def _take(self, length: int) -> bytes:
        while len(self._held) < length:
            self._held += await anext(self._raw)
        taken = bytes(self._held[:length])
        del self._held[:length]
        return taken


def _decrypt(cipher: AESGCM, number: int, data: bytes) -> bytes:
    blocks = []
    for offset in range(0, len(data), _ENCRYPTED_BLOCK):
        try:
            blocks.append(
                cipher.decrypt(_nonce(number), data[offset : offset + _ENCRYPTED_BLOCK], None)
            )
        except InvalidTag as error:
            raise InternalError("Stored bytes are damaged.") from error
        number += 1
    return b"".join(blocks)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
