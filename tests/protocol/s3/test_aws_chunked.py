"""aws-chunked bodies: AWS's examples, bodies in pieces of any size, and tampering."""

import itertools
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.auth.prepared_hmac import hmac_sha256
from coskit.protocol.errors import (
    CosServiceError,
    IncompleteBody,
    InvalidChunkSizeError,
    MalformedTrailerError,
    SignatureDoesNotMatch,
)
from coskit.protocol.messages import Request
from coskit.protocol.s3.auth.aws_chunked import (
    ChunkDecoder,
    ChunkEncoder,
    ChunkSigner,
    SeedSignature,
    encoded_length,
)
from coskit.protocol.s3.auth.sigv4 import canonical_request, signing_key, string_to_sign

SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
DATE = "20130524T000000Z"
SCOPE = "20130524/us-east-1/s3/aws4_request"
KEY = signing_key(SECRET_KEY, "20130524", "us-east-1")
DATA = (b"a" * 65536, b"a" * 1024)
CRC = {"x-amz-checksum-crc32c": "sOO8/Q=="}
FEW = SeedSignature(KEY, DATE, SCOPE, "0" * 64)


def seed_of(headers: dict[str, str], payload_hash: str) -> SeedSignature:
    """Return what AWS's example of a body starts from: the signature of its request."""
    about = {
        "content-encoding": "aws-chunked",
        "host": "s3.amazonaws.com",
        "x-amz-content-sha256": payload_hash,
        "x-amz-date": DATE,
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        **headers,
    }
    request = Request("PUT", "/examplebucket/chunkObject.txt", (), about)
    canonical = canonical_request(request, sorted(about), payload_hash)
    return SeedSignature(KEY, DATE, SCOPE, hmac_sha256(KEY, string_to_sign(canonical, DATE, SCOPE)))


def framed(
    chunks: tuple[bytes, ...], seed: SeedSignature | None, trailer: dict[str, str] | None
) -> bytes:
    encoder = ChunkEncoder(seed)
    return b"".join((*map(encoder.chunk, chunks), encoder.end(trailer)))


def decode(
    body: bytes, length: int | None, seed: SeedSignature | None = None, *, has_trailer: bool = False
) -> tuple[bytes, dict[str, str]]:
    decoder = ChunkDecoder(length, seed, has_trailer=has_trailer)
    data = b"".join(decoder.feed(body))
    decoder.finish()
    return data, decoder.trailers


def test_the_example_of_signed_chunks() -> None:
    seed = seed_of({"content-length": "66824"}, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    assert seed.signature == "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    body = framed(DATA, seed, None)
    assert len(body) == 66824
    lines = [line for line in body.split(b"\r\n") if b";" in line]
    assert lines == [
        b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        b"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        b"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]
    assert decode(body, 66560, seed) == (b"a" * 66560, {})


def test_the_example_of_a_signed_trailer() -> None:
    seed = seed_of(
        {"x-amz-trailer": "x-amz-checksum-crc32c"}, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    )
    assert seed.signature == "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    body = framed(DATA, seed, CRC)
    signatures = [line.partition(b"=")[2].decode() for line in body.split(b"\r\n") if b";" in line]
    assert signatures == [
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ]
    assert body.endswith(
        b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
        b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    )
    assert decode(body, 66560, seed, has_trailer=True) == (b"a" * 66560, CRC)


trailers = st.none() | st.dictionaries(
    st.from_regex("x-amz-[a-z0-9]{1,9}", fullmatch=True), st.text("abc/+=: ").map(str.strip)
)


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=6).map(tuple),
    st.booleans(),
    trailers,
    st.lists(st.integers(1, 400), max_size=40),
)
def test_a_body_is_the_same_however_it_was_cut_and_came(
    chunks: tuple[bytes, ...], is_signed: bool, trailer: dict[str, str] | None, cuts: list[int]
) -> None:
    seed = FEW if is_signed else None
    body, length = framed(chunks, seed, trailer), sum(map(len, chunks))
    decoder = ChunkDecoder(length, seed, has_trailer=trailer is not None)
    data, at = b"", 0
    for cut in itertools.chain(cuts, itertools.repeat(97)):
        data += b"".join(decoder.feed(body[at : at + cut]))
        at += cut
        if at >= len(body):
            break
    decoder.finish()
    assert data == b"".join(chunks)
    assert decoder.trailers == (trailer or {})


