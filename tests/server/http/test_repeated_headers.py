"""A header that guards, proves or grants has one value: two that differ are refused.

Source: RFC 9110 5.3: only lists may be sent as several lines; of If-Match and the like two lines
are one list, of which one value would be left out.
"""

import pytest

from tests.server.support.bad_requests import UNTOUCHED, state
from tests.server.support.http_client import HTTPClient

TWICE = [
    ("if-none-match", '"x"', "*"),
    ("if-match", "*", '"x"'),
    ("content-md5", "XUFAKrxLKna5cZ2REBfFkg==", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ("x-cos-acl", "private", "public-read"),
    ("x-cos-forbid-overwrite", "false", "true"),
    ("x-cos-meta-a", "1", "2"),
    ("authorization", "", "AWS a:b"),
]


@pytest.mark.parametrize(("name", "first", "second"), TWICE)
def test_two_values_are_refused(
    http_client: HTTPClient, room: str, name: str, first: str, second: str
) -> None:
    headers = {name: first} if first else {}
    request = http_client.build_request("PUT", f"/{room}/new", headers, b"hello")
    more = f"\r\n{name.title()}: {second}\r\n\r\n".encode()
    with http_client.connect() as connection:
        reply = connection.request(request.replace(b"\r\n\r\n", more, 1))
    assert reply.outcome == (400, "InvalidRequest")
    assert state(http_client, room) == UNTOUCHED


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [("accept", "a/b", "c/d"), ("if-none-match", '"x"', '"x"'), ("via", "1.1 a", "1.1 b")],
)
def test_lists_and_the_same_value_twice_are_taken(
    http_client: HTTPClient, room: str, name: str, first: str, second: str
) -> None:
    request = http_client.build_request("GET", f"/{room}/kept", {name: first})
    more = f"\r\n{name.title()}: {second}\r\n\r\n".encode()
    with http_client.connect() as connection:
        assert connection.request(request.replace(b"\r\n\r\n", more, 1)).body == b"kept"
