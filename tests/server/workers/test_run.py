"""The server as a process: how it starts, what it keeps, how it ends, and when it refuses to."""

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest

from coskit.server.http.connections.listeners import listening_socket
from coskit.server.run import serve_alone
from coskit.server.settings import ACCOUNT, Settings, find_keys
from coskit.server.store.blobs.files import lock_directory
from coskit.server.workers.supervisor import CannotServe
from coskit.testing import LocalServer
from tests.server.support.http_client import HTTPClient
from tests.support.forked_command import coskit

SERVE = [sys.executable, "-m", "coskit", "serve"]
WITHOUT_KEYS = {name: text for name, text in os.environ.items() if not name.startswith("COSKIT_")}


@dataclass
class Serving:
    """A server started as people start it, and what it said."""

    process: subprocess.Popen[str]
    said: str

    @property
    def port(self) -> int:
        """The port that it listens on."""
        found = re.search(r"at https?://[^ ]+:(\d+)\n", self.said)
        assert found
        return int(found[1])

    def field(self, name: str) -> str:
        """Return what it said about something."""
        found = re.search(rf"^  {name} +(.+)$", self.said, re.MULTILINE)
        return found[1] if found else ""

    def http_client(self, secret_key: str = "") -> HTTPClient:
        """Return a client with the server's keys."""
        return HTTPClient(
            self.port, self.field("secret id"), secret_key or self.field("secret key")
        )


@contextmanager
def serving(directory: Path, *options: str, stderr: TextIO | None = None) -> Iterator[Serving]:
    """Start a server on a free port and wait until it has said that it listens."""
    command = [*SERVE, str(directory), "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=WITHOUT_KEYS
    ) as process:
        try:
            assert process.stdout
            lines: list[str] = []
            while not lines or not lines[-1].startswith("  health"):
                lines.append(process.stdout.readline())
                assert lines[-1], "it ended without a word"
            yield Serving(process, "".join(lines))
        finally:
            process.terminate()


