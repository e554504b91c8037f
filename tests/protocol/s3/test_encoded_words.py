"""User metadata in encoded words.

Sources: RFC 2047 2 and 6.2; S3, "User-defined object metadata"; Python's `email.header` reads and
writes the same.
"""

import time
from email.header import Header, decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.s3.encoded_words import decode_words, encode_words
from coskit.protocol.s3.names import headers_to_cos, headers_to_s3

VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("=?é中\t _"))
PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")))

WORDS = [
    ("=?UTF-8?B?5Lit5paH?=", "中文"),
    ("=?utf-8?b?5Lit5paH?=", "中文"),
    ("=?UTF-8?Q?=E4=B8=AD=E6=96=87?=", "中文"),
    ("=?utf-8?q?a_b=3Dc?=", "a b=c"),
    ("=?ISO-8859-1?Q?caf=E9?=", "café"),
    ("=?ISO-8859-1*fr?Q?caf=E9?=", "café"),
    ("=?gb2312?B?1tDOxA==?=", "中文"),
    ("=?utf-8?B?5A==?= =?utf-8?B?uK0=?=", "中"),
    ("=?utf-8?B?w6k=?= =?iso-8859-1?Q?=E9?=", "éé"),
    ("a =?utf-8?B?w6k=?= b", "a é b"),
    ("=?utf-8?B??=", ""),
]
NONE = [
    "plain",
    "a=?b",
    "=?utf-8?X?abc?=",
    "=?utf-8?B?abc",
    "=?nowhere?B?5Lit?=",
    "=?utf-8?B?!!!?=",
    "=?utf-8?B?/w==?=",
    "=?utf-8?B?DQpTZXQtQ29va2llOiBh?=",
    "=?utf-8?Q?a=00?=",
    "é =?utf-8?B?w6k=?=",
]


@pytest.mark.parametrize(("words", "value"), WORDS)
def test_words_stand_for_a_value(words: str, value: str) -> None:
    assert decode_words(words) == value


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_word_stays(text: str) -> None:
    assert decode_words(text) == text


@given(VALUES)
def test_every_value_comes_back(value: str) -> None:
    words = encode_words(value)
    assert words.isascii()
    assert decode_words(words) == value
    assert (words == value) or not value.isascii() or "=?" in value


@given(PLAIN)
def test_others_read_what_is_written(value: str) -> None:
    words = encode_words(value)
    if words != value:
        assert str(make_header(decode_header(words))) == value
        assert all(len(word) <= 75 for word in words.split(" "))


@given(PLAIN.filter(lambda value: not value.isascii() and value == value.strip()))
def test_what_others_write_is_read(value: str) -> None:
    assert decode_words(Header(value, "utf-8").encode(linesep="")) == value


def test_bytes_that_are_not_utf_8_stay() -> None:
    assert encode_words("a\udce9") == "a\udce9"


def test_only_metadata_is_in_words() -> None:
    headers = [("x-cos-meta-a", "中"), ("content-disposition", "中"), ("x-cos-tagging", "a=中")]
    returned = dict(headers_to_s3(headers))
    assert returned["x-amz-meta-a"] == "=?UTF-8?B?5Lit?="
    assert returned["content-disposition"] == "中"
    assert headers_to_cos(returned)["x-cos-meta-a"] == "中"


@pytest.mark.parametrize(
    "piece", ["=?", "=?a?q?", "=?a?b?", "=?utf-8?q?a?=", "=", "?", "=?utf-8?B?w6k="]
)
def test_long_values_are_read_in_linear_time(piece: str) -> None:
    text = piece * (65_536 // len(piece))
    began = time.process_time()
    decode_words(text)
    assert time.process_time() - began < 0.2
