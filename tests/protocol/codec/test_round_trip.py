"""Round trip of every row: the server reads the client's requests, the client the responses."""

from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import sign
from coskit.protocol.auth.verify import find_claim, verify
from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.codec.decode_request import decode_request
from coskit.protocol.codec.encode_request import Call, encode_request
from coskit.protocol.codec.results import decode_result, encode_result
from coskit.protocol.codec.routing import match
from coskit.protocol.endpoint import (
    Endpoint,
    decode_path,
    decode_query,
    encode_path,
    encode_query,
    parse_endpoint,
    region_endpoint,
    resolve,
)
from coskit.protocol.messages import Request, decode_text, encode_text
from coskit.protocol.model import Operation
from coskit.protocol.operations import BY_NAME, OPERATIONS
from tests.protocol.strategies import params_of, results_of
from tests.support.keys import HOSTILE_KEYS, UNWRITABLE_KEYS

ROWS = pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
LISTINGS = pytest.mark.parametrize(
    "row", [row for row in OPERATIONS if row.listing], ids=lambda row: row.name
)
VIRTUAL_HOST = region_endpoint("ap-guangzhou")
PATH_STYLE = parse_endpoint("http://127.0.0.1:9000")
CREDENTIALS = Credentials("AKID", "secret", "token")
NOW = 1_700_000_000


def send(call: Call, endpoint: Endpoint) -> tuple[str, bytes, bytes, list[tuple[str, bytes]]]:
    """Address and sign a call as a client; return its host, path, query and headers as bytes."""
    host, path = endpoint.address(call.bucket, call.key)
    headers = {**call.headers, "x-cos-security-token": CREDENTIALS.token}
    signed = Request(
        call.operation.method, path, tuple(call.query), {**headers, "host": host.split(":")[0]}
    )
    headers |= {"host": host, "authorization": sign(signed, CREDENTIALS, NOW)}
    wire = [(name, encode_text(value).strip(b" \t")) for name, value in headers.items()]
    return host, encode_path(path).encode(), encode_query(call.query).encode(), wire


def receive(
    method: str, raw_path: bytes, raw_query: bytes, headers: list[tuple[str, bytes]], body: bytes
) -> tuple[Operation, dict[str, Any]]:
    """Read a request as a server: verify it, find its row and its parameters."""
    request = Request(
        method,
        decode_path(raw_path),
        decode_query(raw_query),
        {name: decode_text(value) for name, value in headers},
    )
    claim = find_claim(request)
    assert claim is not None
    assert claim.secret_id == CREDENTIALS.secret_id
    verify(claim, request, CREDENTIALS.secret_key, NOW)
    bucket, key = resolve(request.headers["host"], request.path)
    query = dict(reversed(request.query))
    row = match(method, bucket, key, query, request.headers)
    return row, decode_request(row, bucket, key, query, request.headers, body)


def carried(row: Operation, params: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    """Return the parameters that the server reads; the row has to be the same."""
    bodies = {param.name: b"content" for param in row.params if param.place == "body"}
    call = encode_request(row, {**params, **bodies})
    _, path, query, headers = send(call, endpoint)
    found, read = receive(row.method, path, query, headers, call.body or b"")
    assert found is row
    if row.has_document and "Content-MD5" not in params:
        read.pop("ContentMD5", None)
    return read


@ROWS
@given(data=st.data())
def test_the_server_reads_the_parameters_that_the_client_was_given(
    row: Operation, data: st.DataObject
) -> None:
    params = data.draw(params_of(row))
    endpoint = data.draw(st.sampled_from([VIRTUAL_HOST, PATH_STYLE]))
    assert carried(row, params, endpoint) == with_key_hashes(params)


def with_key_hashes(params: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with the key hashes that the client adds to customer keys."""
    returned = dict(params)
    for name in ("SSECustomer", "CopySourceSSECustomer"):
        if key := params.get(f"{name}Key"):
            returned.setdefault(f"{name}Algorithm", "AES256")
            returned.setdefault(f"{name}KeyMD5", content_md5(b64decode(key)))
    return returned


@pytest.mark.parametrize("endpoint", [VIRTUAL_HOST, PATH_STYLE], ids=["host", "path"])
@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
@pytest.mark.parametrize("name", ["PutObject", "GetObjectAcl", "ListParts"])
def test_a_hostile_key_reaches_the_server_untouched(
    name: str, key: str, endpoint: Endpoint
) -> None:
    params = {"Bucket": "bucket-1250000000", "Key": key}
    if name == "ListParts":
        params["UploadId"] = key
    assert carried(BY_NAME[name], params, endpoint) == params


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
def test_a_hostile_key_travels_as_a_copy_source(key: str) -> None:
    params = {
        "Bucket": "bucket-1250000000",
        "Key": "copy",
        "CopySource": {"Bucket": "source-1250000000", "Key": key, "Region": "ap-beijing"},
    }
    assert carried(BY_NAME["CopyObject"], params, VIRTUAL_HOST) == params


def with_aliases(row: Operation, result: dict[str, Any]) -> dict[str, Any]:
    expected = dict(result)
    for alias, path in row.aliases:
        found: Any = result
        for step in path.split("."):
            found = (found or {}).get(step)
        if found is not None:
            expected[alias] = found
    return expected


@ROWS
@given(data=st.data())
def test_the_client_returns_the_dict_that_the_server_was_given(
    row: Operation, data: st.DataObject
) -> None:
    result = data.draw(results_of(row))
    response = encode_result(row, result)
    read = decode_result(row, response.headers, response.body)
    read.pop("Content-Type", None)
    assert response.status == row.status[0]
    # A document that says `url` of itself is decoded, which is the business of the next test.
    if result.get("EncodingType") != "url":
        assert read == with_aliases(row, result)


@LISTINGS
@given(data=st.data())
def test_a_listing_with_encoding_type_url_carries_every_key(
    row: Operation, data: st.DataObject
) -> None:
    result = data.draw(results_of(row, encode=True))
    response = encode_result(row, result, encode=True)
    assert decode_result(row, {}, response.body) == with_aliases(row, result)


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
def test_a_hostile_key_is_listed_percent_encoded(key: str) -> None:
    row = BY_NAME["ListObjects"]
    result = {"EncodingType": "url", "Contents": [{"Key": key}], "Delimiter": key}
    body = encode_result(row, result, encode=True).body
    assert decode_result(row, {}, body) == result
    kept = decode_result(row, {}, body, keep_encoded=True)["Contents"][0]["Key"]
    assert kept.isascii()
    assert " " not in kept
    assert "+" not in kept


@pytest.mark.parametrize("key", sorted(set(HOSTILE_KEYS) - set(UNWRITABLE_KEYS)), ids=ascii)
def test_a_hostile_key_travels_in_a_deletion(key: str) -> None:
    params = {
        "Bucket": "bucket-1250000000",
        "Delete": {"Object": [{"Key": key, "VersionId": "null"}, {"Key": "x"}], "Quiet": "true"},
    }
    assert carried(BY_NAME["DeleteObjects"], params, PATH_STYLE) == params
