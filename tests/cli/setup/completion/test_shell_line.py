"""A line that is being typed is read as bash reads it, and what is inserted is read back."""

import shlex
import subprocess

import pytest

from coskit.cli.setup.completion.shell_line import ShellLine, bash_text, read_line

BREAKS = " \t\n\"'@><=;|&(:"
LINES: dict[str, ShellLine] = {
    "": ShellLine((), ""),
    "coskit ": ShellLine(("coskit",), ""),
    "coskit l": ShellLine(("coskit",), "l"),
    "coskit ls cos://b/a": ShellLine(("coskit", "ls"), "cos://b/a", kept="cos:"),
    "coskit ls --region=ap-": ShellLine(("coskit", "ls"), "--region=ap-", kept="--region="),
    "coskit ls cos://b/a\\ b": ShellLine(("coskit", "ls"), "cos://b/a b", kept="cos:"),
    "coskit ls cos://b/a@b": ShellLine(("coskit", "ls"), "cos://b/a@b", kept="cos://b/a"),
    "coskit ls 'cos://b/a b": ShellLine(("coskit", "ls"), "cos://b/a b", "'"),
    'coskit ls cos://b/"a \\"b': ShellLine(("coskit", "ls"), 'cos://b/a "b', '"', "cos://b/"),
    'coskit ls "cos://b/a b"/c': ShellLine(("coskit", "ls"), "cos://b/a b/c"),
    "coskit ls cos://b/$'a\\nb": ShellLine(("coskit", "ls"), "cos://b/a\nb", "$'", "cos://b/"),
    "coskit ls 中/文\\": ShellLine(("coskit", "ls"), "中/文"),
    "coskit cat x > 'a": ShellLine(("coskit", "cat", "x"), "a", "'", is_file=True),
    "coskit cat x 2>a b": ShellLine(("coskit", "cat", "x"), "b"),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_has_words_and_a_word_at_the_cursor(line: str) -> None:
    assert read_line(line, BREAKS) == LINES[line]


NAMES = ["a", "a b", "it's", 'q"q', "$HOME", "`x`", "a\\b", "中文", "-x", "a*?["]
NAMES += ["a\tb\n'c", "~", "#a", "a!b"]


@pytest.mark.parametrize("quote", ["", "'", '"', "$'"])
def test_bash_reads_what_is_inserted(quote: str) -> None:
    words = [f"{quote}{bash_text(name, quote)}{quote[-1:]}" for name in NAMES]
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {' '.join(words)}"], capture_output=True, check=True
    )
    assert done.stdout.decode().split("\0")[:-1] == NAMES


def test_the_reader_agrees_with_bash_on_finished_words() -> None:
    line = "coskit " + " ".join(map(shlex.quote, NAMES))
    assert read_line(f"{line} ").words == ("coskit", *NAMES)
