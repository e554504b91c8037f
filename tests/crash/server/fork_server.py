"""A process that has everything imported and forks servers, one at a time, as it is told.

So a server that is to be killed is there in no time. One line of JSON starts a server and is
answered by its process and port; an empty line waits for its end and is answered by its status.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from coskit.cli.commands import app
from coskit.server.http.connections.listeners import listening_socket
from coskit.server.store.index import database
from coskit.server.workers.supervisor import die_with
from tests.crash.server.observers import Killer, Recorder
from tests.crash.server.patched_calls import Watched
from tests.crash.server.shared_memory import Board
from tests.crash.server.steps import Watcher


def obey(orders: dict[str, Any]) -> None:
    """Let this process be watched as the orders say."""
    directory, board = Path(orders["directory"]), Board(Path(orders["board"]))
    watcher: Watcher = Killer(board)
    if orders["log"]:
        watcher = Recorder(directory, Path(orders["log"]), board)
    Watched(directory, watcher, orders["without"])
    # So that the log is taken over into the index now and then, though little is written.
    database._CHECKPOINT_PAGES = orders["checkpoint"]


def serve(orders: dict[str, Any], fd: int) -> None:
    """Be a server."""
    if orders["board"]:
        obey(orders)
    app(["serve", orders["directory"], "--quiet", "--fd", str(fd), *orders["options"]])


def fork(orders: dict[str, Any]) -> tuple[int, int, int]:
    """Start a server in a session of its own; return its process, its port and its life.

    That is a pipe which ends with the last of its processes.
    """
    nursery = os.getpid()
    life, alive = os.pipe()
    with listening_socket("127.0.0.1", 0) as listener:
        pid = os.fork()
        if not pid:
            die_with(nursery)
            os.setsid()
            os.close(life)
            with Path(os.devnull).open() as nothing:
                os.dup2(nothing.fileno(), 0)
            os.dup2(2, 1)  # where the answers go
            status = 1
            try:
                serve(orders, listener.fileno())
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
            finally:
                os._exit(status)
        os.close(alive)
        return pid, int(listener.getsockname()[1]), life


def main() -> None:
    """Do what the lines of standard input say, and leave nobody behind."""
    pid = life = 0
    try:
        for line in sys.stdin:
            if line.strip():
                pid, port, life = fork(json.loads(line))
                print(json.dumps([pid, port]), flush=True)
            else:
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                pid = 0
                os.read(life, 1)
                os.close(life)
                print(json.dumps(status), flush=True)
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
