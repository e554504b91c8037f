"""Questions: an answer that is cut off leaves the cursor on a new line."""

import io
from typing import Any

import pytest

from coskit.cli.terminal.confirm import confirm


class Interrupted(io.StringIO):
    """A terminal where Ctrl-C is pressed."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True

    def readline(self, *_: object) -> Any:
        """Be interrupted."""
        raise KeyboardInterrupt


def test_ctrl_c_at_a_question_ends_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        confirm("Delete it?", yes=False)
    assert capsys.readouterr().err == "Delete it? [y/N] \n"
