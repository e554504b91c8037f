"""Checksums of S3: published values, joined parts, and headers."""

import base64
import re
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.errors import BadDigest, CosServiceError, InvalidRequest, MalformedTrailerError
from coskit.protocol.s3.checksums.algorithms import (
    ALGORITHMS,
    KINDS,
    Algorithm,
    RequestedChecksum,
    checksum,
    load_checksum,
    load_requested_checksum,
)
from coskit.protocol.s3.checksums.headers import (
    DeclaredChecksum,
    declared_checksum,
    declared_object_checksum,
    requested_checksum,
)

# Of the text that catalogues of CRCs give the check value of.
PUBLISHED = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
}
# Of three parts of 5 MiB, of A, B and C each: the parts', then the object's.
IN_PARTS = {
    "CRC32": ("JRTCyQ==", "QoZTGg==", "YAgjqw==", "WgDhBQ=="),
    "CRC32C": ("MDaLrw==", "TH4EZg==", "Z7mBIQ==", "xU+Krw=="),
    "CRC64NVME": ("L/E4WYn8v98=", "xW1l19VobYM=", "cK5MnNaWrW4=", "i+6LR0y3eFo="),
    "SHA1": (
        "iIaTCGbm+vdVjNqIMF2S0T7ibMk=",
        "LS/TJ32bAVKEwRu+sE3X7awh/lk=",
        "6DDwovUaHwrKNXDMzOGbuvj9kxI=",
        "sizjvY4eud3MrcHdZM3cQ/ol39o=-3",
    ),
    "SHA256": (
        "275VF5loJr1YYawit0XSHREhkFXYkkPKGuoK0x9VKxI=",
        "mrHwOfjTL5Zwfj74F05HOQGLdUb7E5szdCbxgUSq6NM=",
        "Vw7oB/nKQ5xWb3hNgbyfkvDiivl+U+/Dft48nfJfDow=",
        "uWBwpe1dxI4Vw8Gf0X9ynOdw/SS6VBzfWm9giiv1sf4=-3",
    ),
}
ANY = st.sampled_from(list(ALGORITHMS.values()))
JOINED = st.sampled_from([one for one in ALGORITHMS.values() if one.combiner])


@pytest.mark.parametrize("name", ALGORITHMS)
def test_each_algorithm_gives_the_published_value(name: str) -> None:
    assert ALGORITHMS[name].digest(b"123456789").hex() == PUBLISHED[name]


@given(ANY, st.binary(max_size=500), st.lists(st.integers(0, 500), max_size=5))
def test_bytes_in_pieces_have_the_checksum_of_the_whole(
    algorithm: Algorithm, data: bytes, cuts: list[int]
) -> None:
    hasher = algorithm.hasher()
    for first, last in pairwise([0, *sorted(cuts), 500]):
        hasher.update(data[first:last])
    assert hasher.digest() == algorithm.digest(data)
    assert len(hasher.digest()) == algorithm.size


@given(JOINED, st.lists(st.binary(max_size=300), max_size=5))
def test_joined_checksums_are_the_checksum_of_the_joined_bytes(
    algorithm: Algorithm, parts: list[bytes]
) -> None:
    joined = algorithm.join([(algorithm.digest(part), len(part)) for part in parts])
    assert joined == algorithm.digest(b"".join(parts))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_object_in_parts_has_the_checksum_that_others_compute(name: str) -> None:
    algorithm, (*expected, whole) = ALGORITHMS[name], IN_PARTS[name]
    size = 5 << 20
    digests = [algorithm.digest(letter * size) for letter in (b"A", b"B", b"C")]
    assert [checksum(algorithm, digest).text for digest in digests] == expected
    asked = RequestedChecksum(algorithm, "COMPOSITE" if "-" in whole else "FULL_OBJECT")
    assert asked.of_parts([(digest, size) for digest in digests]).text == whole


@given(ANY, st.binary(max_size=9), st.sampled_from(KINDS), st.integers(1, 3))
def test_a_checksum_is_written_down_and_read_back(
    algorithm: Algorithm, data: bytes, kind: str, parts: int
) -> None:
    asked = requested_checksum({"x-amz-checksum-algorithm": algorithm.name})
    assert asked is not None
    assert load_requested_checksum(asked.dump()) == asked
    digest = algorithm.digest(data)
    for found in (checksum(algorithm, digest), asked.of_parts([(digest, len(data))] * parts)):
        assert load_checksum(found.dump()) == found
        assert base64.b64encode(found.digest).decode() == found.text.partition("-")[0]
    assert checksum(algorithm, digest).kind == "FULL_OBJECT"
    assert asked.of_parts([(digest, len(data))]).kind == asked.kind


def test_nothing_said_stays_nothing() -> None:
    assert load_checksum(None) is None
    assert load_requested_checksum(None) is None
    assert declared_checksum({"content-type": "text/plain"}) is None
    # None of these holds a checksum.
    assert (
        declared_checksum({f"x-amz-checksum-{name}": "x" for name in ("algorithm", "mode")}) is None
    )
    assert declared_checksum({"x-amz-trailer": "x-amz-meta-last"}) is None
    assert declared_object_checksum({"x-amz-checksum-type": "COMPOSITE"}) is None
    assert requested_checksum({}) is None


CRC32, SHA256 = ALGORITHMS["CRC32"], ALGORITHMS["SHA256"]


