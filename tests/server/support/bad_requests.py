"""Rows of bad requests, and the check that such a request changed nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.server.support.http_client import HTTPClient


@dataclass(frozen=True)
class Bad:
    """A bad request, with ROOM for the bucket, and what the server says to it."""

    about: str
    method: str
    target: str | bytes
    status: int
    code: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


def refuse(http_client: HTTPClient, room: str, row: Bad) -> None:
    """Send a bad request; check its response, and that connection and bucket are as before."""
    raw = row.target if isinstance(row.target, bytes) else row.target.encode()
    headers = {name: value.replace("ROOM", room) for name, value in row.headers.items()}
    with http_client.connect() as connection:
        target = raw.replace(b"ROOM", room.encode())
        reply = connection.request(http_client.build_request(row.method, target, headers, row.body))
        assert reply.outcome == (row.status, row.code)
        assert all(reply.text(tag) for tag in ("Message", "Resource", "RequestId", "TraceId"))
        assert reply["x-cos-request-id"] == reply.text("RequestId")
        if reply.closes:
            assert connection.rest() == b""
        else:
            assert (
                connection.request(http_client.build_request("GET", f"/{room}/kept")).body
                == b"kept"
            )
    assert state(http_client, room) == UNTOUCHED


def state(http_client: HTTPClient, room: str) -> tuple[list[str], list[str], bytes, str]:
    """Return what a bucket holds: keys of all versions, uploads, and its one object."""
    versions = http_client.request("GET", f"/{room}/?versions")
    uploads = http_client.request("GET", f"/{room}/?uploads")
    kept = http_client.request("GET", f"/{room}/kept")
    return versions.texts("Key"), uploads.texts("UploadId"), kept.body, kept["Content-Type"]


UNTOUCHED: tuple[list[str], list[str], bytes, str] = (["kept"], [], b"kept", "text/kept")
