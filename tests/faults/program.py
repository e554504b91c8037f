"""A program that uses a client of either world, so that no test is itself forked or killed.

    python program.py sync|async upload|download|sync|share ... < "a line to begin with"

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
    """Return bytes of which no two KiB are alike."""
    return b"".join(f"{seed} {n}".encode().rjust(1024) for n in range(-(-size // 1024)))[:size]


def errand(client: Client, bucket: str, directory: Path, number: int, size: int = PARTS) -> None:
    """Put, get, upload and download; all that comes back has to be what was sent."""
    small, large = content(3000, f"small {number}"), content(size, f"large {number}")
    source, target = directory / f"{number}.source", directory / f"{number}.target"
    client.put_object(bucket, small, f"{number}/small")
    assert client.get_object(bucket, f"{number}/small")["Body"].read() == small
    source.write_bytes(large)
    client.upload_file(bucket, f"{number}/large", source)
    client.download_file(bucket, f"{number}/large", target, PartSize=1)
    assert target.read_bytes() == large


async def async_errand(
    client: AsyncClient, bucket: str, directory: Path, number: int, size: int = PARTS
) -> None:
    """Put, get, upload and download; all that comes back has to be what was sent."""
    small, large = content(3000, f"small {number}"), content(size, f"large {number}")
    source, target = directory / f"{number}.source", directory / f"{number}.target"
    await client.put_object(bucket, small, f"{number}/small")
    assert await (await client.get_object(bucket, f"{number}/small"))["Body"].read() == small
    source.write_bytes(large)
    await client.upload_file(bucket, f"{number}/large", source)
    await client.download_file(bucket, f"{number}/large", target, PartSize=1)
    assert target.read_bytes() == large


def send_small_in_parts() -> None:
    """Upload in parts what is larger than a MiB."""
    for module in (sync_upload, async_upload):
        vars(module)["SINGLE_UPLOAD"] = MIB


def do_errands(client: Any, bucket: str, directory: Path, number: int) -> None:
    """Do errands in this process, in whichever world the client lives."""
    send_small_in_parts()
    if isinstance(client, AsyncClient):
        asyncio.run(async_errand(client, bucket, directory, number))
    else:
        errand(client, bucket, directory, number)


def share(client: Any, method: str, bucket: str, directory: Path) -> None:
    """Use a client, hand it to several processes at once, and use it again."""
    do_errands(client, bucket, directory, 0)
    context: Any = multiprocessing.get_context(method)
    numbers = range(1, PROCESSES + 1 if method == "fork" else 3)
    children = [
        context.Process(target=do_errands, args=(client, bucket, directory, number))
        for number in numbers
    ]
    for child in children:
        child.start()
    do_errands(client, bucket, directory, PROCESSES + 1)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * len(children)


def transfer(client: Any, action: str, bucket: str, key: str, path: str) -> Any:
    """Begin one transfer."""
    if action == "upload":
        return client.upload_file(bucket, key, path, MAXThread=3)
    if action == "download":
        return client.download_file(bucket, key, path, PartSize=1, MAXThread=3)
    return client.sync(path, f"cos://{bucket}/{key}")


def main() -> None:
    """Do what the arguments say."""
    kind, action, *words = sys.argv[1:]
    sys.stdin.readline()
    send_small_in_parts()
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
