"""Sub-resources of both published APIs that have no row: refused in both dialects, nothing done."""

import time
from collections.abc import Callable
from hashlib import sha256

import pytest

from coskit.protocol.errors import CosServiceError
from coskit.protocol.model import Operation
from coskit.protocol.s3.auth import sigv4
from coskit.server.dialects.dialect import COS, S3
from tests.server.support.bad_requests import UNTOUCHED, state
from tests.server.support.http_client import HOST, HTTPClient, received
from tests.support.published import OTHER_COS_PARAMETERS, cos_parameters, s3_parameters

PUBLISHED = sorted(s3_parameters() | cos_parameters() | OTHER_COS_PARAMETERS)
MATCHES: dict[str, Callable[..., Operation]] = {"COS": COS.match, "S3": S3.match}
REFUSED = (400, 405, 501)
CHANGING = ("PUT", "POST", "DELETE")
READING = ("GET", "HEAD")


def has_row(dialect: str, method: str, key: str | None, name: str) -> bool:
    try:
        MATCHES[dialect](method, "b", key, (name,), ())
    except CosServiceError:
        return False
    return True


def asked(
    http_client: HTTPClient, dialect: str, method: str, target: str, body: bytes | None
) -> bytes:
    """Return a signed request of a dialect."""
    if dialect == "COS":
        return http_client.build_request(method, target, {}, body)
    sent = {"host": HOST}
    digest = sha256(body or b"").hexdigest()
    request = received(method, target.encode(), sent)
    sent |= sigv4.sign(request, http_client.credentials, int(time.time()), "ap-local", digest)
    return http_client.build_request(method, target, sent, body, signed=False)


@pytest.mark.parametrize("dialect", MATCHES)
@pytest.mark.parametrize("method", [*CHANGING, *READING])
@pytest.mark.parametrize("on", ["", "kept"])
def test_what_has_no_row_is_refused_and_changes_nothing(
    http_client: HTTPClient, room: str, dialect: str, method: str, on: str
) -> None:
    names = [name for name in PUBLISHED if not has_row(dialect, method, on or None, name)]
    assert len(names) > 100
    with http_client.connect() as connection:
        for name in names:
            body = b"" if method in ("PUT", "POST") else None
            for spelling in {name, name.upper()} - {"Expires"}:
                target = f"/{room}/{on}?{spelling}"
                reply = connection.request(asked(http_client, dialect, method, target, body))
                assert reply.status in REFUSED, (target, reply.outcome)
    assert state(http_client, room) == UNTOUCHED


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("DELETE", "/ROOM/?response-control"),
        ("DELETE", "/ROOM/?metrics&id=1"),
        ("DELETE", "/ROOM/?publicAccessBlock"),
        ("PUT", "/ROOM/?symlink"),
        ("PUT", "/ROOM/kept?renameObject"),
        ("PUT", "/ROOM/kept?annotation&annotationName=a"),
        ("POST", "/ROOM/kept?select&select-type=2"),
        ("GET", "/ROOM/kept?ci-process=videoinfo"),
        ("GET", "/ROOM/kept?imageMogr2/thumbnail/!50p"),
        ("DELETE", "/ROOM/kept?UPLOADID=u"),
        ("GET", "/ROOM/kept?v=2"),
    ],
)
def test_it_says_so(http_client: HTTPClient, room: str, method: str, target: str) -> None:
    body = b"" if method in ("PUT", "POST") else None
    reply = http_client.request(method, target.replace("ROOM", room), {}, body)
    assert reply.outcome == (501, "NotImplemented")
    assert state(http_client, room) == UNTOUCHED


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nnew\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--b--\r\n'
)


@pytest.mark.parametrize("query", ["metadataTable", "inventory&id=1", "cors", "uploads"])
def test_a_form_is_no_upload_where_the_query_names_something(
    http_client: HTTPClient, room: str, query: str
) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    reply = http_client.request("POST", f"/{room}/?{query}", headers, FORM)
    assert reply.status in REFUSED
    assert state(http_client, room) == UNTOUCHED


@pytest.mark.parametrize(
    ("dialect", "header"),
    [
        ("COS", "x-amz-copy-source"),
        ("S3", "x-cos-copy-source"),
        ("S3", "x-amz-write-offset-bytes"),
    ],
)
def test_a_copy_in_the_words_of_the_other_dialect_overwrites_nothing(
    http_client: HTTPClient, room: str, dialect: str, header: str
) -> None:
    headers, target = {header: f"{room}/kept"}, f"/{room}/kept"
    if dialect == "S3":
        request = received("PUT", target.encode(), {"host": HOST, **headers})
        added = sigv4.sign(request, http_client.credentials, int(time.time()), "ap-local")
        reply = http_client.request(
            "PUT", target, {"host": HOST, **headers, **added}, b"", signed=False
        )
    else:
        reply = http_client.request("PUT", target, headers, b"")
    assert reply.outcome == (501, "NotImplemented")
    assert state(http_client, room) == UNTOUCHED
