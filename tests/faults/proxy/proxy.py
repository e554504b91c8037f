"""A proxy between client and server that does to each request what a test says."""

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
from tests.faults.proxy.exchange import Exchange
from tests.faults.proxy.faults import FAITHFUL, Fault
from tests.faults.proxy.framing import Ended, Stream
from tests.faults.proxy.proxy_steps import Link, Passage, leave

Match = Operation | Callable[[Exchange], bool]
Decide = Callable[[Exchange], Fault | None]


def any_request(exchange: Exchange) -> bool:
    """Match every request."""
    return True


@dataclass(frozen=True)
class Rule:
    """Which requests a fault happens to.

    Attributes:
        match: an operation, or a function of the exchange, of which only the request is known.
        fault: what happens.
        times: to how many of the requests that match; None for all.
        skip: how many that match pass before.
    """

    match: Match
    fault: Fault
    times: int | None = 1
    skip: int = 0

    def takes(self, exchange: Exchange) -> bool:
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


class _RuleBook:
    """Rules, and how many requests each was offered, which are those that no earlier one took."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._offered = [0] * len(self.rules)

    def decide(self, exchange: Exchange) -> Fault | None:
        for index, rule in enumerate(self.rules):
            if rule.takes(exchange):
                turn = self._offered[index] - rule.skip
                self._offered[index] += 1
                if turn >= 0 and (rule.times is None or turn < rule.times):
                    return rule.fault
        return None


class FaultProxy:
    """Forwards byte for byte, save where a rule names a fault; records every request.

    It runs in a thread of its own and speaks HTTP/1.1; what is none ends its connection. To a
    server behind it a client is one that connects to the proxy's address: the head, Host and
    signature included, passes unchanged.

    Attributes:
        port: where it listens.
        endpoint: its URL.
        exchanges: every request since its start or since `forget`, in the order they came.
        decide: gives the fault for a request, or None; called in the proxy's thread.
    """

    def __init__(self, target_port: int, rules: Sequence[Rule] = ()) -> None:
        """Listen and forward.

        Args:
            target_port: of the server, on 127.0.0.1.
            rules: the first that takes a request decides; see `rules`.
        """
        self._target_port = target_port
        self.exchanges: list[Exchange] = []
        self.rules = rules
        self._refusals = 0
        self._talks = 0
        self._probe: object = None
        self._failures: list[Exception] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        # One end belongs to `close`, the other to the thread, which ends when it hears a byte.
        self._bell, self._ears = socket.socketpair()
        self._ears.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="fault-proxy")
        self._thread.start()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force; setting them begins to count anew."""
        return self._book.rules

    @rules.setter
    def rules(self, rules: Sequence[Rule]) -> None:
        self._book = _RuleBook(rules)
        self.decide: Decide = self._book.decide

    def refuse(self, connections: int) -> None:
        """Reset so many of the next connections as soon as they are made."""
        self._refusals = connections

    def settle(self, limit: float = 30.0) -> None:
        """Wait until no connection is left, so that the record says all that the server did.

        Raises:
            TimeoutError: some are left after so many seconds.
        """
        end = time.monotonic() + limit
        # Connections are accepted in their order: once this one is, all earlier ones are talks.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._probe = probe.getsockname()
            probe.connect(("127.0.0.1", self.port))
            while self._probe or self._talks:
                self._await_settling(end)

    def _await_settling(self, end: float) -> None:
        if time.monotonic() > end:
            raise TimeoutError(f"{self._talks} connections are left: {self.report()}")
        time.sleep(0.002)

    def forget(self) -> None:
        """Begin a new record."""
        self.exchanges = []

    def of(self, match: Match) -> list[Exchange]:
        """Return the requests that match."""
        rule = Rule(match, FAITHFUL)
        return [exchange for exchange in self.exchanges if rule.takes(exchange)]

    def sent_again(self) -> list[Exchange]:
        """Return uploads of a part that began after the server had said it has those very bytes."""
        parts = self.of(UPLOAD_PART)
        return [
            later
            for later in parts
            if any(
                earlier.is_done
                and earlier.answered < later.began
                and earlier.key == later.key
                and earlier.query["uploadId"] == later.query["uploadId"]
                and earlier.query["partNumber"] == later.query["partNumber"]
                and (earlier.received, earlier.crc64) == (later.received, later.crc64)
                for earlier in parts
            )
        ]

    def report(self) -> str:
        """Return the record as text, a line for each request."""
        return "\n".join(str(exchange) for exchange in self.exchanges)

    def close(self) -> None:
        """End the thread and every connection; safe to call twice.

        Raises:
            ExceptionGroup: a rule's function or the proxy itself failed.
        """
        if self._thread.is_alive():
            # A byte, since a forked child may still hold a copy of the socket.
            self._bell.send(b"!")
        self._thread.join()
        self._bell.close()
        failures, self._failures = self._failures, []
        if failures:
            raise ExceptionGroup("the proxy failed", failures)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._listener.close()
            self._ears.close()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        accepting = asyncio.create_task(self._accept())
        await loop.sock_recv(self._ears, 1)
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        talks: set[asyncio.Task[None]] = set()

        def ended(talk: asyncio.Task[None]) -> None:
            talks.discard(talk)
            self._talks = len(talks)

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
                talk = asyncio.create_task(self._talk(client))
                talks.add(talk)
                self._talks = len(talks)
                talk.add_done_callback(ended)
        finally:
            for talk in talks:
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, client: Stream) -> None:
        link = Link(self._target_port)
        try:
            while await self._pass_one(client, link):
                pass
        except Ended:
            link.close()
            await leave(client, reset=False)
        except OSError:
            link.close(reset=True)
            client.abort()
        except Exception as failure:
            self._failures.append(failure)
            client.abort()
        finally:
            link.close()
            client.close()

    async def _pass_one(self, client: Stream, link: Link) -> bool:
        """Carry the next request of a connection; return whether there can be another."""
        head = await client.head()
        if head is None:
            return False
        exchange = Exchange.of(len(self.exchanges), head)
        fault = self.decide(exchange)
        exchange.fault = fault
        self.exchanges.append(exchange)
        passage = Passage(exchange, head, client, link)
        try:
            await (fault or FAITHFUL).play(passage)
            return await passage.finish()
        finally:
            await passage.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
