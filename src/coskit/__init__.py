"""Tencent COS object storage for Python: `Client` and `AsyncClient`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coskit.client._async.body import AsyncBody
    from coskit.client._async.client import AsyncClient
    from coskit.client._sync.body import Body
    from coskit.client._sync.client import Client
    from coskit.client.config import ClientConfig
    from coskit.client.curl import TransportSettings
    from coskit.client.retry import RetryPolicy
    from coskit.protocol.errors import (
        CosClientError,
        CosException,
        CosServiceError,
        CredentialsError,
        IntegrityError,
        ParameterError,
        TransferTimeout,
        TransportError,
    )
    from coskit.protocol.signature import Credentials

__all__ = [
    "AsyncBody",
    "AsyncClient",
    "Body",
    "Client",
    "ClientConfig",
    "CosClientError",
    "CosException",
    "CosServiceError",
    "Credentials",
    "CredentialsError",
    "IntegrityError",
    "ParameterError",
    "RetryPolicy",
    "TransferTimeout",
    "TransportError",
    "TransportSettings",
]
__version__ = "0.1.0"

_HOMES = {
    "AsyncBody": "client._async.body",
    "AsyncClient": "client._async.client",
    "Body": "client._sync.body",
    "Client": "client._sync.client",
    "ClientConfig": "client.config",
    "Credentials": "protocol.signature",
    "RetryPolicy": "client.retry",
    "TransportSettings": "client.curl",
}


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: a program of one world does not wait for the other.
    if name not in __all__:
        raise AttributeError(f"module 'coskit' has no attribute {name!r}")
    from importlib import import_module

    home = import_module(f"coskit.{_HOMES.get(name, 'protocol.errors')}")
    value = globals()[name] = getattr(home, name)
    return value
