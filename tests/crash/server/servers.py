"""Servers of a nursery, seen from the test: started, killed, waited for, looked into."""

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
from tests.crash.server.shared_memory import Board

KEYS = {"COSKIT_SECRET_ID": "AKIDcrash", "COSKIT_SECRET_KEY": "crash"}
REPOSITORY = Path(__file__).parents[3]


class Nursery:
    """Starts servers, one at a time; leaving the context ends the last."""

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
        board: Board | None = None,
        *,
        log: Path | None = None,
        without: Sequence[str] = (),
        options: Sequence[str] = (),
        checkpoint: int = 4000,
    ) -> "Victim":
        """Start a server, which takes connections at once.

        Args:
            directory: where it keeps everything.
            board: what tells it when to die; None for a server that nobody watches.
            log: where its steps are recorded; nobody kills it then.
            without: names of steps that it leaves out.
            options: further ones of `coskit serve`.
            checkpoint: pages of the log after which they go to the index.
        """
        directory.mkdir(exist_ok=True)
        pid, port = self._ask(
            {
                "directory": str(directory),
                "board": str(board.file) if board else "",
                "log": str(log) if log else "",
                "without": [*without],
                "options": [*options],
                "checkpoint": checkpoint,
            }
        )
        return Victim(self, pid, port)

    def wait(self) -> int:
        """Return the exit status of the server that was started last."""
        return int(self._ask(None))

    def _ask(self, orders: dict[str, Any] | None) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(orders) if orders else "", file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


class Victim:
    """A running server; leaving the context kills it."""

    def __init__(self, nursery: Nursery, pid: int, port: int) -> None:
        self._nursery = nursery
        self._pid = pid
        self._port = port
        self.status: int | None = None

    def client(self) -> Client:
        """Return a client that asks only once, so that each change happens once at most."""
        return Client(
            endpoint=f"http://127.0.0.1:{self._port}",
            secret_id=KEYS["COSKIT_SECRET_ID"],
            secret_key=KEYS["COSKIT_SECRET_KEY"],
            retry=RetryPolicy(attempts=1),
            transport=TransportSettings(proxy="", read_timeout=60),
        )

    def wait(self) -> int:
        """Return its exit status when all its processes have ended."""
        if self.status is None:
            self.status = self._nursery.wait()
        return self.status

    def end(self, how: signal.Signals) -> int:
        """Send it a signal and return its exit status when all its processes have ended."""
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
    """Return what is wrong with a directory that no server uses."""
    if not (directory / database.FILE).exists():  # it died before it had made one
        return []
    return [
        f"{found.kind} {found.subject} {found.what}" for found in check(directory, exclusive=True)
    ]


def snapshot(directory: Path, target: Path) -> Path:
    """Copy a directory that no server uses; blobs, which nobody changes, are linked."""

    def copy(source: str, goal: str) -> str:
        if Path(source).name.startswith(database.FILE):
            shutil.copy2(source, goal)
        else:
            os.link(source, goal)
        return goal

    return Path(shutil.copytree(directory, target, copy_function=copy))
