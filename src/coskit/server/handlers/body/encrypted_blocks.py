"""Encrypted bodies: AES-256-GCM in blocks, so that any range can be decrypted alone.

An encrypted blob is a random salt of 32 bytes, then blocks of 64 KiB, each followed by its 16-byte
tag. The blob's key is derived from the owner's key and the salt, so that no two blobs share one.
The nonce of a block is its number.
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
from coskit.server.store.io.read import BodyReader
from coskit.server.store.io.receive import BodyReceiver, Observer
from coskit.server.store.model import Extent, StoredBody, VisibleBody

SALT = 32
BLOCK = 1 << 16
_ENCRYPTED_BLOCK = BLOCK + 16
_BATCH = 8  # blocks from which a thread saves time


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key of 32 bytes and its owner.

    Attributes:
        owner: the customer; the server for its one key; "named" for keys derived from that key.
        secret: the bytes.
        name: the name of a named key, or "".
    """

    owner: Literal["customer", "server", "named"]
    secret: bytes = field(repr=False)
    name: str = ""

    def fingerprint(self) -> str:
        """Return a salted fingerprint, which is stored with a body to recognise the key."""
        salt = os.urandom(SALT)
        kept = {"by": self.owner, "salt": salt.hex(), "print": self._hash(salt)}
        return json.dumps({**kept, "name": self.name} if self.name else kept)

    def matches(self, fingerprint: str) -> bool:
        """Return whether a fingerprint was made with the same key."""
        kept = json.loads(fingerprint)
        found = self._hash(bytes.fromhex(kept["salt"]))
        same = (kept["by"], kept.get("name", "")) == (self.owner, self.name)
        return same and hmac.compare_digest(found, kept["print"])

    def cipher(self, salt: bytes) -> AESGCM:
        """Return the cipher of one blob."""
        return AESGCM(hmac.digest(self.secret, b"coskit blob" + salt, "sha256"))

    def _hash(self, salt: bytes) -> str:
        return hmac.digest(self.secret, b"coskit lock" + salt, "sha256").hex()


def named_key(master_key: bytes, name: str) -> EncryptionKey:
    """Return a named key of the server, derived from its master key."""
    secret = hmac.digest(master_key, b"coskit named key " + name.encode(), "sha256")
    return EncryptionKey("named", secret, name)


def fingerprint_owner(fingerprint: str) -> str:
    """Return the owner of a fingerprint's key: "customer", "server" or "named"."""
    return str(json.loads(fingerprint)["by"])


def fingerprint_key_name(fingerprint: str) -> str:
    """Return the name of a fingerprint's key, or "" if the key has none."""
    return str(json.loads(fingerprint).get("name", ""))


class Receiver(Protocol):
    """Receives a body: the store's receiver, or an encryption before it."""

    def observe(self, observer: Observer) -> None:
        """Show the whole body to an observer too; call it before the first byte."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Receive the next bytes."""
        ...

    async def finish(self) -> StoredBody:
        """Return the stored body."""
        ...


async def receive_body(body: OutgoingBody, receiver: Receiver) -> StoredBody:
    """Store bytes of another body."""
    try:
        async for chunk in body:
            await receiver.write(chunk)
    finally:
        await body.aclose()
    return await receiver.finish()


class EncryptingReceiver:
    """Encrypts a body before the store receives it.

    Attributes:
        md5: the MD5 of the plain bytes in hex; set by `finish`.
    """

    def __init__(self, sink: BodyReceiver, key: EncryptionKey) -> None:
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
        """See `Receiver.observe`; the observer gets the plain bytes."""
        self._observer = observer

    async def write(self, chunk: bytes) -> None:
        """Receive the next bytes."""
        self._waiting += chunk
        if len(self._waiting) >= _BATCH * BLOCK:
            await self._pass_on(len(self._waiting) // BLOCK * BLOCK)

    async def finish(self) -> StoredBody:
        """Return the stored body, with the ETag, CRC64 and size that clients see."""
        if self._waiting:
            await self._pass_on(len(self._waiting))
        stored = await self._sink.finish()
        self.md5 = self._digest.hexdigest()
        # The MD5 of the plain bytes would reveal content that is encrypted with a customer key.
        etag = stored.md5 if self._key.owner == "customer" else self.md5
        return replace(stored, unsealed=VisibleBody(etag, self._crc64, self._size))

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
        block: the number of the first block.
        skip: the bytes to skip at the start of the first block.
        length: the number of plain bytes in the range.
    """

    extents: tuple[Extent, ...]
    block: int
    skip: int
    length: int

    @property
    def sealed(self) -> int:
        """The number of encrypted bytes, without the salt."""
        return sum(extent.length for extent in self.extents) - SALT


def plain_length(length: int) -> int:
    """Return the number of plain bytes in an encrypted blob of some length."""
    blocks = -(-(length - SALT) // _ENCRYPTED_BLOCK)
    return length - SALT - blocks * (_ENCRYPTED_BLOCK - BLOCK)


def encrypted_ranges(
    extents: Sequence[Extent], first: int, length: int
) -> Iterator[EncryptedRange]:
    """Yield the encrypted ranges that hold `length` plain bytes from `first` on."""
    for extent in extents:
        whole = plain_length(extent.length)
        taken = min(whole - first, length)
        if taken > 0:
            block, skip = divmod(first, BLOCK)
            start = SALT + block * _ENCRYPTED_BLOCK
            end = min(SALT + -(-(first + taken) // BLOCK) * _ENCRYPTED_BLOCK, extent.length)
            blob = extent.blob_id
            # One extent where they are adjacent, so that a whole blob is verified as a whole.
            apart = (Extent(blob, 0, SALT), Extent(blob, start, end - start))
            yield EncryptedRange(
                (Extent(blob, 0, end),) if not block else apart, block, skip, taken
            )
            length -= taken
        first = max(0, first - whole)


class DecryptingBody:
    """Reads an encrypted body and yields the plain bytes."""

    def __init__(
        self, raw: BodyReader, wanted: Sequence[EncryptedRange], key: EncryptionKey
    ) -> None:
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
        """Stop reading and release the files."""
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
