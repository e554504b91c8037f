"""Requests in the dialect of S3, signed in version 4 and sent byte for byte."""

import time
from collections.abc import Mapping
from hashlib import sha256

from coskit.protocol.s3.auth import sigv4
from tests.server.support.wire import HOST, Peer, Reply, received


def ask(
    peer: Peer,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Reply:
    """Send a request and return its answer."""
    sent = {"host": HOST, **(headers or {})}
    request = received(method, target.encode(), sent)
    digest = sha256(body).hexdigest()
    signature = sigv4.sign(request, peer.credentials, int(time.time()), "ap-local", digest)
    return peer.ask(method, target, {**sent, **signature}, body, signed=False)
