"""The error document: written by the server, read by the client, with or without all its fields."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given

from coskit.protocol.codec.xml.error_document import decode_error, encode_error
from coskit.protocol.errors import BY_CODE, CosServiceError, NoSuchKey
from tests.protocol.strategies import texts
from tests.support.keys import HOSTILE_KEYS, UNWRITABLE_KEYS

DOCUMENT = (
    b"<?xml version='1.0' encoding='utf-8' ?>\n<Error><Code>NoSuchKey</Code>"
    b"<Message>The specified key does not exist.</Message><Resource>h/k</Resource>"
    b"<RequestId>rid</RequestId><TraceId>tid</TraceId></Error>"
)


@pytest.mark.parametrize("code", BY_CODE)
def test_an_error_crosses_the_wire(code: str) -> None:
    raised = BY_CODE[code](resource="host/key", request_id="rid")
    read = decode_error(raised.status, {}, encode_error(raised))
    assert type(read) is BY_CODE[code]
    assert (read.code, read.status, read.message) == (code, BY_CODE[code].status, raised.message)
    assert (read.resource, read.request_id, read.trace_id) == ("host/key", "rid", "rid")
    assert "\n" not in read.message


MISSING_PARTS = {
    "Code": ("NoSuchResource", "The specified key does not exist.", "h/k", "rid", "tid"),
    "Message": ("NoSuchKey", "The specified key does not exist.", "h/k", "rid", "tid"),
    "Resource": ("NoSuchKey", "The specified key does not exist.", "asked", "rid", "tid"),
    "RequestId": ("NoSuchKey", "The specified key does not exist.", "h/k", "from header", "tid"),
    "TraceId": ("NoSuchKey", "The specified key does not exist.", "h/k", "rid", "trace header"),
}


@pytest.mark.parametrize(("missing", "facts"), MISSING_PARTS.items())
@pytest.mark.parametrize("instead", [b"", b"<\\1/>", b"<\\1> </\\1>"])
def test_a_document_may_lack_an_element(
    missing: str, facts: tuple[str, ...], instead: bytes
) -> None:
    name = missing.encode()
    body = re.sub(rb"<(%b)>.*?</%b>" % (name, name), instead, DOCUMENT)
    headers = {"x-cos-request-id": "from header", "x-cos-trace-id": "trace header"}
    error = decode_error(404, headers, body, method="GET", resource="asked")
    found = (error.code, error.message, error.resource, error.request_id, error.trace_id)
    assert found == facts
    assert error.body == body.decode()


BODIES = {
    "nothing": b"",
    "HTML": b"<html><body>Bad<br>Gateway</body></html>",
    "text": b"upstream failed",
    "another document": b"<ListBucketResult/>",
    "half a document": DOCUMENT[:-9],
    "bytes": b"\x00\xff\xfe",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (304, "NotModified"),
        (400, "InvalidRequest"),
        (403, "AccessDenied"),
        (404, "NoSuchResource"),
        (412, "PreconditionFailed"),
        (416, "InvalidRange"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (302, "HTTP302"),
        (502, "HTTP502"),
        (200, "HTTP200"),
    ],
)
def test_without_a_document_the_status_speaks(status: int, code: str, body: bytes) -> None:
    error = decode_error(status, {"x-cos-request-id": "rid"}, body, method="HEAD", resource="h/k")
    assert (error.code, error.status, error.request_id) == (code, status, "rid")
    assert type(error) is BY_CODE.get(code, CosServiceError)
    assert str(error).count("\n") == 0
    assert f"HTTP {status}, HEAD h/k, request id rid" in str(error)


def test_an_unknown_code_is_kept() -> None:
    error = decode_error(418, {}, b"<Error><Code>Teapot</Code><Message>short</Message></Error>")
    assert type(error) is CosServiceError
    assert (error.code, error.status, error.message) == ("Teapot", 418, "short")


@pytest.mark.parametrize("lead", [b"", b"  \n", b"   \r\n\t"])
@pytest.mark.parametrize("root", [b"<Error>", b'<Error xmlns="urn:x">'])
def test_blanks_and_namespaces_do_not_matter(lead: bytes, root: bytes) -> None:
    body = lead + DOCUMENT.replace(b"<Error>", root)
    assert type(decode_error(200, {}, body)) is NoSuchKey


def test_an_error_inside_a_200_keeps_that_status() -> None:
    assert decode_error(200, {}, DOCUMENT).status == 200


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
def test_a_hostile_key_does_not_spoil_the_document(key: str) -> None:
    error = NoSuchKey(f"about {key}", resource=f"host/{key}|", request_id="rid")
    fields = {child.tag: child.text for child in ElementTree.fromstring(encode_error(error))}
    assert list(fields) == ["Code", "Message", "Resource", "RequestId", "TraceId"]
    assert all(fields.values())
    if key not in UNWRITABLE_KEYS:
        assert fields["Resource"] == f"host/{key}|"


@given(text=texts)
def test_no_field_is_ever_empty(text: str) -> None:
    document = encode_error(CosServiceError(text, code="X"))
    assert all(child.text for child in ElementTree.fromstring(document))
