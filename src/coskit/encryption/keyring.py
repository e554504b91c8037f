"""The master keys of a client, and the objects that they decrypt."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coskit.encryption.decrypt import FramedContent
from coskit.encryption.errors import NotSealed
from coskit.encryption.format.envelope import Envelope
from coskit.encryption.format.vendor_format import CounterContent, VendorEnvelope
from coskit.encryption.master_keys import MasterKey
from coskit.protocol.errors import ParameterError

Seal = Envelope | VendorEnvelope
Content = FramedContent | CounterContent


def check_keys(name: str, keys: Any) -> None:
    """Refuse an argument that holds something other than master keys.

    Raises:
        ParameterError: a value is not a master key.
    """
    for key in keys if isinstance(keys, Iterable) else (None,):
        if isinstance(key, type) or not callable(getattr(key, "unwrap", None)):
            given = type(keys[0] if name == "key" else keys).__name__
            kind = "a master key, such as an AESKey" if name == "key" else "a list of master keys"
            raise ParameterError(f"{name} must be {kind}, not {given}")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Master keys by the objects that they may decrypt.

    Attributes:
        keys: the keys of objects that were sealed by coskit.
        vendor_keys: the keys of objects that the vendor's SDK encrypted; without any, such objects
            are refused.
    """

    keys: tuple[MasterKey, ...]
    vendor_keys: tuple[MasterKey, ...] = ()

    def seal_of(self, headers: Mapping[str, Any]) -> Seal:
        """Return the seal of an object.

        Raises:
            NotSealed: the object has no seal, or one that is not trusted.
            SealBroken: the seal is damaged.
        """
        seal = Envelope.from_headers(headers)
        if seal is not None:
            return seal
        theirs = VendorEnvelope.from_headers(headers)
        if theirs is None:
            raise NotSealed("The object is not sealed")
        if not self.vendor_keys:
            raise NotSealed("The vendor's SDK encrypted the object: vendor_keys may read it")
        return theirs

    def open(self, seal: Seal) -> Content:
        """Unwrap the data key of an object.

        Raises:
            SealBroken: no key unwraps the data key.
        """
        if isinstance(seal, Envelope):
            return FramedContent(seal.open(self.keys), seal.layout)
        return seal.open(self.vendor_keys)
