"""Dates in headers, listings and results."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.codec.dates import (
    http_date,
    listing_date,
    parse_http_date,
    parse_iso_date,
    plain_date,
)

MOMENT = 1_700_000_000_000
moments = st.integers(0, 253_402_300_799_999)  # to the end of the year 9999


def test_the_spellings() -> None:
    for moment in (MOMENT, MOMENT + 999):
        assert http_date(moment) == "Tue, 14 Nov 2023 22:13:20 GMT"
        assert listing_date(moment) == "2023-11-14T22:13:20.000Z"
        assert plain_date(moment) == "2023-11-14T22:13:20Z"


@given(moment=moments)
def test_what_is_written_is_read_to_the_second(moment: int) -> None:
    second = moment // 1000 * 1000
    assert parse_http_date(http_date(moment)) == second
    assert parse_iso_date(listing_date(moment)) == second
    assert parse_iso_date(plain_date(moment)) == second


@given(moment=moments)
def test_an_xml_date_is_read_to_the_millisecond(moment: int) -> None:
    text = plain_date(moment).replace("Z", f".{moment % 1000:03}Z")
    assert parse_iso_date(text) == moment


SAME = """Tue, 14 Nov 2023 22:13:20 GMT|Tuesday, 14-Nov-23 22:13:20 GMT|Tue Nov 14 22:13:20 2023
tue, 14 nov 2023 22:13:20 gmt|14 Nov 2023 22:13:20 +0000|Wed, 15 Nov 2023 06:13:20 +0800
Tue, 14 Nov 2023 22:13:20 -0000"""


@pytest.mark.parametrize("text", SAME.replace("\n", "|").split("|"))
def test_header_dates_are_read_leniently(text: str) -> None:
    assert parse_http_date(text) == MOMENT


NO_HEADER_DATE = (
    "",
    " ",
    "yesterday",
    "0",
    "1700000000",
    "2023-11-14",
    "Tue, 32 Nov 2023 22:13:20 GMT",
    "Tue, 14 Nov 2023 25:13:20 GMT",
    "Tue, 14 Nov 99999 22:13:20 GMT",
    "Tue, 14 Nov 2023 22:13:20 +99999999",
    "\x00",
    "\u4e2d",
    "(",
    ",",
)


@pytest.mark.parametrize("text", NO_HEADER_DATE, ids=ascii)
def test_what_is_no_header_date_is_none(text: str) -> None:
    assert parse_http_date(text) is None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_the_calendar_break_no_reader(text: str) -> None:
    assert isinstance(parse_iso_date(text), int)


def test_a_date_without_a_zone_is_not_in_that_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "XYZ-8")
    time.tzset()
    try:
        assert parse_http_date("Tue, 14 Nov 2023 22:13:20 -0000") == MOMENT
        assert parse_iso_date("2023-11-14T22:13:20") == MOMENT
        assert http_date(MOMENT) == "Tue, 14 Nov 2023 22:13:20 GMT"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_xml_dates_are_read_leniently() -> None:
    same = ("2023-11-14T22:13:20Z", "2023-11-15T06:13:20+08:00", "2023-11-14 22:13:20")
    assert {parse_iso_date(text) for text in same} == {MOMENT}


@pytest.mark.parametrize("text", ["", "yesterday", "2023-13-14T22:13:20Z", "14 Nov 2023", "\x00"])
def test_what_is_no_xml_date_is_none(text: str) -> None:
    assert parse_iso_date(text) is None


@given(
    text=st.text(max_size=40)
    | st.from_regex(r"(Mon, )?\d{1,2} (Jan|Feb) \d{1,5} \d\d:\d\d(:\d\d)? ?([+-]\d{1,8}|GMT)?")
    | st.from_regex(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?([+-]\d\d:\d\d)?")
)
def test_no_text_breaks_the_readers(text: str) -> None:
    assert isinstance(parse_http_date(text), int | None)
    assert isinstance(parse_iso_date(text), int | None)
