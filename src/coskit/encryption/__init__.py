"""Client-side encryption: `EncryptedClient` and `AsyncEncryptedClient`, and their master keys."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coskit.encryption._async.client import AsyncEncryptedClient
    from coskit.encryption._sync.client import EncryptedClient
    from coskit.encryption.errors import NotSealed, SealBroken, UnknownKey
    from coskit.encryption.master_keys import AESKey, MasterKey, RSAKey

__all__ = [
    "AESKey",
    "AsyncEncryptedClient",
    "EncryptedClient",
    "MasterKey",
    "NotSealed",
    "RSAKey",
    "SealBroken",
    "UnknownKey",
]

_HOMES = {
    "AESKey": "master_keys",
    "AsyncEncryptedClient": "_async.client",
    "EncryptedClient": "_sync.client",
    "MasterKey": "master_keys",
    "RSAKey": "master_keys",
}


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: a program of one world does not wait for the other.
    if name not in __all__:
        raise AttributeError(f"module 'coskit.encryption' has no attribute {name!r}")
    from importlib import import_module

    try:
        home = import_module(f"coskit.encryption.{_HOMES.get(name, 'errors')}")
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "cryptography":
            raise
        raise ModuleNotFoundError(
            "coskit.encryption needs cryptography: pip install 'coskit[encryption]'",
            name=missing.name,
        ) from missing
    value = globals()[name] = getattr(home, name)
    return value
