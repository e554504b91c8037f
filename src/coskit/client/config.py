"""The settings of a client, found and checked once."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from coskit.client import credentials as sources
from coskit.client.curl import TransportSettings
from coskit.client.retry import RetryPolicy
from coskit.protocol.endpoint import Endpoint, parse_endpoint, region_endpoint
from coskit.protocol.errors import CredentialsError, ParameterError
from coskit.protocol.signature import Credentials


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """What a client needs to know.

    Attributes:
        endpoint: where the service listens.
        region: of the endpoint, or "" if it has none.
        credentials: None for anonymous requests.
        retry: how failed requests are repeated.
        transport: timeouts, proxy and certificates.
        clock: Unix seconds, for signatures.
        jitter: a random number from 0 to 1, for pauses.
    """

    endpoint: Endpoint
    region: str = ""
    credentials: Credentials | None = None
    retry: RetryPolicy = RetryPolicy()
    transport: TransportSettings = TransportSettings()
    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random


def find_config(
    *,
    region: str | None,
    endpoint: str | None,
    secret_id: str | None,
    secret_key: str | None,
    token: str | None,
    profile: str | None,
    scheme: str,
    anonymous: bool,
    path_style: bool | None,
    retry: RetryPolicy,
    transport: TransportSettings,
) -> ClientConfig:
    """Return a client's settings from its arguments, the environment and the configuration file.

    Raises:
        CredentialsError: there are no keys and the client is not to be anonymous.
        ParameterError: there is neither a region nor an endpoint, or one of them is malformed.
    """
    found = sources.find(
        {
            "region": region,
            "endpoint": endpoint,
            "secret_id": secret_id,
            "secret_key": secret_key,
            "token": token,
        },
        os.environ,
        sources.config_file(),
        profile or "",
    )
    if not found.endpoint and not found.region:
        raise ParameterError(
            "Give region='ap-guangzhou' or endpoint='http://127.0.0.1:9000', "
            "or set COSKIT_REGION or COSKIT_ENDPOINT"
        )
    if found.credentials is None and not anonymous:
        raise CredentialsError(
            "No credentials: give secret_id and secret_key, set COSKIT_SECRET_ID and "
            "COSKIT_SECRET_KEY, or say anonymous=True"
        )
    place = (
        parse_endpoint(found.endpoint, path_style)
        if found.endpoint and (endpoint or not region)
        else region_endpoint(found.region, scheme)
    )
    return ClientConfig(
        place,
        found.region,
        None if anonymous else found.credentials,
        retry,
        transport,
    )
