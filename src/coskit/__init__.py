"""Tencent COS object storage for Python: `Client` and `AsyncClient`."""

from typing import TYPE_CHECKING, Any

from coskit._version import __version__ as __version__

if TYPE_CHECKING:
    from coskit.client._async.body.streaming_body import AsyncBody
    from coskit.client._async.client import AsyncClient
    from coskit.client._async.credentials.instance_metadata import AsyncMetadataCredentials
    from coskit.client._async.credentials.refreshable import AsyncRefreshingCredentials
    from coskit.client._sync.body.streaming_body import Body
    from coskit.client._sync.client import Client
    from coskit.client._sync.credentials.instance_metadata import MetadataCredentials
    from coskit.client._sync.credentials.refreshable import RefreshingCredentials
    from coskit.client.config import ClientConfig
    from coskit.client.credentials.provider import AsyncCredentialsProvider, CredentialsProvider
    from coskit.client.directory.file_names import FileName
    from coskit.client.directory.result import (
        DirectoryResult,
        DirectoryTransferError,
        FileAction,
        FileFailure,
        FileInFlight,
    )
    from coskit.client.settings.retry import RetryPolicy
    from coskit.client.settings.transfers import TransferSettings
    from coskit.client.settings.transport import TransportSettings
    from coskit.client.user_metadata import metadata
    from coskit.protocol.auth.credentials import Credentials
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
    "FileInFlight",
    "FileName",
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

_HOMES = {
    "AsyncBody": "client._async.body.streaming_body",
    "AsyncClient": "client._async.client",
    "AsyncCredentialsProvider": "client.credentials.provider",
    "AsyncMetadataCredentials": "client._async.credentials.instance_metadata",
    "AsyncRefreshingCredentials": "client._async.credentials.refreshable",
    "Body": "client._sync.body.streaming_body",
    "Client": "client._sync.client",
    "ClientConfig": "client.config",
    "Credentials": "protocol.auth.credentials",
    "CredentialsProvider": "client.credentials.provider",
    "DirectoryResult": "client.directory.result",
    "DirectoryTransferError": "client.directory.result",
    "FileAction": "client.directory.result",
    "FileFailure": "client.directory.result",
    "FileInFlight": "client.directory.result",
    "FileName": "client.directory.file_names",
    "MetadataCredentials": "client._sync.credentials.instance_metadata",
    "RefreshingCredentials": "client._sync.credentials.refreshable",
    "RetryPolicy": "client.settings.retry",
    "TransferSettings": "client.settings.transfers",
    "TransportSettings": "client.settings.transport",
    "metadata": "client.user_metadata",
}


def __getattr__(name: str) -> Any:
    # Import on first use, so that a sync program does not load the async client.
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
