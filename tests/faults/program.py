"""A program that uses a client, for tests that fork or kill a process.

    python program.py sync|async upload|download|sync|share ... < "a line that starts it"

The client's address and keys come from the environment.
"""

import asyncio
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

from coskit import AsyncClient, Client, RetryPolicy, TransferSettings
from coskit.client._async.transfer import upload as async_upload
from coskit.client._sync.transfer import upload as sync_upload

MIB = 1 << 20
PARTS = MIB + 10_000  # bytes that make two parts
PROCESSES = 8


def content(size: int, seed: str = "") -> bytes:
    """Return bytes in which no two KiB are equal."""
    return b"".join(f"{seed} {n}".encode().rjust(1024) for n in range(-(-size // 1024)))[:size]


def round_trip(
    client: Client, bucket: str, directory: Path, number: int, size: int = PARTS
) -> None:
    """Put, get, upload and download objects, and compare what comes back."""
    small, large = content(3000, f"small {number}"), content(size, f"large {number}")
    source, target = directory / f"{number}.source", directory / f"{number}.target"
    client.put_object(bucket, small, f"{number}/small")
    assert client.get_object(bucket, f"{number}/small")["Body"].read() == small
    source.write_bytes(large)
    client.upload_file(bucket, f"{number}/large", source)
    client.download_file(bucket, f"{number}/large", target, PartSize=1)
    assert target.read_bytes() == large


async def async_round_trip(
    client: AsyncClient, bucket: str, directory: Path, number: int, size: int = PARTS
) -> None:
    """Put, get, upload and download objects, and compare what comes back."""
    small, large = content(3000, f"small {number}"), content(size, f"large {number}")
    source, target = directory / f"{number}.source", directory / f"{number}.target"
    await client.put_object(bucket, small, f"{number}/small")
    assert await (await client.get_object(bucket, f"{number}/small"))["Body"].read() == small
    source.write_bytes(large)
    await client.upload_file(bucket, f"{number}/large", source)
    await client.download_file(bucket, f"{number}/large", target, PartSize=1)
    assert target.read_bytes() == large


def use_small_parts() -> None:
    """Upload files above 1 MiB in parts."""
    for module in (sync_upload, async_upload):
        vars(module)["SINGLE_UPLOAD"] = MIB


def run_round_trip(client: Any, bucket: str, directory: Path, number: int) -> None:
    """Make a round trip in this process with either kind of client."""
    use_small_parts()
    if isinstance(client, AsyncClient):
        asyncio.run(async_round_trip(client, bucket, directory, number))
    else:
        round_trip(client, bucket, directory, number)


def share(client: Any, method: str, bucket: str, directory: Path) -> None:
    """Use a client, hand it to several processes at once, and use it again."""
    run_round_trip(client, bucket, directory, 0)
    context: Any = multiprocessing.get_context(method)
    numbers = range(1, PROCESSES + 1 if method == "fork" else 3)
    children = [
        context.Process(target=run_round_trip, args=(client, bucket, directory, number))
        for number in numbers
    ]
    for child in children:
        child.start()
    run_round_trip(client, bucket, directory, PROCESSES + 1)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * len(children)


def transfer(client: Any, action: str, bucket: str, key: str, path: str) -> Any:
    """Start one transfer."""
    if action == "upload":
        return client.upload_file(bucket, key, path, MAXThread=3)
    if action == "download":
        return client.download_file(bucket, key, path, PartSize=1, MAXThread=3)
    return client.sync(path, f"cos://{bucket}/{key}")


def main() -> None:
    """Run the action of the command line."""
    kind, action, *words = sys.argv[1:]
    sys.stdin.readline()
    use_small_parts()
    options: dict[str, Any] = {
        "retry": RetryPolicy(attempts=4, base=0.001, longest=0.01),
        "transfers": TransferSettings(journals=Path(os.environ["JOURNALS"])),
    }

    async def later() -> None:
        async with AsyncClient(**options) as client:
            await transfer(client, action, *words)

    if action == "share":
        made = AsyncClient(**options) if kind == "async" else Client(**options)
        share(made, words[0], words[1], Path(words[2]))
    elif kind == "async":
        asyncio.run(later())
    else:
        with Client(**options) as client:
            transfer(client, action, *words)


if __name__ == "__main__":
    main()
