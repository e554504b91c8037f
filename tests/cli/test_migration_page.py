"""The migration page: every command of coskit on it exists and parses."""

import re
import shlex
from pathlib import Path

import pytest

from coskit.cli.arguments.command_set import CommandSet
from coskit.cli.command_table import ENTRIES
from coskit.cli.commands import load

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
COMMANDS = sorted(set(re.findall(r"`coskit ([^`]+)`", PAGE.read_text())))


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_on_the_page_parses(line: str) -> None:
    name, *words = shlex.split(line)
    assert name in ENTRIES, f"there is no command {name}"
    command = load(ENTRIES[name])
    context = command.make_context(name, words)
    if isinstance(command, CommandSet):
        below, inner, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert inner is not None
        inner.make_context(below, rest, parent=context)


def test_the_page_names_every_verb_that_moves_or_shows_objects() -> None:
    verbs = {line.split()[0] for line in COMMANDS}
    assert {"ls", "cp", "mv", "rm", "sync", "cat", "presign", "restore", "config"} <= verbs
