"""The status pages under `/-/`: live, ready and metrics."""

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
from coskit.server.metrics.counters import RequestMetrics, ServerStatus
from coskit.server.metrics.shared_memory import (
    SharedMetrics,
    WorkerReport,
    sum_reports,
    without_current_state,
)
from coskit.server.settings import Settings
from coskit.server.store.model import StoreTotals
from coskit.server.store.store import Store

_log = logging.getLogger("coskit.server")
_PUBLISH_INTERVAL = 1.0  # seconds from one report to the other workers to the next
_CENSUS_WAIT = 1.0  # seconds that a scrape waits for a census
_CENSUS_AGE = 10.0  # seconds after which a census is repeated
_CENSUS_SHARE = 100  # at most one in so many seconds is spent on a census


class Health:
    """The status pages of the server, for which no signature is needed.

    Args:
        settings: the server's settings.
        store: the server's store.
        metrics: the counters of this process's requests.
        admission: the admission of all requests.
        connections: the open connections; the collection changes.
        access_log: the access log, or None.
        shared_metrics: the metrics of all workers, if there are several.
        clock: returns seconds of a monotonic clock.

    Attributes:
        is_draining: whether the server is about to end.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        metrics: RequestMetrics,
        admission: Admission,
        connections: Collection[object] = (),
        access_log: AccessLog | None = None,
        shared_metrics: SharedMetrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_draining = False
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._admission = admission
        self._connections = connections
        self._access_log = access_log
        self._shared_metrics = shared_metrics
        self._clock = clock
        self._started = clock()
        self._census: StoreTotals | None = None
        self._counted = float("-inf")  # when the last count ended
        self._pause = _CENSUS_AGE
        self._counting: asyncio.Task[None] | None = None

    async def page(self, name: str | None, address: str) -> tuple[Response, bytes]:
        """Return the page `/-/<name>`.

        Args:
            name: the page's name.
            address: the client's address, or "".

        Raises:
            InvalidURI: there is no page of this name.
            AccessDenied: the address may not read the metrics.
        """
        if name == "live":
            return _document(200, {"status": "live"})
        if name == "ready":
            return self._ready()
        if name == "metrics":
            return await self._metrics_page(address)
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

    async def _metrics_page(self, address: str) -> tuple[Response, bytes]:
        if self._settings.metrics == "off":
            raise InvalidURI("The metrics are turned off")
        if self._settings.metrics != "public" and not is_loopback(address):
            raise AccessDenied("Metrics may be read from this machine only")
        from coskit.server.metrics.prometheus import (  # 50 ms that most starts save
            MEDIA_TYPE,
            render,
        )

        await self._take_census()
        own = self._report()
        others = self._shared_metrics.others() if self._shared_metrics else []
        report = sum_reports(own, others)
        pids = [own.pid, *(other.pid for other in others)]
        text = await asyncio.to_thread(render, report.metrics, report.status, pids)
        return Response(200, {"Content-Type": MEDIA_TYPE}), text

    async def publish(self) -> None:
        """Publish this worker's report periodically, until cancelled."""
        assert self._shared_metrics is not None, "a worker on its own does not publish"
        while True:
            self._shared_metrics.publish(self._report())
            await asyncio.sleep(_PUBLISH_INTERVAL)

    def _report(self) -> WorkerReport:
        """Return this worker's report, including its dead predecessors."""
        report = WorkerReport(os.getpid(), self._metrics.copy(), self._status())
        former = self._shared_metrics.former if self._shared_metrics else None
        return sum_reports(report, [without_current_state(former)]) if former else report

    def _status(self) -> ServerStatus:
        return ServerStatus(
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
        """Count the store, unless that was done recently; a long count runs in the background."""
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
    """Return whether an address is a loopback address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def _document(status: int, facts: Mapping[str, Any]) -> tuple[Response, bytes]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(status, headers), json.dumps(facts).encode() + b"\n"
