"""The table of commands: each loads, has the help that the table has, and examples that parse."""

import io
import logging
import shlex

import pytest

from coskit.cli.arguments.command_set import CommandSet
from coskit.cli.command_table import ENTRIES
from coskit.cli.commands import load
from tests.cli.conftest import Coskit


@pytest.mark.parametrize("name", ENTRIES)
def test_the_table_has_the_first_line_of_the_help(name: str) -> None:
    command = load(ENTRIES[name])
    assert ENTRIES[name].help == (command.help or "").partition("\n")[0].strip()


@pytest.mark.parametrize("name", [name for name in ENTRIES if name != "admin"])
def test_every_example_is_a_command_that_parses(name: str) -> None:
    command = load(ENTRIES[name])
    examples = [line.strip() for line in command.examples.splitlines() if line.startswith("  ")]
    assert examples, f"{name} has no example"
    for example in examples:
        for words in commands_of(example, name):
            context = command.make_context(name, words, resilient_parsing=False)
            if isinstance(command, CommandSet):
                rest = [*context._protected_args, *context.args]
                below, inner, others = command.resolve_command(context, rest)
                assert inner is not None
                inner.make_context(below, others, parent=context)


def commands_of(example: str, name: str) -> list[list[str]]:
    """Return the arguments of each call of a command in a line for a shell."""
    words = shlex.split(example, comments=True)
    found: list[list[str]] = []
    for place, word in enumerate(words):
        if word == "coskit" and words[place + 1] == name:
            rest = words[place + 2 :]
            end = next(
                (n for n, each in enumerate(rest) if each in ("|", "<", ">", "&&", ";")), None
            )
            found.append(rest[:end])
    return found


UNKNOWN = [
    (["lss"], "There is no command lss. Did you mean ls?"),
    (["frobnicate"], "There is no command frobnicate. See coskit --help."),
    (["ls", "--recursiv"], "No such option: --recursiv"),
    (["cp", "a"], "'SOURCE...'; usage: coskit cp [OPTIONS] SOURCE... DESTINATION\n"),
    (["ls", "a", "b"], "usage: coskit ls [OPTIONS] [LOCATION]\n"),
    (["cp", "a", "b"], "coskit: one side has to be in a bucket"),
    (["cp", "-r", "a\x1b[31m", "cos://b/"], r"coskit: a\x1b[31m does not exist"),
    (["presign", "-m", "POST", "cos://b/k"], "'POST' is not one of GET, PUT, HEAD, DELETE\n"),
]


@pytest.mark.parametrize(("words", "text"), UNKNOWN)
def test_an_unknown_name_is_a_usage_error_with_a_hint(
    coskit: Coskit, words: list[str], text: str
) -> None:
    done = coskit(*words)
    assert done.status == 2
    assert text in done.error
    assert done.error.count("\n") == 1


def test_options_of_the_service_may_stand_before_the_command(coskit: Coskit) -> None:
    done = coskit("--endpoint", "http://127.0.0.1:9", "--region=x", "-v", "ls")
    assert "127.0.0.1:9" in done.error


@pytest.mark.parametrize("words", ["cat cos://b-1250000000/k", "ls", "du cos://b-1250000000"])
def test_without_verbose_a_failure_is_one_line(coskit: Coskit, words: str) -> None:
    root = logging.getLogger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(root, "handlers", [])  # pytest's own hide what a terminal shows
        patch.setattr(logging, "lastResort", logging.StreamHandler(io.StringIO()))
        done = coskit(*words.split(), "--endpoint", "http://127.0.0.1:9")
        assert logging.lastResort is not None
        assert logging.lastResort.stream.getvalue() == ""  # type: ignore[attr-defined]
    assert (done.status, done.error.count("\n")) == (1, 1)
