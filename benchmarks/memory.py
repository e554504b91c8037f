"""Measure the peak memory of large transfers, each in a process, with both clients.

python -m benchmarks.memory                 # everything: 20 GB of disk, ten minutes
python -m benchmarks.memory upload --gib 1  # one scenario, smaller
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.run import HERE, machine
from benchmarks.worker import peak
from coskit import AsyncClient, Client
from coskit.client._async.transfer import upload as async_upload
from coskit.client._sync.transfer import upload as sync_upload
from coskit.testing import LocalServer

BUCKET = "memory-1250000000"
MIB = 1 << 20
SCENARIOS = ("idle", "upload", "download", "parts", "sync")
LIMIT = 150  # MiB that no transfer may exceed


def main() -> None:
    """Run the chosen scenarios and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(SCENARIOS)}")
    parser.add_argument("--gib", type=float, default=4, help="size of the large file")
    parser.add_argument("--parts", type=int, default=10_000, help="parts of 1 MiB")
    parser.add_argument("--files", type=int, default=100_000, help="files of 1 KiB")
    parser.add_argument("--directory", type=Path, help="where files and objects are kept")
    parser.add_argument("--save", action="store_true", help="update results/transfers_memory.json")
    options = parser.parse_args()
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(dir=options.directory) as place:
        for name in options.scenarios or SCENARIOS:
            for label, size in sizes(name, options):
                for kind in ("sync", "async"):
                    found = measure(name, kind, size, Path(place))
                    figures.setdefault(label, {})[kind] = found
                    too_much = " TOO MUCH" if found["peak_mib"] > LIMIT else ""
                    print(f"{label:32} {kind:6} {found}{too_much}", flush=True)
    if options.save:
        target = HERE / "results" / "transfers_memory.json"
        kept = json.loads(target.read_text())["peak"] if target.exists() else {}
        result = {
            "scenario": "transfers_memory",
            "machine": machine(),
            "peak": {**kept, **figures},
        }
        target.write_text(json.dumps(result, indent=2) + "\n")


def sizes(name: str, options: argparse.Namespace) -> list[tuple[str, int]]:
    """Return the sizes of a scenario and their label."""
    if name == "parts":
        return [(f"upload of {options.parts} parts", options.parts * MIB)]
    if name == "sync":
        tenth = options.files // 10
        return [(f"sync of {count} files", count) for count in (tenth, options.files)]
    if name == "idle":
        return [("nothing", 0)]
    return [(f"{name} of {options.gib:g} GiB", int(options.gib * 1024) * MIB)]


def measure(name: str, kind: str, size: int, place: Path) -> dict[str, Any]:
    """Run one transfer in a process; return its peak memory and duration."""
    with prepared(name, size, place) as (source, server):
        words = [kind, name, server.endpoint, server.secret_id, server.secret_key, str(source)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", "--child", *words],
            cwd=HERE.parent,
            stdout=subprocess.PIPE,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        if name != "idle":
            check(name, size, source, server)
    return found


@contextmanager
def prepared(name: str, size: int, place: Path) -> Iterator[tuple[Path, LocalServer]]:
    """Yield the source of a transfer and a new server."""
    with (
        tempfile.TemporaryDirectory(dir=place) as fresh,
        LocalServer(Path(fresh) / "data", buckets=[BUCKET]) as server,
    ):
        source = Path(fresh) / "source"
        if name == "sync":
            for number in range(size):
                path = source / f"{number // 1000:04}" / f"{number % 1000:04}"
                if number % 1000 == 0:
                    path.parent.mkdir(parents=True)
                path.write_bytes(b"%1024d" % number)
        else:
            with source.open("wb") as file:
                file.truncate(size)
        if name == "download":
            with server.client() as client:
                client.upload_file(BUCKET, "key", source)
        yield source, server


def check(name: str, size: int, source: Path, server: LocalServer) -> None:
    """Check that everything has arrived."""
    with server.client() as client:
        if name == "sync":
            found = sum(1 for _ in client.iter_objects(BUCKET))
        elif name == "download":
            found = source.with_name("target").stat().st_size
        else:
            found = int(client.head_object(BUCKET, "key")["Content-Length"])
    if found != size:
        raise SystemExit(f"{name}: {found} arrived of {size}")


def as_asked(_size: int, least: int) -> int:
    """Return the requested part size, even for a large file."""
    return least


def child(kind: str, name: str, endpoint: str, secret_id: str, key: str, source: str) -> None:
    """Run one transfer and print its figures."""
    settings: dict[str, Any] = {"endpoint": endpoint, "secret_id": secret_id, "secret_key": key}
    if name == "parts":
        for module in (sync_upload, async_upload):
            vars(module)["comfortable_part_size"] = as_asked

    def transfer(client: Any) -> Any:
        if name == "download":
            return client.download_file(BUCKET, "key", Path(source).with_name("target"))
        if name == "sync":
            return client.sync(source, f"cos://{BUCKET}/")
        return client.upload_file(BUCKET, "key", source)

    async def later() -> None:
        async with AsyncClient(**settings) as client:
            await transfer(client)

    began = time.perf_counter()
    if name != "idle":
        if kind == "async":
            asyncio.run(later())
        else:
            with Client(**settings) as client:
                transfer(client)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "peak_mib": round(peak(), 1),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        main()
