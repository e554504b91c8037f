"""Command-line tools in Python: each call is a process, forked from one that has the imports."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing.reduction import DupFd
from typing import IO, Any

_context = multiprocessing.get_context("forkserver")


class PythonTool:
    """A tool that is a function of a module.

    Args:
        name: the tool's name.
        module: the module.
        function: the name of the function, which reads `sys.argv` and returns the exit status.
    """

    def __init__(self, name: str, module: str, function: str) -> None:
        self._name, self._module, self._function = name, module, function
        _context.set_forkserver_preload([__name__, module])

    def run(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run the tool and return its output.

        Raises:
            RuntimeError: it failed; contains its output.
        """
        read, write = os.pipe()
        temporary = tempfile.TemporaryFile
        with temporary() as out, temporary() as err, temporary() as ending:
            call = _Call(
                [self._name, *words],
                (self._module, self._function),
                {**os.environ, **(env or {})},
                [read, out.fileno(), err.fileno()],
                ending.fileno(),
            )
            process = _context.Process(target=call)
            process.start()
            os.close(read)
            with suppress(BrokenPipeError), os.fdopen(write, "wb") as body:
                body.write(stdin)
            process.join()
            # The fork server's word for the status gets lost at times; it is 255 then.
            status = int(_content(ending) or process.exitcode or 1)
            process.close()
            output, errors = _content(out), _content(err)
        if status:
            said = (errors + output).decode(errors="replace").strip()
            raise RuntimeError(f"{self._name} {words[0]} exited {status}: {said[-600:]}")
        return output


class _Call:
    """The work of a forked process; its descriptors travel with it."""

    def __init__(
        self,
        words: Sequence[str],
        main: tuple[str, str],
        environment: Mapping[str, str],
        standard: Sequence[int],
        ending: int,
    ) -> None:
        self._words, self._main = words, main
        self._environment, self._standard = environment, standard
        self._ending = ending

    def __getstate__(self) -> dict[str, Any]:
        standard = [DupFd(fd) for fd in self._standard]
        return {**vars(self), "_standard": standard, "_ending": DupFd(self._ending)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._ending = state["_ending"].detach()
        for own, sent in enumerate(state["_standard"]):
            fd = sent.detach()
            os.dup2(fd, own)
            os.close(fd)

    def __call__(self) -> None:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        os.environ.update(self._environment)  # which keeps what the imports have set
        sys.argv = list(self._words)
        module, function = self._main
        status: Any = 1
        try:
            status = getattr(import_module(module), function)()
        except SystemExit as end:
            status = end.code
            raise
        finally:
            sys.stdout.flush()
            number = status if isinstance(status, int) else int(status is not None)
            os.write(self._ending, b"%d" % number)
        sys.exit(number)


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
