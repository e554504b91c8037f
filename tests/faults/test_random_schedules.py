"""Under random faults, a transfer delivers all bytes or raises."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings

from coskit import Client, CosException, TransferTimeout, TransportSettings
from coskit.protocol.operations import PUT_OBJECT, UPLOAD_PART
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import no_leaks, unfinished_uploads, via_proxy
from tests.faults.proxy.faults import FlipByte, Stall
from tests.faults.proxy.proxy import FaultProxy, Rule, any_request
from tests.faults.proxy.schedule import TIMES, Schedule, schedules
from tests.faults.subprocesses import journals_in, orphaned_files, partial_files
from tests.faults.transfers import LARGE, TRANSFERS, Download, Transfer, Upload
from tests.faults.vendor.clients import use_small_parts
from tests.support.worlds import World

DEADLINE = 20.0
EXAMPLES = 5
HASTY = TransportSettings(connect_timeout=1, read_timeout=1)

_folders = itertools.count(1)


@pytest.fixture(autouse=True, scope="module")
def _small_parts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        use_small_parts(patch)
        yield


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Trial:
    """One transfer under one schedule of faults, and its retry without faults."""

    def __init__(self, transfer: Transfer, kind: str, proxy: FaultProxy, server: LocalServer):
        self.transfer = transfer
        self.place = transfer.source.parent
        self.journals = self.place / "journals"
        self._kind, self._proxy, self._server = kind, proxy, server

    def connect(self, limits: TransportSettings) -> World:
        return via_proxy(self._kind, self._proxy, self._server, self.journals, transport=limits)

    def run(self, limits: TransportSettings) -> CosException | OSError | None:
        """Run the transfer, check that it leaks nothing, and return its exception."""
        error, began, before = None, time.monotonic(), descriptors()
        with no_leaks(self.place), self.connect(limits) as world:
            try:
                self.transfer.run(world, Deadline=DEADLINE)
            except (CosException, OSError) as failure:
                error = failure
        assert time.monotonic() - began < DEADLINE + 5, self._proxy.report()
        self._proxy.wait_idle()
        assert descriptors() <= before, "a connection or a file stays open"
        note(f"{type(error).__name__}: {error}\n{self._proxy.report()}")
        arrived, expected = self.transfer.arrived(), self.transfer.expected
        if error is None:
            assert set(arrived) == set(expected), "success, but some are missing"
        damaged = self._damaged_keys() if error is not None else set()
        for name, data in arrived.items():
            if self.transfer.key(name) not in damaged:
                assert data == expected[name], f"{name} has other bytes"
        assert orphaned_files(self.place, self.journals) == []
        return error

    def _damaged_keys(self) -> set[str | None]:
        """Return the objects that were stored damaged; the transfer must have raised."""
        return {
            seen.key
            for seen in self._proxy.matching(PUT_OBJECT)
            if isinstance(seen.fault, FlipByte) and seen.fault.where == "request"
        }


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("cls", TRANSFERS, ids=lambda cls: cls.__name__)
def test_a_transfer_delivers_all_bytes_or_raises(
    server: LocalServer,
    owner: Client,
    proxy: FaultProxy,
    bucket: str,
    tmp_path: Path,
    kind: str,
    cls: type[Transfer],
) -> None:
    @settings(max_examples=EXAMPLES * TIMES)
    @given(
        schedule=schedules(
            cls.operations,
            size=max(cls.sizes.values()),
            requests=cls.requests,
            final=True,
            hangs=True,
            outage=True,
        )
    )
    def with_any_schedule(schedule: Schedule) -> None:
        number = next(_folders)
        place = tmp_path / f"{number}"
        place.mkdir()
        trial = Trial(cls(owner, bucket, f"{number}", place), kind, proxy, server)
        proxy.clear()
        proxy.rules = schedule
        error = trial.run(HASTY)
        first, proxy.rules = len(proxy.exchanges), ()
        again = trial.run(TransportSettings())
        assert again is None
        assert partial_files(place) == []
        assert cls.skips_existing or journals_in(trial.journals) == []
        # A part that was damaged in transit differs from the one to send.
        resent = [seen for seen in proxy.parts_sent_again() if seen.number >= first]
        damaged = {
            seen.query.get("partNumber")
            for seen in proxy.matching(UPLOAD_PART)
            if isinstance(seen.fault, FlipByte)
        }
        if error is not None:
            assert [s for s in resent if s.query["partNumber"] not in damaged] == []

    with_any_schedule()


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("cls", TRANSFERS, ids=lambda cls: cls.__name__)
def test_a_stalled_service_does_not_delay_a_transfer_past_its_deadline(
    server: LocalServer,
    owner: Client,
    proxy: FaultProxy,
    bucket: str,
    tmp_path: Path,
    kind: str,
    cls: type[Transfer],
) -> None:
    transfer = cls(owner, bucket, "stalled", tmp_path)
    # Not at the requests that clean up, which would take extra time.
    asks = transfer.operations[-1] if cls is not Upload else UPLOAD_PART
    proxy.rules = [Rule(asks, Stall(), times=None)]
    trial = Trial(transfer, kind, proxy, server)
    with no_leaks(tmp_path), trial.connect(TransportSettings()) as world:
        began = time.monotonic()
        with pytest.raises((TransferTimeout, CosException), match="deadline"):
            transfer.run(world, Deadline=0.3)
        assert time.monotonic() - began < 10
    assert orphaned_files(tmp_path, trial.journals) == []


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_upload_that_meets_every_fault_of_its_parts_leaves_no_orphan(
    server: LocalServer, owner: Client, proxy: FaultProxy, bucket: str, tmp_path: Path, kind: str
) -> None:
    @settings(max_examples=EXAMPLES * TIMES, suppress_health_check=[HealthCheck.filter_too_much])
    @given(schedule=schedules([UPLOAD_PART], size=LARGE, requests=3, final=True))
    def with_any_schedule(schedule: Schedule) -> None:
        number = next(_folders)
        place = tmp_path / f"{number}"
        place.mkdir()
        trial = Trial(Upload(owner, bucket, f"{number}", place), kind, proxy, server)
        # Faults for any request are applied to parts.
        proxy.rules = [
            Rule(UPLOAD_PART, rule.fault, skip=rule.skip)
            for rule in schedule
            if rule.match is any_request or rule.match is UPLOAD_PART
        ]
        trial.run(HASTY)
        proxy.rules = ()
        assert trial.run(TransportSettings()) is None
        with trial.connect(TransportSettings()) as world:
            assert unfinished_uploads(world, bucket) == []

    with_any_schedule()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_download_over_an_older_file_leaves_the_old_or_the_new_one(
    server: LocalServer, owner: Client, proxy: FaultProxy, bucket: str, tmp_path: Path, kind: str
) -> None:
    @settings(max_examples=EXAMPLES * TIMES)
    @given(schedule=schedules(Download.operations, size=LARGE, requests=3, final=True))
    def with_any_schedule(schedule: Schedule) -> None:
        number = next(_folders)
        place = tmp_path / f"{number}"
        place.mkdir()
        transfer = Download(owner, bucket, f"{number}", place)
        (transfer.target / "key").write_bytes(b"old")
        proxy.rules = schedule
        trial = Trial(transfer, kind, proxy, server)
        with trial.connect(HASTY) as world:
            try:
                transfer.run(world, Deadline=DEADLINE)
                expected = transfer.expected["key"]
            except (CosException, OSError):
                expected = b"old"
        assert (transfer.target / "key").read_bytes() == expected

    with_any_schedule()