@given(st.integers(0, 5000), st.integers(1, 700), st.booleans(), trailers)
def test_the_length_of_a_framed_body_is_known_before(
    length: int, size: int, is_signed: bool, trailer: dict[str, str] | None
) -> None:
    chunks = tuple(bytes(min(size, length - at)) for at in range(0, length, size))
    sizes = None if trailer is None else {name: len(value) for name, value in trailer.items()}
    body = framed(chunks, FEW if is_signed else None, trailer)
    assert encoded_length(length, size, is_signed=is_signed, trailer=sizes) == len(body)


@given(st.data())
def test_no_byte_of_a_signed_body_can_be_another(data: st.DataObject) -> None:
    body = framed((b"first" * 9, b"second", b"third"), FEW, CRC)
    at = data.draw(st.integers(0, len(body) - 1))
    flipped = bytes((body[at] ^ data.draw(st.integers(1, 255)),))
    try:
        got = decode(body[:at] + flipped + body[at + 1 :], 56, FEW, has_trailer=True)
    except CosServiceError:
        return
    # The case of a digit or of a trailer's name, and blanks beside a value, mean nothing.
    assert got == (b"first" * 9 + b"secondthird", CRC)


@given(st.data())
def test_a_body_that_ends_early_is_noticed(data: st.DataObject) -> None:
    body = framed((b"first" * 9, b"second"), FEW, CRC)
    end = data.draw(st.integers(0, len(body) - 3))
    with pytest.raises((IncompleteBody, SignatureDoesNotMatch)):
        decode(body[:end], None, FEW, has_trailer=True)


def parts(seed: SeedSignature = FEW) -> list[bytes]:
    encoder = ChunkEncoder(seed)
    return [*(encoder.chunk(bytes((n,)) * 20) for n in b"abc"), encoder.end()]


TAMPERED = {
    "two chunks change places": (1, 0, 2, 3),
    "a chunk comes twice": (0, 0, 1, 2, 3),
    "a chunk replaces another": (0, 0, 2, 3),
    "a chunk is left out": (0, 2, 3),
    "the last one is left out": (0, 1, 3),
    "the end comes first": (3,),
}


@pytest.mark.parametrize("order", TAMPERED.values(), ids=TAMPERED)
def test_signed_chunks_are_good_in_their_order_only(order: tuple[int, ...]) -> None:
    pieces = parts()
    with pytest.raises(SignatureDoesNotMatch):
        decode(b"".join(pieces[n] for n in order), None, FEW)


def test_chunks_of_another_request_are_refused() -> None:
    other = SeedSignature(KEY, DATE, SCOPE, "1" * 64)
    pieces = parts()
    pieces[1] = parts(other)[1]
    for body in (b"".join(parts(other)), b"".join(pieces)):
        with pytest.raises(SignatureDoesNotMatch):
            decode(body, 60, FEW)


def test_a_trailer_has_to_be_signed_where_the_chunks_are() -> None:
    body = framed((b"data",), FEW, CRC)
    bare = body[: body.index(b"x-amz-trailer-signature")] + b"\r\n"
    for wrong in (bare, body.replace(b"sOO8", b"sOO9")):
        with pytest.raises(SignatureDoesNotMatch):
            decode(wrong, 4, FEW, has_trailer=True)


def test_data_is_handed_out_as_it_comes() -> None:
    decoder = ChunkDecoder(1 << 40, FEW)
    size = f"{1 << 40:x}".encode()
    assert decoder.feed(size + b";chunk-signature=" + b"0" * 64 + b"\r\nabc") == [b"abc"]
    assert decoder.feed(b"x" * 70_000) == [b"x" * 70_000]


