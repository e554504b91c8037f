"""The settings of a client, found and checked once."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from coskit.client.credentials import resolver as sources
from coskit.client.credentials.provider import CredentialsSource
from coskit.client.settings.argument_checks import Scheme, flag, instance, text
from coskit.client.settings.retry import RetryPolicy
from coskit.client.settings.transfers import TransferSettings
from coskit.client.settings.transport import TransportSettings
from coskit.protocol.endpoint import (
    Endpoint,
    check_region,
    parse_endpoint,
    region_endpoint,
    second_domain,
)
from coskit.protocol.errors import CredentialsError, ParameterError


def chance() -> float:
    """Return a random number from 0 to 1; a pickle of `random.random` would repeat its numbers."""
    return random.random()  # noqa: S311 - it spreads pauses


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """The settings of a client.

    Attributes:
        endpoint: the endpoint of the service.
        region: the region of the endpoint, or "" if it has none.
        credentials: the keys or their provider; None for anonymous requests.
        retry: the policy for retries.
        transport: timeouts, proxy and certificates.
        transfers: the memory, parallel files and journals of transfers.
        failover: whether a call that does not reach the endpoint is retried at its second domain.
        second_endpoint: another endpoint for such calls, with `failover` or without it.
        dialect: the dialect of the service.
        clock: returns Unix seconds, for signatures.
        jitter: returns a random number from 0 to 1, for pauses.
    """

    endpoint: Endpoint
    region: str = ""
    credentials: CredentialsSource | None = None
    retry: RetryPolicy = RetryPolicy()
    transport: TransportSettings = TransportSettings()
    transfers: TransferSettings = TransferSettings()
    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = chance
    failover: bool = False
    second_endpoint: Endpoint | None = None
    dialect: sources.DialectName = "cos"

    def __post_init__(self) -> None:
        """Check the types of the settings.

        Raises:
            ParameterError: a setting is of a wrong type.
        """
        instance("retry", self.retry, RetryPolicy)
        instance("transport", self.transport, TransportSettings)
        instance("transfers", self.transfers, TransferSettings)
        flag("failover", self.failover)

    def second(self) -> Endpoint | None:
        """Return the endpoint for calls that do not reach the first one, or None."""
        if self.second_endpoint is None and self.failover:
            return second_domain(self.endpoint)
        return self.second_endpoint


def find_config(
    *,
    region: str | None,
    endpoint: str | None,
    secret_id: str | None,
    secret_key: str | None,
    token: str | None,
    credentials: CredentialsSource | None,
    profile: str | None,
    scheme: Scheme,
    anonymous: bool,
    path_style: bool | None,
    failover: bool,
    dialect: str | None,
    retry: RetryPolicy,
    transport: TransportSettings,
    transfers: TransferSettings,
) -> ClientConfig:
    """Return a client's settings from its arguments, the environment and the configuration file.

    An endpoint says where requests go, wherever it was found; beside it a region only signs.

    Raises:
        CredentialsError: there are no keys and the client is not to be anonymous.
        ParameterError: there is neither a region nor an endpoint, or one of them is malformed; or
            credentials are given along with a key pair.
    """
    flag("anonymous", anonymous)
    for name, value in (("region", region), ("endpoint", endpoint), ("profile", profile)):
        if value is not None:
            text(name, value)
    if scheme not in get_args(Scheme):
        raise ParameterError(f"scheme must be 'https' or 'http', not {scheme!r}")
    if credentials is not None and (secret_id or secret_key or token):
        raise ParameterError("Give either credentials or secret_id and secret_key")
    found = sources.find(
        {
            "region": region,
            "endpoint": endpoint,
            "secret_id": secret_id,
            "secret_key": secret_key,
            "token": token,
            "dialect": dialect,
        },
        os.environ,
        sources.config_file(),
        profile or "",
        # A program that gives credentials, or is anonymous, does not want the keys of other tools.
        None if anonymous or credentials is not None else sources.home_directory(),
        time.time(),
    )
    chosen = found.credentials if credentials is None else credentials
    if not found.endpoint and not found.region:
        raise ParameterError(
            "Give region='ap-guangzhou' or endpoint='http://127.0.0.1:9000', "
            "or set COSKIT_REGION or COSKIT_ENDPOINT"
        )
    if found.region:
        check_region(found.region)
    if found.dialect == "s3" and not found.endpoint:
        raise ParameterError(
            "dialect='s3' needs an endpoint, such as https://s3.us-east-1.amazonaws.com"
        )
    if chosen is None and not anonymous:
        raise CredentialsError(
            "No credentials: give secret_id and secret_key, set COSKIT_SECRET_ID and "
            "COSKIT_SECRET_KEY, or say credentials='metadata' or anonymous=True"
        )
    place = (
        parse_endpoint(found.endpoint, path_style, scheme)
        if found.endpoint
        else region_endpoint(found.region, scheme)
    )
    return ClientConfig(
        place,
        found.region,
        None if anonymous else chosen,
        retry,
        transport,
        transfers=transfers,
        failover=failover,
        dialect=found.dialect,
    )
