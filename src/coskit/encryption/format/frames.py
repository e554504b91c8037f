"""Sealed content: plaintext in frames of equal size, each encrypted with AES-256-GCM.

A frame is `nonce (12 bytes) | ciphertext | tag (16 bytes)`. Its number and whether it is the last
one are authenticated with it, so frames cannot be reordered, repeated, dropped or added. An empty
object is one empty last frame. The nonce is a keyed hash of the place and the plaintext: sealing
the same bytes again gives the same frame, which makes retries and resumed uploads exact. Changed
bytes get another nonce, so that a nonce is never used for two plaintexts.
"""

import hmac
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coskit.encryption.errors import SealBroken

FRAME = 1 << 16
SMALLEST_FRAME, LARGEST_FRAME = 1 << 10, 1 << 24
NONCE, TAG = 12, 16
OVERHEAD = NONCE + TAG
DATA_KEY = 32

_RANGE = re.compile(r"bytes=(\d{0,20})-(\d{0,20})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a sealed object.

    Attributes:
        frame: the bytes of plaintext in every frame but the last.
    """

    frame: int = FRAME

    @property
    def sealed_frame(self) -> int:
        """The bytes of a sealed frame that is not the last."""
        return self.frame + OVERHEAD

    @property
    def alignment(self) -> int:
        """The number that the offset of a separately decryptable section is a multiple of."""
        return self.sealed_frame

    def frames(self, plain: int) -> int:
        """Return the number of frames of `plain` bytes."""
        return max(-(-plain // self.frame), 1)

    def sealed_length(self, plain: int) -> int:
        """Return the sealed length of `plain` bytes."""
        return plain + self.frames(plain) * OVERHEAD

    def plain_length(self, sealed: int) -> int:
        """Return the length of the plaintext in `sealed` bytes.

        Raises:
            SealBroken: a sealed object never has this length.
        """
        whole, rest = divmod(sealed, self.sealed_frame)
        # Only an empty object has an empty frame.
        if (rest < OVERHEAD and (rest or not whole)) or (rest == OVERHEAD and whole):
            raise SealBroken(f"A sealed object never has {sealed} bytes: it was cut or extended")
        return whole * self.frame + max(rest - OVERHEAD, 0)

    def plain_offset(self, sealed: int) -> int:
        """Return the offset of the plaintext of the frame at a sealed offset."""
        return sealed // self.sealed_frame * self.frame

    def sealed_range(self, text: str) -> str | None:
        """Return the Range of the whole frames that contain a Range of the plaintext.

        None stands for the whole object, as does a Range that HTTP ignores. The length of the
        object is unknown, so a range from the end may begin inside a frame.
        """
        found = _RANGE.fullmatch(text.strip())
        if not found or found[1] == found[2] == "":
            return None
        if not found[1]:
            return f"bytes=-{(int(found[2]) // self.frame + 2) * self.sealed_frame}"
        first = int(found[1]) // self.frame * self.sealed_frame
        if not found[2]:
            return f"bytes={first}-"
        if int(found[2]) < int(found[1]):
            return None
        return f"bytes={first}-{(int(found[2]) // self.frame + 1) * self.sealed_frame - 1}"


class Frames:
    """Seals and opens the frames of one object; many threads may use it at a time."""

    def __init__(self, data_key: bytes) -> None:
        """Derive the keys from the object's data key of 32 bytes."""
        keys = HKDF(SHA256(), 2 * DATA_KEY, salt=None, info=b"coskit frames 1").derive(data_key)
        self._cipher = AESGCM(keys[:DATA_KEY])
        self._hash = hmac.new(keys[DATA_KEY:], digestmod="sha256")

    def seal(self, number: int, plain: bytes | memoryview, *, last: bool) -> bytes:
        """Seal the frame of a number, counted from 0."""
        place = _place(number, last)
        hashed = self._hash.copy()
        hashed.update(place)
        hashed.update(plain)
        nonce = hashed.digest()[:NONCE]
        return nonce + self._cipher.encrypt(nonce, plain, place)

    def open(self, number: int, sealed: bytes | memoryview, *, last: bool) -> bytes:
        """Open the frame of a number and return its plaintext.

        Raises:
            SealBroken: the frame was not sealed for this number of this object.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], _place(number, last))
        except (InvalidTag, ValueError):
            end = ", taken for the last one," if last else ""
            raise SealBroken(
                f"Frame {number}{end} is damaged or belongs to another object"
            ) from None

    def __repr__(self) -> str:
        return "Frames(...)"


def _place(number: int, last: bool) -> bytes:
    return number.to_bytes(8, "big") + (b"\1" if last else b"\0")
