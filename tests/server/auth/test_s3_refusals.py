"""S3 requests that differ from what was signed: refused with S3's code, nothing stored."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256

import pytest

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.endpoint import encode_query
from coskit.protocol.s3.auth import sigv2, sigv4
from coskit.protocol.s3.auth.aws_chunked import (
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    ChunkEncoder,
    SeedSignature,
)
from tests.server.support.http_client import HOST, HTTPClient, Reply, received

DATA = b"".join(b"%8d" % n for n in range(30_000))
CHUNK = 64 << 10
DIGEST = sha256(DATA).hexdigest()
CRC = {"x-amz-checksum-crc32": "AAAAAA=="}
MISMATCH = (403, "SignatureDoesNotMatch")
SKEWED = (403, "RequestTimeTooSkewed")
Make = Callable[[HTTPClient, str], bytes]


def now() -> int:
    return int(time.time())


def signed(
    http_client: HTTPClient,
    target: str,
    payload_hash: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "PUT",
    at: int = 0,
    credentials: Credentials | None = None,
) -> dict[str, str]:
    """Return the headers of a request signed `at` seconds from now."""
    sent = {"host": HOST, **(headers or {})}
    request = received(method, target.encode(), sent)
    key = credentials or http_client.credentials
    return {**sent, **sigv4.sign(request, key, now() + at, "ap-local", payload_hash)}


def put(http_client: HTTPClient, target: str, headers: dict[str, str], body: bytes) -> bytes:
    return http_client.build_request("PUT", target, headers, body, signed=False)


def seed_of(http_client: HTTPClient, headers: dict[str, str]) -> SeedSignature:
    date, signature = headers["x-amz-date"], headers["authorization"].rpartition("=")[2]
    key = sigv4.signing_key(http_client.credentials.secret_key, date[:8], "ap-local")
    return SeedSignature(key, date, f"{date[:8]}/ap-local/s3/aws4_request", signature)


def streamed(
    http_client: HTTPClient, target: str, kind: str = SIGNED, trailer: dict[str, str] | None = None
) -> tuple[dict[str, str], list[bytes]]:
    """Return the headers of a framed upload, its chunks and, last, its end."""
    about = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(DATA))}
    if trailer:
        about["x-amz-trailer"] = ",".join(trailer)
    headers = signed(http_client, target, kind, about)
    encoder = ChunkEncoder(None if kind == UNSIGNED_TRAILER else seed_of(http_client, headers))
    chunks = [encoder.chunk(DATA[at : at + CHUNK]) for at in range(0, len(DATA), CHUNK)]
    return headers, [*chunks, encoder.end(trailer)]


def in_order(*order: int) -> Make:
    """Send the chunks of an upload in another order."""

    def make(http_client: HTTPClient, target: str) -> bytes:
        headers, pieces = streamed(http_client, target)
        assert len(pieces) == 5, "four chunks and the end"
        return put(http_client, target, headers, b"".join(pieces[n] for n in order))

    return make


def replayed(http_client: HTTPClient, target: str) -> bytes:
    """Send the chunks that were signed for another upload."""
    _, pieces = streamed(http_client, f"{target}-another")
    headers, _ = streamed(http_client, target)
    return put(http_client, target, headers, b"".join(pieces))


def flipped(http_client: HTTPClient, target: str) -> bytes:
    headers, pieces = streamed(http_client, target)
    pieces[3] = pieces[3].replace(b"29999", b"29998")
    return put(http_client, target, headers, b"".join(pieces))


def cut(http_client: HTTPClient, target: str) -> bytes:
    """Leave out the last chunk and all that follows it, as of a body that was whole."""
    headers, pieces = streamed(http_client, target)
    return put(http_client, target, headers, b"".join(pieces[:-1]))


def cut_in_a_chunk(http_client: HTTPClient, target: str) -> bytes:
    headers, pieces = streamed(http_client, target)
    return put(http_client, target, headers, b"".join(pieces[:-1])[:-1000])


def unsigned(order: tuple[int, ...], trailer: dict[str, str] | None = None) -> Make:
    def make(http_client: HTTPClient, target: str) -> bytes:
        headers, pieces = streamed(http_client, target, UNSIGNED_TRAILER, trailer)
        return put(http_client, target, headers, b"".join(pieces[n] for n in order))

    return make


def without_its_trailer(http_client: HTTPClient, target: str) -> bytes:
    headers, pieces = streamed(http_client, target, UNSIGNED_TRAILER, CRC)
    return put(http_client, target, headers, b"".join(pieces[:-1]) + b"0\r\n\r\n")


def with_another_trailer(http_client: HTTPClient, target: str) -> bytes:
    headers, pieces = streamed(http_client, target, SIGNED_TRAILER, CRC)
    pieces[-1] = pieces[-1].replace(b"AAAAAA==", b"BBBBBB==")
    return put(http_client, target, headers, b"".join(pieces))


def without_framing(http_client: HTTPClient, target: str) -> bytes:
    headers, _ = streamed(http_client, target)
    return put(http_client, target, headers, DATA)


def whole(body: bytes = DATA, digest: str = DIGEST, at: int = 0, secret_key: str = "") -> Make:
    """Send a body in one piece."""

    def make(http_client: HTTPClient, target: str) -> bytes:
        key = http_client.credentials
        key = replace(key, secret_key=secret_key) if secret_key else key
        return put(
            http_client, target, signed(http_client, target, digest, at=at, credentials=key), body
        )

    return make


def with_a_header_more(http_client: HTTPClient, target: str) -> bytes:
    headers = signed(http_client, target, DIGEST)
    return put(http_client, target, {**headers, "x-amz-acl": "public-read"}, DATA)


def for_another_key(http_client: HTTPClient, target: str) -> bytes:
    return put(http_client, target, signed(http_client, f"{target}-another", DIGEST), DATA)


def by_nobody(http_client: HTTPClient, target: str) -> bytes:
    return put(http_client, target, {"x-amz-content-sha256": DIGEST}, DATA)


def by_url(lifetime: int, at: int = 0, method: str = "PUT") -> Make:
    def make(http_client: HTTPClient, target: str) -> bytes:
        request = received(method, target.encode(), {"host": HOST})
        query = sigv4.presign(request, http_client.credentials, now() + at, "ap-local", lifetime)
        return put(http_client, f"{target}?{encode_query(query)}", {}, DATA)

    return make


def by_old_header(at: int = 0, method: str = "PUT") -> Make:
    def make(http_client: HTTPClient, target: str) -> bytes:
        request = received(method, target.encode(), {"host": HOST})
        return put(
            http_client, target, sigv2.sign(request, http_client.credentials, now() + at), DATA
        )

    return make


def by_old_url(at: int, method: str = "PUT") -> Make:
    def make(http_client: HTTPClient, target: str) -> bytes:
        request = received(method, target.encode(), {"host": HOST})
        query = sigv2.presign(request, http_client.credentials, now() + at)
        return put(http_client, f"{target}?{encode_query(query)}", {}, DATA)

    return make


def bad_header(text: str) -> Make:
    def make(http_client: HTTPClient, target: str) -> bytes:
        return put(
            http_client,
            target,
            {**signed(http_client, target, DIGEST), "authorization": text},
            DATA,
        )

    return make


def without(name: str) -> Make:
    def make(http_client: HTTPClient, target: str) -> bytes:
        headers = signed(http_client, target, DIGEST)
        del headers[name]
        return put(http_client, target, headers, DATA)

    return make


REFUSALS: dict[str, tuple[Make, tuple[int, str]]] = {
    "a wrong key": (whole(secret_key="guessed"), MISMATCH),
    "the signature of another object": (for_another_key, MISMATCH),
    "a body whose hash is another's": (whole(DATA[:-1] + b"!"), (400, "XAmzContentSHA256Mismatch")),
    "no body where one was signed": (whole(b""), (400, "XAmzContentSHA256Mismatch")),
    "a hash that is none": (whole(digest="abc"), (400, "InvalidArgument")),
    "a clock that is late": (whole(at=-1000), SKEWED),
    "a clock that is early": (whole(at=1000), SKEWED),
    "a header that is not signed": (with_a_header_more, (403, "AccessDenied")),
    "no date": (without("x-amz-date"), (403, "AccessDenied")),
    "no hash": (without("x-amz-content-sha256"), (400, "InvalidRequest")),
    "no signature": (by_nobody, (403, "AccessDenied")),
    "a malformed signature": (
        bad_header("AWS4-HMAC-SHA256 x"),
        (400, "AuthorizationHeaderMalformed"),
    ),
    "a malformed old signature": (bad_header("AWS x"), (400, "InvalidArgument")),
    "a signature of an unknown kind": (bad_header("Bearer x"), (400, "InvalidArgument")),
    "two chunks that changed places": (in_order(1, 0, 2, 3, 4), MISMATCH),
    "a chunk that comes twice": (in_order(0, 1, 1, 2, 3, 4), MISMATCH),
    "a chunk in place of another": (in_order(0, 1, 1, 3, 4), MISMATCH),
    "a chunk that is left out": (in_order(0, 1, 3, 4), MISMATCH),
    "chunks of another upload": (replayed, MISMATCH),
    "a chunk with another byte": (flipped, MISMATCH),
    "another trailer": (with_another_trailer, MISMATCH),
    "no last chunk": (cut, (400, "IncompleteBody")),
    "half of a chunk": (cut_in_a_chunk, (400, "IncompleteBody")),
    "a chunk too few": (unsigned((0, 1, 2, 4)), (400, "IncompleteBody")),
    "a chunk too many": (unsigned((0, 1, 2, 3, 3, 4)), (400, "IncompleteBody")),
    "no trailer": (without_its_trailer, (400, "MalformedTrailerError")),
    "no framing": (without_framing, (400, "InvalidChunkSizeError")),
    "a URL that has expired": (by_url(60, -100), (403, "AccessDenied")),
    "a URL of tomorrow": (by_url(60, 86400), (403, "AccessDenied")),
    "a URL for more than a week": (by_url(604801), (400, "AuthorizationQueryParametersError")),
    "a URL to read with": (by_url(60, method="GET"), MISMATCH),
    "an old signature to read with": (by_old_header(method="GET"), MISMATCH),
    "an old signature from long ago": (by_old_header(-1000), SKEWED),
    "an old URL that has expired": (by_old_url(-10), (403, "AccessDenied")),
    "an old URL to read with": (by_old_url(60, "GET"), MISMATCH),
}


@pytest.mark.parametrize(("make", "outcome"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_not_as_it_was_signed_is_refused(
    make: Make, outcome: tuple[int, str], http_client: HTTPClient, room: str
) -> None:
    with http_client.connect() as connection:
        assert connection.request(make(http_client, f"/{room}/kept")).outcome == outcome
    with http_client.connect() as connection:
        assert connection.request(make(http_client, f"/{room}/new")).outcome == outcome
    assert http_client.request("GET", f"/{room}/kept").body == b"kept"
    assert http_client.request("HEAD", f"/{room}/new").status == 404


GOOD: dict[str, Make] = {
    "in one piece": whole(),
    "of a clock a little late": whole(at=-800),
    "without a hash": whole(digest=sigv4.UNSIGNED_PAYLOAD),
    "in signed chunks": in_order(0, 1, 2, 3, 4),
    "in chunks that are not signed": unsigned((0, 1, 2, 3, 4)),
    "by a URL": by_url(60),
    "by an old signature": by_old_header(),
    "by an old URL": by_old_url(60),
}


@pytest.fixture
def target(http_client: HTTPClient, room: str) -> Iterator[str]:
    yield f"/{room}/good"
    http_client.request("DELETE", f"/{room}/good")


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_what_is_as_it_was_signed_is_stored(
    make: Make, http_client: HTTPClient, target: str
) -> None:
    with http_client.connect() as connection:
        reply = connection.request(make(http_client, target))
    assert reply.status == 200, reply.body
    assert http_client.request("GET", target).body == DATA


def listed(http_client: HTTPClient, room: str, upload_id: str) -> Reply:
    return http_client.request("GET", f"/{room}/parts?uploadId={upload_id}")


def test_a_part_that_is_not_as_it_was_signed_is_no_part(http_client: HTTPClient, room: str) -> None:
    upload_id = http_client.request("POST", f"/{room}/parts?uploads").text("UploadId")
    target = f"/{room}/parts?partNumber=1&uploadId={upload_id}"
    for make, outcome in ((flipped, MISMATCH), (cut, (400, "IncompleteBody"))):
        with http_client.connect() as connection:
            assert connection.request(make(http_client, target)).outcome == outcome
        assert not listed(http_client, room, upload_id).texts("PartNumber")
    with http_client.connect() as connection:
        assert connection.request(whole()(http_client, target)).status == 200
    assert listed(http_client, room, upload_id).texts("PartNumber") == ["1"]
    assert http_client.request("DELETE", f"/{room}/parts?uploadId={upload_id}").status == 204


def test_a_document_is_the_one_whose_hash_was_signed(http_client: HTTPClient, room: str) -> None:
    target = f"/{room}/?delete"
    body = b"<Delete><Object><Key>kept</Key></Object></Delete>"
    headers = signed(http_client, target, sha256(b"another").hexdigest(), method="POST")
    assert http_client.request("POST", target, headers, body, signed=False).outcome == (
        400,
        "XAmzContentSHA256Mismatch",
    )
    assert http_client.request("GET", f"/{room}/kept").body == b"kept"


def test_after_a_refusal_the_connection_goes_on_or_says_that_it_does_not(
    http_client: HTTPClient, room: str
) -> None:
    for make in (flipped, replayed, whole(secret_key="guessed"), with_a_header_more):
        with http_client.connect() as connection:
            refused = connection.request(make(http_client, f"/{room}/new"))
            assert refused.status in (400, 403)
            if not refused.closes:
                assert (
                    connection.request(http_client.build_request("GET", f"/{room}/kept")).body
                    == b"kept"
                )
