"""Local stand-ins for the hosts of the public service.

Environment variables name a proxy that terminates TLS. It forwards host names of the service to the
server, host names of the failing bucket to `Failures`, and refuses any other host.
"""

import datetime
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

FAILING = "failing"
_SERVICE = (".myqcloud.com", ".tencentcos.cn")
_PIECE = 1 << 16
Address = tuple[str, int]


class Authority:
    """A certificate authority that issues certificates on demand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "conformance")])
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.file = folder / "authority.pem"
        root = self._signed(self._name, self._key, None)
        self.file.write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def _signed(self, name: x509.Name, key: Any, host: str | None) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        )
        if host:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())

    def pair(self, host: str) -> tuple[Path, Path]:
        """Return the paths of a certificate for a name and of its key."""
        certificate, secret = self._folder / f"{host}.pem", self._folder / f"{host}.key"
        if not secret.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "service")])
            signed = self._signed(name, key, host)
            certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
            secret.write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        return certificate, secret

    def context(self, host: str) -> ssl.SSLContext:
        """Return the TLS context of a server with that name."""
        with self._lock:
            if host not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.pair(host))
                self._contexts[host] = context
            return self._contexts[host]


class Failures(http.server.BaseHTTPRequestHandler):
    """A server that fails as the request's key says, until the request is retried.

    `503` returns 503, `503r` also the service's request id; `timeout` returns nothing, `shutdown`
    closes the connection. A request that the SDK marks as a retry succeeds, except for `...l`.
    """

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = self.path.partition("?")[0].rpartition("/")[2]
        digits = key.rstrip("rl")
        retried = "x-cos-sdk-retry" in self.headers and not key.endswith("l")
        if digits in ("timeout", "shutdown") and not retried:
            if digits == "timeout":
                self.connection.settimeout(60)
                with suppress(OSError):
                    self.connection.recv(1)  # until the client closes
            self.close_connection = True
            return
        status = 200 if retried or not digits.isdecimal() else int(digits)
        self.send_response(status)
        self.send_header(
            "Connection", "close"
        )  # no half-close: a client would send to a closing connection
        if key.endswith("r") or retried:
            self.send_header("x-cos-request-id", "failures")
        if status == 200:
            self.send_header("ETag", '"c5b8cdf4a9a3b5f4a35b8a4a0a9b6c6e"')
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        return None


class _Proxy(threading.Thread):
    """A proxy that forwards connections by host name."""

    def __init__(self, server: Address, failures: Address, authority: Authority) -> None:
        super().__init__(daemon=True)
        self._server, self._failures, self._authority = server, failures, authority
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address: Address = self._listener.getsockname()

    def run(self) -> None:
        with suppress(OSError):  # when it is closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _address(self, host: str) -> Address | None:
        if host.startswith(f"{FAILING}-"):
            return self._failures
        if ".cos." not in f".{host}" or not host.endswith(_SERVICE):
            return None
        return self._server

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, ssl.SSLError):
            head = _head(client)
            first, _, rest = head.partition(b"\r\n")
            method, target, version = first.decode("latin-1").split(" ")
            if method == "CONNECT":
                self._tunnel(client, target.partition(":")[0])
            else:
                self._forward(client, method, target, version, rest)

    def _tunnel(self, client: socket.socket, host: str) -> None:
        address = self._address(host)
        if address is None:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with (
            self._authority.context(host).wrap_socket(client, server_side=True) as inner,
            socket.create_connection(address) as outer,
        ):
            _relay(inner, outer)

    def _forward(
        self, client: socket.socket, method: str, target: str, version: str, rest: bytes
    ) -> None:
        host, slash, path = target.removeprefix("http://").partition("/")
        address = self._address(host.partition(":")[0])
        if address is None:
            return
        with socket.create_connection(address) as outer:
            line = f"{method} /{path if slash else ''} {version}\r\nConnection: close\r\n"
            outer.sendall(line.encode("latin-1") + rest)
            _relay(client, outer)


def _head(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = client.recv(_PIECE)
        if not piece:
            raise ConnectionError("ended within a head")
        head += piece
    return head


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Copy in both directions until both sides have closed, or one has failed."""
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError, ssl.SSLError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR if isinstance(target, ssl.SSLSocket) else socket.SHUT_WR)


@contextmanager
def hosts(server: Address, folder: Path) -> Iterator[tuple[dict[str, str], str, Authority]]:
    """Run stand-ins for the service's hosts.

    Args:
        server: the server that gets requests for the service.
        folder: the folder for certificates.

    Yields:
        The environment variables, the address of the failing server, and the authority.
    """
    authority = Authority(folder)
    failing = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failures)
    failing.daemon_threads = True
    threading.Thread(target=failing.serve_forever, daemon=True).start()
    failures: Address = ("127.0.0.1", failing.server_port)
    proxy = _Proxy(server, failures, authority)
    proxy.start()
    address = f"http://127.0.0.1:{proxy.address[1]}"
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    environment = {**dict.fromkeys(names, address), "no_proxy": "127.0.0.1"}
    trusted = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(authority.file))
    try:
        yield {**environment, **trusted}, f"127.0.0.1:{failures[1]}", authority
    finally:
        proxy.close()
        failing.shutdown()
        failing.server_close()
