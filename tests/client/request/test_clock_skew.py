"""A wrong clock: one try more at the service's time, else an error that says by how much.

Sources: the vendor's error codes (RequestTimeTooSkewed; AccessDenied "Request has expired"), S3's
error responses, RFC 9110 6.6.1 (Date).
"""

import time
from email.utils import formatdate
from urllib.parse import parse_qsl

import pytest

from coskit import CosServiceError, RetryPolicy
from tests.client.conftest import Scripted
from tests.client.stubs.scripted import http_response

BUCKET = "examplebucket-1250000000"
ONCE = RetryPolicy(attempts=1)
ERROR = "<Error><Code>{}</Code><Message>{}</Message></Error>"


def refused(offset: float, code: str, message: str = "", status: int = 403) -> bytes:
    body = ERROR.format(code, message).encode() if code else b""
    return http_response(status, body, {"Date": formatdate(time.time() + offset, usegmt=True)})


DONE = http_response(headers={"ETag": '"e"'})
ABOUT_TIME = [
    ("RequestTimeTooSkewed", "The difference is too large", 403),
    ("RequestTimeTooSkewed", "The difference is too large", 400),
    ("AccessDenied", "Request has expired", 403),
    ("AccessDenied", "Request is not yet valid", 403),
    ("SignatureDoesNotMatch", "Signature not yet current: 1 is still later than 2", 403),
    ("", "", 403),
]
NOT_ABOUT_TIME = [
    ("AccessDenied", "Access Denied", 403),
    ("SignatureDoesNotMatch", "", 403),
    ("NoSuchKey", "", 404),
    ("", "", 404),
]


@pytest.mark.parametrize("dialect", ["cos", "s3"])
@pytest.mark.parametrize("offset", [-600, 3600, 86400 * 365])
@pytest.mark.parametrize(("code", "message", "status"), ABOUT_TIME)
def test_the_next_try_is_signed_for_the_services_time(
    scripted: Scripted, dialect: str, offset: int, code: str, message: str, status: int
) -> None:
    world, server = scripted(
        refused(offset, code, message, status), DONE, DONE, dialect=dialect, retry=ONCE
    )
    for _ in range(2):  # and so is each one after it
        assert world.put_object(BUCKET, b"x", "k")["ETag"] == '"e"'
    assert len(server.requests) == 3
    times = [signed_at(head.decode()) for head, _ in server.requests]
    assert abs(times[1] - times[0] - offset) < 20
    assert abs(times[2] - times[1]) < 20


def signed_at(head: str) -> float:
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if date := fields.get("x-amz-date"):
        stamp = time.strptime(date, "%Y%m%dT%H%M%SZ")
        return time.mktime(stamp) - time.timezone
    signature = dict(parse_qsl(fields["authorization"]))
    return float(signature["q-sign-time"].split(";")[0])


@pytest.mark.parametrize(("offset", "words"), [(-600, "ahead of"), (3600, "behind")])
@pytest.mark.parametrize(("code", "message", "status"), ABOUT_TIME)
def test_a_second_refusal_reports_the_difference_of_the_clocks(
    scripted: Scripted, offset: int, words: str, code: str, message: str, status: int
) -> None:
    reply = refused(offset, code, message, status)
    world, server = scripted(reply, reply, retry=ONCE)
    with pytest.raises(CosServiceError) as raised:
        world.put_object(BUCKET, b"x", "k")
    assert len(server.requests) == 2
    found = str(raised.value)
    assert f"seconds {words} the service's" in found
    seconds = int(found.partition("machine is ")[2].split()[0])
    assert abs(seconds - abs(offset)) < 20


@pytest.mark.parametrize(("code", "message", "status"), NOT_ABOUT_TIME)
def test_what_is_not_about_the_time_is_raised_at_once(
    scripted: Scripted, code: str, message: str, status: int
) -> None:
    world, server = scripted(refused(3600, code, message, status), retry=ONCE)
    with pytest.raises(CosServiceError) as raised:
        world.put_object(BUCKET, b"x", "k")
    assert len(server.requests) == 1
    assert "clock" not in str(raised.value)


@pytest.mark.parametrize("date", ["", "now", "the right one"])
def test_without_another_time_there_is_nothing_to_try(scripted: Scripted, date: str) -> None:
    reported = formatdate(usegmt=True) if date == "the right one" else date
    world, server = scripted(
        http_response(403, b"", {"Date": reported} if reported else {}), retry=ONCE
    )
    with pytest.raises(CosServiceError):
        world.head_object(BUCKET, "k")
    assert len(server.requests) == 1


def test_content_that_can_be_read_once_is_not_sent_again(scripted: Scripted) -> None:
    world, server = scripted(refused(3600, "RequestTimeTooSkewed"), DONE, retry=ONCE)
    with pytest.raises(CosServiceError, match="seconds behind the service's"):
        world.put_object(BUCKET, world.source([b"x"]), "k", ContentLength=1)
    assert len(server.requests) == 1
    assert world.put_object(BUCKET, b"x", "k")["ETag"] == '"e"'
