"""TLS: who is let in, with which clients, and certificates that are renewed under load."""

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.config import Config as BotoConfig
from botocore.exceptions import SSLError as BotoSSLError

from coskit import Client, RetryPolicy, TransportError, TransportSettings
from coskit.server.http.connections.certificates import (
    BadCertificate,
    CertificateFiles,
    Certificates,
)
from coskit.testing import LocalServer
from tests.server.support.certificates import HOUR, CertificateAuthority, serial_number_of
from tests.server.support.http_client import HTTPClient
from tests.server.support.worker_servers import eventually
from tests.server.workers.test_run import refused, serving
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
NO_PATIENCE = RetryPolicy(attempts=1)


@contextmanager
def secured(directory: Path, certificate: Path, key: Path, *options: str) -> Iterator[LocalServer]:
    """Run a server with a certificate."""
    given = [f"--certificate={certificate}", f"--key={key}", *options]
    with ForkedServer(directory, buckets=[ROOM], options=given) as server:
        yield server


def client_of(
    server: LocalServer, trusted: Path, *, retry: RetryPolicy = NO_PATIENCE, host: str = ""
) -> Client:
    """Return a client that trusts one authority."""
    return Client(
        endpoint=f"https://{host}:{server.port}" if host else server.endpoint,
        secret_id=server.secret_id,
        secret_key=server.secret_key,
        transport=TransportSettings(ca_file=str(trusted)),
        retry=retry,
        path_style=True,
    )


