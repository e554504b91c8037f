"""Put a long mixed load on a server, check every response and record its memory.

`python -m benchmarks.soak --minutes 30` exits with 1 if a response was wrong or a call failed.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from coskit import AsyncClient
from coskit.protocol import types
from coskit.testing import LocalServer

BUCKET = "soak-1250000000"
KEYS = 2000
SIZES = (0, 100, 1_000, 20_000, 70_000, 1_500_000)
SAMPLES = 60  # of the memory, over the whole run


class Load:
    """Clients that make random calls, each with keys of its own, and know the stored data.

    Attributes:
        done: the number of calls of each kind.
        wrong: descriptions of wrong results.
    """

    def __init__(self, client: AsyncClient, rate: float, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._client = client
        self._pause = 1 / rate
        self._luck = random.Random(seed)

    async def run(self, number: int, until: float) -> None:
        """Make calls until a moment."""
        stored: dict[str, bytes] = {}
        while time.monotonic() < until:
            began = time.monotonic()
            key = f"{number:02}/{self._luck.randrange(KEYS)} + 中文"
            kind = self._luck.choices(
                ["put", "get", "range", "list", "delete", "parts"], [30, 40, 10, 5, 13, 2]
            )[0]
            try:
                await getattr(self, f"_{kind}")(key, stored)
            except Exception as error:
                self.wrong.append(f"{kind} {key}: {error!r}")
            self.done[kind] += 1
            await asyncio.sleep(max(0.0, began + self._pause - time.monotonic()))

    def _content(self, size: int) -> bytes:
        return self._luck.randbytes(size)

    async def _put(self, key: str, stored: dict[str, bytes]) -> None:
        content = self._content(self._luck.choice(SIZES))
        await self._client.put_object(BUCKET, content, key)
        stored[key] = content

    async def _get(self, key: str, stored: dict[str, bytes]) -> None:
        if key not in stored:
            if await self._client.object_exists(BUCKET, key):
                self.wrong.append(f"{key} is there")
            return
        response = await self._client.get_object(BUCKET, key)
        if await response["Body"].read() != stored[key]:
            self.wrong.append(f"{key} has other bytes")

    async def _range(self, key: str, stored: dict[str, bytes]) -> None:
        content = stored.get(key, b"")
        if not content:
            return
        first = self._luck.randrange(len(content))
        response = await self._client.get_object(BUCKET, key, Range=f"bytes={first}-")
        if await response["Body"].read() != content[first:]:
            self.wrong.append(f"{key} has other bytes from {first} on")

    async def _list(self, key: str, stored: dict[str, bytes]) -> None:
        prefix = key.partition("/")[0] + "/"
        listed = {entry["Key"] async for entry in self._client.iter_objects(BUCKET, Prefix=prefix)}
        if listed != set(stored):
            self.wrong.append(f"{prefix} lists {len(listed)} of {len(stored)}")

    async def _delete(self, key: str, stored: dict[str, bytes]) -> None:
        await self._client.delete_object(BUCKET, key)
        stored.pop(key, None)

    async def _parts(self, key: str, stored: dict[str, bytes]) -> None:
        content = self._content(2 * SIZES[-1])
        upload = (await self._client.create_multipart_upload(BUCKET, key))["UploadId"]
        parts: list[types.CompletedPart] = []
        for part, start in enumerate((0, SIZES[-1]), 1):
            body = content[start : start + SIZES[-1]]
            sent = await self._client.upload_part(BUCKET, key, body, part, upload)
            parts.append({"PartNumber": part, "ETag": sent["ETag"]})
        await self._client.complete_multipart_upload(BUCKET, key, upload, {"Part": parts})
        stored[key] = content


def memory(pid: int) -> float:
    """Return the memory of a process and its children, in MiB."""
    pids, pages = [pid], 0
    for one in pids:
        try:
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
            children = Path(f"/proc/{one}/task/{one}/children").read_text()
        except FileNotFoundError:
            continue
        pids.extend(map(int, children.split()))
    return pages * 4096 / (1 << 20)


async def soak(server: LocalServer, minutes: float, clients: int, rate: float) -> dict[str, object]:
    """Load a server; return the calls made and the server's memory over time."""
    until = time.monotonic() + 60 * minutes
    samples: list[float] = []
    async with server.async_client() as client:
        load = Load(client, rate / clients, seed=0)
        tasks = [asyncio.create_task(load.run(number, until)) for number in range(clients)]
        while not all(task.done() for task in tasks):
            await asyncio.wait(tasks, timeout=60 * minutes / SAMPLES)
            samples.append(round(memory(server.pid), 1))
    return {"done": dict(load.done), "wrong": load.wrong[:20], "server_mib": samples}


def main() -> None:
    """Run the load and print its results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rate", type=float, default=400, help="calls in a second, at most")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--save", type=Path, help="a file for the result")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        options = ["--bucket", BUCKET, "--workers", str(chosen.workers)]
        with LocalServer(Path(directory, "data"), options=options) as server:
            result = asyncio.run(soak(server, chosen.minutes, chosen.clients, chosen.rate))
    settings = {"minutes": chosen.minutes, "clients": chosen.clients, "workers": chosen.workers}
    text = json.dumps({**settings, **result}, indent=2)
    print(text)
    if chosen.save:
        chosen.save.write_text(text + "\n")
    sys.exit(1 if result["wrong"] else 0)


if __name__ == "__main__":
    main()
