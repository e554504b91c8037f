"""The seal of an object: its wrapped data key and the parameters of its encryption, as metadata.

All parameters are bound to the wrapped key, so that none can be changed alone.
"""

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote

from coskit.client.settings.argument_checks import text, whole
from coskit.encryption.errors import SealBroken, UnknownKey
from coskit.encryption.format.frames import (
    DATA_KEY,
    FRAME,
    LARGEST_FRAME,
    SMALLEST_FRAME,
    Frames,
    Layout,
)
from coskit.encryption.master_keys import MasterKey
from coskit.protocol.errors import ParameterError

PREFIX = "x-cos-meta-coskit-"
FORMAT = "AES256-GCM-frames-1"
_LONGEST_DESCRIPTION = 512  # of the 2 KB for all metadata of an object


@dataclass(frozen=True, slots=True)
class Envelope:
    """The seal of one object.

    Attributes:
        algorithm: the name of the wrapping algorithm.
        key_id: the id of the master key.
        wrapped: the wrapped data key.
        frame: the bytes of plaintext in a frame.
        description: the writer's text about the object or the key; it is not encrypted.
    """

    algorithm: str
    key_id: str
    wrapped: bytes
    frame: int = FRAME
    description: str = ""

    @property
    def layout(self) -> Layout:
        """The layout of the sealed object."""
        return Layout(self.frame)

    def headers(self) -> dict[str, str]:
        """Return the seal as user metadata."""
        found = {
            f"{PREFIX}format": FORMAT,
            f"{PREFIX}frame": str(self.frame),
            f"{PREFIX}wrap": self.algorithm,
            f"{PREFIX}key-id": self.key_id,
            f"{PREFIX}key": base64.b64encode(self.wrapped).decode(),
        }
        if self.description:
            found[f"{PREFIX}description"] = quote(self.description)
        return found

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Self | None:
        """Return the seal in an object's headers, or None if there is none.

        Raises:
            SealBroken: the seal has an unknown format, or is damaged.
        """
        given = {name.lower(): value for name, value in headers.items()}
        mark = given.get(f"{PREFIX}format")
        if mark is None:
            return None
        if mark != FORMAT:
            raise SealBroken(f"The object's seal has the unknown format {mark[:80]!r}")
        try:
            frame = int(given[f"{PREFIX}frame"])
            wrapped = base64.b64decode(given[f"{PREFIX}key"], validate=True)
            envelope = cls(
                given[f"{PREFIX}wrap"],
                given[f"{PREFIX}key-id"],
                wrapped,
                frame,
                unquote(given.get(f"{PREFIX}description", ""), errors="strict"),
            )
        except (KeyError, ValueError, binascii.Error):
            raise SealBroken("The object's seal is incomplete or damaged") from None
        if not SMALLEST_FRAME <= frame <= LARGEST_FRAME:
            raise SealBroken(f"The object's seal names frames of {frame} bytes")
        return envelope

    def open(self, keys: Iterable[MasterKey]) -> Frames:
        """Unwrap the data key with the master key that wrapped it.

        Raises:
            UnknownKey: the master key is not among the keys.
            SealBroken: the seal was changed.
        """
        for key in keys:
            if (key.id, key.algorithm) == (self.key_id, self.algorithm):
                data_key = key.unwrap(self.wrapped, self._context())
                if len(data_key) != DATA_KEY:
                    raise SealBroken("The object's key has not the length of a key")
                return Frames(data_key)
        raise UnknownKey(
            f"The object is sealed for the key {self.key_id[:80]!r} by {self.algorithm[:80]!r}, "
            "which this client does not have"
        )

    def _context(self) -> bytes:
        return _context(self.algorithm, self.key_id, self.frame, self.description)


def new_envelope(
    key: MasterKey, *, frame: int = FRAME, description: str = "", data_key: bytes | None = None
) -> tuple[Envelope, Frames]:
    """Return the seal of a new object and its frames.

    Args:
        key: the master key.
        frame: the bytes of plaintext in a frame.
        description: a text about the object or the key; it is not encrypted.
        data_key: 32 bytes that no other object uses; random unless a test fixes them.

    Raises:
        ParameterError: the frames are too small or too large, or the description is too long.
    """
    whole("frame", frame)
    text("description", description)
    if not SMALLEST_FRAME <= frame <= LARGEST_FRAME:
        raise ParameterError(f"A frame must have {SMALLEST_FRAME} to {LARGEST_FRAME} bytes")
    if len(quote(description)) > _LONGEST_DESCRIPTION:
        raise ParameterError(
            f"A description must have at most {_LONGEST_DESCRIPTION} bytes as a URL"
        )
    data_key = data_key or os.urandom(DATA_KEY)
    wrapped = key.wrap(data_key, _context(key.algorithm, key.id, frame, description))
    return Envelope(key.algorithm, key.id, wrapped, frame, description), Frames(data_key)


def _context(algorithm: str, key_id: str, frame: int, description: str) -> bytes:
    # Quoted, so that two seals never have the same context.
    fields = ("coskit", FORMAT, algorithm, key_id, str(frame), description)
    return "\n".join(quote(field, safe="") for field in fields).encode()
