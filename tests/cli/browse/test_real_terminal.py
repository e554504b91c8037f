"""`coskit browse` as a process on a terminal."""

import os
import sys

from coskit import Client
from tests.cli.conftest import Coskit
from tests.cli.setup.terminal_session import TerminalSession


def test_it_starts_on_a_narrow_terminal_and_ends_at_ctrl_c(
    coskit: Coskit, client: Client, bucket: str
) -> None:
    client.put_object(bucket, b"abc", "docs/there.txt")
    words = (sys.executable, "-m", "coskit", "browse", f"cos://{bucket}/docs/")
    environ = {**os.environ, "TERM": "xterm-256color"}
    with TerminalSession(words, environ, columns=60) as session:
        session.wait_for("there.txt")
        session.type("\x03")
        session.rest(130)
