"""What the server tells about itself under `/-/`: that it lives, is ready, and its metrics."""

import asyncio
import ipaddress
import json
import logging
import os
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from coskit._version import __version__
from coskit.protocol.errors import AccessDenied, InvalidURI
from coskit.protocol.messages import Response
from coskit.server.http.access_log import AccessLog
from coskit.server.http.admission import Admission
from coskit.server.metrics.counters import Metrics, Situation
from coskit.server.metrics.shared_memory import Board, Report, past, total
from coskit.server.settings import Settings
from coskit.server.store.model import StoreTotals
from coskit.server.store.store import Store

_log = logging.getLogger("coskit.server")
_BEAT = 1.0  # seconds for which workers may not know what the others have counted
_CENSUS_WAIT = 1.0  # seconds that a scrape waits for the store to be counted
_CENSUS_AGE = 10.0  # seconds after which it is counted anew
_CENSUS_SHARE = 100  # of the time, which part may be spent on counting: one of so many


class Health:
    """Answers for the server as a whole; nobody has to sign.

    Args:
        settings: of the server.
        store: what it serves.
        metrics: what its requests have added up to.
        admission: who lets them in.
        connections: those that are open; changes.
        access_log: if there is one.
        board: where all workers show their metrics, if there are several.
        clock: seconds, only ever compared.

    Attributes:
        is_draining: whether the server is about to end.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        metrics: Metrics,
        admission: Admission,
        connections: Collection[object] = (),
        access_log: AccessLog | None = None,
        board: Board | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_draining = False
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._admission = admission
        self._connections = connections
        self._access_log = access_log
        self._board = board
        self._clock = clock
        self._started = clock()
        self._census: StoreTotals | None = None
        self._counted = float("-inf")  # when the last count ended
        self._pause = _CENSUS_AGE
        self._counting: asyncio.Task[None] | None = None

    async def page(self, name: str | None, address: str) -> tuple[Response, bytes]:
        """Return the page `/-/<name>`.

        Args:
            name: what is asked for.
            address: who asks, or "".

        Raises:
            InvalidURI: there is nothing of this name.
            AccessDenied: the metrics are not for that address.
        """
        if name == "live":
            return _document(200, {"status": "live"})
        if name == "ready":
            return self._ready()
        if name == "metrics":
            return await self._tell_metrics(address)
        raise InvalidURI("There is /-/live, /-/ready and /-/metrics")

    def _ready(self) -> tuple[Response, bytes]:
        facts = {
            "status": "draining" if self.is_draining else "ready",
            "version": __version__,
            "durability": self._settings.durability,
            "workers": self._settings.workers,
            "uptime_seconds": round(self._clock() - self._started, 3),
            "draining": self.is_draining,
        }
        return _document(503 if self.is_draining else 200, facts)

    async def _tell_metrics(self, address: str) -> tuple[Response, bytes]:
        if self._settings.metrics == "off":
            raise InvalidURI("The metrics are turned off")
        if self._settings.metrics != "public" and not is_loopback(address):
            raise AccessDenied("The metrics are told to this machine only")
        from coskit.server.metrics.prometheus import (  # 50 ms that most starts save
            MEDIA_TYPE,
            render,
        )

        await self._take_census()
        own = self._report()
        others = self._board.others() if self._board else []
        report = total(own, others)
        pids = [own.pid, *(other.pid for other in others)]
        text = await asyncio.to_thread(render, report.metrics, report.situation, pids)
        return Response(200, {"Content-Type": MEDIA_TYPE}), text

    async def publish(self) -> None:
        """Let the other workers know what this one counts, until cancelled."""
        assert self._board is not None, "a worker on its own has nobody to tell"
        while True:
            self._board.publish(self._report())
            await asyncio.sleep(_BEAT)

    def _report(self) -> Report:
        """Return what this worker has counted, and what the dead ones before it had."""
        report = Report(os.getpid(), self._metrics.copy(), self._situation())
        former = self._board.former if self._board else None
        return total(report, [past(former)]) if former else report

    def _situation(self) -> Situation:
        return Situation(
            running=self._admission.running,
            waiting=self._admission.waiting,
            refused=self._admission.refused,
            connections=len(self._connections),
            is_draining=self.is_draining,
            unlogged=self._access_log.lost if self._access_log else 0,
            activity=self._store.index.activity(),
            removals=(self._store.lifetime.waiting, self._store.lifetime.failed),
            census=self._census,
            scrubbed=self._store.scrub.last,
        )

    async def _take_census(self) -> None:
        """Have the store counted, unless that was done just now; a long count goes on behind."""
        if self._counting is None and self._clock() - self._counted >= self._pause:
            self._counting = asyncio.create_task(self._count())
        if self._counting is not None:
            await asyncio.wait((self._counting,), timeout=_CENSUS_WAIT)

    async def _count(self) -> None:
        began = self._clock()
        try:
            self._census = await self._store.index.census()
        except Exception:
            _log.exception("the store could not be counted")
        finally:
            self._counted = self._clock()
            self._pause = max(_CENSUS_AGE, (self._counted - began) * _CENSUS_SHARE)
            self._counting = None


def is_loopback(address: str) -> bool:
    """Return whether an address is of the machine itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def _document(status: int, facts: Mapping[str, Any]) -> tuple[Response, bytes]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(status, headers), json.dumps(facts).encode() + b"\n"
