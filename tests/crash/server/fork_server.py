"""A process with all imports that forks servers on request, one at a time.

A server that is to be killed starts at once. One line of JSON starts a server; the response is
its process and port. An empty line waits for its end; the response is its status.
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
from coskit.server.workers.supervisor import end_with_parent
from tests.crash.server.observers import ProcessKiller, Recorder
from tests.crash.server.patched_calls import PatchedCalls
from tests.crash.server.shared_memory import SharedCounters
from tests.crash.server.steps import StepObserver


def handle_request(request: dict[str, Any]) -> None:
    """Install the observer of this process that the request names."""
    directory, counters = Path(request["directory"]), SharedCounters(Path(request["board"]))
    observer: StepObserver = ProcessKiller(counters)
    if request["log"]:
        observer = Recorder(directory, Path(request["log"]), counters)
    PatchedCalls(directory, observer, request["without"])
    # So that the log is taken over into the index now and then, though little is written.
    database._CHECKPOINT_PAGES = request["checkpoint"]


def serve(request: dict[str, Any], fd: int) -> None:
    """Run a server."""
    if request["board"]:
        handle_request(request)
    app(["serve", request["directory"], "--quiet", "--fd", str(fd), *request["options"]])


def fork(request: dict[str, Any]) -> tuple[int, int, int]:
    """Start a server in a session of its own; return its pid, its port and its lifeline.

    That is a pipe which ends with the last of its processes.
    """
    fork_server = os.getpid()
    life, alive = os.pipe()
    with listening_socket("127.0.0.1", 0) as listener:
        pid = os.fork()
        if not pid:
            end_with_parent(fork_server)
            os.setsid()
            os.close(life)
            with Path(os.devnull).open() as nothing:
                os.dup2(nothing.fileno(), 0)
            os.dup2(2, 1)  # the replies go to standard output
            status = 1
            try:
                serve(request, listener.fileno())
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
            finally:
                os._exit(status)
        os.close(alive)
        return pid, int(listener.getsockname()[1]), life


def main() -> None:
    """Handle the requests on standard input; leave no process behind."""
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
