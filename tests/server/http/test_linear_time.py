"""Input of unknown clients is read in linear time.

64 KiB is what the head of a request may hold. A pattern that tries again from each of its places
takes seconds for that; what is linear takes milliseconds. Time is that of the processor.
"""

import asyncio
import json
import string
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from coskit.client.request.resume_body import body_range_of
from coskit.client.transport.direct.http11 import ResponseParser
from coskit.client.transport.response_head import read_head
from coskit.protocol.auth.post_policy import read_policy
from coskit.protocol.auth.verify import find_claim, verify
from coskit.protocol.bucket import cors, lifecycle_document
from coskit.protocol.bucket.acl import account_id, document_grants, header_grants
from coskit.protocol.bucket.policy import AccessRequest, ResourceLocation
from coskit.protocol.bucket.policy_conditions import RequestContext, wildcard_match
from coskit.protocol.codec.checksums.md5_crc64 import parse_content_md5
from coskit.protocol.codec.copy_source import decode_copy_source
from coskit.protocol.codec.dates import parse_http_date, parse_iso_date
from coskit.protocol.codec.decode_request import decode_request
from coskit.protocol.codec.ranges import check_conditions, parse_copy_range, parse_range
from coskit.protocol.codec.results import decode_result
from coskit.protocol.codec.xml import document as xml
from coskit.protocol.codec.xml.error_document import decode_error
from coskit.protocol.codec.xml.fast_listing import read_document
from coskit.protocol.endpoint import check_key, decode_path, decode_query, encode_path, resolve
from coskit.protocol.errors import CosServiceError, ParameterError
from coskit.protocol.messages import META_PREFIX, Request, encode_text
from coskit.protocol.model import Operation, Param, Shape
from coskit.protocol.operations import LIST_OBJECTS, OPERATIONS
from coskit.protocol.s3.auth import sigv2, sigv4, sigv4_verify
from coskit.protocol.s3.auth.aws_chunked import ChunkDecoder
from coskit.protocol.s3.checksums import headers as announcements
from coskit.protocol.s3.documents.object_lock import read_until
from coskit.protocol.s3.documents.server import params_to_cos
from coskit.protocol.s3.names import s3_name, to_cos, without_framing
from coskit.protocol.s3.operations import S3_OPERATIONS
from coskit.protocol.s3.policy.operators import matches_pattern
from coskit.protocol.s3.policy.policy import parse_bucket_policy
from coskit.server.auth.session_tokens import PREFIX, open_token
from coskit.server.dialects.multipart_form import MultipartForm
from coskit.server.dialects.post_object import is_form, is_url
from coskit.server.dialects.s3_post_object import is_of_s3
from coskit.server.dialects.untrusted_xml import parse_untrusted
from coskit.server.handlers.object_state.tagging import parse_tag_header
from coskit.server.http.access_log import without_secrets
from coskit.server.http.connections.connection import MAX_HEAD
from tests.server.support.http_client import HTTPClient

LIMIT = 0.05  # seconds
NOW = 1_700_000_000
Reader = Callable[[str], object]
CHARACTERS = (*string.printable[:-5], "\t", "\xa0", "é", "中", "\u3000", "\U0001f600")
# What begins like something that means something, again and again.
NEAR = """a=b, a= a,a= "a"= id=" a="b", id="a", uin=a uri=" %2 %41 a* *a a? ?* **a a; q-ak=a& &a= a&
bytes=0-, 0-1, 00 -1 1e9 1. ((a) (( Mon, 2023- GMT +0000 00:00: qcs:: arn:aws: uin/ <a> </a> <a <!--
&amp; &lt [ {"a": [[ ,, a. W/"a", * // /.. /./ ../ -- \\ x-amz- =?utf-8?b? cos. .cos. aws-chunked,
${filename} $ -a- a-a ]]> a;a= =; sha1& 0x a:b:""".split()
SPACED = ("a ", " ,", "\t ", "a= ", "a =", "id= ", 'id="" ', "0 ")
INPUTS = tuple((piece * MAX_HEAD)[:MAX_HEAD] for piece in (*CHARACTERS, *NEAR, *SPACED))
FEW = tuple(
    (piece * MAX_HEAD)[:MAX_HEAD] for piece in ("a", "0", " ", "*", *NEAR[::4], *SPACED[:4])
)


def seconds(read: Reader, text: str) -> float:
    """Return how long it takes to read a text or to refuse it."""
    began = time.process_time()
    with suppress(CosServiceError, ParameterError, xml.NotThisShape):
        read(text)
    return time.process_time() - began


def assert_is_quick(read: Reader, texts: Iterable[str] = INPUTS) -> None:
    """Read each text; what seems slow is tried again, for others use the machine as well."""
    for text in texts:
        assert any(seconds(read, text) < LIMIT for _ in range(3)), text[:20]


