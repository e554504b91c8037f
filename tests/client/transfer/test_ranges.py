"""Ranges of downloads: they cover the object once, and only what was asked for is believed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.transfer.parts import MAX_PARTS, PartRange
from coskit.client.transfer.ranges import (
    FoundObject,
    Span,
    plan_ranges,
    range_header,
    read_response,
)
from coskit.client.transfer.state.download_state import (
    DownloadState,
    PartDone,
    SavedDownload,
    saved_download,
)
from coskit.client.transfer.state.journal import Journal
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import IntegrityError, ObjectChanged

FOUND = FoundObject(100, '"a"', "", None)
PART = PartRange(2, 10, 20)


@given(
    size=st.integers(0, 50 << 40),
    step=st.integers(1, 1 << 40) | st.integers(1, 1000),
    alignment=st.sampled_from([1, 16, 1 << 20, (1 << 20) + 16]),
)
def test_parts_cover_an_object_once_and_are_not_too_many(
    size: int, step: int, alignment: int
) -> None:
    parts = plan_ranges(size, step, alignment)
    assert len(parts) <= MAX_PARTS
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    end = 0
    for part in parts:
        assert part.offset == end
        assert part.offset % alignment == 0
        assert part.length > 0
        end += part.length
    assert end == size
    # Planning with the step that came out gives the same parts, which resuming relies on.
    assert not parts or plan_ranges(size, parts[0].length) == parts


def test_a_part_is_asked_for_by_its_first_and_last_byte() -> None:
    assert range_header(PART) == "bytes=10-29"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Length": "5"}, (FoundObject(5, "", "", None), Span(0, 5))),
        ({"Content-Length": "0", "ETag": '"e"'}, (FoundObject(0, '"e"', "", None), Span(0, 0))),
        (
            {
                "Content-Length": "5",
                "Content-Range": "bytes 10-14/99",
                "ETag": '"e"',
                "x-cos-version-id": "v",
                "x-cos-hash-crc64ecma": "7",
            },
            (FoundObject(99, '"e"', "v", 7), Span(10, 5)),
        ),
    ],
)
def test_the_range_of_a_response(
    headers: dict[str, str], expected: tuple[FoundObject, Span]
) -> None:
    assert read_response(headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Length": "five"},
        {"Content-Length": "5", "Content-Range": "bytes 10-15/99"},
        {"Content-Length": "5", "Content-Range": "bytes 95-99/99"},
        {"Content-Length": "5", "Content-Range": "bytes 10-14/*"},
        {"Content-Length": "5", "Content-Range": "bytes */99"},
        {"Content-Length": "0", "Content-Range": "bytes 10-9/99"},
        {"Content-Length": "5", "Content-Range": ""},
    ],
    ids=str,
)
def test_a_contradictory_response_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(IntegrityError):
        read_response(headers)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, None),
        ({"ETag": '"b"'}, ObjectChanged),
        ({"ETag": ""}, ObjectChanged),
        ({"Content-Range": "bytes 10-29/101"}, ObjectChanged),
        ({"Content-Range": "bytes 11-30/100"}, IntegrityError),
        ({"Content-Range": "bytes 10-28/100", "Content-Length": "19"}, IntegrityError),
    ],
    ids=str,
)
def test_a_part_is_believed_only_as_that_part_of_that_object(
    changes: dict[str, str], error: type[Exception] | None
) -> None:
    headers = {"Content-Length": "20", "Content-Range": "bytes 10-29/100", "ETag": '"a"', **changes}
    if error is None:
        FOUND.check(headers, PART)
    else:
        with pytest.raises(error):
            FOUND.check(headers, PART)


@given(content=st.binary(min_size=1, max_size=300), step=st.integers(1, 100))
def test_the_sum_of_the_parts_is_that_of_the_whole(content: bytes, step: int) -> None:
    parts = plan_ranges(len(content), step)
    arrivals = DownloadState(None, SavedDownload(FOUND, step, {}, {}))
    for part in reversed(parts):
        piece = content[part.offset : part.offset + part.length]
        arrivals.add(part, PartDone(crc64(piece), ""))
    assert arrivals.crc64(parts) == crc64(content)


def test_what_is_kept_comes_back(tmp_path: Any) -> None:
    identity = {"kind": "download", "path": "p"}
    left = SavedDownload(FoundObject(100, '"a"', "v", 7), 20, {"partial": "x"}, {})
    with Journal(tmp_path, identity) as journal:
        arrivals = DownloadState(journal, left)
        assert not arrivals.keep(), "nothing has arrived"
    with Journal(tmp_path, identity) as journal:
        arrivals = DownloadState(journal, left, clock=lambda: 1.0)
        arrivals.begin(left.target)
        arrivals.add(PART, PartDone(5, "mark"))  # not saved: no time has passed
        assert saved_download(Journal(tmp_path, identity)) is None, "it is held"
        assert journal.state["parts"] == {}
        assert arrivals.keep()
        arrivals.add(PartRange(3, 30, 20), PartDone(6, "late"))
    with Journal(tmp_path, identity) as journal:
        assert saved_download(journal) == SavedDownload(
            left.found, 20, {"partial": "x"}, {2: PartDone(5, "mark")}
        )


@pytest.mark.parametrize("state", [{}, {"object": [1]}, {"object": [1, "e", "", 0], "parts": []}])
def test_a_state_of_another_form_is_as_good_as_none(tmp_path: Any, state: dict[str, Any]) -> None:
    with Journal(tmp_path, {"kind": "download"}) as journal:
        journal.save(state)
        assert saved_download(journal) is None
