"""A proxy between client and server that injects faults into requests."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from coskit.protocol.model import Operation
from coskit.protocol.operations import UPLOAD_PART
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import PASS_THROUGH, Fault
from tests.faults.proxy.framing import ConnectionEnded, Stream
from tests.faults.proxy.proxy_steps import ProxiedRequest, ServerConnection, close_after_reading

Match = Operation | Callable[[RecordedRequest], bool]
Decide = Callable[[RecordedRequest], Fault | None]


def any_request(exchange: RecordedRequest) -> bool:
    """Match every request."""
    return True


@dataclass(frozen=True)
class Rule:
    """A fault and the requests that it applies to.

    Attributes:
        match: an operation, or a function of the record, which has only the request yet.
        fault: the fault.
        times: how many matching requests it applies to; None for all.
        skip: how many matching requests pass before.
    """

    match: Match
    fault: Fault
    times: int | None = 1
    skip: int = 0

    def takes(self, exchange: RecordedRequest) -> bool:
        """Return whether a request matches."""
        if isinstance(self.match, Operation):
            return exchange.operation is not None and exchange.operation.name == self.match.name
        return self.match(exchange)

    def __repr__(self) -> str:
        name = "any_request" if self.match is any_request else repr(self.match)
        if isinstance(self.match, Operation):
            name = self.match.function.upper()
        limits = "" if self.times == 1 else f", times={self.times}"
        return f"Rule({name}, {self.fault}{limits}{f', skip={self.skip}' if self.skip else ''})"


class _RuleCounter:
    """Rules with a count of the requests that each matched and no earlier one took."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._offered = [0] * len(self.rules)

    def decide(self, exchange: RecordedRequest) -> Fault | None:
        for index, rule in enumerate(self.rules):
            if rule.takes(exchange):
                turn = self._offered[index] - rule.skip
                self._offered[index] += 1
                if turn >= 0 and (rule.times is None or turn < rule.times):
                    return rule.fault
        return None


class FaultProxy:
    """Forwards every byte unchanged, except where a rule names a fault; records every request.

    It runs in a thread of its own and speaks HTTP/1.1; anything else closes the connection. The
    head passes unchanged, Host and signature included, so the server sees a client of the proxy's
    address.

    Attributes:
        port: its port.
        endpoint: its URL.
        exchanges: the records of all requests since its start or `clear`, in order.
        decide: returns the fault for a request, or None; called in the proxy's thread.
    """

    def __init__(self, target_port: int, rules: Sequence[Rule] = ()) -> None:
        """Listen and forward.

        Args:
            target_port: the server's port on 127.0.0.1.
            rules: the rules, of which the first that matches a request applies.
        """
        self._target_port = target_port
        self.exchanges: list[RecordedRequest] = []
        self.rules = rules
        self._refusals = 0
        self._clients = 0
        self._probe: object = None
        self._failures: list[Exception] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        # `close` sends a byte on one end; the thread waits for it on the other.
        self._wake, self._wakeup = socket.socketpair()
        self._wakeup.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="fault-proxy")
        self._thread.start()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules; setting them resets their counts."""
        return self._counter.rules

    @rules.setter
    def rules(self, rules: Sequence[Rule]) -> None:
        self._counter = _RuleCounter(rules)
        self.decide: Decide = self._counter.decide

    def refuse(self, connections: int) -> None:
        """Reset that number of the next connections as soon as they are made."""
        self._refusals = connections

    def wait_idle(self, limit: float = 30.0) -> None:
        """Wait until no connection is left, so that the record is complete.

        Raises:
            TimeoutError: connections are left after `limit` seconds.
        """
        end = time.monotonic() + limit
        # Connections are accepted in order: once this one is, all earlier ones are counted.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._probe = probe.getsockname()
            probe.connect(("127.0.0.1", self.port))
            while self._probe or self._clients:
                self._wait_for_idle(end)

    def _wait_for_idle(self, end: float) -> None:
        if time.monotonic() > end:
            raise TimeoutError(f"{self._clients} connections are left: {self.report()}")
        time.sleep(0.002)

    def clear(self) -> None:
        """Drop the records."""
        self.exchanges = []

    def matching(self, match: Match) -> list[RecordedRequest]:
        """Return the records of the requests that match."""
        rule = Rule(match, PASS_THROUGH)
        return [exchange for exchange in self.exchanges if rule.takes(exchange)]

    def parts_sent_again(self) -> list[RecordedRequest]:
        """Return part uploads that started after the server had confirmed the same bytes."""
        parts = self.matching(UPLOAD_PART)
        return [
            later
            for later in parts
            if any(
                earlier.is_done
                and earlier.answered_at < later.began_at
                and earlier.key == later.key
                and earlier.query["uploadId"] == later.query["uploadId"]
                and earlier.query["partNumber"] == later.query["partNumber"]
                and (earlier.received, earlier.crc64) == (later.received, later.crc64)
                for earlier in parts
            )
        ]

    def report(self) -> str:
        """Return the records as text, a line for each request."""
        return "\n".join(str(exchange) for exchange in self.exchanges)

    def close(self) -> None:
        """End the thread and every connection; safe to call twice.

        Raises:
            ExceptionGroup: a rule's function or the proxy itself raised.
        """
        if self._thread.is_alive():
            # A byte rather than a close, because a forked child may hold a copy of the socket.
            self._wake.send(b"!")
        self._thread.join()
        self._wake.close()
        failures, self._failures = self._failures, []
        if failures:
            raise ExceptionGroup("the proxy failed", failures)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._listener.close()
            self._wakeup.close()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        accepting = asyncio.create_task(self._accept())
        await loop.sock_recv(self._wakeup, 1)
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        clients: set[asyncio.Task[None]] = set()

        def ended(task: asyncio.Task[None]) -> None:
            clients.discard(task)
            self._clients = len(clients)

        try:
            while True:
                sock, peer = await loop.sock_accept(self._listener)
                if peer == self._probe:
                    sock.close()
                    self._probe = None
                    continue
                client = Stream(sock)
                if self._refusals:
                    self._refusals -= 1
                    client.abort()
                    continue
                task = asyncio.create_task(self._serve_client(client))
                clients.add(task)
                self._clients = len(clients)
                task.add_done_callback(ended)
        finally:
            for task in clients:
                task.cancel()
            await asyncio.gather(*clients, return_exceptions=True)

    async def _serve_client(self, client: Stream) -> None:
        connection = ServerConnection(self._target_port)
        try:
            while await self._proxy_request(client, connection):
                pass
        except ConnectionEnded:
            connection.close()
            await close_after_reading(client, reset=False)
        except OSError:
            connection.close(reset=True)
            client.abort()
        except Exception as failure:
            self._failures.append(failure)
            client.abort()
        finally:
            connection.close()
            client.close()

    async def _proxy_request(self, client: Stream, connection: ServerConnection) -> bool:
        """Proxy the next request of a connection; return whether another may follow."""
        head = await client.head()
        if head is None:
            return False
        exchange = RecordedRequest.of(len(self.exchanges), head)
        fault = self.decide(exchange)
        exchange.fault = fault
        self.exchanges.append(exchange)
        request = ProxiedRequest(exchange, head, client, connection)
        try:
            await (fault or PASS_THROUGH).play(request)
            return await request.finish()
        finally:
            await request.stop_sending()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
