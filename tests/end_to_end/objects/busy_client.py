"""A client process that makes random operations on a few keys and prints them.

Each operation prints two lines of JSON: one at its start, one when its outcome is known. The name
of an object is in its metadata and throughout its body, so that a mixture is detected.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from hashlib import md5
from typing import Any

from coskit import AsyncClient
from coskit.client.settings.retry import RetryPolicy
from coskit.protocol.errors import NoSuchKey, NoSuchResource, PreconditionFailed

# Stored in the index, in a file, and in several blocks.
SIZES = (200, 70_000, 300_000)
PART = 1 << 20
KEYS = ("a", "dir/b", "dir/c", "dir/sub/d", "e")
VERBS = {
    "put": 4,
    "create": 2,
    "replace": 2,
    "multipart": 1,
    "copy": 3,
    "delete": 3,
    "get": 5,
    "head": 3,
    "list": 2,
}


def content(name: str) -> bytes:
    """Return the body of an object, whose name ends in its size."""
    size = int(name.rpartition(".")[2])
    line = f"{name}\n".encode()
    return (line * (size // len(line) + 1))[:size]


class BusyClient:
    """Several tasks that share one client."""

    def __init__(self, client: AsyncClient, bucket: str, name: str, versions: bool) -> None:
        self._client = client
        self._bucket = bucket
        self._name = name
        self._verbs = {**VERBS, "versions": 2} if versions else VERBS
        self._numbers = itertools.count()

    async def run(self, seed: str, operations: int) -> None:
        """Make a number of operations, one after another."""
        rng = random.Random(seed)
        for _ in range(operations):
            verb = rng.choices(list(self._verbs), list(self._verbs.values()))[0]
            await getattr(self, f"_{verb}")(rng, rng.choice(KEYS))

    async def _record(self, call: Any, **about: Any) -> None:
        number = f"{self._name}.{next(self._numbers)}"
        print(json.dumps({"id": number, "begin": time.monotonic(), **about}), flush=True)
        try:
            outcome = await call
        except (NoSuchKey, NoSuchResource):
            outcome = {"missing": True}
        except PreconditionFailed:
            outcome = {"refused": True}
        print(json.dumps({"id": number, "end": time.monotonic(), **outcome}), flush=True)

    def _new_name(self, size: int) -> str:
        return f"{self._name}.{next(self._numbers)}.{size}"

    async def _put(self, rng: random.Random, key: str) -> None:
        await self._store(rng, key, "put")

    async def _create(self, rng: random.Random, key: str) -> None:
        await self._store(rng, key, "create", IfNoneMatch="*")

    async def _replace(self, rng: random.Random, key: str) -> None:
        try:
            expected = (await self._client.head_object(self._bucket, key))["ETag"]
        except NoSuchResource:
            return
        await self._store(rng, key, "replace", expected=expected, IfMatch=expected)

    async def _store(
        self, rng: random.Random, key: str, verb: str, expected: str = "", **conditions: Any
    ) -> None:
        name = self._new_name(rng.choice(SIZES))
        body = content(name)
        call = self._client.put_object(
            self._bucket, body, key, Metadata={"x-cos-meta-name": name}, **conditions
        )
        about = {"etag": f'"{md5(body).hexdigest()}"', "name": name, "expected": expected}
        await self._record(_written(call), verb=verb, key=key, **about)

    async def _multipart(self, rng: random.Random, key: str) -> None:
        name = self._new_name(rng.choice((1000, PART + 1000)))
        body = content(name)
        place = (self._bucket, key)
        upload = await self._client.create_multipart_upload(
            *place, Metadata={"x-cos-meta-name": name}
        )
        parts: list[Any] = []
        for number, start in enumerate(range(0, len(body), PART), 1):
            part = body[start : start + PART]
            done = await self._client.upload_part(*place, part, number, upload["UploadId"])
            parts.append({"PartNumber": str(number), "ETag": done["ETag"]})
        digests = b"".join(bytes.fromhex(part["ETag"].strip('"')) for part in parts)
        etag = f'"{md5(digests).hexdigest()}-{len(parts)}"'
        call = self._client.complete_multipart_upload(*place, upload["UploadId"], {"Part": parts})
        await self._record(_written(call), verb="put", key=key, name=name, etag=etag)

    async def _copy(self, rng: random.Random, key: str) -> None:
        source = rng.choice([other for other in KEYS if other != key])
        call = self._client.copy_object(self._bucket, key, {"Bucket": self._bucket, "Key": source})
        await self._record(_written(call), verb="copy", key=key, source=source)

    async def _delete(self, rng: random.Random, key: str) -> None:
        call = self._client.delete_object(self._bucket, key)
        await self._record(_written(call), verb="delete", key=key)

    async def _get(self, rng: random.Random, key: str) -> None:
        await self._record(self._whole(key), verb="read", key=key)

    async def _whole(self, key: str) -> dict[str, Any]:
        response = await self._client.get_object(self._bucket, key)
        body = await response["Body"].read()
        seen = _described(response)
        return {**seen, "whole": body == content(seen["name"])}

    async def _head(self, rng: random.Random, key: str) -> None:
        await self._record(self._header(key), verb="read", key=key)

    async def _header(self, key: str) -> dict[str, Any]:
        response = await self._client.head_object(self._bucket, key)
        seen = _described(response)
        size = len(content(seen["name"]))
        return {**seen, "whole": int(response["Content-Length"]) == size}

    async def _list(self, rng: random.Random, key: str) -> None:
        await self._record(self._objects(rng.choice((2, 1000))), verb="list")

    async def _objects(self, page: int) -> dict[str, Any]:
        entries = self._client.iter_objects(self._bucket, PageSize=page)
        return {"entries": [(entry["Key"], entry["ETag"]) async for entry in entries]}

    async def _versions(self, rng: random.Random, key: str) -> None:
        await self._record(self._history(rng.choice((7, 1000))), verb="versions")

    async def _history(self, page: int) -> dict[str, Any]:
        entries = self._client.iter_versions(self._bucket, PageSize=page)
        return {
            "entries": [
                (entry["Key"], entry["VersionId"], entry.get("ETag")) async for entry in entries
            ]
        }


async def _written(call: Any) -> dict[str, Any]:
    result = await call
    version = result.get("x-cos-version-id") or result.get("VersionId")
    return {"etag": result.get("ETag"), "version": version}


def _described(response: Any) -> dict[str, Any]:
    return {"etag": response["ETag"], "name": response["x-cos-meta-name"]}


async def main(bucket: str, name: str, tasks: int, operations: int, versions: bool) -> None:
    """Run the tasks; the client's settings come from the environment."""
    # A retried write could take effect twice, which a register does not allow.
    async with AsyncClient(retry=RetryPolicy(attempts=1)) as client:
        busy = BusyClient(client, bucket, name, versions)
        async with asyncio.TaskGroup() as group:
            for task in range(tasks):
                group.create_task(busy.run(f"{name}.{task}", operations))


if __name__ == "__main__":
    asyncio.run(
        main(
            sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "versions"
        )
    )
