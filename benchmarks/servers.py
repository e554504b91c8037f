"""Run servers under load from wrk, in turns, and measure their CPU."""

import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import presign
from coskit.protocol.endpoint import encode_query
from coskit.protocol.messages import Request
from coskit.testing import LocalServer

Query = tuple[tuple[str, str], ...]

BUCKET = "bench-1250000000"
_LOAD = Path(__file__).with_name("load.lua")
_NGINX = """
daemon off; pid nginx.pid; error_log stderr crit; worker_processes 1; user root;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Contender:
    """A running server.

    Attributes:
        pid: the id of its process.
        port: its port on 127.0.0.1.
        address: returns the request target for a method, a key and a query.
        files: its directory of objects, if it serves plain files.
    """

    pid: int
    port: int
    address: Callable[[str, str, Query], str]
    files: Path | None = None


@contextmanager
def coskit(directory: Path, *options: str) -> Iterator[Contender]:
    """Run `coskit serve` with its defaults: 200 means durable; requests are presigned."""
    with LocalServer(directory, buckets=(BUCKET,), options=options) as server:
        keys = Credentials(server.secret_id, server.secret_key)
        # The first response arrives when the server has started, which is not measured.
        urlopen(f"{server.endpoint}/-/live").close()
        yield Contender(server.pid, server.port, partial(_presigned, server.port, keys))


def _presigned(port: int, keys: Credentials, method: str, key: str, query: Query) -> str:
    path = f"/{BUCKET}/{key}"
    request = Request(method, path, query, {"host": f"127.0.0.1:{port}"})
    return f"{quote(path)}?{encode_query(presign(request, keys, int(time.time()), 86400))}"


@contextmanager
def rclone(directory: Path) -> Iterator[Contender]:
    """Run `rclone serve s3` over a directory; it syncs nothing and checks no signature here."""
    (directory / BUCKET).mkdir(parents=True)
    port = free_port()
    command = ["rclone", "serve", "s3", str(directory), "--addr", f"127.0.0.1:{port}"]
    # Hide errors: it reports the end of a load, with requests in flight, as many errors.
    command += ["--vfs-cache-mode", "off", "--log-level", "EMERGENCY", "--config", os.devnull]
    with running(command, port) as pid:
        yield Contender(pid, port, _plain)


@contextmanager
def nginx(directory: Path) -> Iterator[Contender]:
    """Run nginx with one worker, which sends files by sendfile."""
    (directory / BUCKET).mkdir(parents=True)
    port = free_port()
    (directory / "nginx.conf").write_text(_NGINX.format(port=port, root=directory))
    command = [os.environ.get("BENCH_NGINX", "nginx"), "-p", str(directory), "-c", "nginx.conf"]
    with running(command, port) as pid:
        yield Contender(pid, port, _plain, directory / BUCKET)


def _plain(_: str, key: str, query: Query) -> str:
    return f"/{BUCKET}/{quote(key)}" + (f"?{encode_query(query)}" if query else "")


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[int]:
    """Run a server in a context and yield its pid once it accepts connections."""
    with subprocess.Popen(command) as process:
        try:
            until = time.monotonic() + 30
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise
                    time.sleep(0.02)
            yield process.pid
        finally:
            process.terminate()


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def load(
    server: Contender,
    method: str,
    keys: Sequence[str],
    *,
    queries: Sequence[Query] = ((),),
    size: int = 0,
    connections: int = 32,
    seconds: float = 3,
) -> dict[str, float]:
    """Load a server with wrk and return its figures.

    Args:
        server: the server.
        method: GET or PUT.
        keys: the keys, requested in turn.
        queries: the queries, each combined with each key.
        size: the bytes of a body.
        connections: the number of connections, each with one request in flight.
        seconds: the duration.

    Returns:
        `requests_per_second`, `mib_per_second` of bodies and heads, `cpu_microseconds` of the
        server per request, and the latencies `p50_ms` and `p99_ms`.

    Raises:
        RuntimeError: a request failed, which would make the rest look faster.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as paths:
        paths.write("\n".join(server.address(method, key, q) for key in keys for q in queries))
        paths.flush()
        settings = {"METHOD": method, "PATHS": paths.name, "BODY": str(size)}
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        command += ["--timeout", "60s", "-s", str(_LOAD), f"http://127.0.0.1:{server.port}"]
        before = cpu_seconds(server.pid)
        output = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **settings}
        ).stdout
        used = cpu_seconds(server.pid) - before
    told = json.loads(output.splitlines()[-1])
    if any(told["errors"].values()) or not told["requests"]:
        raise RuntimeError(f"{method}, {told['requests']} requests: {told['errors']}")
    passed = told["bytes"] + told["requests"] * size
    return {
        "requests_per_second": told["requests"] / told["seconds"],
        "mib_per_second": passed / told["seconds"] / 2**20,
        "cpu_microseconds": used / told["requests"] * 1e6,
        "p50_ms": told["p50"] / 1000,
        "p99_ms": told["p99"] / 1000,
    }


def fill(server: Contender, keys: Sequence[str], size: int) -> None:
    """Put an object under each key."""
    seconds, done = 1.0, 0.0
    while done < len(keys):
        figures = load(server, "PUT", keys, size=size, seconds=seconds)
        done = figures["requests_per_second"] * round(seconds)
        seconds *= 2


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in children)


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


@contextmanager
def started(
    starts: Mapping[str, Callable[[Path], AbstractContextManager[Contender]]],
) -> Iterator[dict[str, Contender]]:
    """Run servers, each in an empty directory."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=scratch())))
        yield {
            who: stack.enter_context(start(place / f"server{number}"))
            for number, (who, start) in enumerate(starts.items())
        }


def in_turn(
    contenders: Mapping[str, Contender], work: Callable[[Contender], dict[str, float]], rounds: int
) -> dict[str, dict[str, float]]:
    """Return the medians of each server's figures over rounds in which they take turns."""
    runs: dict[str, list[dict[str, float]]] = {who: [] for who in contenders}
    for _ in range(rounds):
        for who, server in contenders.items():
            runs[who].append(work(server))
    return {who: medians(done) for who, done in runs.items()}


def medians(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def scratch() -> str | None:
    """Return the directory that data is written to: `BENCH_DIR`, or the usual one."""
    return os.environ.get("BENCH_DIR")


def show(title: str | None, modes: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """Print a table for each mode, every figure with its name."""
    print(f"\n{title}")
    for mode, rows in modes.items():
        print(f"{mode}:")
        for who, figures in rows.items():
            told = "  ".join(f"{name} {figure:,.1f}" for name, figure in figures.items())
            print(f"  {who:20} {told}")