def get(**headers: str) -> Request:
    return Request("GET", "/", (), {name.replace("_", "-"): text for name, text in headers.items()})


def claimed(text: str) -> None:
    """Check a signature that lists this."""
    pairs = f"q-header-list={text}&q-url-param-list={text}"
    time_pairs = f"q-sign-time=0;{NOW * 2}&q-key-time=0;{NOW * 2}"
    head = f"q-sign-algorithm=sha1&q-ak=a&{time_pairs}&{pairs}&q-signature={text}"
    request = get(authorization=head, host=text)
    claim = find_claim(request)
    assert claim is not None
    verify(claim, request, "key", NOW)


def claimed_in_s3(text: str) -> None:
    day = "20231114"
    scope = f"{day}/ap-local/s3/aws4_request"
    head = f"AWS4-HMAC-SHA256 Credential=a/{scope}, SignedHeaders=host;x-amz-date;x-a, Signature=0"
    request = get(
        authorization=head,
        host=text,
        x_a=text,
        x_amz_date=f"{day}T221320Z",
        x_amz_content_sha256="",
    )
    claim = sigv4_verify.find_claim(request)
    assert claim is not None
    sigv4_verify.verify(claim, request, "key", NOW)


def asked(text: str) -> AccessRequest:
    """Return an access request with a text in every place that a condition may read."""
    headers = dict.fromkeys(("user-agent", "referer", "x-cos-acl", "x-cos-copy-source"), text)
    about = RequestContext(
        Request("GET", "/", (("prefix", text),), headers), "192.0.2.7", False, NOW, "ap-local"
    )
    return AccessRequest(None, LIST_OBJECTS, ResourceLocation("ap-local", ("1",), "b"), text, about)


