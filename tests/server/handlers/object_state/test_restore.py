"""Archived objects: reads before and after a restore, and responses to restores."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coskit.cli.server.option_values import restore_delays
from coskit.protocol.codec.dates import http_date
from tests.server.support.clocked_server import ClockedServer
from tests.server.support.http_client import HTTPClient, Reply
from tests.server.workers.test_run import refused
from tests.support.forked_server import ForkedServer

ARCHIVE = {"x-cos-storage-class": "ARCHIVE"}
SOURCE = {"x-cos-copy-source": "b-1.cos.ap-local.myqcloud.com/key"}
ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
HOUR, DAY = 3600, 86_400
FROZEN = (403, "InvalidObjectState")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClockedServer]:
    """Give a server with one archived object."""
    with ClockedServer(tmp_path) as running:
        assert running.request("PUT", "/b-1/key", ARCHIVE, b"content").status == 200
        yield running


def restore(
    server: ClockedServer, tier: str = "Standard", days: int | str = 1, query: str = ""
) -> Reply:
    job = f"<CASJobParameters><Tier>{tier}</Tier></CASJobParameters>" if tier else ""
    document = f"<RestoreRequest><Days>{days}</Days>{job}</RestoreRequest>"
    return server.request("POST", f"/b-1/key?restore{query}", {}, document.encode())


def test_what_is_not_restored_is_not_read(server: ClockedServer) -> None:
    upload = server.request("POST", "/b-1/other?uploads").text("UploadId")
    part = f"/b-1/other?partNumber=1&uploadId={upload}"
    for reply in (
        server.request("GET", "/b-1/key"),
        server.request("GET", "/b-1/key", {"range": "bytes=0-1"}),
        server.request("PUT", "/b-1/other", SOURCE),
        server.request("PUT", "/b-1/key", {**SOURCE, "x-cos-storage-class": "STANDARD"}),
        server.request("PUT", part, SOURCE),
    ):
        assert reply.outcome == FROZEN
        assert reply["x-cos-storage-class"] == "ARCHIVE"
    head = server.request("HEAD", "/b-1/key")
    assert (head.status, head["x-cos-storage-class"]) == (200, "ARCHIVE")
    assert "x-cos-restore" not in head
    assert server.request("GET", "/b-1/").texts("StorageClass") == ["ARCHIVE"]
    assert server.request("PUT", "/b-1/key", {}, b"over").status == 200
    assert server.request("GET", "/b-1/key").body == b"over"


def test_a_copy_comes_is_read_and_goes(server: ClockedServer) -> None:
    asked = server.now
    assert restore(server, "Expedited", 1).status == 202
    head = server.request("HEAD", "/b-1/key")
    assert head["x-cos-restore"] == 'ongoing-request="true"'
    date = http_date(int(asked * 1000))
    assert head["x-cos-restore-status"] == f'tier="expedited"; request-date="{date}"'
    assert server.request("GET", "/b-1/").text("RestoreStatus") == "ONGOING"
    server.now = asked + 59
    assert server.request("GET", "/b-1/key").outcome == FROZEN
    server.now = asked + 60
    reply = server.request("GET", "/b-1/key")
    assert reply.body == b"content"
    until = 'ongoing-request="false", expiry-date="Thu, 16 Nov 2023 16:00:00 GMT"'
    assert reply["x-cos-restore"] == until
    assert reply["x-cos-storage-class"] == "ARCHIVE"
    assert "x-cos-restore-status" not in reply
    assert server.request("GET", "/b-1/").text("RestoreStatus") == "DONE"
    assert server.request("PUT", "/b-1/copy", SOURCE).status == 200
    assert "x-cos-restore" not in server.request("HEAD", "/b-1/copy")
    server.now = 1_700_150_400 - 1
    assert server.request("GET", "/b-1/key").body == b"content"
    server.now += 1
    assert server.request("GET", "/b-1/key").outcome == FROZEN
    assert "x-cos-restore" not in server.request("HEAD", "/b-1/key")
    assert server.request("GET", "/b-1/").texts("RestoreStatus") == []
    assert server.request("GET", "/b-1/copy").body == b"content"
    assert restore(server).status == 202


def test_asking_again(server: ClockedServer) -> None:
    assert restore(server, "Standard").status == 202
    for tier in ("Standard", "Bulk", ""):
        assert restore(server, tier).outcome == (409, "RestoreAlreadyInProgress")
    assert restore(server, "Expedited").status == 202
    server.now += 60
    assert server.request("GET", "/b-1/key").status == 200
    before = server.request("HEAD", "/b-1/key")["x-cos-restore"]
    assert restore(server, "Bulk", 30).status == 200
    assert server.request("GET", "/b-1/key").body == b"content"
    assert server.request("HEAD", "/b-1/key")["x-cos-restore"] != before
    server.now += 29 * DAY
    assert server.request("GET", "/b-1/key").body == b"content"


def test_tier_and_days_are_checked(server: ClockedServer) -> None:
    refusals: list[tuple[str, int | str, tuple[int, str]]] = [
        ("Fast", 1, (400, "InvalidArgument")),
        ("Standard", 0, (400, "InvalidArgument")),
        ("Standard", 366, (400, "InvalidArgument")),
        ("Standard", "many", (400, "MalformedXML")),
    ]
    for tier, days, outcome in refusals:
        assert restore(server, tier, days).outcome == outcome
    assert server.request("POST", "/b-1/key?restore").outcome == (400, "MissingRequestBodyError")
    deep = {"x-cos-storage-class": "DEEP_ARCHIVE"}
    server.request("PUT", "/b-1/key", deep, b"content")
    assert restore(server, "Expedited").outcome == (400, "InvalidArgument")
    assert restore(server, "standard").status == 202
    server.request("PUT", "/b-1/key", {}, b"content")
    assert restore(server).outcome == (405, "RestoreNonArchiveObject")
    server.request("DELETE", "/b-1/key")
    assert restore(server).outcome == (404, "NoSuchKey")


def test_a_version_is_restored_apart_from_the_others(server: ClockedServer) -> None:
    server.request("PUT", "/b-1/?versioning", {}, ENABLED)
    newer = server.request("PUT", "/b-1/key", ARCHIVE, b"newer")["x-cos-version-id"]
    assert restore(server, query="&versionId=null").status == 202
    server.now += 3 * HOUR
    assert server.request("GET", "/b-1/key?versionId=null").body == b"content"
    assert server.request("GET", f"/b-1/key?versionId={newer}").outcome == FROZEN
    assert restore(server, query="&versionId=0000000000000000").outcome == (404, "NoSuchVersion")


def test_a_class_with_tiers_returns_its_tier(server: ClockedServer) -> None:
    tiering = {"x-cos-storage-class": "INTELLIGENT_TIERING"}
    server.request("PUT", "/b-1/key", tiering, b"content")
    assert server.request("HEAD", "/b-1/key")["x-cos-storage-tier"] == "FREQUENT"
    assert server.request("GET", "/b-1/").text("StorageTier") == "FREQUENT"
    assert server.request("GET", "/b-1/?versions").text("StorageTier") == "FREQUENT"
    assert "x-cos-storage-tier" not in server.request("HEAD", "/b-1/none")


def test_a_job_goes_on_while_the_server_is_down(tmp_path: Path) -> None:
    document = b"<RestoreRequest><Days>1</Days></RestoreRequest>"
    options = ["--restore-delay", "Standard=1s", "--restore-delay=bulk=2h"]
    with ForkedServer(tmp_path, buckets=["b-1"], options=options) as server:
        http_client = HTTPClient.of(server)
        http_client.request("PUT", "/b-1/key", ARCHIVE, b"content")
        assert http_client.request("POST", "/b-1/key?restore", {}, document).status == 202
        asked = time.monotonic()
    with ForkedServer(tmp_path, options=["--restore-delay=Standard=9h"]) as server:
        http_client = HTTPClient.of(server)
        while (reply := http_client.request("GET", "/b-1/key")).status == 403:
            assert time.monotonic() < asked + 20
        assert reply.body == b"content"
        assert 'ongoing-request="false"' in reply["x-cos-restore"]


def test_delays_are_read_from_options(tmp_path: Path) -> None:
    delays = restore_delays(["Standard=2s", "expedited=1.5m"])
    assert delays["ARCHIVE", "Standard"] == delays["DEEP_ARCHIVE", "Standard"] == 2000
    assert delays["ARCHIVE", "Expedited"] == 90_000
    assert delays["ARCHIVE", "Bulk"] == 5 * HOUR * 1000
    for bad in ("Standard", "Standard=2", "Quick=2s", "Standard=-1s", "Bulk=1d"):
        with pytest.raises(ValueError, match="restore delay"):
            restore_delays([bad])
    assert "a restore delay is written like" in refused(
        tmp_path, "--restore-delay=Quick=2s", status=2
    )
