"""Servers with several workers: their processes and connections."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from coskit.testing import LocalServer
from tests.server.support.http_client import Connection, HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
PATIENCE = 30.0  # seconds


@contextmanager
def serve_with_workers(directory: Path, workers: int, *options: str) -> Iterator[LocalServer]:
    """Run a server of several workers, all of which are ready."""
    with ForkedServer(
        directory, buckets=[ROOM], options=[f"--workers={workers}", *options]
    ) as server:
        eventually(lambda: len(workers_of(server)) == workers)
        yield server


def eventually(found: Callable[[], bool]) -> None:
    """Wait until something is so."""
    limit = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < limit, "it did not come to that in half a minute"
        time.sleep(0.01)


def workers_of(server: LocalServer) -> list[int]:
    """Return the processes that serve, once the server has prepared the directory."""
    with suppress(FileNotFoundError):
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        found = [int(child) for child in children]
        # A worker leads a group of its own; who prepares the directory does not.
        return [pid for pid in found if is_alive(pid) and _leads(pid)]
    return []


def _leads(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def worker_at(server: LocalServer, connection: Connection) -> int:
    """Return the process at the other end of a connection that has had a response."""
    here, there = connection.socket.getsockname()[1], server.port
    for text in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = text.split()
        ports = [int(address.partition(":")[2], 16) for address in fields[1:3]]
        if ports == [there, here]:
            return next(pid for pid in workers_of(server) if f"socket:[{fields[9]}]" in _fds(pid))
    raise AssertionError("nobody is at the other end")


def _fds(pid: int) -> set[str]:
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(fd.readlink()))
    return found


@contextmanager
def connect_to_workers(
    server: LocalServer, http_client: HTTPClient, count: int
) -> Iterator[list[Connection]]:
    """Open connections to a number of different workers."""
    with ExitStack() as stack:
        found: dict[str, Connection] = {}
        limit = time.monotonic() + PATIENCE
        while len(found) < count:
            assert time.monotonic() < limit, "one worker takes all connections"
            connection = stack.enter_context(http_client.connect())
            reply = connection.request(http_client.build_request("HEAD", f"/{ROOM}/"))
            found.setdefault(reply["x-cos-request-id"][:16], connection)
        yield list(found.values())
