"""The saved state of an upload: it is read back, and only correct parts of our own are reused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.transfer.parts import PartRange
from coskit.client.transfer.state.upload_state import (
    LostInitiation,
    UploadState,
    decode_state,
    encode_state,
    fingerprint,
    is_completed,
    is_md5,
    is_worth_resuming,
    matching,
    may_be_lost_upload,
    may_have_completed,
    seconds_ahead,
)
from coskit.protocol import errors

TIMES = st.floats(0, 4e9, allow_nan=False)
TRACES = st.builds(
    UploadState,
    upload_id=st.text(),
    begun=TIMES,
    crc64=st.none() | st.integers(0, (1 << 64) - 1),
    source=st.dictionaries(st.text(), st.text()),
    lost=st.lists(st.builds(LostInitiation, TIMES, st.none() | TIMES)).map(tuple),
    etag=st.text(),
)
NOON = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
HEAD = {
    "Content-Length": "5",
    "x-cos-hash-crc64ecma": "7",
    "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT",
}
LISTED = {"Key": "k", "UploadId": "1", "Initiated": "2023-11-14T22:13:20.000Z"}


@given(TRACES)
def test_a_trace_reads_back_as_it_was_written(trace: UploadState) -> None:
    assert decode_state(encode_state(trace)) == trace


@pytest.mark.parametrize(
    "change",
    [
        {"lost": 5},
        {"lost": [1]},
        {"lost": [["x", 1]]},
        {"source": []},
        {"begun": "noon"},
        {"crc64": []},
    ],
    ids=str,
)
def test_anything_else_reads_as_no_trace(change: dict[str, object]) -> None:
    assert decode_state({**encode_state(UploadState("id", NOON)), **change}) == UploadState()
    assert decode_state({}) == UploadState()


def test_a_fingerprint_distinguishes_options_and_contains_no_secrets() -> None:
    base = {"Metadata": {"a": "1", "b": "2"}, "SSECustomerKey": "c2VjcmV0"}
    assert fingerprint(base) == fingerprint(dict(reversed(base.items())))
    assert fingerprint(base) == fingerprint({**base, "IfNoneMatch": "*", "TrafficLimit": "819200"})
    others = [{}, {**base, "Metadata": {"a": "1"}}, {**base, "SSECustomerKey": "other"}]
    assert len({fingerprint(options) for options in [base, *others]}) == 4
    assert "c2VjcmV0" not in fingerprint(base)


def test_only_parts_of_the_planned_size_match() -> None:
    plan = [PartRange(1, 0, 10), PartRange(2, 10, 10), PartRange(3, 20, 5), PartRange(4, 25, 1)]
    listed = [
        {"PartNumber": "1", "Size": "10", "ETag": '"a"'},
        {"PartNumber": "2", "Size": "9", "ETag": '"b"'},
        {"PartNumber": "3", "Size": "5", "ETag": ""},
        {"PartNumber": "9", "Size": "1", "ETag": '"d"'},
    ]
    assert list(matching(plan, listed)) == [(plan[0], '"a"')]


def test_an_etag_is_an_md5_quoted_or_not() -> None:
    assert is_md5('"AB"', "ab")
    assert is_md5("ab", "ab")
    assert not is_md5('"ab-2"', "ab")


@pytest.mark.parametrize(
    ("change", "window", "ahead", "expected"),
    [
        ({}, LostInitiation(NOON, NOON), 0, True),
        ({}, LostInitiation(NOON - 10, None), 0, True),
        ({}, LostInitiation(NOON - 100, None), 0, False),
        ({}, LostInitiation(NOON + 3, NOON + 4), 0, False),
        ({}, LostInitiation(NOON - 9, NOON - 3), 0, False),
        ({}, LostInitiation(NOON - 300, NOON - 300), 300, True),
        ({"UploadId": "ours"}, LostInitiation(NOON, NOON), 0, False),
        ({"Key": "k2"}, LostInitiation(NOON, NOON), 0, False),
        ({"Initiated": "?"}, LostInitiation(NOON, NOON), 0, False),
    ],
)
def test_an_orphan_has_our_key_and_was_initiated_when_a_reply_was_lost(
    change: dict[str, str], window: LostInitiation, ahead: float, expected: bool
) -> None:
    assert may_be_lost_upload({**LISTED, **change}, "k", "ours", [window], ahead) is expected


@pytest.mark.parametrize(
    ("change", "begun", "ahead", "expected"),
    [
        ({}, NOON, 0, True),
        ({}, NOON + 60, 0, False),
        ({}, NOON + 60, -60, True),
        ({"Content-Length": "6"}, NOON, 0, False),
        ({"x-cos-hash-crc64ecma": "8"}, NOON, 0, False),
        ({"x-cos-hash-crc64ecma": ""}, NOON, 0, False),
    ],
)
def test_an_object_is_ours_by_length_sum_and_age(
    change: dict[str, str], begun: float, ahead: float, expected: bool
) -> None:
    asked = UploadState(begun=begun, crc64=7)
    assert is_completed({**HEAD, **change}, 5, asked, ahead) is expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ETag": '"e-2"'}, True),
        ({"ETag": '"f-2"'}, False),
        ({"ETag": '"e-2"', "x-cos-hash-crc64ecma": "8"}, False),
        ({"ETag": '"e-2"', "Content-Length": "6"}, False),
        ({}, False),
    ],
)
def test_without_a_crc64_an_object_is_recognized_by_the_etag_of_its_parts(
    change: dict[str, str], expected: bool
) -> None:
    head = {name: text for name, text in HEAD.items() if name != "x-cos-hash-crc64ecma"}
    asked = UploadState(begun=NOON, crc64=7, etag="e-2")
    assert is_completed({**head, **change}, 5, asked, 0) is expected


def test_an_object_is_not_ours_because_neither_side_knows_an_etag() -> None:
    head = {"Content-Length": "5", "Last-Modified": HEAD["Last-Modified"]}
    assert not is_completed(head, 5, UploadState(begun=NOON), 0)


def test_clocks_are_compared_by_the_date_of_a_response() -> None:
    assert seconds_ahead("Tue, 14 Nov 2023 22:13:20 GMT", NOON - 5) == 5
    assert seconds_ahead("", NOON) == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyboardInterrupt(), True),
        (OSError(), True),
        (errors.TransportError("cut"), True),
        (errors.TransferTimeout("late"), True),
        (errors.IntegrityError("flipped"), True),
        (errors.InternalError(), True),
        (errors.SlowDown(), True),
        (errors.CosServiceError(status=301), True),
        (errors.CosServiceError(status=400), False),
        (errors.AccessDenied(), True),
        (errors.ExpiredToken(), True),
        (errors.BadDigest(), True),
        (errors.SourceChanged("grown"), False),
        (errors.ParameterError("wrong"), False),
        (errors.NoSuchBucket(), False),
        (errors.NoSuchUpload(), False),
        (errors.PreconditionFailed(), False),
        (errors.FileAlreadyExists(), False),
        (errors.EntityTooSmall(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_another_try_may_escape_is_worth_resuming(
    error: BaseException, expected: bool
) -> None:
    assert is_worth_resuming(error) is expected


@pytest.mark.parametrize(
    ("error", "in_doubt", "expected"),
    [
        (errors.NoSuchUpload(), False, True),
        (errors.NoSuchUpload(), True, True),
        (errors.PreconditionFailed(), False, False),
        (errors.PreconditionFailed(), True, True),
        (errors.FileAlreadyExists(), True, True),
        (errors.AccessDenied(), True, False),
    ],
)
def test_a_refusal_may_be_the_echo_of_a_completion_whose_reply_was_lost(
    error: errors.CosException, in_doubt: bool, expected: bool
) -> None:
    lost = errors.TransportError("cut") if in_doubt else None
    assert may_have_completed(error, lost) is expected
