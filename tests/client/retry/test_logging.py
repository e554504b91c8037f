"""The log of each attempt, which contains no secret."""

import logging

import pytest

from coskit import CosServiceError, RetryPolicy, TransportError
from tests.client.conftest import Scripted
from tests.client.stubs.scripted import CLOSE, http_response

BUCKET = "examplebucket-1250000000"
DONE = http_response(headers={"ETag": '"e"', "x-cos-request-id": "id-9"})


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.DEBUG) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "coskit" and record.levelno == level
    ]


@pytest.fixture(autouse=True)
def debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "coskit")


def test_each_try_has_a_line(scripted: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    world, _ = scripted(CLOSE, http_response(503, headers={"x-cos-request-id": "id-8"}), DONE)
    world.put_object(BUCKET, b"x", "k")
    first, second, third = lines(caplog)
    start = f"put_object {BUCKET}/k, attempt"
    assert first.startswith(f"{start} 1 of 3: TransportError: the exchange with 127.0.0.1:")
    assert "; retrying in 0." in first
    assert second.startswith(
        f"{start} 2 of 3: ServiceUnavailable, HTTP 503, request id id-8 after "
    )
    assert third.startswith(f"{start} 3 of 3: HTTP 200 after 0.")
    assert third.endswith(" s, request id id-9")
    assert lines(caplog, logging.WARNING) == []


@pytest.mark.parametrize("dialect", ["cos", "s3"])
def test_a_read_has_a_line(
    scripted: Scripted, caplog: pytest.LogCaptureFixture, dialect: str
) -> None:
    reply = http_response(body=b"x", headers={"ETag": '"e"', "x-amz-request-id": "id-0"})
    world, _ = scripted(reply, dialect=dialect)
    world.fetch(BUCKET, "k")
    (line,) = lines(caplog)
    assert line.startswith(f"get_object {BUCKET}/k, attempt 1 of 3: HTTP 200 after ")
    assert line.endswith("request id id-0")


def test_a_server_that_is_dead_has_a_line_for_each_try_and_one_at_the_end(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    world, server = scripted()
    server.close()
    with pytest.raises(TransportError):
        world.head_bucket(BUCKET)
    found = lines(caplog)
    assert [line.split(",")[1].split(":")[0] for line in found] == [
        " attempt 1 of 3",
        " attempt 2 of 3",
        " attempt 3 of 3",
    ]
    assert found[2].endswith("; not retried")
    (warning,) = lines(caplog, logging.WARNING)
    assert warning.startswith(f"head_bucket {BUCKET} failed 3 times, giving up: TransportError")


def test_what_is_not_tried_again_is_no_warning(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    world, _ = scripted(http_response(404))
    with pytest.raises(CosServiceError):
        world.get_object(BUCKET, "k")
    (line,) = lines(caplog)
    assert "attempt 1 of 3: NoSuchResource, HTTP 404" in line
    assert lines(caplog, logging.WARNING) == []


def test_a_body_that_goes_on_has_lines(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    content = bytes(1000)
    head = {"ETag": '"e"', "Connection": "close"}
    cut = http_response(body=content, headers=head)[:-500]
    rest = http_response(206, content[500:], {"ETag": '"e"', "Content-Range": "bytes 500-999/1000"})
    world, _ = scripted(cut, rest)
    assert world.fetch(BUCKET, "k") == content
    assert [line.split(": ")[1].split(" ")[0] for line in lines(caplog)] == [
        "HTTP",
        "TransportError",
        "HTTP",
    ]


def test_no_line_holds_a_secret(scripted: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    customer = {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M=",
        "SSECustomerKeyMD5": "ACdH+Fu9K3HlXdIUBu8GdA==",
    }
    secrets = {"secret_key": "s3cr3t-key", "token": "t0ken"}
    for dialect in ("cos", "s3"):
        replies = [CLOSE, http_response(500), http_response(403), DONE]
        once = RetryPolicy(attempts=2, base=0.001)
        world, _ = scripted(*replies, dialect=dialect, retry=once, **secrets)
        for _ in range(2):
            with pytest.raises(CosServiceError):
                world.put_object(BUCKET, b"x", "k", **customer)
        world.put_object(BUCKET, b"x", "k", **customer)
    assert len(lines(caplog)) == 8
    for secret in (
        "s3cr3t-key",
        "t0ken",
        "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M=",
        "ACdH+Fu9K3HlXdIUBu8GdA==",
        "signature",
        "Signature=",
    ):
        assert secret not in caplog.text
