"""The numbers of `/-/metrics`, the clients that may read them, and their sums."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import coskit
from coskit.server.http.status import is_loopback
from coskit.server.metrics.counters import SECONDS, RequestMetrics, ServerStatus
from coskit.server.metrics.prometheus import render
from coskit.server.store.maintenance.scrub import ScrubRun
from coskit.server.store.model import GROUPS, CommitStatistics, StoreTotals
from tests.server.support.clocked_server import ClockedServer
from tests.server.support.http_client import HTTPClient
from tests.server.workers.test_run import SERVE, WITHOUT_KEYS, refused
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
CALM = ServerStatus(
    running=0,
    waiting=0,
    refused=0,
    connections=1,
    is_draining=False,
    unlogged=0,
    activity=CommitStatistics(0, 0, (0,) * (len(GROUPS) + 1), 0, 0.0),
    removals=(0, 0),
    census=None,
    scrubbed=None,
)


def read(text: str) -> Samples:
    """Return each sample by name and labels, as Prometheus reads them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(http_client: HTTPClient) -> Samples:
    """Return the metrics of a server."""
    reply = http_client.request("GET", "/-/metrics", signed=False)
    assert (reply.status, reply["Content-Type"].split(";")[0]) == (200, "text/plain")
    return read(reply.body.decode())


@pytest.fixture
def http_client(tmp_path: Path) -> Iterator[HTTPClient]:
    """Return a client of a server that has had no request."""
    with ForkedServer(tmp_path, buckets=[ROOM]) as server:
        yield HTTPClient.of(server)


def test_requests_are_counted_by_operation_and_status(http_client: HTTPClient) -> None:
    for key in ("a", "b", "c"):
        assert http_client.request("PUT", f"/{ROOM}/{key}", {}, b"12345").status == 200
    assert http_client.request("GET", f"/{ROOM}/a").body == b"12345"
    assert http_client.request("GET", f"/{ROOM}/none").status == 404
    assert http_client.request("GET", f"/{ROOM}/a", signed=False).status == 403
    reported = scrape(http_client)

    def requests(operation: str, status: int) -> float:
        return reported[
            "coskit_requests_total", (("operation", operation), ("status", str(status)))
        ]

    assert requests("PutObject", 200) == 3
    assert [requests("GetObject", status) for status in (200, 404, 403)] == [1, 1, 1]
    assert reported["coskit_received_bytes_total", ()] == 15
    assert reported["coskit_sent_bytes_total", ()] > 5
    assert reported["coskit_request_seconds_count", (("operation", "PutObject"),)] == 3
    assert reported["coskit_request_seconds_sum", (("operation", "PutObject"),)] > 0


def test_what_cannot_be_routed_is_counted_too(http_client: HTTPClient) -> None:
    assert http_client.request("GET", "/-/none", signed=False).status == 400
    assert http_client.request("GET", f"/{ROOM}/%ff", signed=False).status >= 400
    assert (
        scrape(http_client)["coskit_requests_total", (("operation", "-"), ("status", "400"))] >= 1
    )


def test_commits_and_stored_bytes_are_reported(http_client: HTTPClient) -> None:
    assert http_client.request("PUT", f"/{ROOM}/small", {}, b"12345").status == 200
    assert http_client.request("PUT", f"/{ROOM}/large", {}, bytes(100_000)).status == 200
    reported = scrape(http_client)
    assert reported["coskit_blobs", ()] == 2
    assert reported["coskit_blob_bytes", ()] == 100_005
    assert reported["coskit_index_bytes", ()] > 0 < reported["coskit_free_bytes", ()]
    assert reported["coskit_commit_changes_sum", ()] >= 3
    assert reported["coskit_commit_changes_bucket", (("le", "+Inf"),)] >= 3
    assert reported["coskit_commit_seconds_total", ()] > 0
    assert (
        reported["coskit_commits_failed_total", ()] == reported["coskit_commits_waiting", ()] == 0
    )


def test_the_process_and_its_load_are_reported(http_client: HTTPClient) -> None:
    with http_client.connect() as other:
        assert other.request(http_client.build_request("HEAD", f"/{ROOM}/")).status == 200
        reported = scrape(http_client)
    assert reported["coskit_connections", ()] == 2
    assert reported["coskit_requests_running", ()] == reported["coskit_requests_waiting", ()] == 0
    assert reported["coskit_requests_refused_total", ()] == reported["coskit_draining", ()] == 0
    assert reported["coskit_info", (("version", coskit.__version__),)] == 1
    assert reported["process_resident_memory_bytes", ()] > 1 << 20
    assert reported["process_open_fds", ()] > 3