def judged(condition: dict[str, Any]) -> Reader:
    """Return what asks a policy that has a condition of S3."""
    statement = {"Principal": "*", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*"}
    statements = [{**statement, "Condition": condition}]
    policy = parse_bucket_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    return lambda text: policy.verdict(asked(text))


def cors_rule(**lists: Any) -> tuple[cors.CorsRule, ...]:
    document = {"CORSRule": [{"AllowedOrigin": ["*"], "AllowedMethod": ["GET"], **lists}]}
    return cors.load_rules(cors.dump_rules(document))


def received_form(boundary: str, body: bytes) -> None:
    """Read a form to its end."""

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    async def receive() -> None:
        form = MultipartForm(pieces(), f"multipart/form-data; boundary={boundary}")
        await form.begin()
        async for _ in form:
            pass

    asyncio.run(receive())


def part(head: str, value: str = "") -> Reader:
    """Return what reads a form that has a text in its head or its value."""

    def read(text: str) -> None:
        lines = f"--x\r\nContent-Disposition: {head}\r\n\r\n{value}\r\n--x--\r\n"
        received_form("x", encode_text(lines.replace("TEXT", text)))

    return read


def listed(text: str) -> None:
    assert LIST_OBJECTS.result is not None
    read_document(LIST_OBJECTS.result, encode_text(f"<ListBucketResult>{text}"), decode=True)


def parse_response(text: str) -> None:
    with suppress(ValueError):
        ResponseParser("GET").feed(encode_text(text))


READERS: dict[str, Reader] = {
    "account": account_id,
    "grant": lambda text: header_grants("READ", text),
    "copy source": decode_copy_source,
    "copy source of S3": lambda text: decode_copy_source(f"b/{text}"),
    "date of a header": parse_http_date,
    "date of a document": parse_iso_date,
    "date of a lock": lambda text: read_until(text, NOW * 1000),
    "path": lambda text: decode_path(encode_text(text)),
    "path encoded": encode_path,
    "query": lambda text: decode_query(encode_text(text)),
    "address": lambda text: resolve(text, f"/{text}", ("example.com",)),
    "key": check_key,
    "range": lambda text: parse_range(f"bytes={text}", 100),
    "range of a copy": lambda text: parse_copy_range(f"bytes={text}", 100),
    "conditions": lambda text: check_conditions(
        {"if-match": text, "if-none-match": text, "if-modified-since": text}, '"a"', 0
    ),
    "content md5": parse_content_md5,
    "tags": parse_tag_header,
    "content encoding": without_framing,
    "checksums": lambda text: announcements.declared_checksum(
        {"x-amz-trailer": text, "x-amz-sdk-checksum-algorithm": text, "x-amz-checksum-crc32": text}
    ),
    "authorization": lambda text: find_claim(get(authorization=text)),
    "q-sign": claimed,
    "authorization of version 4": lambda text: sigv4_verify.find_claim(
        get(authorization=f"AWS4-HMAC-SHA256 {text}")
    ),
    "version 4": claimed_in_s3,
    "query of version 4": lambda text: sigv4_verify.find_claim(
        Request("GET", "/", (("X-Amz-Algorithm", sigv4.ALGORITHM), ("X-Amz-Credential", text)))
    ),
    "authorization of version 2": lambda text: sigv2.find_claim(get(authorization=f"AWS {text}")),
    "token": lambda text: open_token("secret", f"{PREFIX}{text}"),
    "dialect of a form": lambda text: is_of_s3({text: text}),
    "media type": lambda text: is_form(
        Request("POST", "/b", (), {"content-type": text}), "b", None
    ),
    "redirect": is_url,
    "policy": parse_bucket_policy,
    "policy of JSON": lambda text: parse_bucket_policy(f'{{"statement":{text}'),
    "policy of a form": read_policy,
    "policy of a form, decoded": lambda text: read_policy(b64encode(encode_text(text)).decode()),
    "pattern": lambda text: (
        matches_pattern(text, text[:4000]),
        wildcard_match(text[:20_000], text),
    ),
    "text of a pattern": lambda text: matches_pattern(text, "*a?a*" * 8 + "b"),
    "text of a pattern of COS": lambda text: wildcard_match("*a*a" * 5000 + "b", text),
    "conditions of a policy": judged(
        {
            "StringLike": {"aws:UserAgent": "*a?b*0*c", "s3:prefix": ["*0?0*1", "* ?*a"]},
            "NumericEquals": {"s3:max-keys": 1},
            "ArnLike": {"aws:PrincipalArn": "*:*:*:*:*:*"},
        }
    ),
    "origin": lambda text: cors.allow(cors_rule(AllowedOrigin=["http://*.a"]), text, "GET"),
    "preflight": lambda text: cors.allow(
        cors_rule(AllowedHeader=["x-*-a", "b", "*"]), "", "GET", cors.header_list(text)
    ),
    "document": lambda text: parse_untrusted(encode_text(text)),
    "document in an element": lambda text: parse_untrusted(encode_text(f"<a>{text}")),
    "document in an attribute": lambda text: parse_untrusted(encode_text(f'<a b="{text}')),
    "access log": without_secrets,
    "boundary": lambda text: received_form(text, encode_text(f"--{text}\r\n")),
    "form": lambda text: received_form("x", encode_text(text)),
    "name of a field": part('form-data; name="TEXT"'),
    "file name": part('form-data; name="file"; filename="TEXT"', "content"),
    "disposition": part("TEXT"),
    "value of a field": part('form-data; name="a"', "TEXT"),
    "file of a form": part('form-data; name="file"', "TEXT"),
    "chunks": lambda text: ChunkDecoder(None).feed(encode_text(text)),
    "chunk": lambda text: ChunkDecoder(None).feed(encode_text(f"ffff;{text}")),
    # What a server sends is read by the client.
    "response": parse_response,
    "head of an answer": lambda text: read_head(
        encode_text(f"HTTP/1.1 200 OK\r\na: {text}\r\n\r\n")
    ),
    "range of an answer": lambda text: body_range_of(206, {"Content-Range": text, "ETag": text}),
    "error": lambda text: decode_error(400, {}, encode_text(f"<Error><Code>{text}")),
    "listing": listed,
    "element of a listing": lambda text: listed(f"<Contents>{text}</Contents></ListBucketResult>"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_text_is_read_in_linear_time(name: str) -> None:
    assert_is_quick(READERS[name])


ROWS = [*((row, False) for row in OPERATIONS), *((row, True) for row in S3_OPERATIONS)]


def places() -> dict[str, tuple[Operation, Param, bool]]:
    """Return each header and each parameter once, with a row that has it."""
    found: dict[str, tuple[Operation, Param, bool]] = {}
    for row, of_s3 in ROWS:
        for param in row.params:
            if param.place in ("query", "header", "source", "metadata"):
                name = s3_name(param.wire) if of_s3 else param.wire
                kind = (param.place, name, param.kind, *param.choices)
                found.setdefault("-".join(kind), (row, param, of_s3))
    return found


PLACES = places()


@pytest.mark.parametrize("place", PLACES)
def test_each_header_and_parameter_is_read_in_linear_time(place: str) -> None:
    row, param, of_s3 = PLACES[place]
    wire = param.wire or META_PREFIX + "a"
    if param.place == "query":
        assert_is_quick(lambda text: decode_request(row, "b", "k", {wire: text}, {}))
    else:
        name = s3_name(wire) if of_s3 else wire
        assert_is_quick(lambda text: read_header(row, name, text, of_s3=of_s3))


def read_header(row: Operation, name: str, text: str, *, of_s3: bool) -> None:
    request = Request(row.method, "/b/k", (), {name: text})
    headers = to_cos(request).headers if of_s3 else request.headers
    decode_request(row, "b", "k", {}, headers)
    for permission in (name for name in headers if name.startswith("x-cos-grant-")):
        header_grants("READ", headers[permission])


def documents(shape: Shape) -> Iterator[tuple[str, str]]:
    """Yield, for each text in a document of a shape, what stands before and after it."""
    start, end = f"<{shape.tag}>", f"</{shape.tag}>"
    if not shape.children:
        yield start, end
    for child in shape.children:
        others = "".join(_least(other) for other in shape.children if other is not child)
        for before, after in documents(child):
            yield start + before, after + others + end


def _least(shape: Shape) -> str:
    if shape.optional or shape.attribute:
        return ""
    return f"<{shape.tag}>{''.join(map(_least, shape.children)) or '1'}</{shape.tag}>"


def read_body(row: Operation, body: bytes) -> None:
    """Read a document as far as that can be done without a store."""
    params = params_to_cos(row.name, decode_request(row, "b", "k", {}, {}, body, parse_untrusted))
    if "LifecycleConfiguration" in params:
        lifecycle_document.dump_rules(params["LifecycleConfiguration"])
    if "CORSConfiguration" in params:
        cors.dump_rules(params["CORSConfiguration"])
    if "AccessControlPolicy" in params:
        document_grants(params["AccessControlPolicy"])


@pytest.mark.parametrize(
    "row", [row for row, _ in ROWS if row.body], ids=lambda row: f"{row.name}-{row.method}"
)
def test_each_text_of_a_document_is_read_in_linear_time(row: Operation) -> None:
    assert row.body is not None
    for before, after in documents(row.body):
        assert_is_quick(
            lambda text, b=before, a=after: read_body(
                row, encode_text(f"{b}{xml.escape(text)}{a}")
            ),  # type: ignore[misc]
            FEW,
        )


@pytest.mark.parametrize("row", [row for row in OPERATIONS if row.result], ids=lambda row: row.name)
def test_each_text_of_a_response_is_read_in_linear_time(row: Operation) -> None:
    assert row.result is not None
    for before, after in documents(row.result):
        assert_is_quick(
            lambda text, b=before, a=after: decode_result(  # type: ignore[misc]
                row, {}, encode_text(f"{b}{xml.escape(text)}{a}")
            ),
            FEW[::3],
        )


@pytest.mark.parametrize(
    "text",
    [
        ('{"version":"2.0","statement":' + "[" * 9_000),
        ('{"version":"2.0","statement":' + '{"a":' * 3_000),
        ("[" * 9_000 + "]" * 9_000),
        ('{"version":' + "9" * 19_000 + "}"),
        ('{"statement":' + '{"condition":{"numeric_equal":{"cos:max-keys":' + "9" * 9_000 + "}}}}"),
        (json.dumps({f"{n}": 0 for n in range(2000)})),
    ],
    ids=["arrays", "objects", "whole arrays", "number", "number in a condition", "members"],
)
def test_a_deep_or_wide_policy_is_refused(text: str) -> None:
    for read in (parse_bucket_policy, lambda t: read_policy(b64encode(t.encode()).decode())):
        with pytest.raises(CosServiceError) as caught:
            read(text)
        assert caught.value.status == 400
        assert_is_quick(read, [text])


@pytest.mark.parametrize(
    "document",
    [
        "<a>" * 20_000,
        "<a>" * 9_000 + "</a>" * 9_000,
        "<a " + "".join(f'a{n}="" ' for n in range(7_000)) + "/>",
        "<a " + "".join(f'xmlns:a{n}="b" ' for n in range(3_500)) + "/>",
        '<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "'
        + "&b;" * 999
        + '">]><a>'
        + "&c;" * 9_000
        + "</a>",
    ],
    ids=["open", "deep", "attributes", "namespaces", "entities"],
)
def test_a_deep_or_wide_document_is_read_in_linear_time(document: str) -> None:
    assert_is_quick(lambda text: parse_untrusted(text.encode()), [document])


@pytest.mark.parametrize(
    ("method", "name", "piece"),
    [
        ("GET", "x-amz-grant-read", "a"),
        ("GET", "x-cos-grant-read", "id="),
        ("POST", "content-type", "multipart/form-data;"),
        ("OPTIONS", "access-control-request-headers", "a,b,"),
        ("GET", "authorization", "a&"),
    ],
)
def test_a_head_of_60_kb_is_processed_quickly(
    http_client: HTTPClient, method: str, name: str, piece: str
) -> None:
    headers = {name: (piece * 60_000)[:60_000], "content-length": "0"}
    # The connection has 20 seconds, which what is not linear needs more than twice.
    assert http_client.request(method, "/b-1/", headers, signed=False).status in (400, 403, 404)
