"""The keys of the machine's role: from STS in a TKE pod, from the metadata service in a CVM."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from coskit.client._async.concurrency import async_blocking, async_sleep
from coskit.client._async.credentials.refreshable import AsyncRefreshingCredentials
from coskit.client._async.transport import AsyncTransport
from coskit.client.credentials.instance_role import (
    METADATA_ENDPOINT,
    STS_ENDPOINT,
    WebIdentity,
    read_role_keys,
    read_role_name,
    read_sts_keys,
    role_keys_request,
    role_names_request,
    sts_request,
    web_identity,
)
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.http_request import HTTPRequest
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.errors import TransportError
from coskit.protocol.messages import Response

# Seconds between the attempts of one request.
_PAUSES = (0.1, 0.4)
# The metadata service is on the same host: after these timeouts it is not there. No proxy
# reaches it.
_LOCAL_SETTINGS = TransportSettings(connect_timeout=2, read_timeout=5, proxy="")
_REMOTE_SETTINGS = TransportSettings(connect_timeout=5, read_timeout=10)


class AsyncMetadataCredentials(AsyncRefreshingCredentials):
    """The temporary keys of the machine's role, always fresh.

    In a TKE pod with a role (the four `TKE_...` variables are set) they come from STS, elsewhere
    from the metadata service of the CVM.
    """

    def __init__(
        self,
        role: str = "",
        *,
        endpoint: str = "",
        sts_endpoint: str = "",
        early: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep the settings; nothing is sent yet.

        Args:
            role: the role of a CVM, if it is known; otherwise the metadata service names it.
            endpoint: the metadata service's endpoint; by default `COSKIT_METADATA_ENDPOINT` or the
                public one.
            sts_endpoint: the endpoint of STS; by default `COSKIT_STS_ENDPOINT` or the public one.
            early: the seconds before their expiry at which keys are replaced.
            clock: returns Unix seconds.
        """
        self._settings = {"role": role, "endpoint": endpoint, "sts_endpoint": sts_endpoint}
        self._role = role
        self._endpoint = endpoint or os.environ.get("COSKIT_METADATA_ENDPOINT", METADATA_ENDPOINT)
        self._sts = sts_endpoint or os.environ.get("COSKIT_STS_ENDPOINT", STS_ENDPOINT)
        super().__init__(self._ask, early, clock=clock)

    async def _ask(self) -> Credentials:
        identity = web_identity(os.environ)
        if identity is not None and not self._role:
            return await self._ask_sts(identity)
        async with AsyncTransport(_LOCAL_SETTINGS) as transport:
            role = self._role
            if not role:
                role = read_role_name(await _send(transport, role_names_request(self._endpoint)))
            return read_role_keys(await _send(transport, role_keys_request(self._endpoint, role)))

    async def _ask_sts(self, identity: WebIdentity) -> Credentials:
        token = await async_blocking(Path(identity.token_file).read_text, "utf-8")
        async with AsyncTransport(_REMOTE_SETTINGS) as transport:
            request = sts_request(self._sts, identity, token, int(self.clock()))
            return read_sts_keys(await _send(transport, request))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), early=self.early, clock=self.clock, **self._settings), ()


async def _send(transport: AsyncTransport, request: HTTPRequest) -> Response:
    """Return the response, after up to two retries if there is none or its status is 5xx."""
    for pause in _PAUSES:
        try:
            response = await transport.send(request)
        except TransportError:
            pass
        else:
            if response.status < 500:
                return response
        await async_sleep(pause)
    return await transport.send(request)
