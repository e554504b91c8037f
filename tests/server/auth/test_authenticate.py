"""COS signatures in header and URL, valid and tampered with."""

import time
from collections.abc import Callable

import pytest

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import sign
from coskit.protocol.codec.dates import http_date
from tests.server.support.http_client import HOST, HTTPClient, received
from tests.support.ids import stable_id

DENIED = (403, "AccessDenied")
MISMATCH = (403, "SignatureDoesNotMatch")


def authorization(
    http_client: HTTPClient,
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    *,
    start: int = 0,
    lifetime: int = 60,
    credentials: Credentials | None = None,
) -> str:
    """Return the Authorization of a request, valid from `start` seconds from now."""
    request = received(method, target.encode(), {"host": HOST, **(headers or {})})
    now = int(time.time()) + start
    return sign(request, credentials or http_client.credentials, now, lifetime, margin=0)


def test_a_signature_that_covers_everything_or_nothing(http_client: HTTPClient, room: str) -> None:
    target = f"/{room}/kept"
    assert http_client.request("GET", target).body == b"kept"
    request = received("GET", target.encode(), {})
    bare = sign(request, http_client.credentials, int(time.time()))
    assert "q-header-list=&q-url-param-list=&" in bare
    assert http_client.request("GET", target, {"authorization": bare}, signed=False).body == b"kept"


def test_a_signature_in_the_url(http_client: HTTPClient, room: str) -> None:
    url = http_client.url("GET", f"/{room}/kept?response-content-type=text/signed")
    got = http_client.request("GET", url, signed=False)
    assert (got.body, got["Content-Type"]) == (b"kept", "text/signed")
    assert http_client.request("PUT", url, {}, b"x", signed=False).outcome == MISMATCH
    assert (
        http_client.request("GET", url.replace("signed", "forged"), signed=False).outcome
        == MISMATCH
    )
    assert (
        http_client.request("GET", url.replace("/kept", "/kept2"), signed=False).outcome == MISMATCH
    )


@pytest.mark.parametrize(
    ("about", "start", "lifetime", "status"),
    [
        ("now", 0, 60, 200),
        ("since a minute", -60, 120, 200),
        ("until a minute ago", -120, 60, 403),
        ("from in a minute", 60, 60, 403),
        ("backwards", 60, -120, 403),
    ],
)
def test_the_time_of_a_signature(
    http_client: HTTPClient, room: str, about: str, start: int, lifetime: int, status: int
) -> None:
    target = f"/{room}/kept"
    header = authorization(http_client, "GET", target, start=start, lifetime=lifetime)
    url = f"{target}?{header.replace(';', '%3B')}"
    by_header = http_client.request("GET", target, {"authorization": header}, signed=False)
    by_url = http_client.request("GET", url, signed=False)
    code = "" if status == 200 else "AccessDenied"
    assert [by_header.outcome, by_url.outcome] == [(status, code)] * 2


def test_an_expired_signature_says_so(http_client: HTTPClient, room: str) -> None:
    header = authorization(http_client, "GET", f"/{room}/kept", start=-120)
    reply = http_client.request("GET", f"/{room}/kept", {"authorization": header}, signed=False)
    assert reply.text("Message") == "Request has expired"


@pytest.mark.parametrize(
    ("minutes", "status"), [(0, 200), (14, 200), (-14, 200), (16, 403), (-16, 403)]
)
def test_a_clock_that_runs_wrong(
    http_client: HTTPClient, room: str, minutes: int, status: int
) -> None:
    date = http_date(int(time.time() + 60 * minutes) * 1000)
    reply = http_client.request("GET", f"/{room}/kept", {"date": date})
    assert reply.outcome == (status, "" if status == 200 else "RequestTimeTooSkewed")


