"""The access log: a line for each request, all that one wants to know of it, and no secret."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coskit.server.http.access_log import AccessLog, LogEntry, without_secrets
from coskit.testing import LocalServer
from tests.server.support.http_client import HTTPClient
from tests.server.workers.test_run import refused
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
NAMES = """time request_id address method bucket key operation query status error received sent
milliseconds account signature user_agent""".split()


@contextmanager
def logging_server(tmp_path: Path, file: str = "") -> Iterator[LocalServer]:
    """Run a server that logs to a file."""
    options = [f"--access-log={file or tmp_path / 'access.log'}"]
    with ForkedServer(tmp_path / "data", buckets=[ROOM], options=options) as server:
        yield server


def lines(file: Path) -> list[dict[str, Any]]:
    """Return what was logged."""
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


def test_each_request_has_a_line_with_the_facts(tmp_path: Path) -> None:
    with logging_server(tmp_path) as server:
        http_client = HTTPClient.of(server)
        agent = {"user-agent": "tests/1.0"}
        put = http_client.request("PUT", f"/{ROOM}/caf%C3%A9", agent, b"12345")
        http_client.request("GET", f"/{ROOM}/none?versionId=null")
        http_client.request("GET", f"/{ROOM}/?prefix=a", signed=False)
        http_client.request("GET", "/-/ready", signed=False)
    first, second, third, fourth = lines(tmp_path / "access.log")
    assert list(first) == NAMES
    moment = time.strptime(first.pop("time").partition(".")[0], "%Y-%m-%dT%H:%M:%S")
    assert moment.tm_year >= 2024
    assert 0 < first.pop("milliseconds") < 60_000
    assert first == {
        "request_id": put["x-cos-request-id"],
        "address": "127.0.0.1",
        "method": "PUT",
        "bucket": ROOM,
        "key": "caf\xe9",
        "operation": "PutObject",
        "query": "",
        "status": 200,
        "error": "",
        "received": 5,
        "sent": 0,
        "account": "1250000000",
        "signature": "header",
        "user_agent": "tests/1.0",
    }
    facts = ("operation", "query", "status", "error", "signature", "account")
    assert [second[name] for name in facts] == [
        *("GetObject", "versionId=null", 404, "NoSuchVersion"),
        *("header", "1250000000"),
    ]
    assert [third[name] for name in facts] == [
        *("ListObjects", "prefix=a", 403, "AccessDenied"),
        *("none", None),
    ]
    assert [fourth[name] for name in ("operation", "bucket", "status")] == ["-", None, 200]


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    with logging_server(tmp_path) as server:
        http_client = HTTPClient.of(server)
        url = http_client.url("GET", f"/{ROOM}/none")
        token = {"x-cos-security-token": "TOKEN-IN-A-HEADER"}
        assert http_client.request("GET", url, signed=False).status == 404
        http_client.request("GET", f"{url}&x-cos-security-token=TOKEN-IN-A-URL", signed=False)
        http_client.request("GET", f"/{ROOM}/a?%71-signature=SIGNED&sign=OLD&a=b", token)
        whole = url.partition("?")[2].replace("%", "%25").replace("=", "%3D").replace("&", "%26")
        assert http_client.request("GET", f"/{ROOM}/none?sign={whole}", signed=False).status == 403
        secrets = [server.secret_id, server.secret_key, "TOKEN-IN", "SIGNED", "OLD"]
    logged = (tmp_path / "access.log").read_text()
    assert [secret for secret in secrets if secret in logged] == []
    assert "q-" not in logged
    found = lines(tmp_path / "access.log")
    assert [line["signature"] for line in found] == ["url", "url", "header", "url"]
    assert [line["query"] for line in found] == ["", "", "a=b", ""]


def test_what_signs_a_request_is_left_out_of_its_query() -> None:
    kept = "prefix=q-a&uploads&q=1"
    secret = "q-sign-algorithm=sha1&Q-AK=id&%71%2dsignature=abc&sign=x&X-Cos-Security-Token=t"
    assert without_secrets(f"{secret}&{kept}") == kept
    assert without_secrets("") == ""


def test_bytes_that_are_no_text_make_no_bad_line(tmp_path: Path) -> None:
    with logging_server(tmp_path) as server:
        http_client = HTTPClient.of(server)
        http_client.request("GET", f'/{ROOM}/%0A"%00?a=%ff"'.encode(), {"user-agent": "\udcff\t'"})
        http_client.request("GET", f"/{ROOM}/" + "x" * 5000, {"user-agent": "y" * 5000})
    first, second = lines(tmp_path / "access.log")
    assert (first["status"], first["error"], first["bucket"]) == (400, "InvalidURI", None)
    assert (len(second["key"]), len(second["user_agent"])) == (1024, 1024)


def test_a_moved_log_goes_on_in_a_new_file(tmp_path: Path) -> None:
    file, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    with logging_server(tmp_path) as server:
        http_client = HTTPClient.of(server)
        http_client.request("GET", f"/{ROOM}/first")
        file.rename(moved)
        os.kill(server.pid, signal.SIGHUP)
        limit, asked = time.monotonic() + 30, 1
        while not file.exists():
            assert time.monotonic() < limit, "it was not opened again"
            http_client.request("GET", f"/{ROOM}/more")
            asked += 1
        http_client.request("GET", f"/{ROOM}/last")
    logged = [line["key"] for line in (*lines(moved), *lines(file))]
    assert logged == ["first", *["more"] * (asked - 1), "last"]


def test_a_full_disk_stops_no_request(tmp_path: Path) -> None:
    with logging_server(tmp_path, "/dev/full") as server:
        http_client = HTTPClient.of(server)
        limit = time.monotonic() + 30
        while b"coskit_access_log_lost_total 0.0" in http_client.request("GET", "/-/metrics").body:
            assert time.monotonic() < limit, "no line was counted as lost"
        assert http_client.request("PUT", f"/{ROOM}/a", {}, b"x").status == 200


def test_a_log_that_cannot_be_opened_is_reported_at_start(tmp_path: Path) -> None:
    said = refused(tmp_path / "data", f"--access-log={tmp_path / 'none' / 'access.log'}")
    assert "No such file or directory" in said


def test_all_is_written_when_the_log_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with AccessLog(str(file)) as log:
        for number in range(5000):
            log.write(entry(f"{number}"))
    assert [line["request_id"] for line in lines(file)] == [f"{n}" for n in range(5000)]
    assert log.lost == 0
    assert file.stat().st_mode & 0o777 == 0o600


def entry(request_id: str) -> LogEntry:
    """Return what is logged of some request."""
    about = (0.0, request_id, "", "GET", None, None, "-", "", 200, "")
    return LogEntry(*about, 0, 0, 0.1, None, "none", "")
