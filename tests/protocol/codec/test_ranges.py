"""Ranges and conditions, by tables from HTTP and the vendor's pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.codec.dates import http_date
from coskit.protocol.codec.ranges import (
    ByteRange,
    check_conditions,
    etag_matches,
    if_range_matches,
    parse_content_range,
    parse_copy_range,
    parse_range,
)
from coskit.protocol.errors import InvalidArgument, InvalidRange

HUGE = "9" * 30
ENORMOUS = "9" * 10_000

FOUND = [
    ("bytes=0-0", 10, 0, 0),
    ("bytes=0-9", 10, 0, 9),
    ("bytes=2-5", 10, 2, 5),
    ("bytes=9-9", 10, 9, 9),
    ("bytes=5-", 10, 5, 9),
    ("bytes=0-", 1, 0, 0),
    ("bytes=-3", 10, 7, 9),
    ("bytes=-10", 10, 0, 9),
    ("bytes=-11", 10, 0, 9),
    ("bytes=5-10", 10, 5, 9),
    (f"bytes=5-{HUGE}", 10, 5, 9),
    (f"bytes=5-{ENORMOUS}", 10, 5, 9),
    (f"bytes=-{ENORMOUS}", 10, 0, 9),
    ("bytes=0000000000000000000000005-6", 10, 5, 6),
    (" bytes=1-2 ", 10, 1, 2),
    ("BYTES=1-2", 10, 1, 2),
    ("Bytes=-3", 10, 7, 9),
    ("bytes= 1-2", 10, 1, 2),
    ("bytes=,1-2, ,", 10, 1, 2),
    ("bytes=4000000000000-", 5_000_000_000_000, 4_000_000_000_000, 4_999_999_999_999),
]


@pytest.mark.parametrize(("text", "total", "first", "last"), FOUND, ids=lambda v: str(v)[:30])
def test_a_range(text: str, total: int, first: int, last: int) -> None:
    assert parse_range(text, total) == ByteRange(first, last, total)


IGNORED = """bytes= bytes=- bytes bytes=a-b bytes=1 bytes=5-4 bytes=1-2,4-5 bytes=0-0,-1 items=0-1
    bytes=1--2 bytes=-1- bytes=1.5-2 bytes=\u0661-\u0662 0-1 bytes:0-1 bytes=+1-2""".split()


@pytest.mark.parametrize("text", ["", "bytes=0-1 2", "bytes = 0-1", "bytes=0 - 1", *IGNORED])
@pytest.mark.parametrize("total", [0, 10])
def test_a_malformed_range_or_several_are_ignored(text: str, total: int) -> None:
    assert parse_range(text, total) is None


@pytest.mark.parametrize("text", ["bytes=-1", "bytes=-8", f"bytes=-{ENORMOUS}"])
def test_the_last_bytes_of_nothing_are_all_of_it(text: str) -> None:
    """RFC 9110 14.1.2: a suffix of more bytes than there are is the whole representation."""
    assert parse_range(text, 0) is None


STORED = 1_600_000_000_500
SAME = [
    ("", True),
    ('"abc"', True),
    ("abc", True),
    ('"abd"', False),
    ('W/"abc"', False),
    ("*", False),
    (http_date(STORED), True),
    (http_date(STORED - 1000), False),
    (http_date(STORED + 1000), False),
    ("no date", False),
]


@pytest.mark.parametrize(("text", "same"), SAME)
def test_if_range_compares_strongly(text: str, same: bool) -> None:
    """RFC 9110 13.1.5: the very ETag, or the very date of Last-Modified."""
    assert if_range_matches({"if-range": text}, "abc", STORED) is same
    assert if_range_matches({}, "abc", STORED)


BEHIND = [
    ("bytes=10-", 10),
    ("bytes=10-20", 10),
    (f"bytes={HUGE}-", 10),
    (f"bytes={ENORMOUS}-{ENORMOUS}", 10),
    ("bytes=-0", 10),
    ("bytes=-000", 10),
    ("bytes=0-", 0),
    ("bytes=0-0", 0),
    ("bytes=0-9", 0),
    ("bytes=5-", 0),
    ("bytes=-0", 0),
    ("bytes=-000", 0),
]


@pytest.mark.parametrize(("text", "total"), BEHIND, ids=lambda v: str(v)[:30])
def test_a_range_behind_the_end_is_refused(text: str, total: int) -> None:
    with pytest.raises(InvalidRange) as refusal:
        parse_range(text, total)
    assert refusal.value.status == 416
    assert refusal.value.headers == {"Content-Range": f"bytes */{total}"}


@given(first=st.integers(0, 50), length=st.integers(1, 50), total=st.integers(1, 60))
def test_a_range_cuts_what_a_slice_cuts(first: int, length: int, total: int) -> None:
    content = bytes(range(total))
    wanted = content[first : first + length]
    text = f"bytes={first}-{first + length - 1}"
    if not wanted:
        with pytest.raises(InvalidRange):
            parse_range(text, total)
        return
    found = parse_range(text, total)
    assert found is not None
    assert content[found.first : found.last + 1] == wanted
    assert found.length == len(wanted)
    assert found.content_range == f"bytes {first}-{first + len(wanted) - 1}/{total}"


def test_a_copy_range() -> None:
    assert parse_copy_range("", 10) is None
    assert parse_copy_range("bytes=0-9", 10) == ByteRange(0, 9, 10)
    assert parse_copy_range("bytes=3-3", 10) == ByteRange(3, 3, 10)


@pytest.mark.parametrize(
    "text", ["bytes=1-", "bytes=-1", "bytes=5-4", "bytes=1-2,3-4", "1-2", "x", " "]
)
def test_a_copy_range_has_a_first_and_a_last_byte(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_copy_range(text, 10)


@pytest.mark.parametrize("text", ["bytes=0-10", "bytes=10-10", f"bytes=0-{HUGE}"])
def test_a_copy_range_ends_inside_the_source(text: str) -> None:
    with pytest.raises(InvalidRange):
        parse_copy_range(text, 10)


ETAGS = [
    ('"abc"', True),
    ("abc", True),
    ('W/"abc"', True),
    ("*", True),
    ('"x", "abc"', True),
    ('"x","y" ,W/"abc"', True),
    (" * ", True),
    ('"x"', False),
    ('"abcd"', False),
    ('"ABC"', False),
    ('"ab", "c"', False),
    ("", False),
    (",", False),
]


@pytest.mark.parametrize(("condition", "matches"), ETAGS)
def test_an_etag_matches(condition: str, matches: bool) -> None:
    assert etag_matches(condition, '"abc"') is matches
    assert etag_matches(condition, "abc") is matches


MODIFIED = 1_700_000_000_789  # within a second, as stores keep it; headers tell whole seconds
AT, BEFORE, AFTER = (http_date(MODIFIED + step) for step in (0, -1000, 1000))
MATCH, NONE, SINCE, NOT_SINCE = (
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
)
MET, NOT_MODIFIED, FAILED = "met", "not modified", "failed"
CONDITIONS: list[tuple[dict[str, str], str]] = [
    ({}, MET),
    ({MATCH: '"e"'}, MET),
    ({MATCH: "*"}, MET),
    ({MATCH: '"x"'}, FAILED),
    ({MATCH: '"x", "e"'}, MET),
    ({NONE: '"e"'}, NOT_MODIFIED),
    ({NONE: "*"}, NOT_MODIFIED),
    ({NONE: 'W/"e"'}, NOT_MODIFIED),
    ({NONE: '"x"'}, MET),
    ({SINCE: BEFORE}, MET),
    ({SINCE: AT}, NOT_MODIFIED),
    ({SINCE: AFTER}, NOT_MODIFIED),
    ({NOT_SINCE: BEFORE}, FAILED),
    ({NOT_SINCE: AT}, MET),
    ({NOT_SINCE: AFTER}, MET),
    # The ETag's condition stands in for the date's.
    ({MATCH: '"e"', NOT_SINCE: BEFORE}, MET),
    ({MATCH: '"x"', NOT_SINCE: AFTER}, FAILED),
    ({NONE: '"x"', SINCE: AFTER}, MET),
    ({NONE: '"e"', SINCE: BEFORE}, NOT_MODIFIED),
    # What must hold goes before what must have changed.
    ({MATCH: '"x"', NONE: '"e"'}, FAILED),
    ({MATCH: '"e"', NONE: '"e"'}, NOT_MODIFIED),
    ({NOT_SINCE: BEFORE, SINCE: AFTER}, FAILED),
    ({NOT_SINCE: AFTER, SINCE: AFTER}, NOT_MODIFIED),
    ({MATCH: '"e"', SINCE: AFTER}, NOT_MODIFIED),
    # What is none is ignored.
    ({SINCE: "yesterday"}, MET),
    ({NOT_SINCE: "0"}, MET),
    ({MATCH: "", NONE: "", SINCE: "", NOT_SINCE: ""}, MET),
    ({MATCH: "", NOT_SINCE: BEFORE}, FAILED),
    ({NONE: "", SINCE: AFTER}, NOT_MODIFIED),
]


@pytest.mark.parametrize("prefix", ["", "x-cos-copy-source-"])
@pytest.mark.parametrize(("headers", "outcome"), CONDITIONS)
def test_conditions(headers: dict[str, str], outcome: str, prefix: str) -> None:
    named = {prefix + name: value for name, value in headers.items()}
    assert check_conditions(named, '"e"', MODIFIED, prefix) == outcome


def test_the_conditions_of_a_copy_are_not_those_of_its_request() -> None:
    assert check_conditions({MATCH: '"x"'}, "e", MODIFIED, "x-cos-copy-source-") == MET
    assert check_conditions({"x-cos-copy-source-if-match": '"x"'}, "e", MODIFIED) == MET


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes 2-5/10", ByteRange(2, 5, 10)),
        ("bytes 5-2/10", ByteRange(5, 2, 10)),
        ("bytes 2-5/*", None),
        ("bytes */10", None),
        ("Bytes 2-5/10", None),
        (f"bytes 0-1/{HUGE}", None),
        ("bytes 2-5/10, 7-8/10", None),
        ("", None),
    ],
)
def test_a_content_range_is_read_by_its_form_alone(text: str, expected: ByteRange | None) -> None:
    assert parse_content_range(text) == expected