def test_latencies_fall_into_the_class_of_their_bound() -> None:
    metrics = RequestMetrics()
    for seconds in (0.0005, 0.001, 0.0011, 59, 60, 61):
        metrics.record("GetObject", 200, seconds, 0, 0)
    reported = read(render(metrics, CALM).decode())

    def up_to(bound: str) -> float:
        return reported[
            "coskit_request_seconds_bucket", (("le", bound), ("operation", "GetObject"))
        ]

    assert [up_to(bound) for bound in ("0.001", "0.0025", "30.0", "60.0", "+Inf")] == [
        2,
        3,
        3,
        5,
        6,
    ]


def test_a_copy_of_the_metrics_stays_as_it_is() -> None:
    metrics = RequestMetrics()
    metrics.record("GetObject", 200, 0.1, 1, 2)
    copied = metrics.copy()
    metrics.record("GetObject", 200, 0.1, 1, 2)
    assert copied.requests == {("GetObject", 200): 1}
    assert sum(copied.latencies["GetObject"].counts) == 1
    assert (copied.received, copied.sent) == (1, 2)


def test_a_store_that_was_not_counted_yet_has_no_size() -> None:
    assert ("coskit_blobs", ()) not in read(render(RequestMetrics(), CALM).decode())


def test_counting_a_request_costs_little() -> None:
    metrics, count = RequestMetrics(), 20_000
    began = time.process_time()
    for _ in range(count):
        metrics.record("GetObject", 200, 0.0123, 0, 1024)
    each = (time.process_time() - began) / count
    assert each < 50e-6, f"{each * 1e6:.1f} us, where a whole request takes 130"
    assert len(SECONDS) == len(metrics.latencies["GetObject"].counts) - 1


@pytest.mark.parametrize(
    ("address", "is_it"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_which_addresses_are_of_the_machine(address: str, is_it: bool) -> None:
    assert is_loopback(address) is is_it


def test_metrics_are_refused_to_another_machine(tmp_path: Path) -> None:
    with ClockedServer(tmp_path) as server:  # its requests have no address
        assert server.request("GET", "/-/metrics").outcome == (403, "AccessDenied")


def test_metrics_can_be_turned_off(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, options=["--metrics=off"]) as server:
        http_client = HTTPClient.of(server)
        assert http_client.request("GET", "/-/metrics", signed=False).outcome == (400, "InvalidURI")
    assert "loopback, public, off" in refused(tmp_path, "--metrics=all", status=2)


def test_health_is_returned_as_json(http_client: HTTPClient) -> None:
    live = http_client.request("GET", "/-/live", signed=False)
    assert (live.status, json.loads(live.body)) == (200, {"status": "live"})
    ready = http_client.request("GET", "/-/ready", signed=False)
    said = json.loads(ready.body)
    assert (ready.status, ready["Content-Type"]) == (200, "application/json")
    assert said.pop("uptime_seconds") >= 0
    assert said.pop("durability")
    assert said == {
        "status": "ready",
        "version": coskit.__version__,
        "workers": 1,
        "draining": False,
    }


def test_every_number_is_reported_under_its_name() -> None:
    found = ServerStatus(
        running=3,
        waiting=2,
        refused=1,
        connections=9,
        is_draining=True,
        unlogged=4,
        activity=CommitStatistics(5, 70, (1, 0, 0, 0, 0, 0, 1, 0, 0, 0), 6, 0.5),
        removals=(3, 4),
        census=StoreTotals(10, 20, 30, 40),
        scrubbed=ScrubRun(1_000, 2_000, 50, 60, 70, 80, 90),
    )
    reported = read(render(RequestMetrics(), found).decode())
    names = "requests_running requests_waiting requests_refused_total connections draining"
    names += " access_log_lost_total commits_waiting commit_changes_sum commits_failed_total"
    names += " commit_seconds_total blobs blob_bytes index_bytes free_bytes"
    names += " scrub_ended_seconds scrub_blobs scrub_bytes damaged_blobs damaged_pages"
    values = [reported[f"coskit_{name}", ()] for name in names.split()]
    assert values == [3, 2, 1, 9, 1, 4, 5, 70, 6, 0.5, 10, 20, 30, 40, 2, 50, 60, 80, 90]


def test_a_start_can_be_logged_as_one_line_without_secrets(tmp_path: Path) -> None:
    command = [*SERVE, str(tmp_path), "--port=0", "--json", "--timeout=body=5s", "--memory=64MiB"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=WITHOUT_KEYS) as process:
        assert process.stdout
        said = process.stdout.readline()
        process.terminate()
        assert process.stdout.read() == '{"event": "stopped"}\n'
    facts = json.loads(said)
    kept = json.loads((tmp_path / "credentials.json").read_text())
    assert kept["secret_key"] not in said
    assert (facts["event"], facts["pid"]) == ("ready", process.pid)
    assert facts["secret_id"] == kept["secret_id"]
    assert facts["url"].startswith("http://127.0.0.1:")
    assert (facts["limits"]["body"], facts["limits"]["memory"]) == (5, 64 << 20)
    assert process.returncode == 0