Change = Callable[[str], str]
CHANGES: list[tuple[str, Change, tuple[int, str]]] = [
    ("unknown key id", lambda a: a.replace("q-ak=", "q-ak=x"), (403, "InvalidAccessKeyId")),
    ("no key id", lambda a: a.replace("q-ak=", "q-ak-="), DENIED),
    ("another algorithm", lambda a: a.replace("=sha1", "=sha256"), DENIED),
    ("no signature", lambda a: a.partition("&q-signature")[0], DENIED),
    ("an empty signature", lambda a: a.partition("q-signature=")[0] + "q-signature=", MISMATCH),
    ("a shorter signature", lambda a: a[:-1], MISMATCH),
    ("a signature in capitals", lambda a: a[:-40] + a[-40:].upper(), MISMATCH),
    ("a signature of bad bytes", lambda a: a[:-40] + "\udcff", MISMATCH),
    ("a longer time", lambda a: a.replace("&q-key", "9&q-key"), MISMATCH),
    ("a time in letters", lambda a: a.replace("q-sign-time=", "q-sign-time=x"), DENIED),
    ("no time", lambda a: a.replace("q-sign-time", "q-time"), DENIED),
    (
        "a time beyond numbers",
        lambda a: a.replace("q-sign-time=", "q-sign-time=" + "9" * 5000),
        DENIED,
    ),
    ("an absent header", lambda a: a.replace("-list=host", "-list=host;range"), MISMATCH),
    ("an absent parameter", lambda a: a.replace("param-list=", "param-list=acl"), MISMATCH),
    ("no header any more", lambda a: a.replace("-list=host", "-list="), MISMATCH),
    (
        "AWS",
        lambda a: "AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request",
        (400, "AuthorizationHeaderMalformed"),
    ),
    ("a basic password", lambda a: "Basic dXNlcjpwYXNz", DENIED),
    ("one word", lambda a: "open-sesame", DENIED),
    ("bad bytes", lambda a: "\udcff\udcfe", DENIED),
]


@pytest.mark.parametrize(("about", "change", "outcome"), CHANGES, ids=stable_id)
def test_a_changed_credential(
    http_client: HTTPClient, room: str, about: str, change: Change, outcome: tuple[int, str]
) -> None:
    target = f"/{room}/kept"
    header = change(authorization(http_client, "GET", target))
    reply = http_client.request("GET", target, {"authorization": header}, signed=False)
    assert reply.outcome == outcome


@pytest.mark.parametrize(
    ("about", "method", "target", "headers"),
    [
        ("another method", "DELETE", "/ROOM/kept", {"range": "bytes=0-1"}),
        ("another key", "GET", "/ROOM/kep", {"range": "bytes=0-1"}),
        ("another bucket", "GET", "/ROOM0/kept", {"range": "bytes=0-1"}),
        ("another value", "GET", "/ROOM/kept?versionId=b", {"range": "bytes=0-1"}),
        ("an absent parameter", "GET", "/ROOM/kept", {"range": "bytes=0-1"}),
        ("another range", "GET", "/ROOM/kept?versionId=null", {"range": "bytes=0-2"}),
        ("no range", "GET", "/ROOM/kept?versionId=null", {}),
        (
            "another host",
            "GET",
            "/ROOM/kept?versionId=null",
            {"range": "bytes=0-1", "host": "localhost"},
        ),
    ],
)
def test_a_signature_of_another_request(
    http_client: HTTPClient,
    room: str,
    about: str,
    method: str,
    target: str,
    headers: dict[str, str],
) -> None:
    signed = f"/{room}/kept?versionId=null"
    header = authorization(http_client, "GET", signed, {"range": "bytes=0-1"})
    right = {"range": "bytes=0-1", "authorization": header}
    assert http_client.request("GET", signed, right, signed=False).body == b"ke"
    sent = {**headers, "authorization": header}
    reply = http_client.request(method, target.replace("ROOM", room), sent, signed=False)
    assert reply.outcome == MISMATCH
    assert http_client.request("GET", f"/{room}/kept").body == b"kept"


def test_the_key_of_another_account(http_client: HTTPClient, room: str) -> None:
    other = HTTPClient(http_client.port, http_client.credentials.secret_id, "another secret")
    assert other.request("GET", f"/{room}/kept").outcome == MISMATCH


@pytest.mark.parametrize("port", ["", ":80", ":9000"])
def test_a_host_signed_without_its_port(http_client: HTTPClient, room: str, port: str) -> None:
    header = authorization(http_client, "GET", f"/{room}/kept")
    sent = {"authorization": header}
    reply = http_client.request("GET", f"/{room}/kept", sent, signed=False, host=HOST + port)
    assert reply.body == b"kept"


@pytest.mark.parametrize("empty", [{}, {"authorization": ""}, {"authorization": "  "}])
def test_a_request_without_a_signature_is_anonymous(
    http_client: HTTPClient, room: str, empty: dict[str, str]
) -> None:
    for method, target in [
        ("GET", "/"),
        ("GET", f"/{room}/"),
        ("GET", f"/{room}/kept"),
        ("PUT", f"/{room}/kept"),
        ("PUT", "/new-1250000000/"),
        ("DELETE", f"/{room}/kept"),
    ]:
        assert http_client.request(method, target, empty, b"", signed=False).outcome == DENIED
    assert http_client.request("HEAD", f"/{room}/kept", empty, signed=False).outcome == (403, "")
    assert http_client.request("GET", f"/{room}/kept").body == b"kept"
