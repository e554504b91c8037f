"""Requests in the dialect of S3, byte for byte."""

import time
from dataclasses import dataclass
from hashlib import sha256

from coskit.protocol.s3.auth import sigv4
from tests.server.support.wire import HOST, Headers, Peer, Reply, received

REGION = "ap-local"


@dataclass(frozen=True)
class S3Peer:
    """Somebody who talks S3 to a server and knows its keys."""

    peer: Peer

    def ask(
        self,
        method: str,
        target: str,
        headers: Headers | None = None,
        body: bytes | None = None,
        *,
        signed: bool = True,
    ) -> Reply:
        """Send one request over a connection of its own and return the answer."""
        sent = {"host": HOST, **(headers or {})}
        if signed:
            request = received(method, target.encode(), sent)
            digest = sha256(body or b"").hexdigest()
            now = int(time.time())
            sent |= sigv4.sign(request, self.peer.credentials, now, REGION, digest)
        return self.peer.ask(method, target, sent, body, signed=False)