def test_what_clients_do_to_the_end_is_understood() -> None:
    endings = (b"0\r\n\r\n", b"0\r\n", b"0;a=b\r\n\r\n", b"00000\r\n\r\n")
    for ending in endings:
        assert decode(b"4\r\ndata\r\n" + ending, 4) == (b"data", {})
    for ending in (b"a:1\r\nB: 2 \r\n\r\n", b"a:1\r\nB: 2 \r\n", b"a:1\n\r\nB: 2 \r\n\r\n"):
        got = decode(b"4\r\ndata\r\n0\r\n" + ending, 4, has_trailer=True)
        assert got == (b"data", {"a": "1", "b": "2"})


MALFORMED: dict[str, tuple[bytes, type[CosServiceError]]] = {
    "no framing": (b"data", IncompleteBody),
    "no framing, and a line": (b"data and\r\n", InvalidChunkSizeError),
    "no size": (b"\r\ndata\r\n0\r\n\r\n", InvalidChunkSizeError),
    "a negative size": (b"-4\r\ndata\r\n0\r\n\r\n", InvalidChunkSizeError),
    "a size with a prefix": (b"0x4\r\ndata\r\n0\r\n\r\n", InvalidChunkSizeError),
    "a size with an underscore": (b"0_4\r\ndata\r\n0\r\n\r\n", InvalidChunkSizeError),
    "a size in other digits": ("\u0664\r\ndata\r\n0\r\n\r\n".encode(), InvalidChunkSizeError),
    "a size without end": (b"0" * 17 + b"\r\n", InvalidChunkSizeError),
    "a line without end": (b"4;" + b"x" * 1100, InvalidChunkSizeError),
    "a line that ends with LF": (b"4\ndata\r\n0\r\n\r\n", InvalidChunkSizeError),
    "a chunk longer than its size": (b"3\r\ndata\r\n0\r\n\r\n", InvalidChunkSizeError),
    "a chunk shorter than its size": (b"4\r\ndat\r\n0\r\n\r\n", InvalidChunkSizeError),
    "more than was announced": (b"5\r\ndata!\r\n0\r\n\r\n", IncompleteBody),
    "less than was announced": (b"3\r\ndat\r\n0\r\n\r\n", IncompleteBody),
    "nothing": (b"", IncompleteBody),
    "no last chunk": (b"4\r\ndata\r\n", IncompleteBody),
    "no end of the last line": (b"4\r\ndata\r\n0\r\n\r", IncompleteBody),
    "something behind": (b"4\r\ndata\r\n0\r\n\r\nmore", InvalidChunkSizeError),
    "a trailer that was not announced": (b"4\r\ndata\r\n0\r\na:1\r\n\r\n", MalformedTrailerError),
}


@pytest.mark.parametrize(("body", "error"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_framing_is_refused(body: bytes, error: type[CosServiceError]) -> None:
    with pytest.raises(error):
        decode(body, 4)


@pytest.mark.parametrize("trailer", [b"no colon\r\n\r\n", b":1\r\n\r\n", b"a:" + b"1" * 20_000])
def test_a_malformed_trailer_is_refused(trailer: bytes) -> None:
    with pytest.raises(MalformedTrailerError):
        decode(b"0\r\n" + trailer, 0, has_trailer=True)


def test_signed_chunks_without_signatures_are_refused() -> None:
    for line in (b"4\r\n", b"4;other=1\r\n"):
        with pytest.raises(InvalidChunkSizeError):
            decode(line + b"data\r\n", 4, FEW)


@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_no_bytes_are_too_strange_to_be_refused(
    body: bytes, is_signed: bool, has_trailer: bool
) -> None:
    for start in (b"", b"4\r\ndata\r\n", b"4\r\ndata\r\n0\r\n"):
        with suppress(CosServiceError):
            decode(start + body, None, FEW if is_signed else None, has_trailer=has_trailer)


def test_a_key_is_not_shown() -> None:
    assert repr(KEY)[2:-1] not in repr(FEW)
    assert "..." in repr(FEW)


def test_a_chain_goes_on_from_each_signature() -> None:
    first, second = ChunkSigner(FEW), ChunkSigner(FEW)
    digest = sha256(b"x").hexdigest()
    assert first.sign_chunk(digest) == second.sign_chunk(digest)
    assert first.sign_chunk(digest) != ChunkSigner(FEW).sign_chunk(digest)
