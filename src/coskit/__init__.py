"""Tencent COS object storage for Python: `Client` and `AsyncClient`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coskit.client._async.body import AsyncBody
    from coskit.client._async.client import AsyncClient
    from coskit.client._async.metadata import AsyncMetadataCredentials
    from coskit.client._async.providers import AsyncRefreshingCredentials
    from coskit.client._sync.body import Body
    from coskit.client._sync.client import Client
    from coskit.client._sync.metadata import MetadataCredentials
    from coskit.client._sync.providers import RefreshingCredentials
    from coskit.client.config import ClientConfig
    from coskit.client.curl import TransportSettings
    from coskit.client.keys import AsyncCredentialsProvider, CredentialsProvider
    from coskit.client.report import (
        DirectoryResult,
        DirectoryTransferError,
        FileAction,
        FileFailure,
    )
    from coskit.client.retry import RetryPolicy
    from coskit.client.transfers import TransferSettings
    from coskit.client.usermetadata import metadata
    from coskit.protocol.errors import (
        ClientClosed,
        CosClientError,
        CosException,
        CosServiceError,
        CredentialsError,
        IntegrityError,
        ObjectChanged,
        ParameterError,
        SourceChanged,
        TransferTimeout,
        TransportError,
        UnexpectedAnswer,
    )
    from coskit.protocol.signature import Credentials

__all__ = [
    "AsyncBody",
    "AsyncClient",
    "AsyncCredentialsProvider",
    "AsyncMetadataCredentials",
    "AsyncRefreshingCredentials",
    "Body",
    "Client",
    "ClientClosed",
    "ClientConfig",
    "CosClientError",
    "CosException",
    "CosServiceError",
    "Credentials",
    "CredentialsError",
    "CredentialsProvider",
    "DirectoryResult",
    "DirectoryTransferError",
    "FileAction",
    "FileFailure",
    "IntegrityError",
    "MetadataCredentials",
    "ObjectChanged",
    "ParameterError",
    "RefreshingCredentials",
    "RetryPolicy",
    "SourceChanged",
    "TransferSettings",
    "TransferTimeout",
    "TransportError",
    "TransportSettings",
    "UnexpectedAnswer",
    "metadata",
]
__version__ = "0.2.0"

_HOMES = {
    "AsyncBody": "client._async.body",
    "AsyncClient": "client._async.client",
    "AsyncCredentialsProvider": "client.keys",
    "AsyncMetadataCredentials": "client._async.metadata",
    "AsyncRefreshingCredentials": "client._async.providers",
    "Body": "client._sync.body",
    "Client": "client._sync.client",
    "ClientConfig": "client.config",
    "Credentials": "protocol.signature",
    "CredentialsProvider": "client.keys",
    "DirectoryResult": "client.report",
    "DirectoryTransferError": "client.report",
    "FileAction": "client.report",
    "FileFailure": "client.report",
    "MetadataCredentials": "client._sync.metadata",
    "RefreshingCredentials": "client._sync.providers",
    "RetryPolicy": "client.retry",
    "TransferSettings": "client.transfers",
    "TransportSettings": "client.curl",
    "metadata": "client.usermetadata",
}


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: a program of one world does not wait for the other.
    if name.startswith("_"):
        raise AttributeError(f"module 'coskit' has no attribute {name!r}")
    from importlib import import_module

    value: Any
    if name == "types":
        value = import_module("coskit.types")
    elif name in _HOMES:
        value = getattr(import_module(f"coskit.{_HOMES[name]}"), name)
    else:
        errors = import_module("coskit.errors")
        value = errors if name == "errors" else vars(errors).get(name)
        if value is None or (value is not errors and name not in errors.__all__):
            raise AttributeError(f"module 'coskit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    from coskit import errors

    return sorted({*globals(), *__all__, *errors.__all__})
