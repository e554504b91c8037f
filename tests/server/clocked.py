"""A server inside the test's process, on a clock that the test sets."""

import asyncio
from pathlib import Path
from typing import Any, Self

from coskit.protocol.messages import encode_text
from coskit.protocol.signature import Credentials, sign
from coskit.server.handlers.access import dump_grants
from coskit.server.http import Gateway
from coskit.server.settings import ACCOUNT, Settings, key_ring
from coskit.server.store.store import Store
from tests.server.wire import HOST, Headers, Reply, received

KEYS = Credentials("id", "key")


class ClockedServer:
    """One bucket, `b-1`, and requests to it at moments of the test's choice.

    Attributes:
        now: seconds since 1970.
    """

    def __init__(self, directory: Path) -> None:
        self.now = 1_700_000_000.0
        self._runner = asyncio.Runner()
        self._store = self._runner.run(Store.open(directory, clock=lambda: self.now))
        settings = Settings(directory, key_ring(KEYS))
        self._gateway = Gateway(self._store, settings, lambda: self.now)
        self._runner.run(self._store.create_bucket("b-1", ACCOUNT, dump_grants(())))

    def ask(
        self, method: str, target: str, headers: Headers | None = None, body: bytes = b""
    ) -> Reply:
        """Send a signed request and return its answer."""
        sent = {"host": HOST, "content-length": str(len(body)), **(headers or {})}
        request = received(method, target.encode(), sent)
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

        await self._gateway.answer(scope, receive, send)
        start, *pieces = sent
        fields = tuple((bytes(name).decode(), value.decode()) for name, value in start["headers"])
        return Reply(start["status"], fields, b"".join(piece["body"] for piece in pieces))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._store.close())
        self._runner.close()
