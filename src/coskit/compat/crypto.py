"""The vendor's master keys for client-side encryption, and its format: AES-256 in counter mode.

The format does not protect content against changes by clients that may write to the bucket;
`coskit.encryption` does. Use it only to share objects with programs of the vendor's SDK.
"""

import base64
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from coskit.compat.cos_comm import to_bytes
from coskit.protocol.errors import CosClientError

_KEY, _BLOCK = 32, 16
_AES_HOME, _RSA_HOME = "~/.cos_local_aes", "~/.cos_local_rsa"


def counter(key: bytes, start: bytes, offset: int = 0) -> Any:
    """Return a cipher that encrypts or decrypts from an offset of the content on.

    Args:
        key: the key of the content, 32 bytes.
        start: the counter of its first block, 16 bytes.
        offset: the offset in bytes.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    block = (int.from_bytes(start, "big") + offset // _BLOCK) % (1 << 8 * _BLOCK)
    cipher = Cipher(algorithms.AES(key), modes.CTR(block.to_bytes(_BLOCK, "big"))).encryptor()
    cipher.update(bytes(offset % _BLOCK))
    return cipher


class BaseProvider(ABC):
    """A master key, which wraps the key of each object."""

    @abstractmethod
    def wrap(self, key: bytes, start: bytes) -> tuple[bytes, bytes]:
        """Wrap the key and the first counter of an object, to be stored with it."""

    @abstractmethod
    def unwrap(self, key: bytes, start: bytes) -> tuple[bytes, bytes]:
        """Unwrap the key and the first counter of an object.

        Raises:
            CosClientError: another master key wrapped them.
        """

    def new_keys(self) -> tuple[bytes, bytes]:
        """Return a key and a first counter for a new object."""
        return os.urandom(_KEY), os.urandom(_BLOCK)


class AESProvider(BaseProvider):
    """A master key of AES.

    Args:
        aes_key: the key in Base64.
        aes_key_path: the path of a file with the key in Base64. With neither, the key in
            `~/.cos_local_aes` is used, and created if it is missing.
        cipher: accepted and not used.
    """

    def __init__(
        self, aes_key: str | bytes | None = None, aes_key_path: Any = None, cipher: Any = None
    ) -> None:
        self._text = to_bytes(aes_key)
        self._path = aes_key_path

    def wrap(self, key: bytes, start: bytes) -> tuple[bytes, bytes]:
        """See `BaseProvider.wrap`."""
        wrapped = counter(self._key(), bytes(_BLOCK)).update(key + start)
        return wrapped[:_KEY], wrapped[_KEY:]

    unwrap = wrap  # which this mode undoes

    def _key(self) -> bytes:
        if self._text:
            return _decoded(self._text)
        own = Path(_AES_HOME).expanduser() / ".aes_key.pem"
        path = Path(self._path) if self._path and Path(self._path).exists() else own
        if not path.exists():
            _write(own, base64.b64encode(os.urandom(_KEY)))
        return _decoded(path.read_bytes())


class RSAKeyPair:
    """Two keys of RSA, as PEM; the name of the first is the vendor's."""

    def __init__(self, public_key: str | bytes, private_key: str | bytes) -> None:
        self.publick_key = public_key
        self.private_key = private_key


class RSAKeyPairPath:
    """Two files with keys of RSA."""

    def __init__(self, public_key_path: Any, private_key_path: Any) -> None:
        self.public_key_path = public_key_path
        self.private_key_path = private_key_path


class RSAProvider(BaseProvider):
    """A master key of RSA.

    Args:
        key_pair_info: `RSAKeyPair` or `RSAKeyPairPath`. With neither, or if the files are missing,
            the keys in `~/.cos_local_rsa` are used, and created if they are missing.
        cipher: accepted and not used.
        passphrase: the passphrase of the private key.
    """

    def __init__(
        self, key_pair_info: Any = None, cipher: Any = None, passphrase: str | None = None
    ) -> None:
        self._password = None if passphrase is None else passphrase.encode()
        # The vendor's SDK pads with PKCS #1 v1.5 if keys are passed, with OAEP otherwise.
        self._is_given = isinstance(key_pair_info, RSAKeyPair)
        if isinstance(key_pair_info, RSAKeyPair):
            pems = to_bytes(key_pair_info.publick_key), to_bytes(key_pair_info.private_key)
        else:
            pems = self._found(key_pair_info)
        self._public, self._private = self._load(*pems)

    @staticmethod
    def get_rsa_key_pair(public_key: Any, private_key: Any) -> RSAKeyPair:
        """Return a pair of keys."""
        return RSAKeyPair(*_both(public_key, private_key))

    @staticmethod
    def get_rsa_key_pair_path(public_key_path: Any, private_key_path: Any) -> RSAKeyPairPath:
        """Return a pair of files."""
        return RSAKeyPairPath(*_both(public_key_path, private_key_path))

    def wrap(self, key: bytes, start: bytes) -> tuple[bytes, bytes]:
        """See `BaseProvider.wrap`."""
        padding = self._padding()
        return self._public.encrypt(key, padding), self._public.encrypt(start, padding)

    def unwrap(self, key: bytes, start: bytes) -> tuple[bytes, bytes]:
        """See `BaseProvider.unwrap`."""
        padding = self._padding()
        try:
            found = self._private.decrypt(key, padding), self._private.decrypt(start, padding)
        except ValueError as cause:
            raise CosClientError("The object was encrypted with another master key") from cause
        if len(found[0]) != _KEY or len(found[1]) != _BLOCK:
            raise CosClientError("The object was encrypted with another master key")
        return found

    def _padding(self) -> Any:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        if self._is_given:
            return padding.PKCS1v15()
        sha1 = hashes.SHA1()  # noqa: S303 - what the vendor's SDK takes
        return padding.OAEP(padding.MGF1(sha1), sha1, None)

    def _load(self, public: bytes, private: bytes) -> tuple[Any, Any]:
        from cryptography.hazmat.primitives import serialization

        try:
            return (
                serialization.load_pem_public_key(public),
                serialization.load_pem_private_key(private, self._password),
            )
        except (ValueError, TypeError) as cause:
            raise CosClientError(f"The keys cannot be read: {cause}") from cause

    def _found(self, asked: Any) -> tuple[bytes, bytes]:
        home = Path(_RSA_HOME).expanduser()
        own = home / ".public_key.pem", home / ".private_key.pem"
        pair = own
        if isinstance(asked, RSAKeyPairPath):
            named = Path(asked.public_key_path), Path(asked.private_key_path)
            pair = named if all(path.exists() for path in named) else own
        if not all(path.exists() for path in pair):
            self._make(*own)
            pair = own
        return pair[0].read_bytes(), pair[1].read_bytes()

    def _make(self, public: Path, private: Path) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(65537, 2048)
        sealed: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if self._password is not None:
            sealed = serialization.BestAvailableEncryption(self._password)
        pem = serialization.Encoding.PEM
        _write(private, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, sealed))
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        _write(public, key.public_key().public_bytes(pem, form))


def _both(public: Any, private: Any) -> tuple[Any, Any]:
    if public is None or private is None:
        raise CosClientError("public_key or private_key is not allowed to be None !!!")
    return public, private


def _decoded(text: bytes) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError as cause:
        raise CosClientError("The AES key is not Base64") from cause
    if len(key) not in (16, 24, 32):
        raise CosClientError(f"An AES key must have 16, 24 or 32 bytes, not {len(key)}")
    return key


def _write(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
