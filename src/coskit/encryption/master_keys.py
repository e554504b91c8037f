"""Master keys: they wrap the data key of each object and never encrypt content themselves.

A wrapped key is bound to its context: after a change of the seal it cannot be unwrapped.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coskit.encryption.errors import SealBroken
from coskit.protocol.errors import ParameterError

_SALT = 32


class MasterKey(Protocol):
    """A key that wraps data keys; it is immutable, and many threads may use it at a time."""

    @property
    def id(self) -> str:
        """The id of the key, which reveals nothing about it."""
        ...

    @property
    def algorithm(self) -> str:
        """The name of the wrapping algorithm."""
        ...

    @property
    def opens(self) -> bool:
        """True if the key can unwrap, not only wrap."""
        ...

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Wrap a data key, bound to a context."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Unwrap a data key.

        Raises:
            SealBroken: the data key was not wrapped by this key in this context.
        """
        ...

    def open_vendor(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """Unwrap values that the vendor's SDK wrapped, in the order in which it wrapped them.

        Raises:
            SealBroken: this key did not wrap them, as far as that scheme shows.
        """
        ...


class AESKey:
    """A secret of 32 bytes, needed both to seal and to open objects.

    Secrets of 16 and 24 bytes only read objects that the vendor's SDK encrypted with them.
    """

    algorithm = "HKDF-SHA256+AES256-GCM"
    opens = True

    def __init__(self, secret: bytes) -> None:
        """Use a secret.

        Raises:
            ParameterError: the secret does not have 32, 24 or 16 bytes.
        """
        if not isinstance(secret, bytes | bytearray | memoryview):
            raise ParameterError(f"An AES key must be bytes, not {type(secret).__name__}")
        if len(secret) not in (16, 24, 32):
            raise ParameterError(f"An AES key must have 32 bytes, not {len(secret)}")
        self._secret = bytes(secret)
        self.id = hashlib.sha256(_derive(self._secret, b"", b"coskit key id 1")).hexdigest()[:32]

    @classmethod
    def generate(cls) -> Self:
        """Return a new random key."""
        return cls(os.urandom(32))

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Return the key in a text, as `save` and the vendor's SDK write it.

        Raises:
            ParameterError: the text is not a key.
        """
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except ValueError:
            raise ParameterError("The text is not an AES key in Base64") from None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Return the key in a file that `save` or the vendor's SDK wrote."""
        return cls.from_base64(Path(path).read_text("ascii", "replace"))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the key to a new file that only its owner may read.

        Raises:
            FileExistsError: the file exists; a key is never overwritten.
        """
        _write(path, base64.b64encode(self._secret) + b"\n")

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """See `MasterKey.wrap`."""
        if len(self._secret) != 32:
            raise ParameterError("Objects are sealed with an AES key of 32 bytes")
        salt = os.urandom(_SALT)
        return salt + self._wrapping(salt).encrypt(bytes(12), data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See `MasterKey.unwrap`."""
        try:
            return self._wrapping(wrapped[:_SALT]).decrypt(bytes(12), wrapped[_SALT:], context)
        except (InvalidTag, ValueError):
            raise _not_wrapped_here() from None

    def _wrapping(self, salt: bytes) -> AESGCM:
        # Each salt gives a new key, so a fixed nonce is safe for any number of objects. The secret
        # itself is never a GCM key, because the vendor's SDK may use it for CTR.
        return AESGCM(_derive(self._secret, salt, b"coskit key wrap 1"))

    def open_vendor(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """See `MasterKey.open_vendor`."""
        stream = Cipher(algorithms.AES(self._secret), modes.CTR(bytes(16))).decryptor()
        return [stream.update(item) for item in wrapped]

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._secret,))

    def __repr__(self) -> str:
        return f"AESKey(id={self.id})"


