"""Fixtures: one server for the whole test run, and a bucket for each test."""

import http.client
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from coskit import Client
from coskit.testing import LocalServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server for the whole test run."""
    with LocalServer(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def owner(server: LocalServer) -> Iterator[Client]:
    """Yield a client with the server's own keys."""
    with server.client() as client:
        yield client


@pytest.fixture
def bucket(owner: Client) -> Iterator[str]:
    """Create a bucket for one test and remove it afterwards, as accounts have few."""
    name = f"test{next(_numbers)}-1250000000"
    owner.create_bucket(name)
    yield name
    remove_bucket(owner, name)


def remove_bucket(owner: Client, name: str) -> None:
    """Delete a bucket with everything in it."""
    for upload in owner.iter_uploads(name):
        owner.abort_multipart_upload(name, upload["Key"], upload["UploadId"])
    versions = list(owner.iter_versions(name))
    for version in versions:
        owner.delete_object(name, version["Key"], VersionId=version["VersionId"])
    owner.delete_bucket(name)


@dataclass(frozen=True)
class PlainResponse:
    """A response to a plain HTTP request."""

    status: int
    headers: dict[str, str]
    body: bytes

    def code(self) -> str:
        """Return the error code in the body, or ""."""
        start = self.body.find(b"<Code>")
        return self.body[start + 6 : self.body.find(b"</Code>")].decode() if start >= 0 else ""


def fetch(
    server: LocalServer,
    method: str,
    url: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> PlainResponse:
    """Send one request to the server, with the URL's host as Host header."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, {"Host": parts.netloc, **(headers or {})})
        response = connection.getresponse()
        return PlainResponse(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def write_file(path: Path, size: int) -> bytes:
    """Write a file in which no two MiB are equal and return its content."""
    blocks = -(-size // 1024)
    content = b"".join(f"{n:1024}".encode() for n in range(blocks))[:size]
    path.write_bytes(content)
    return content
