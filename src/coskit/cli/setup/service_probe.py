"""A signed request that shows whether a service accepts the keys of a profile."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from coskit.client.credentials.provider import METADATA
from coskit.client.credentials.resolver import DialectName
from coskit.client.credentials.system_keyring import KEYRING, KeyringKeys
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.endpoint import check_region, parse_endpoint, region_endpoint
from coskit.protocol.errors import CosServiceError, ParameterError

if TYPE_CHECKING:
    from coskit import Client

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 10.0


def client_of(settings: Mapping[str, str]) -> "Client":
    """Return a client with the settings of a profile and nothing from the environment.

    Args:
        settings: the keys of a profile; a secret that is not among them is in the keyring.

    Raises:
        ParameterError: there is neither a region nor an endpoint, or one of them is malformed.
    """
    from coskit import Client, RetryPolicy, TransportSettings
    from coskit.client.config import ClientConfig

    region, endpoint = settings.get("region", ""), settings.get("endpoint", "")
    if not region and not endpoint:
        raise ParameterError("a profile needs a region or an endpoint")
    if region:
        check_region(region)
    return Client(
        config=ClientConfig(
            parse_endpoint(endpoint) if endpoint else region_endpoint(region),
            region,
            _keys(settings),
            RetryPolicy(attempts=2),
            TransportSettings(connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS),
            dialect=cast("DialectName", settings.get("dialect") or "cos"),
        )
    )


def _keys(settings: Mapping[str, str]) -> Any:
    secret_id, secret_key = settings.get("secret_id", ""), settings.get("secret_key", "")
    if secret_key:
        return Credentials(secret_id, secret_key, settings.get("token", ""))
    return KeyringKeys(secret_id) if settings.get("source") == KEYRING else METADATA


def probe_keys(client: "Client") -> str:
    """Return what the service says to a signed request: the keys are valid, and how far.

    Raises:
        CosException: no response arrived, or the service refused the signature.
    """
    try:
        client.list_buckets()
    except CosServiceError as error:
        if error.code != "AccessDenied":
            raise
        return "the keys are valid, but may not list buckets"
    return "the keys are valid"
