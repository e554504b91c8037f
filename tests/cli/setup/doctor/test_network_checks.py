"""The checks of TLS: what is wrong with a certificate, and a proxy on the way."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from coskit.cli.setup.doctor.check_result import CheckFailure
from coskit.cli.setup.doctor.network_checks import NetworkTarget, check_tls, without_password
from tests.server.support.certificates import HOUR, CertificateAuthority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """An authority that no machine trusts."""
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@contextmanager
def listening(pair: tuple[Path, Path] | None, connect: bytes = b"") -> Iterator[int]:
    """Take one connection, with TLS if there is a certificate; yield the port.

    Args:
        pair: the certificate and its key.
        connect: the response to a CONNECT request, which comes before TLS.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listener.accept()
        with line:
            if connect:
                line.recv(4096)
                line.sendall(connect)
            if pair is None:
                line.recv(1)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            with suppress(OSError):  # the client does not trust it
                context.wrap_socket(line, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join()
        listener.close()


def test_a_certificate_that_is_trusted(
    authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with listening(authority.give("good", ends=1000 * HOUR)) as port:
        text = check_tls(NetworkTarget(True, "127.0.0.1", port))
    assert text.startswith("TLSv1.3, certificate by authority, valid until 20")


def test_a_certificate_that_ends_soon(
    authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with listening(authority.give("soon", ends=73 * HOUR)) as port:
        assert check_tls(NetworkTarget(True, "127.0.0.1", port)).endswith("renew it: 3 days left")


BAD = {
    "untrusted": ("unable to get local issuer certificate", "SSL_CERT_FILE"),
    "expired": ("certificate has expired", "renew it on the server"),
    "early": ("certificate is not yet valid", "check this machine's clock"),
    "name": ("not valid for 'localhost'", "name the endpoint as its certificate does"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_certificate_that_is_not_valid(
    authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    if case != "untrusted":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    times = {"expired": (-2 * HOUR, -HOUR), "early": (HOUR, 2 * HOUR)}
    begins, ends = times.get(case, (-HOUR, HOUR))
    domain = "other.example" if case == "name" else "localhost"
    pair = authority.give(case, begins=begins, ends=ends, domain=domain)
    with listening(pair) as port, pytest.raises(CheckFailure) as failed:
        check_tls(NetworkTarget(True, "localhost", port))
    detail, advice = BAD[case]
    assert detail in failed.value.detail
    assert advice in failed.value.advice


def test_a_server_without_tls() -> None:
    with listening(None) as port, pytest.raises(CheckFailure, match="does not speak TLS") as failed:
        check_tls(NetworkTarget(True, "127.0.0.1", port))
    assert failed.value.advice == "give the endpoint as http://"


def test_a_certificate_behind_a_proxy(
    authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    pair = authority.give("behind", domain="cos.example")
    with listening(pair, b"HTTP/1.1 200 Connected\r\n\r\n") as port:
        target = NetworkTarget(True, "cos.example", 443, f"http://127.0.0.1:{port}")
        assert "certificate by authority" in check_tls(target)


def test_a_proxy_that_refuses() -> None:
    with listening(None, b"HTTP/1.1 403 Forbidden\r\n\r\n") as port:
        target = NetworkTarget(True, "cos.example", 443, f"http://127.0.0.1:{port}")
        with pytest.raises(CheckFailure, match="the proxy refuses cos"):
            check_tls(target)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:pass@proxy:3128", "http://proxy:3128"),
        ("user:p@ss@proxy:3128", "proxy:3128"),
        ("http://proxy", "http://proxy"),
    ],
)
def test_passwords_of_proxies_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