def test_a_checksum_is_announced_before_or_behind_the_body() -> None:
    before = declared_checksum(
        {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "FULL_OBJECT"}
    )
    assert before == DeclaredChecksum(CRC32, b"\0\0\0\0")
    behind = declared_checksum(
        {
            "x-amz-trailer": "x-amz-meta-last, X-Amz-Checksum-CRC32",
            "x-amz-sdk-checksum-algorithm": "crc32",
        }
    )
    assert behind == DeclaredChecksum(CRC32, None)
    assert behind.verify(b"\0\0\0\1", {"x-amz-checksum-crc32": "AAAAAQ=="}).text == "AAAAAQ=="


SINGLE = "Expecting a single x-amz-checksum- header"
REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "two checksums": (
        {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-crc32c": "AAAAAA=="},
        SINGLE,
    ),
    "one before and one behind": (
        {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-trailer": "x-amz-checksum-crc32c"},
        SINGLE,
    ),
    "an unknown algorithm": (
        {"x-amz-checksum-crc16": "AAA="},
        "The algorithm type you specified in x-amz-checksum- header is invalid.",
    ),
    "an unknown algorithm behind the body": (
        {"x-amz-trailer": "x-amz-checksum-crc16"},
        "The value specified in the x-amz-trailer header is not supported",
    ),
    "an unknown algorithm of an SDK": (
        {"x-amz-sdk-checksum-algorithm": "CRC16"},
        "Value for x-amz-sdk-checksum-algorithm header is invalid.",
    ),
    "a promise that is not kept": (
        {"x-amz-sdk-checksum-algorithm": "CRC32"},
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
        "x-amz-trailer headers were found.",
    ),
    **{
        f"{text!r} for a checksum": (
            {"x-amz-checksum-sha256": text},
            "Value for x-amz-checksum-sha256 header is invalid.",
        )
        for text in ("", "bad", "AAAAAA==", "A" * 43, "\u4e2d", "*" * 44, f"{'A' * 43}=-3")
    },
}


@pytest.mark.parametrize(("headers", "message"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(headers: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(message)):
        declared_checksum(headers)


FOLLOWING: list[tuple[str, dict[str, str], type[CosServiceError]]] = [
    ("nothing", {}, MalformedTrailerError),
    ("another algorithm", {"x-amz-checksum-sha1": "AAAAAA=="}, MalformedTrailerError),
    ("no checksum", {"x-amz-checksum-crc32": "AAAA"}, InvalidRequest),
    ("another checksum", {"x-amz-checksum-crc32": "AAAAAA=="}, BadDigest),
]


@pytest.mark.parametrize(
    ("says", "trailers", "error"), FOLLOWING, ids=[row[0] for row in FOLLOWING]
)
def test_what_follows_the_body_is_checked(
    says: str, trailers: Mapping[str, str], error: type[CosServiceError]
) -> None:
    with pytest.raises(error):
        DeclaredChecksum(CRC32, None).verify(b"\0\0\0\1", trailers)


def test_a_wrong_checksum_is_named() -> None:
    with pytest.raises(BadDigest, match="The SHA256 you specified did not match the calculated"):
        DeclaredChecksum(SHA256, bytes(32)).verify(SHA256.digest(b""), {})


KIND = {
    (None, None): None,
    ("CRC32", None): RequestedChecksum(CRC32, "COMPOSITE"),
    ("crc32", "full_object"): RequestedChecksum(CRC32, "FULL_OBJECT"),
    ("CRC64NVME", None): RequestedChecksum(ALGORITHMS["CRC64NVME"], "FULL_OBJECT"),
    ("SHA256", "COMPOSITE"): RequestedChecksum(SHA256, "COMPOSITE"),
    ("SHA256", "FULL_OBJECT"): "The FULL_OBJECT checksum type cannot be used with the sha256",
    ("CRC64NVME", "COMPOSITE"): "The COMPOSITE checksum type cannot be used with the crc64nvme",
    ("CRC32", "PARTIAL"): "Value for x-amz-checksum-type header is invalid.",
    ("MD4", None): "Checksum algorithm provided is unsupported.",
    (None, "COMPOSITE"): "header can only be used with the x-amz-checksum-algorithm header.",
}


@pytest.mark.parametrize(("asked", "expected"), KIND.items(), ids=map(str, KIND))
def test_an_upload_asks_for_what_can_be_computed(
    asked: tuple[str | None, str | None], expected: RequestedChecksum | str | None
) -> None:
    names = ("x-amz-checksum-algorithm", "x-amz-checksum-type")
    headers = {name: text for name, text in zip(names, asked, strict=True) if text}
    if isinstance(expected, str):
        with pytest.raises(InvalidRequest, match=re.escape(expected)):
            requested_checksum(headers)
    else:
        assert requested_checksum(headers) == expected


def test_an_objects_checksum_may_contain_its_number_of_parts() -> None:
    for text in ("AAAAAA==", "AAAAAA==-12"):
        said = declared_object_checksum({"x-amz-checksum-crc32": text})
        assert said is not None
        assert (said.algorithm, said.text) == (CRC32, text)
    for text in ("AAAAAA==-", "AAAAAA==-x", "AAAA-3", "-3"):
        with pytest.raises(InvalidRequest):
            declared_object_checksum({"x-amz-checksum-crc32": text})
