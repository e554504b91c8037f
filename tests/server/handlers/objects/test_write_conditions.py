"""Conditions on writes; of racing writers exactly one wins."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from coskit import AsyncClient
from coskit.protocol.errors import FileAlreadyExists, PreconditionFailed
from coskit.testing import LocalServer
from tests.server.support.http_client import Headers, HTTPClient, Reply

ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
SUSPENDED = ENABLED.replace(b"Enabled", b"Suspended")
OLD, NEW = '"149603e6c03516362a8da23f624db945"', '"22af645d1859cb5ca6da0c484f1f37ea"'
TAKEN, FAILED = (409, "FileAlreadyExists"), (412, "PreconditionFailed")
WRITTEN = (200, "")


def put(http_client: HTTPClient, bucket: str, key: str, headers: Headers) -> Reply:
    return http_client.request("PUT", f"/{bucket}/{key}", headers, b"new")


def copy(http_client: HTTPClient, bucket: str, key: str, headers: Headers) -> Reply:
    assert http_client.request("PUT", f"/{bucket}/source", {}, b"new").status == 200
    source = {"x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/source"}
    return http_client.request("PUT", f"/{bucket}/{key}", {**source, **headers}, b"")


def complete(http_client: HTTPClient, bucket: str, key: str, headers: Headers) -> Reply:
    upload = http_client.request("POST", f"/{bucket}/{key}?uploads").text("UploadId")
    part = http_client.request(
        "PUT", f"/{bucket}/{key}?partNumber=1&uploadId={upload}", {}, b"new"
    )["ETag"]
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{part}</ETag></Part></CompleteMultipartUpload>"
    )
    target = f"/{bucket}/{key}?uploadId={upload}"
    reply = http_client.request("POST", target, headers, document.encode())
    if reply.status != 200:
        assert http_client.request("GET", target).status == 200, "a refusal leaves the upload open"
        assert http_client.request("DELETE", target).status == 204
    return reply


WRITES = [put, copy, complete]
# What is asked, and the outcome for a new key and for one that holds an object with the ETag OLD.
CONDITIONS: list[tuple[Mapping[str, str], tuple[int, str], tuple[int, str]]] = [
    ({"x-cos-forbid-overwrite": "true"}, WRITTEN, TAKEN),
    ({"x-cos-forbid-overwrite": "TRUE"}, WRITTEN, TAKEN),
    ({"x-cos-forbid-overwrite": "false"}, WRITTEN, WRITTEN),
    ({"if-none-match": "*"}, WRITTEN, FAILED),
    ({"if-none-match": OLD}, WRITTEN, FAILED),
    ({"if-none-match": NEW}, WRITTEN, WRITTEN),
    ({"if-match": "*"}, FAILED, WRITTEN),
    ({"if-match": OLD}, FAILED, WRITTEN),
    ({"if-match": OLD.strip('"')}, FAILED, WRITTEN),
    ({"if-match": f"{NEW}, {OLD}"}, FAILED, WRITTEN),
    ({"if-match": NEW}, FAILED, FAILED),
    ({"if-unmodified-since": "Wed, 01 Jan 2020 00:00:00 GMT"}, WRITTEN, FAILED),
    ({"if-unmodified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}, WRITTEN, WRITTEN),
    ({"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}, WRITTEN, WRITTEN),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(("headers", "fresh", "over"), CONDITIONS, ids=str)
def test_a_write_happens_only_where_its_condition_holds(
    http_client: HTTPClient,
    bucket: str,
    write: Callable[[HTTPClient, str, str, Headers], Reply],
    headers: Headers,
    fresh: tuple[int, str],
    over: tuple[int, str],
) -> None:
    assert http_client.request("PUT", f"/{bucket}/taken", {}, b"old")["ETag"] == OLD
    for key, expected, before in (("fresh", fresh, b""), ("taken", over, b"old")):
        assert write(http_client, bucket, key, headers).outcome == expected
        found = http_client.request("GET", f"/{bucket}/{key}")
        if expected == WRITTEN:
            assert found.body == b"new"
        else:
            assert (found.body if before else found.outcome) == (before or (404, "NoSuchKey"))


@pytest.mark.parametrize("state", [ENABLED, SUSPENDED])
def test_forbidding_means_nothing_where_versioning_ever_was(
    http_client: HTTPClient, bucket: str, state: bytes
) -> None:
    http_client.request("PUT", f"/{bucket}/key", {}, b"old")
    http_client.request("PUT", f"/{bucket}/?versioning", {}, state)
    assert put(http_client, bucket, "key", {"x-cos-forbid-overwrite": "true"}).status == 200
    assert put(http_client, bucket, "key", {"if-none-match": "*"}).outcome == FAILED


def test_a_delete_marker_is_no_object(http_client: HTTPClient, bucket: str) -> None:
    http_client.request("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    http_client.request("PUT", f"/{bucket}/key", {}, b"old")
    http_client.request("DELETE", f"/{bucket}/key")
    assert put(http_client, bucket, "key", {"if-match": "*"}).outcome == FAILED
    assert put(http_client, bucket, "key", {"if-none-match": "*"}).status == 200


def test_a_refusal_does_not_wait_for_the_body(http_client: HTTPClient, bucket: str) -> None:
    http_client.request("PUT", f"/{bucket}/key", {}, b"old")
    headers = {"if-none-match": "*", "content-length": str(4 << 30), "expect": "100-continue"}
    with http_client.connect() as connection:
        connection.send(http_client.build_request("PUT", f"/{bucket}/key", headers))
        assert connection.receive(b"PUT").outcome == FAILED


@pytest.mark.parametrize("condition", [{"IfNoneMatch": "*"}, {"ForbidOverwrite": "true"}], ids=str)
def test_of_64_writers_exactly_one_wins_100_times(
    server: LocalServer, bucket: str, condition: dict[str, Any]
) -> None:
    async def race() -> None:
        async with server.async_client() as client:
            for number in range(100):
                key = f"key{number}"
                attempts = (attempt(client, key, str(writer)) for writer in range(64))
                winners = [writer for writer in await asyncio.gather(*attempts) if writer]
                assert len(winners) == 1
                response = await client.get_object(bucket, key)
                assert await response["Body"].read() == winners[0].encode()

    async def attempt(client: AsyncClient, key: str, writer: str) -> str | None:
        try:
            await client.put_object(bucket, writer.encode(), key, **condition)
        except (PreconditionFailed, FileAlreadyExists):
            return None
        return writer

    asyncio.run(race())


def test_a_counter_that_16_writers_raise_loses_no_step(server: LocalServer, bucket: str) -> None:
    async def count() -> bytes:
        async with server.async_client() as client:
            await client.put_object(bucket, b"0", "counter")
            await asyncio.gather(*(raise_counter(client) for _ in range(16)))
            final: bytes = await (await client.get_object(bucket, "counter"))["Body"].read()
            return final

    async def raise_counter(client: AsyncClient) -> None:
        while True:
            found = await client.get_object(bucket, "counter")
            value = int(await found["Body"].read()) + 1
            try:
                body = str(value).encode()
                await client.put_object(bucket, body, "counter", IfMatch=found["ETag"])
            except PreconditionFailed:
                continue
            return

    assert asyncio.run(count()) == b"16"
