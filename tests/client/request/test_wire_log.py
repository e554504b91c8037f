"""The log of the wire: everything but secrets."""

import logging

import pytest

from coskit.client.request.wire_log import WIRE, log_request, log_response
from coskit.client.transport.http_request import HTTPRequest

HEADERS = [
    ("Authorization", "q-sign-algorithm=sha1&q-ak=AKID&q-signature=5ecre7", "(hidden)"),
    ("x-cos-security-token", "5ecre7", "(hidden)"),
    ("x-amz-security-token", "5ecre7", "(hidden)"),
    ("x-cos-server-side-encryption-customer-key", "5ecre7", "(hidden)"),
    ("x-cos-copy-source-server-side-encryption-customer-key", "5ecre7", "(hidden)"),
    ("x-cos-acl", "private", "private"),
]


@pytest.mark.parametrize(("name", "text", "shown"), HEADERS)
def test_a_header_is_logged_unless_it_is_a_secret(
    caplog: pytest.LogCaptureFixture, name: str, text: str, shown: str
) -> None:
    caplog.set_level(WIRE, "coskit")
    log_request(HTTPRequest("PUT", "http://h/k%20k", ((name, text),), b"abc", 3))
    assert caplog.messages == [f"> PUT http://h/k%20k; body of 3 bytes\n>   {name}: {shown}"]
    log_response(204, {name: text})
    assert caplog.messages[1] == f"< HTTP 204\n<   {name}: {shown}"


def test_debug_logs_no_headers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "coskit")
    log_request(HTTPRequest("GET", "http://h/"))
    assert caplog.messages == []