def refused(directory: Path, *options: str, status: int = 1) -> str:
    """Start a server that cannot start, and return the one line that it complains with."""
    done = coskit("serve", directory, "--port", "0", *options, env=WITHOUT_KEYS)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert done.stderr.startswith("coskit: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    large = b"".join(f"{n:1024}".encode() for n in range(1500))
    headers = {"content-type": "text/a", "x-cos-meta-a": "1", "x-cos-acl": "public-read"}
    targets = "/ /b-1/ /b-1/?versions /b-1/?uploads /b-1/?acl /b-1/?versioning"
    targets += " /b-1/a /b-1/a?acl /b-1/large /b-1/open?uploadId="

    def look(http_client: HTTPClient, upload: str) -> list[bytes]:
        reads = (targets + upload).split()
        return [http_client.request("GET", target).body for target in reads]

    with LocalServer(tmp_path, buckets=["b-1"]) as server:
        http_client = HTTPClient.of(server)
        http_client.request("PUT", "/b-1/a", headers, b"small")
        http_client.request("PUT", "/b-1/?versioning", {}, enabled)
        http_client.request("PUT", "/b-1/a", headers, b"smaller")
        http_client.request("DELETE", "/b-1/gone")
        http_client.request("PUT", "/b-1/large", {}, large)
        upload = http_client.request("POST", "/b-1/open?uploads").text("UploadId")
        http_client.request("PUT", f"/b-1/open?partNumber=1&uploadId={upload}", {}, b"part")
        before = look(http_client, upload)
        assert server.stop() == 0
    with LocalServer(tmp_path, buckets=["b-1"]) as server:
        assert look(HTTPClient.of(server), upload) == before
        assert before[6:9:2] == [b"smaller", large]


def test_sigterm_ends_it_cleanly_and_soon(tmp_path: Path) -> None:
    with LocalServer(tmp_path, buckets=["b-1"]) as server:
        http_client = HTTPClient.of(server)
        with http_client.connect() as idle:
            assert idle.request(http_client.build_request("HEAD", "/b-1/")).status == 200
            assert server.stop(signal.SIGTERM) == 0
            assert idle.rest() == b""


def test_sigterm_lets_a_request_finish(tmp_path: Path) -> None:
    with LocalServer(tmp_path, buckets=["b-1"]) as server:
        http_client = HTTPClient.of(server)
        with http_client.connect() as connection:
            waiting = {"content-length": "4", "expect": "100-continue"}
            assert (
                connection.request(http_client.build_request("PUT", "/b-1/a", waiting)).status
                == 100
            )
            os.kill(server.pid, signal.SIGTERM)
            connection.send(b"body")
            assert connection.receive().status == 200
        assert server.wait() == 0


def test_the_first_start_makes_keys_and_later_ones_keep_them(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "data"
    with serving(directory, "--bucket", "a-1", "--bucket", "b-1", "--region", "ap-here") as first:
        secret_key = first.field("secret key")
        assert first.http_client().request("GET", "/").texts("Name") == ["a-1", "b-1"]
        assert first.http_client().request("HEAD", "/a-1/")["x-cos-bucket-region"] == "ap-here"
        assert first.field("region") == "ap-here"
        assert str(directory.resolve()) in first.said
    assert first.process.returncode == 0
    kept = directory / "credentials.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700
    with serving(directory, "--bucket", "a-1") as second:
        assert second.field("secret id") == first.field("secret id")
        assert secret_key not in second.said
        assert second.field("secret key") == f"in {kept.resolve()}"
        assert second.http_client(secret_key).request("GET", "/").texts("Name") == ["a-1", "b-1"]


def test_keys_from_the_environment_leave_no_file(tmp_path: Path) -> None:
    given = {"COSKIT_SECRET_ID": "id", "COSKIT_SECRET_KEY": "key"}
    credentials, made = find_keys(tmp_path, given)
    assert (credentials.secret_id, credentials.secret_key, made) == ("id", "key", False)
    assert list(tmp_path.iterdir()) == []
    assert "key" not in repr(credentials).replace("secret_key=...", "")


def test_a_domain_of_ones_own(tmp_path: Path) -> None:
    with serving(tmp_path, "--domain", "Files.Example", "--bucket", "a-1") as server:
        http_client = server.http_client()
        assert http_client.request("PUT", "/k", {}, b"x", host="a-1.files.example:80").status == 200
        assert http_client.request("GET", "/a-1/k", host="files.example").body == b"x"
        # All before the domain is the bucket; the path is never asked instead.
        assert http_client.request("GET", "/a-1/k", host="x.a-1.files.example").outcome[0] == 404


def test_one_directory_has_one_server(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        complaint = refused(tmp_path)
        assert f"coskit: cannot serve {tmp_path}: another server" in complaint
        assert server.http_client().request("GET", "/").status == 200


def test_one_port_has_one_server(tmp_path: Path) -> None:
    with serving(tmp_path / "one") as server:
        complaint = refused(tmp_path / "two", "--port", str(server.port))
        assert complaint == (
            f"coskit: cannot listen on 127.0.0.1:{server.port}: Address already in use\n"
        )
    assert not (tmp_path / "two").exists(), "keys that are not printed would be lost"


@pytest.mark.parametrize("name", ["Capitals-1", ""])
def test_a_bucket_that_no_address_could_name_is_not_made(tmp_path: Path, name: str) -> None:
    assert "A bucket name must have" in refused(tmp_path, f"--bucket={name}", status=2)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"secret_id": "a"}', "\udcff"])
def test_a_damaged_key_file_is_not_replaced(tmp_path: Path, text: str) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(ValueError, match="holds no key pair"):
        find_keys(tmp_path, {})
    assert file.read_text(errors="surrogateescape") == text


def test_a_directory_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    complaint = refused(tmp_path / "file")
    assert complaint == f"coskit: cannot serve {tmp_path / 'file'}: Not a directory\n"


def test_a_server_that_cannot_report_that_it_is_ready_ends(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError(errno.EPIPE, "nobody reads what is said")

    settings = Settings(tmp_path, {"id": ("key", ACCOUNT)}, access_log=str(tmp_path / "log"))
    with (
        listening_socket("127.0.0.1", 0) as listener,
        pytest.raises(CannotServe, match="nobody reads what is said"),
    ):
        serve_alone(settings, listener, fail)
    assert (tmp_path / "log").read_text() == ""
    os.close(lock_directory(tmp_path))  # the store was closed
