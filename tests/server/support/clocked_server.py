"""A server inside the test's process, with a clock that the test sets."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, Self

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import sign
from coskit.protocol.messages import encode_text
from coskit.protocol.s3.auth import sigv4
from coskit.server.handlers.access.acl import dump_grants
from coskit.server.handlers.access.object_lock import lifecycle_lock_condition
from coskit.server.http.gateway import Gateway
from coskit.server.settings import ACCOUNT, Settings, key_ring
from coskit.server.store.recovery import open_store
from coskit.server.workers.lifecycle_job import LifecycleJob
from tests.server.support.http_client import HOST, Headers, Reply, received

KEYS = Credentials("id", "key")


class ClockedServer:
    """One bucket, `b-1`, and requests to it at moments of the test's choice.

    Attributes:
        now: seconds since 1970.
    """

    def __init__(self, directory: Path) -> None:
        self.now = 1_700_000_000.0
        self._runner = asyncio.Runner()
        self._store = self._runner.run(open_store(directory, clock=self.clock))
        settings = Settings(directory, key_ring(KEYS))
        self._gateway = Gateway(self._store, settings, self.clock)
        self._runner.run(self._make_bucket())

    async def _make_bucket(self) -> None:
        await self._store.index.create_bucket("b-1", ACCOUNT, dump_grants(()))

    def request(
        self,
        method: str,
        target: str,
        headers: Headers | None = None,
        body: bytes = b"",
        *,
        of_s3: bool = False,
    ) -> Reply:
        """Send a signed request, in the dialect of S3 if asked, and return its response."""
        sent = {"host": HOST, "content-length": str(len(body)), **(headers or {})}
        request = received(method, target.encode(), sent)
        if of_s3:
            sent |= sigv4.sign(request, KEYS, int(self.now), "ap-local")
        else:
            sent["authorization"] = sign(request, KEYS, int(self.now))
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), encode_text(text)) for name, text in sent.items()],
        }
        return self._runner.run(self._answer(scope, body))

    def sweep(self) -> Counter[str]:
        """Let the lifecycle job make one pass as the server does."""
        job = LifecycleJob(
            self._store, clock=self.clock, may_delete=lifecycle_lock_condition(self.clock)
        )
        return self._runner.run(job.sweep())

    def clock(self) -> float:
        """Return the time."""
        return self.now

    async def _answer(self, scope: dict[str, Any], body: bytes) -> Reply:
        sent: list[dict[str, Any]] = []
        left = [{"type": "http.request", "body": body}]

        async def receive() -> dict[str, Any]:
            if left:
                return left.pop()
            await asyncio.Event().wait()  # the client stays
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._gateway.serve(scope, receive, send)
        start, *pieces = sent
        fields = tuple((bytes(name).decode(), value.decode()) for name, value in start["headers"])
        return Reply(start["status"], fields, b"".join(piece["body"] for piece in pieces))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._store.close())
        self._runner.close()
