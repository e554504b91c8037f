"""A `LocalServer` without the time for imports."""

from collections.abc import Mapping, Sequence
from typing import Any

from coskit.testing import LocalServer
from tests.support.forked_command import ForkedCommand


class ForkedServer(LocalServer):
    """A running `coskit serve` that is forked.

    A test of the process itself, such as of its memory, takes a `LocalServer`.
    """

    def _start(self, command: Sequence[str], fd: int, environment: Mapping[str, str]) -> Any:
        return ForkedCommand(command[command.index("serve") :], environment, fd=fd)
