"""Header names and header bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.messages import decode_text, encode_text, spell

SPELLINGS = {
    "etag": "ETag",
    "ETAG": "ETag",
    "content-md5": "Content-MD5",
    "last-modified": "Last-Modified",
    "X-Cos-Request-Id": "x-cos-request-id",
    "x-cos-meta-A": "x-cos-meta-a",
    "Strict-transport-Security": "Strict-transport-Security",
}


@pytest.mark.parametrize(("name", "spelling"), SPELLINGS.items())
def test_a_header_is_spelled_as_the_vendor_spells_it(name: str, spelling: str) -> None:
    assert spell(name) == spelling


@given(raw=st.binary())
def test_header_bytes_come_back(raw: bytes) -> None:
    assert encode_text(decode_text(raw)) == raw


def test_header_bytes_are_utf_8_where_they_can_be() -> None:
    assert decode_text("\u4e2d".encode()) == "\u4e2d"