def trusting(trusted: Path, pair: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """Return what a client knows, and the certificate that it shows."""
    context = ssl.create_default_context(cafile=trusted)
    if pair:
        context.load_cert_chain(*pair)
    return context


@contextmanager
def connected(server: LocalServer, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """Open a connection."""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        yield line


def shown(server: LocalServer, trusted: Path) -> int:
    """Return the number of the certificate that a new connection is shown."""
    context = trusting(trusted)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connected(server, context) as line:
        found = line.getpeercert(binary_form=True)
    assert found
    return serial_number_of(ssl.DER_cert_to_PEM_cert(found).encode())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other(authority: CertificateAuthority) -> CertificateAuthority:
    """Give an authority that has signed nothing here."""
    return CertificateAuthority(authority.directory, "other")


@pytest.fixture(scope="module")
def tls(
    authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalServer]:
    """Run a server with a certificate for the tests that leave it alone."""
    pair = authority.give("server")
    with secured(tmp_path_factory.mktemp("tls") / "data", *pair) as server:
        yield server


def test_our_client_reads_what_it_wrote(tls: LocalServer, authority: CertificateAuthority) -> None:
    body = os.urandom(3 << 20)
    with client_of(tls, authority.file, host="localhost") as client:
        client.put_object(ROOM, body, "ours")
        assert client.get_object(ROOM, "ours")["Body"].read() == body


def test_our_client_refuses_another_authority(
    tls: LocalServer, other: CertificateAuthority
) -> None:
    with client_of(tls, other.file) as client, pytest.raises(TransportError, match="certificate"):
        client.head_bucket(ROOM)


def test_boto3_reads_what_it_wrote_and_refuses_another_authority(
    tls: LocalServer, authority: CertificateAuthority, other: CertificateAuthority
) -> None:
    def s3(trusted: Path) -> object:
        return boto3.client(
            "s3",
            endpoint_url=tls.endpoint,
            region_name="ap-local",
            aws_access_key_id=tls.secret_id,
            aws_secret_access_key=tls.secret_key,
            verify=str(trusted),
            config=BotoConfig(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    good: object = s3(authority.file)
    good.put_object(Bucket=ROOM, Key="theirs", Body=b"x" * 100_000)  # type: ignore[attr-defined]
    got = good.get_object(Bucket=ROOM, Key="theirs")  # type: ignore[attr-defined]
    assert got["Body"].read() == b"x" * 100_000
    with pytest.raises(BotoSSLError):
        s3(other.file).list_buckets()  # type: ignore[attr-defined]


def curl(*words: str) -> tuple[int, str]:
    """Run curl; return its exit status and what it printed."""
    done = subprocess.run(["curl", "-sS", *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_curl_gets_in_with_the_authority_and_versions_from_1_2_on(
    tls: LocalServer, authority: CertificateAuthority, other: CertificateAuthority
) -> None:
    url, trust = f"https://localhost:{tls.port}/-/ready", ["--cacert", str(authority.file)]
    for version in ("--tlsv1.2", "--tlsv1.3"):
        status, said = curl(*trust, version, url)
        assert (status, json.loads(said)["status"]) == (0, "ready")
    assert curl(*trust, "--tls-max", "1.1", url)[0] == 35  # CURLE_SSL_CONNECT_ERROR
    assert curl("--cacert", str(other.file), url)[0] == 60  # CURLE_PEER_FAILED_VERIFICATION
    assert "speaks TLS" in curl(*trust, url.replace("https", "http"))[1]


def test_a_presigned_url_is_one_of_https(tls: LocalServer, authority: CertificateAuthority) -> None:
    with client_of(tls, authority.file) as client:
        client.put_object(ROOM, b"hello", "signed")
        url = client.get_presigned_url(Bucket=ROOM, Key="signed", Method="GET", Expired=60)
    assert url.startswith("https://")
    assert curl("--cacert", str(authority.file), url) == (0, "hello")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), (["h2"], None), ([], None)],
)
def test_http_1_1_is_agreed_upon(
    tls: LocalServer, authority: CertificateAuthority, offered: list[str], chosen: str | None
) -> None:
    """RFC 7301 3.2: the server picks one of the client's protocols."""
    context = trusting(authority.file)
    if offered:
        context.set_alpn_protocols(offered)
    with connected(tls, context) as line:
        assert line.selected_alpn_protocol() == chosen


def test_a_refusal_reaches_a_client_that_still_sends(
    tls: LocalServer, authority: CertificateAuthority
) -> None:
    """Closing at once would discard the response."""
    size = 8 << 20
    with connected(tls, trusting(authority.file)) as line:
        head = f"PUT /{ROOM}/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
        line.sendall(head.encode() + bytes(size))
        assert line.recv(100).startswith(b"HTTP/1.1 403 ")


def test_policies_can_demand_tls(tls: LocalServer, authority: CertificateAuthority) -> None:
    statement = {
        "Effect": "allow",
        "Principal": {"qcs": ["qcs::cam::anyone:anyone"]},
        "Action": ["name/cos:GetObject"],
        "Resource": [f"qcs::cos:ap-local:uid/1250000000:{ROOM}/*"],
        "Condition": {"bool_equal": {"cos:secure-transport": "true"}},
    }
    with client_of(tls, authority.file) as client:
        client.put_object(ROOM, b"for all", "public")
        client.put_bucket_policy(ROOM, {"version": "2.0", "Statement": [statement]})
    url = f"https://localhost:{tls.port}/{ROOM}/public"
    assert curl("--cacert", str(authority.file), url) == (0, "for all")


# Certificates of clients.


def test_only_clients_of_the_authority_are_let_in(
    authority: CertificateAuthority, other: CertificateAuthority, tmp_path: Path
) -> None:
    pair, guest = authority.give("mutual"), authority.give("guest")
    stranger, late = other.give("stranger"), authority.give("late", ends=-60)
    with secured(tmp_path / "data", *pair, f"--client-ca={authority.file}") as server:
        url, trust = f"https://localhost:{server.port}/-/ready", ["--cacert", str(authority.file)]

        def ask(certificate: Path, key: Path) -> int:
            return curl(*trust, "--cert", str(certificate), "--key", str(key), url)[0]

        assert ask(*guest) == 0
        assert ask(*stranger) != 0
        assert ask(*late) != 0
        assert curl(*trust, url)[0] != 0
        assert server.stop() == 0


# Certificates that are renewed.


class Load(threading.Thread):
    """Writes and reads over new connections, and over one that stays, until stopped."""

    def __init__(self, server: LocalServer, trusted: Path) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._trusted = trusted
        self._ending = threading.Event()
        self.done = 0
        self.failures: list[Exception] = []
        self.start()

    def run(self) -> None:
        with client_of(self._server, self._trusted) as staying:
            while not self._ending.is_set():
                try:
                    with client_of(self._server, self._trusted) as passing:
                        for client in (staying, passing):
                            body = os.urandom(100_000)
                            client.put_object(ROOM, body, f"load-{self.name}")
                            got = client.get_object(ROOM, f"load-{self.name}")
                            assert got["Body"].read() == body
                            self.done += 1
                except Exception as failure:
                    self.failures.append(failure)

    def finish(self) -> int:
        """Stop; return how many round trips there were."""
        self._ending.set()
        self.join()
        assert self.failures == []
        return self.done


@pytest.mark.parametrize("workers", [1, 2])
def test_a_renewed_certificate_is_shown_and_no_request_fails(tmp_path: Path, workers: int) -> None:
    authority = CertificateAuthority(tmp_path)
    pair = authority.give("site")
    options = [f"--workers={workers}", "--durability=none"]
    with secured(tmp_path / "data", *pair, *options) as server:
        eventually(lambda: shown(server, authority.file) > 0)
        load = [Load(server, authority.file) for _ in range(2)]

        def renew(*, by_signal: bool) -> None:
            before = sum(one.done for one in load)
            authority.give("site")
            renewed = serial_number_of(pair[0].read_bytes())
            if by_signal:
                os.kill(server.pid, signal.SIGHUP)
            # Each connection may meet another worker.
            eventually(lambda: all(shown(server, authority.file) == renewed for _ in range(8)))
            eventually(lambda: sum(one.done for one in load) > before + 8)

        for by_signal in (True, False, True):
            renew(by_signal=by_signal)
        for one in load:
            assert one.finish() > 10


def test_an_expired_certificate_is_logged_and_its_successor_loaded(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    pair = authority.give("site", ends=-60)
    with (
        secured(tmp_path / "data", *pair) as server,
        client_of(server, authority.file) as client,
    ):
        with pytest.raises(TransportError, match="expired"):
            client.head_bucket(ROOM)
        authority.give("site")
        new = serial_number_of(pair[0].read_bytes())
        eventually(lambda: shown(server, authority.file) == new)
        client.head_bucket(ROOM)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_certificate_changes_nothing_and_is_logged_once(
    tmp_path: Path, workers: int
) -> None:
    authority = CertificateAuthority(tmp_path)
    pair = authority.give("site")
    said = tmp_path / "said"
    command = [f"--certificate={pair[0]}", f"--key={pair[1]}", f"--workers={workers}"]
    with said.open("w") as err, serving(tmp_path / "data", *command, stderr=err) as running:
        server = Secured(running.port)
        old = serial_number_of(pair[0].read_bytes())
        pair[0].write_text("no certificate")
        os.kill(running.process.pid, signal.SIGHUP)
        eventually(lambda: "stays" in said.read_text())
        limit = time.monotonic() + 2.5  # more looks at the same files
        while time.monotonic() < limit:
            assert shown(server, authority.file) == old
        authority.give("site")
        new = serial_number_of(pair[0].read_bytes())
        eventually(lambda: all(shown(server, authority.file) == new for _ in range(8)))
    assert said.read_text() == (
        f"coskit: the certificate in use stays: --certificate {pair[0]} holds no certificate "
        "as PEM\n"
    )


class Secured(LocalServer):
    """A server that runs already."""

    def __init__(self, port: int) -> None:
        self.port = port


def test_a_worker_that_dies_has_a_successor_with_the_last_good_certificate(
    tmp_path: Path,
) -> None:
    authority = CertificateAuthority(tmp_path)
    pair = authority.give("site")
    with secured(tmp_path / "data", *pair, "--workers=2") as server:
        eventually(lambda: shown(server, authority.file) > 0)
        authority.give("site")
        renewed = serial_number_of(pair[0].read_bytes())
        eventually(lambda: all(shown(server, authority.file) == renewed for _ in range(8)))
        pair[1].write_text("no key")
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        eventually(lambda: shown_if_any(server, authority.file) == renewed)


def shown_if_any(server: LocalServer, trusted: Path) -> int:
    try:
        return shown(server, trusted)
    except OSError:
        return 0


def test_a_server_with_idle_connections_ends_soon(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    with (
        secured(tmp_path / "data", *authority.give("ending")) as server,
        connected(server, trusting(authority.file)) as line,
    ):
        line.sendall(b"GET /-/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 15  # whoever does not answer the end of TLS has 30 s


# What is wrong with files.


@pytest.mark.parametrize(
    ("certificate", "key", "client_ca", "reason"),
    [
        ("none.crt", "site.key", None, "--certificate {}/none.crt: No such file or directory"),
        ("site.crt", "none.key", None, "--key {}/none.key: No such file or directory"),
        ("junk", "site.key", None, "--certificate {}/junk holds no certificate as PEM"),
        ("site.key", "site.key", None, "--certificate {}/site.key holds no certificate as PEM"),
        ("site.crt", "junk", None, "--key {}/junk holds no private key as PEM"),
        ("site.crt", "site.crt", None, "--key {}/site.crt holds no private key as PEM"),
        ("site.crt", None, None, "--certificate {}/site.crt holds no private key as PEM"),
        (
            "site.crt",
            "another.key",
            None,
            "--key {0}/another.key does not belong to the first certificate of {0}/site.crt",
        ),
        ("sealed.crt", "sealed.key", None, "--key {}/sealed.key: the key has a passphrase"),
        ("site.crt", "site.key", "none", "--client-ca {}/none: No such file or directory"),
        ("site.crt", "site.key", "site.key", "--client-ca {}/site.key holds no certificate as PEM"),
        (".", "site.key", None, "--certificate {}: Is a directory"),
    ],
)
def test_files_that_are_of_no_use(
    authority: CertificateAuthority,
    certificate: str,
    key: str | None,
    client_ca: str | None,
    reason: str,
) -> None:
    directory = authority.directory
    if not (directory / "sealed.crt").exists():
        (directory / "junk").write_bytes(b"\xff junk")
        for name in ("site", "another"):
            authority.give(name)
        authority.give("sealed", passphrase=b"secret")
    files = CertificateFiles(
        directory / certificate,
        directory / key if key else None,
        directory / client_ca if client_ca else None,
    )
    with pytest.raises(BadCertificate) as raised:
        Certificates(files)
    assert str(raised.value) == reason.format(directory)


def test_one_file_may_hold_both(authority: CertificateAuthority) -> None:
    certificate, key = authority.give("joined")
    both = authority.directory / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    assert Certificates(CertificateFiles(both)).names == ("localhost", "127.0.0.1")


def test_a_start_with_a_bad_certificate_is_one_line(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    pair, another = authority.give("start"), authority.give("start2")
    options = [f"--certificate={pair[0]}", f"--key={another[1]}"]
    assert "does not belong to" in refused(tmp_path / "data", *options)
    assert not (tmp_path / "data").exists()
    for option in ("--key", "--client-ca"):
        said = refused(tmp_path / "data", f"{option}={pair[1]}", status=2)
        assert said == f"coskit: Invalid value for '{option}': it needs --certificate\n"


@pytest.mark.parametrize(
    ("begins", "ends", "warning"),
    [(-HOUR, HOUR, ""), (-HOUR, -60, "has expired at 2"), (60, HOUR, "is not valid before 2")],
)
def test_an_expired_certificate_is_reported_at_start_and_not_loaded_later(
    tmp_path: Path, begins: float, ends: float, warning: str
) -> None:
    authority = CertificateAuthority(tmp_path)
    seconds = 0.0
    pair = authority.give("timed", begins=begins, ends=ends)
    first = Certificates(CertificateFiles(*pair))
    assert warning in first.warning
    assert bool(warning) == bool(first.warning)
    authority.give("timed")
    held = Certificates(CertificateFiles(*pair), monotonic=lambda: seconds)
    before = held.context.current
    authority.give("timed", begins=begins, ends=ends)
    held.reload_if_changed()
    assert held.context.current is before, "files are left a moment to be replaced one by one"
    seconds = 1.0
    held.reload_if_changed()
    assert (held.context.current is before) == bool(warning)


def test_the_url_names_what_the_certificate_is_for(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    for domain, url in (("localhost", "127.0.0.1"), ("files.example", "127.0.0.1")):
        pair = authority.give(domain, domain=domain)
        options = [f"--certificate={pair[0]}", f"--key={pair[1]}"]
        with serving(tmp_path / domain, *options) as server:
            assert f" at https://{url}:{server.port}\n" in server.said
            assert HTTPClient(server.port, "", "").port == server.port


@pytest.mark.parametrize("size", [0, 200_000])
def test_plain_http_on_a_tls_port_gets_an_explanation(tls: LocalServer, size: int) -> None:
    head = f"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", tls.port), timeout=30) as plain:
        plain.sendall(head.encode() + bytes(size))
        reply = b"".join(iter(lambda: plain.recv(65536), b""))
    assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert reply.endswith(b"\r\n\r\nThis port speaks TLS: send the request with https://.\n")


def test_bytes_of_neither_protocol_end_the_connection(tls: LocalServer) -> None:
    with socket.create_connection(("127.0.0.1", tls.port), timeout=30) as plain:
        plain.sendall(bytes(100))
        assert not plain.recv(65536).startswith(b"HTTP")
