"""`coskit demo`: store real files in a server of its own, get them back and compare every byte."""

import asyncio
import hashlib
import os
import resource
import sys
import sysconfig
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from coskit import AsyncClient
from coskit.client._async.concurrency import AsyncWorkers
from coskit.testing import LocalServer

BUCKET = "demo-1250000000"
IN_FLIGHT = 32
BIG_KEY = "large/one file + 大文件.bin"
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Phase:
    """The files, bytes and seconds of one step of the demo."""

    name: str
    files: int
    size: int
    seconds: float


class Differs(Exception):
    """An object that came back is not the file that was sent."""


def demo(*, keep: bool, size: int) -> int:
    """Run the demo.

    Args:
        keep: whether the server runs on until Ctrl-C.
        size: the size of the large file in MiB.

    Returns:
        The exit status: 1 if one byte differs.
    """
    console = Console()
    with tempfile.TemporaryDirectory(prefix="coskit-demo-") as directory:
        data = Path(directory) / "data"
        with LocalServer(data, buckets=[BUCKET]) as server:
            console.print(f"A server over {data} listens at {server.endpoint}")
            big = Path(directory) / "large.bin"
            write_big_file(big, size)
            try:
                phases = asyncio.run(run(server, big, console))
            except Differs as difference:
                console.print(f"[bold red]Different:[/] {difference}")
                return 1
            console.print(table(phases))
            console.print(memory(server.pid))
            console.print("[bold green]Every byte came back as it was sent.[/]")
            if keep:
                wait_for_the_end(server, console)
    return 0


def write_big_file(path: Path, mib: int) -> None:
    """Write a file in which no two blocks are alike."""
    block = os.urandom(_MIB)
    with path.open("wb") as file:
        for number in range(mib):
            file.write(hashlib.sha256(number.to_bytes(4, "big")).digest() + block[32:])


def standard_library() -> list[tuple[str, Path]]:
    """Return key and path of every file of this machine's standard library."""
    root = Path(sysconfig.get_paths()["stdlib"])
    return [
        (path.relative_to(root).as_posix(), path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and "site-packages" not in path.parts and os.access(path, os.R_OK)
    ]


async def run(server: LocalServer, big: Path, console: Console) -> list[Phase]:
    """Upload, list, download and compare; return the figures of each step."""
    files = standard_library()
    total = sum(path.stat().st_size for _, path in files)
    async with server.async_client() as client:
        started = time.perf_counter()

        async def put(item: tuple[str, Path]) -> None:
            with item[1].open("rb") as file:
                await client.put_object(BUCKET, file, item[0])

        async def get(item: tuple[str, Path]) -> None:
            await compare(client, *item)

        phases = [
            await timed("upload small files", len(files), total, each(files, put, console, "put")),
            await timed(
                "upload large file, 8 MiB parts",
                1,
                big.stat().st_size,
                client.upload_file(BUCKET, BIG_KEY, big, PartSize=8, MAXThread=4),
            ),
            await timed("list", len(files) + 1, 0, check_listing(client, files, console)),
            await timed(
                "download and compare small files", len(files), total,
                each(files, get, console, "get"),
            ),
            await timed(
                "download and compare large file", 1, big.stat().st_size,
                compare(client, BIG_KEY, big),
            ),
        ]  # fmt: skip
        console.print(f"Done in {time.perf_counter() - started:.1f} s")
    return phases


async def timed(name: str, files: int, size: int, work: Awaitable[object]) -> Phase:
    """Wait for the work, and return its figures."""
    start = time.perf_counter()
    await work
    return Phase(name, files, size, time.perf_counter() - start)


async def each(
    items: Sequence[tuple[str, Path]],
    work: Callable[[tuple[str, Path]], Awaitable[None]],
    console: Console,
    label: str,
) -> None:
    """Do the work on each item, several at a time, with a progress bar."""
    columns = TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(label, total=len(items))

        async def step(item: tuple[str, Path]) -> None:
            await work(item)
            progress.advance(task)

        async with AsyncWorkers(IN_FLIGHT) as workers:
            for item in items:
                await workers.submit(step, item)


async def compare(client: AsyncClient, key: str, path: Path) -> None:
    """Download an object and compare it with its file, piece by piece.

    Raises:
        Differs: one byte is not the same.
    """
    response = await client.get_object(BUCKET, key)
    with path.open("rb") as file:
        async with response["Body"] as body:
            async for chunk in body.get_stream():
                if chunk != file.read(len(chunk)):
                    raise Differs(key)
        if file.read(1):
            raise Differs(f"{key} is shorter than its file")


async def check_listing(
    client: AsyncClient, files: Sequence[tuple[str, Path]], console: Console
) -> None:
    """Compare listings, with and without a delimiter, with the files that were sent.

    Raises:
        Differs: a key is missing or was never sent.
    """
    listed = [entry["Key"] async for entry in client.iter_objects(BUCKET)]
    sent = sorted([*(key for key, _ in files), BIG_KEY], key=str.encode)
    if listed != sent:
        raise Differs(f"the listing has {len(listed)} keys, {len(sent)} were sent")
    folders = [prefix async for prefix in client.iter_prefixes(BUCKET, Delimiter="/")]
    if folders != sorted({key.split("/")[0] + "/" for key in sent if "/" in key}, key=str.encode):
        raise Differs("the listing with a delimiter has other folders")
    console.print(f"{len(listed)} objects in {len(folders)} folders, as {shown(folders)}")


def shown(folders: Sequence[str]) -> str:
    """Return the names of the first folders."""
    return ", ".join(folders[:4]) + (" ..." if len(folders) > 4 else "")


def table(phases: Sequence[Phase]) -> Table:
    """Return a table of the steps."""
    out = Table("step", title="What was done")
    for name in ("files", "MiB", "seconds", "files/s", "MB/s"):
        out.add_column(name, justify="right")
    for phase in phases:
        out.add_row(phase.name, *figures(phase))
    return out


def figures(phase: Phase) -> Iterator[str]:
    """Yield the cells of a step."""
    yield f"{phase.files:,}"
    yield f"{phase.size / _MIB:,.1f}"
    yield f"{phase.seconds:.2f}"
    yield f"{phase.files / phase.seconds:,.0f}"
    yield f"{phase.size / phase.seconds / 1e6:,.0f}" if phase.size else "-"


def memory(server: int) -> str:
    """Return the peak memory of this process and, on Linux, of the server."""
    unit = 1 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MIB
    text = f"Peak memory: client {own:.0f} MiB"
    status = Path(f"/proc/{server}/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        text += f", server {int(lines['VmHWM'].split()[0]) / 1024:.0f} MiB"
    return text


def wait_for_the_end(server: LocalServer, console: Console) -> None:
    """Print the address of the server and wait for Ctrl-C."""
    try:
        console.print(
            f"The server stays until Ctrl-C. Reach it with\n"
            f"  COSKIT_ENDPOINT={server.endpoint} COSKIT_SECRET_ID={server.secret_id} "
            f"COSKIT_SECRET_KEY={server.secret_key}\n  bucket {BUCKET}",
            soft_wrap=True,
        )
        server.wait()
    except KeyboardInterrupt:
        console.print("Stopped.")
