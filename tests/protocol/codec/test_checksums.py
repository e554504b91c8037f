"""CRC64 and MD5: published values, pieces and forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.codec.checksums.md5_crc64 import (
    content_md5,
    crc64,
    crc64_combine,
    parse_content_md5,
    quote_etag,
)

CRC64 = {
    b"": 0,
    b"123456789": 11051210869376104954,
    b"[Object Content]": 16749565679157681890,
}


@pytest.mark.parametrize(("data", "value"), CRC64.items())
def test_the_published_values(data: bytes, value: int) -> None:
    assert crc64(data) == crc64(bytearray(data)) == crc64(memoryview(data)) == value


@given(first=st.binary(), second=st.binary(), third=st.binary())
def test_pieces_make_the_whole(first: bytes, second: bytes, third: bytes) -> None:
    whole = crc64(first + second + third)
    assert crc64(third, crc64(second, crc64(first))) == whole
    joined = crc64_combine(crc64(first), crc64(second), len(second))
    assert crc64_combine(joined, crc64(third), len(third)) == whole


@given(length=st.integers(0, 1 << 62))
def test_a_piece_of_any_length_is_joined_at_once(length: int) -> None:
    assert crc64_combine(0, 7, length) == 7
    assert 0 <= crc64_combine(11051210869376104954, 7, length) < 1 << 64


def test_a_megabyte_of_zeros_is_joined_as_it_is_read() -> None:
    zeros = bytes(1 << 20)
    assert crc64_combine(crc64(b"a"), crc64(zeros), len(zeros)) == crc64(b"a" + zeros)


def test_an_md5_is_written_and_read() -> None:
    assert content_md5(b"hello world") == "XrY7u+Ae7tCTyyK7j1rNww=="
    assert content_md5(memoryview(b"hello world")) == content_md5(bytearray(b"hello world"))
    assert parse_content_md5("XrY7u+Ae7tCTyyK7j1rNww==") == bytes.fromhex(
        "5eb63bbbe01eeed093cb22bb8f5acdc3"
    )
    assert quote_etag("5eb63bbb") == '"5eb63bbb"'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "XrY7u+Ae7tCTyyK7j1rNww",
        "XrY7u+Ae7tCTyyK7j1rN",
        " XrY7u+Ae7tCTyyK7j1rNww==",
        "\u4e2d",
    ],
    ids=ascii,
)
def test_what_is_no_md5_is_none(text: str) -> None:
    assert parse_content_md5(text) is None