class RSAKey:
    """An RSA key pair, or only its public half, which seals but cannot open.

    Every holder of the public half can seal objects: they are secret, but their writer is not
    authenticated.
    """

    algorithm = "RSA-OAEP-SHA256"

    def __init__(self, key: object) -> None:
        """Use a private or public key of the `cryptography` package.

        Raises:
            ParameterError: the key is not an RSA key of at least 2048 bits.
        """
        if not isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey) or key.key_size < 2048:
            raise ParameterError("The key is not an RSA key of at least 2048 bits")
        self._private = key if isinstance(key, rsa.RSAPrivateKey) else None
        self._public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
        self.id = hashlib.sha256(_public_bytes(self._public)).hexdigest()[:32]

    @property
    def opens(self) -> bool:
        """See `MasterKey.opens`."""
        return self._private is not None

    @classmethod
    def generate(cls, bits: int = 3072) -> Self:
        """Return a new key pair."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=bits))

    @classmethod
    def from_pem(cls, pem: str | bytes, password: str | None = None) -> Self:
        """Return the key in a PEM text, public or private.

        Raises:
            ParameterError: the text has no RSA key, or the password is wrong.
        """
        text = pem.encode() if isinstance(pem, str) else pem
        secret = None if password is None else password.encode()
        key: Any
        try:
            if b"PRIVATE" in text:
                key = serialization.load_pem_private_key(text, secret)
            else:
                key = serialization.load_pem_public_key(text)
        except (ValueError, TypeError):  # without the cause, which may quote the text
            raise ParameterError("The text is not an RSA key, or the password is wrong") from None
        return cls(key)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], password: str | None = None) -> Self:
        """Return the key in a PEM file."""
        return cls.from_pem(Path(path).read_bytes(), password)

    def public(self) -> "RSAKey":
        """Return the public half, for programs that only write."""
        return RSAKey(self._public)

    def save(self, path: str | os.PathLike[str], password: str | None = None) -> None:
        """Write the key, private half included, to a new file that only its owner may read.

        Raises:
            FileExistsError: the file exists; a key is never overwritten.
        """
        _write(path, self._pem(password))

    def _pem(self, password: str | None = None) -> bytes:
        if self._private is None:
            return _public_bytes(self._public, serialization.Encoding.PEM)
        return self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password.encode())
            if password
            else serialization.NoEncryption(),
        )

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """See `MasterKey.wrap`."""
        return self._public.encrypt(data_key, _oaep(context))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See `MasterKey.unwrap`."""
        try:
            return self._secret_half().decrypt(wrapped, _oaep(context))
        except ValueError:
            raise _not_wrapped_here() from None

    def open_vendor(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """See `MasterKey.open_vendor`."""
        private = self._secret_half()
        # That SDK uses OAEP for keys from files, PKCS #1 v1.5 for keys that are passed.
        oaep = padding.OAEP(padding.MGF1(SHA1()), SHA1(), None)  # noqa: S303 - what it uses
        for scheme in (oaep, padding.PKCS1v15()):
            try:
                return [private.decrypt(item, scheme) for item in wrapped]
            except ValueError:
                continue
        raise _not_wrapped_here()

    def _secret_half(self) -> rsa.RSAPrivateKey:
        if self._private is None:
            raise ParameterError("Only the public half of the RSA key is here; it cannot open")
        return self._private

    def __reduce__(self) -> tuple[Any, ...]:
        return (RSAKey.from_pem, (self._pem(),))

    def __repr__(self) -> str:
        return f"RSAKey(id={self.id}{'' if self.opens else ', public'})"


def _oaep(context: bytes) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(SHA256()), SHA256(), context)


def _derive(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=salt, info=purpose).derive(secret)


def _public_bytes(
    key: rsa.RSAPublicKey, encoding: serialization.Encoding = serialization.Encoding.DER
) -> bytes:
    return key.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def _not_wrapped_here() -> SealBroken:
    return SealBroken("The object's key was not wrapped by this master key for this seal")


def _write(path: str | os.PathLike[str], content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
