"""Server processes as tests see them: start, kill, wait for, and check."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from coskit import Client, RetryPolicy, TransportSettings
from coskit.server.store.index import database
from coskit.server.store.maintenance.fsck import check
from tests.crash.server.shared_memory import SharedCounters

KEYS = {"COSKIT_SECRET_ID": "AKIDcrash", "COSKIT_SECRET_KEY": "crash"}
REPOSITORY = Path(__file__).parents[3]


class ForkServer:
    """A process that forks servers, one at a time; the end of the context ends the last."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.server.fork_server"],
            cwd=REPOSITORY,
            env={**os.environ, **KEYS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self,
        directory: Path,
        counters: SharedCounters | None = None,
        *,
        log: Path | None = None,
        without: Sequence[str] = (),
        options: Sequence[str] = (),
        checkpoint: int = 4000,
    ) -> "ServerProcess":
        """Start a server, which accepts connections at once.

        Args:
            directory: the server's directory.
            counters: the point of its kill; None for a server without an observer.
            log: the file for a record of its steps, instead of a kill.
            without: names of steps that it omits.
            options: further options of `coskit serve`.
            checkpoint: the number of pages in the log that start a checkpoint.
        """
        directory.mkdir(exist_ok=True)
        pid, port = self._ask(
            {
                "directory": str(directory),
                "board": str(counters.file) if counters else "",
                "log": str(log) if log else "",
                "without": [*without],
                "options": [*options],
                "checkpoint": checkpoint,
            }
        )
        return ServerProcess(self, pid, port)

    def wait(self) -> int:
        """Return the exit status of the server that was started last."""
        return int(self._ask(None))

    def _ask(self, request: dict[str, Any] | None) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(request) if request else "", file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


class ServerProcess:
    """A running server; the end of the context kills it."""

    def __init__(self, fork_server: ForkServer, pid: int, port: int) -> None:
        self._fork_server = fork_server
        self._pid = pid
        self._port = port
        self.status: int | None = None

    def client(self) -> Client:
        """Return a client that never retries, so that each change happens at most once."""
        return Client(
            endpoint=f"http://127.0.0.1:{self._port}",
            secret_id=KEYS["COSKIT_SECRET_ID"],
            secret_key=KEYS["COSKIT_SECRET_KEY"],
            retry=RetryPolicy(attempts=1),
            transport=TransportSettings(proxy="", read_timeout=60),
        )

    def wait(self) -> int:
        """Wait for the end of all its processes; return the exit status."""
        if self.status is None:
            self.status = self._fork_server.wait()
        return self.status

    def end(self, how: signal.Signals) -> int:
        """Send a signal and wait for the end of all its processes; return the exit status."""
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, how)
        return self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end(signal.SIGKILL)


def findings(directory: Path) -> list[str]:
    """Return the faults of a directory that no server uses."""
    if not (directory / database.FILE).exists():  # the server was killed before it made one
        return []
    return [
        f"{found.kind} {found.subject} {found.what}" for found in check(directory, exclusive=True)
    ]


def snapshot(directory: Path, target: Path) -> Path:
    """Copy a directory that no server uses; blobs, which never change, are linked."""

    def copy(source: str, goal: str) -> str:
        if Path(source).name.startswith(database.FILE):
            shutil.copy2(source, goal)
        else:
            os.link(source, goal)
        return goal

    return Path(shutil.copytree(directory, target, copy_function=copy))
