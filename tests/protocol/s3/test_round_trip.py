"""Round trip of every S3 row, with its routing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.codec.decode_request import decode_request
from coskit.protocol.codec.encode_request import encode_request
from coskit.protocol.codec.results import decode_result, encode_result
from coskit.protocol.codec.routing import Router
from coskit.protocol.model import Operation
from coskit.protocol.s3.operations import S3_OPERATIONS
from tests.protocol.codec.test_round_trip import with_aliases, with_key_hashes
from tests.protocol.strategies import params_of, results_of

ROWS = pytest.mark.parametrize("row", S3_OPERATIONS, ids=lambda row: row.name)
ROUTER = Router(S3_OPERATIONS)


@ROWS
@given(data=st.data())
def test_the_server_reads_the_parameters_that_a_client_wrote(
    row: Operation, data: st.DataObject
) -> None:
    params = data.draw(params_of(row))
    bodies = {param.name: b"content" for param in row.params if param.place == "body"}
    call = encode_request(row, {**params, **bodies})
    query = dict(reversed(call.query))
    found = ROUTER.match(row.method, call.bucket, call.key, query, call.headers)
    assert found is row
    read = decode_request(row, call.bucket, call.key, query, call.headers, call.body or b"")
    if row.has_document:
        read.pop("ContentMD5", None)
    assert read == with_key_hashes(params)


@ROWS
@given(data=st.data())
def test_the_client_reads_the_result_that_the_server_wrote(
    row: Operation, data: st.DataObject
) -> None:
    result = data.draw(results_of(row))
    response = encode_result(row, result)
    read = decode_result(row, response.headers, response.body)
    read.pop("Content-Type", None)
    if result.get("EncodingType") != "url":
        assert read == with_aliases(row, result)
