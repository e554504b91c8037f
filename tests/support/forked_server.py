"""A `coskit serve` that is forked from a process with all imports, which takes milliseconds.

That process starts with the first such server of a test process and ends with the test process.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.reduction import DupFd
from typing import Any, cast

from coskit.cli.main import main
from coskit.testing import LocalServer

_STANDARD = (1, 2)
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__, "tests.support.server_imports"])


class ForkedServer(LocalServer):
    """A running `coskit serve`, as `LocalServer` starts it but without the time for imports.

    A test of the process itself, such as of its memory, takes a `LocalServer`.
    """

    def _start(self, command: Sequence[str], fd: int, environment: Mapping[str, str]) -> Any:
        return _ForkedProcess(command[command.index("serve") :], fd, environment)


class _ForkedProcess:
    """A forked process with the methods of `subprocess.Popen` that `LocalServer` calls."""

    def __init__(self, words: Sequence[str], fd: int, environment: Mapping[str, str]) -> None:
        self._process = _context.Process(target=_Serve(words, fd, environment))
        self._process.start()
        self.pid = cast(int, self._process.pid)

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self._process.exitcode

    def send_signal(self, how: int) -> None:
        """Send a signal to the process, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, how)

    def wait(self) -> int:
        """Wait for the process to exit and return its exit status."""
        self._process.join()
        return cast(int, self._process.exitcode)


class _Serve:
    """The work of a forked process; its descriptors travel with it."""

    def __init__(self, words: Sequence[str], fd: int, environment: Mapping[str, str]) -> None:
        self._words, self._fd, self._environment = list(words), fd, dict(environment)

    def __getstate__(self) -> dict[str, Any]:
        sent = [DupFd(fd) for fd in (self._fd, *_STANDARD)]
        return {"words": self._words, "sent": sent, "environment": self._environment}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._fd, *standard = [one.detach() for one in state["sent"]]
        for fd, own in zip(standard, _STANDARD, strict=True):
            os.dup2(fd, own)
            os.close(fd)
        self._words, self._environment = state["words"], state["environment"]
        self._words[self._words.index("--fd") + 1] = str(self._fd)

    def __call__(self) -> None:
        os.environ.clear()
        os.environ.update(self._environment)
        sys.argv = ["coskit", *self._words]
        main()
