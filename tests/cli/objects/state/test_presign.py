"""`coskit presign`: URLs that another HTTP client can use as they are printed."""

import json
import shutil
import subprocess
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from coskit import Client
from tests.cli.conftest import Coskit

KEYS = ("a b", "a+b", "..", "a/../b", "a//b", "中文", "*?[x]{y}", "-dash", "z\nz", "%2e", "a#b&c=d")


def send(
    url: str, method: str = "GET", body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Send one request and return the status and the body of the response."""
    place = urlsplit(url)
    connection = HTTPConnection(place.netloc, timeout=10)
    try:
        connection.request(method, f"{place.path}?{place.query}", body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("key", KEYS)
def test_a_url_reads_the_object_of_its_key(
    coskit: Coskit, client: Client, bucket: str, key: str
) -> None:
    client.put_object(bucket, key.encode(), key)
    done = coskit("presign", f"cos://{bucket}/{key}", columns=40)
    assert (done.status, len(done.lines)) == (0, 1)
    assert send(done.lines[0]) == (200, key.encode())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_a_url_as_it_is_printed(coskit: Coskit, client: Client, bucket: str) -> None:
    keys = ["a/../b c", "*?[1-3]{y}"]
    for key in keys:
        client.put_object(bucket, key.encode(), key)
    urls = [coskit("presign", f"cos://{bucket}/{key}").lines[0] for key in keys]
    got = subprocess.run(["curl", "-sS", *urls], capture_output=True, check=True, timeout=30)
    assert got.stdout == "".join(keys).encode()


def test_put_head_and_delete(coskit: Coskit, client: Client, bucket: str) -> None:
    place = f"cos://{bucket}/new"
    header = "Content-Type: text/csv"
    url = coskit("presign", "-m", "put", "--expires", "10m", "--header", header, place).lines[0]
    assert send(url, "PUT", b"1,2", {"Content-Type": "text/plain"})[0] == 403
    assert send(url, "PUT", b"1,2", {"Content-Type": "text/csv"})[0] == 200
    assert client.head_object(bucket, "new")["Content-Type"] == "text/csv"
    assert send(coskit("presign", "-m", "HEAD", place).lines[0], "HEAD") == (200, b"")
    assert send(coskit("presign", "-m", "DELETE", place).lines[0], "DELETE")[0] == 204


def test_a_version_and_a_parameter_are_signed(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    old = client.put_object(bucket, b"old", "k")["x-cos-version-id"]
    client.put_object(bucket, b"new", "k")
    words = ("--version-id", old, "--param", "response-content-type=text/x-odd")
    assert send(coskit("presign", *words, f"cos://{bucket}/k").lines[0]) == (200, b"old")


def test_json_says_how_the_url_is_used(coskit: Coskit) -> None:
    done = coskit("presign", "--json", "--header", "X-A: b", "cos://b-1250000000/k")
    facts = json.loads(done.output)
    assert facts.keys() == {"url", "method", "expires", "headers"}
    assert (facts["method"], facts["headers"]) == ("GET", {"X-A": "b"})


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["cos://b-1250000000"], "name a bucket and a key"),
        (["-e", "0s", "cos://b-1250000000/k"], "at least one second"),
        (["-e", "later", "cos://b-1250000000/k"], "not 'later'"),
        (["--header", "Odd", "cos://b-1250000000/k"], "'Odd' is not a header"),
        (["-m", "POST", "cos://b-1250000000/k"], "POST"),
    ],
)
def test_usage_errors(coskit: Coskit, words: list[str], error: str) -> None:
    done = coskit("presign", *words)
    assert done.status == 2
    assert error in done.error
