"""A program on a terminal of its own: what it shows is read, what a user types is written."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

_SECONDS = 30
# Colours, moves of the cursor and titles.
_CONTROL = re.compile(r"\x1b(\[[0-9;?<>=]*[A-Za-z~]|\][^\x07\x1b]*(\x07|\x1b\\)|[=>()][0-9A-Z]?)")


class TerminalSession:
    """A running program and its terminal.

    Args:
        words: the command line.
        environ: the environment; None keeps that of this process.
        columns: the width of the terminal.
    """

    def __init__(
        self,
        words: Sequence[str],
        environ: Mapping[str, str] | None = None,
        columns: int = 100,
    ) -> None:
        self.shown = ""
        self._terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._process = subprocess.Popen(
            words,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=environ,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inside)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)

    def type(self, text: str) -> None:
        """Type some characters."""
        os.write(self._terminal, text.encode())

    def wait_for(self, text: str) -> str:
        """Wait until some text is shown; return what was shown before and with it."""
        end = time.monotonic() + _SECONDS
        while text not in self.shown:
            assert time.monotonic() < end, f"{text!r} is not in {self.shown!r}"
            assert self._read(), f"the program ended without {text!r}: {self.shown!r}"
        before, found, self.shown = self.shown.partition(text)
        return before + found

    def rest(self, status: int = 0) -> str:
        """Return what is shown until the program ends, with the exit status that is given."""
        while self._read():
            pass
        assert self._process.wait(_SECONDS) == status, self.shown
        return self.shown

    def _read(self) -> bool:
        """Read what there is; return False at the end."""
        select.select([self._terminal], [], [], 1)
        if not select.select([self._terminal], [], [], 0)[0]:
            return True
        try:
            chunk = os.read(self._terminal, 65536)
        except OSError:  # the end of a terminal on Linux
            chunk = b""
        self.shown = _CONTROL.sub("", self.shown + chunk.decode(errors="replace"))
        return bool(chunk)
