"""Secrets of requests are in no log, error, metric or standard error."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.endpoint import encode_query
from coskit.protocol.messages import Request
from coskit.protocol.s3.auth import sigv2, sigv4
from coskit.server.http.access_log import LogEntry, without_secrets
from coskit.testing import LocalServer
from tests.server.dialects.test_post_object import form, post, signed
from tests.server.support.http_client import HOST, HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
SECRET = "SeCrEt/" + "0123456789abcdef" * 2
# Sources: vendor: Request Signature, Server-side encryption; AWS: Authenticating Requests with
# query parameters (versions 2 and 4), POST form fields, SSE-C headers.
NAMES = """q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list q-signature
sign signature Signature AWSAccessKeyId Authorization policy x-cos-security-token
x-ci-security-token X-Amz-Credential X-Amz-Signature X-Amz-Security-Token
x-cos-server-side-encryption-customer-key x-cos-server-side-encryption-customer-key-MD5
x-cos-copy-source-server-side-encryption-customer-key
x-cos-copy-source-server-side-encryption-customer-key-MD5
x-amz-server-side-encryption-customer-key x-amz-server-side-encryption-customer-key-MD5
x-amz-copy-source-server-side-encryption-customer-key""".split()


def spellings(name: str) -> Iterator[str]:
    """Yield a name as clients and proxies may spell it."""
    yield from (name, name.lower(), name.upper(), name.title())
    yield name.replace("-", "%2D")
    yield name.replace("-", "%2d").upper()
    yield "".join(f"%{ord(character):02x}" for character in name)
    yield f"+{name}%20"


@pytest.mark.parametrize("name", NAMES)
def test_a_query_is_logged_without_secrets(name: str) -> None:
    for spelled in spellings(name):
        for pair in (f"{spelled}={SECRET}", f"{spelled}={quote(SECRET, safe='')}", spelled):
            assert without_secrets(f"prefix=a&{pair}&{pair}&marker=b") == "prefix=a&marker=b"


@pytest.mark.parametrize("kept", ["prefix=q-signature", "sign-in=1", "x-amz-date=2", "a&b=&&c"])
def test_what_is_no_secret_is_logged(kept: str) -> None:
    assert without_secrets(kept) == kept


@pytest.mark.parametrize(
    ("key", "logged"),
    [
        ("a?b", "a?b"),
        (f"a?q-ak=b&q-signature={SECRET}", "a?"),
        (f"a?versionId=1&X-Amz-Signature={SECRET}", "a?versionId=1"),
    ],
)
def test_a_url_that_became_a_key_is_logged_without_secrets(key: str, logged: str) -> None:
    entry = LogEntry(0, "", "", "GET", "b", key, "-", "", 0, "", 0, 0, 0, None, "none", "")
    assert json.loads(entry.line())["key"] == logged


def customer_key(prefix: str) -> tuple[dict[str, str], str]:
    """Return the headers of a key that encrypts an object, and the key."""
    raw = os.urandom(32)
    key = base64.b64encode(raw).decode()
    digest = base64.b64encode(hashlib.md5(raw).digest()).decode()
    names = {"algorithm": "AES256", "key": key, "key-md5": digest}
    headers = {f"{prefix}server-side-encryption-customer-{n}": text for n, text in names.items()}
    return headers, key


def urls(server: LocalServer) -> Iterator[tuple[str, str]]:
    """Yield targets that are signed in their query, each with what is secret in it."""
    http_client, now = HTTPClient.of(server), int(time.time())
    keys = Credentials(server.secret_id, server.secret_key, f"TOKEN{SECRET}")
    for method in ("GET", "PUT"):
        target = http_client.url(method, f"/{ROOM}/k?response-expires=never")
        yield target, target.partition("q-signature=")[2]
    request = Request("GET", f"/{ROOM}/k", (), {"host": HOST})
    for query in (
        sigv4.presign(request, keys, now, "ap-local", 60),
        sigv2.presign(request, keys, now + 60),
    ):
        pairs = dict(query)
        secret = pairs.get("X-Amz-Signature") or pairs["Signature"]
        yield f"/{ROOM}/k?{encode_query(query)}", secret
        spelled = encode_query(query).replace("-", "%2D")
        yield f"/{ROOM}/k?{spelled}", secret
        yield f"/{ROOM}/k?{spelled.upper()}", secret
        yield f"/{ROOM}/k%3F{quote(encode_query(query), safe='')}", secret


def test_no_secret_is_logged_or_returned(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "access.log"
    with ForkedServer(
        tmp_path / "data", buckets=[ROOM], options=[f"--access-log={file}"]
    ) as server:
        http_client = HTTPClient.of(server)
        secrets, returned = [server.secret_key, SECRET, quote(SECRET, safe="")], []
        digests = []  # of keys, which answers tell
        for target, secret in urls(server):
            secrets += [secret, quote(secret, safe="")]
            asked = [
                http_client.request(method, target, signed=False) for method in ("GET", "DELETE")
            ]
            returned += (
                [] if "%3F" in target else asked
            )  # the sender of a key that is a URL gets it back
        for prefix in ("x-cos-", "x-amz-"):
            headers, of_key = customer_key(prefix)
            secrets += [of_key, quote(of_key, safe="")]
            digests.append(headers[f"{prefix}server-side-encryption-customer-key-md5"])
            returned.append(http_client.request("PUT", f"/{ROOM}/sealed", headers, b"body"))
            returned.append(http_client.request("GET", f"/{ROOM}/sealed", headers))
            returned.append(
                http_client.request("GET", f"/{ROOM}/sealed?{encode_query(headers.items())}")
            )
            wrong = {name: text[1:] if "-key" in name else text for name, text in headers.items()}
            returned.append(http_client.request("GET", f"/{ROOM}/sealed", wrong))
        for fields in (
            dict(signed(http_client, ROOM, "k")),
            {"key": "k", "signature": "y"},
        ):
            fields["x-cos-security-token"] = SECRET
            secrets.append(fields.get("q-signature", SECRET))
            returned.append(post(http_client, ROOM, form(list(fields.items()))))
        for value in (f"q-signature={SECRET}", f"AWS a:{SECRET}", f"Bearer {SECRET}", SECRET):
            returned.append(
                http_client.request("GET", f"/{ROOM}/k", {"authorization": value}, signed=False)
            )
        returned.append(http_client.request("GET", f"/{ROOM}/k", {"x-cos-security-token": SECRET}))
        returned.append(http_client.request("GET", "/-/metrics", signed=False))
        assert server.stop() == 0
    written = file.read_text() + "".join(capfd.readouterr())
    responses = [reply.body.decode() + repr(reply.fields) for reply in returned]
    assert not [text for text in digests if text in written or quote(text, safe="") in written]
    for secret in secrets:
        assert len(secret) > 10
        assert secret not in written
        for response in responses:
            assert secret not in response, response
