"""Requests in the S3 dialect, sent byte for byte."""

import time
from dataclasses import dataclass
from hashlib import sha256

from coskit.protocol.s3.auth import sigv4
from tests.server.support.http_client import HOST, Headers, HTTPClient, Reply, received

REGION = "ap-local"


@dataclass(frozen=True)
class S3HTTPClient:
    """A client of a server that speaks S3 and has a key pair."""

    http_client: HTTPClient

    def request(
        self,
        method: str,
        target: str,
        headers: Headers | None = None,
        body: bytes | None = None,
        *,
        signed: bool = True,
    ) -> Reply:
        """Send one request over a connection of its own and return the response."""
        sent = {"host": HOST, **(headers or {})}
        if signed:
            request = received(method, target.encode(), sent)
            digest = sha256(body or b"").hexdigest()
            now = int(time.time())
            sent |= sigv4.sign(request, self.http_client.credentials, now, REGION, digest)
        return self.http_client.request(method, target, sent, body, signed=False)


def request_s3(
    http_client: HTTPClient,
    method: str,
    target: str,
    headers: Headers | None = None,
    body: bytes = b"",
) -> Reply:
    """Send one signed request, which always has a body, and return its response."""
    return S3HTTPClient(http_client).request(method, target, headers, body)
