"""A `coskit` that is forked from a process with all imports, which takes milliseconds.

That process starts with the first such command of a test process and ends with the test process.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.reduction import DupFd
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO, Any, cast

from coskit.cli.main import main

_PATIENCE = 60  # seconds
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__, "tests.support.server_imports"])


def coskit(*words: str | Path, env: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    """Run a command to its end and return its status and what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given = [*map(str, words)]
        process = ForkedCommand(given, env or os.environ, (out.fileno(), err.fileno()))
        status = process.wait(_PATIENCE)
        return CompletedProcess(given, status, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


class ForkedCommand:
    """A forked process with those methods of `subprocess.Popen` that tests call.

    Args:
        words: the words behind `coskit`.
        env: the environment.
        output: the descriptors of standard output and error.
        fd: a descriptor that the command inherits, whose number follows `--fd`.
    """

    def __init__(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        output: tuple[int, int] = (1, 2),
        fd: int | None = None,
    ) -> None:
        self._process = _context.Process(target=_Command(words, env, output, fd))
        self._process.start()
        self.pid = cast(int, self._process.pid)

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self._process.exitcode

    def send_signal(self, how: int) -> None:
        """Send a signal to the process, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, how)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the process to exit and return its exit status."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f"it has not ended in {timeout} s")
        return self._process.exitcode


class _Command:
    """The work of a forked process; its descriptors travel with it."""

    def __init__(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        output: tuple[int, int],
        fd: int | None,
    ) -> None:
        self._words, self._env, self._output, self._fd = [*words], dict(env), output, fd

    def __getstate__(self) -> dict[str, Any]:
        fd = None if self._fd is None else DupFd(self._fd)
        return {**vars(self), "_output": [DupFd(one) for one in self._output], "_fd": fd}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for own, sent in enumerate(state["_output"], 1):
            fd = sent.detach()
            os.dup2(fd, own)
            os.close(fd)
        if self._fd is not None:
            self._words[self._words.index("--fd") + 1] = str(state["_fd"].detach())

    def __call__(self) -> None:
        os.environ.clear()
        os.environ.update(self._env)
        sys.argv = ["coskit", *self._words]
        main()
