"""The dialogue with the scripts of the shells: words in, candidates out, never an error."""

import os
import sys
from collections.abc import Sequence

from coskit.cli.setup.completion.candidate import Candidate, Completion
from coskit.cli.setup.completion.shell_line import ShellLine, bash_text, read_line

# The variable with the name of the shell; the words of the command line are the arguments.
VARIABLE = "_COSKIT_COMPLETE"


def complete_for_shell(arguments: Sequence[str]) -> None:
    """Print what completes a command line.

    The first record is `files` if the shell completes names of files, else `words`. For bash, each
    further record is the text to insert; for zsh three are a candidate: `part` or `whole`, the word
    and its line in the list. These records end with NUL. For fish each is a line, the word and a
    text about it.

    Args:
        arguments: for bash the line up to the cursor and COMP_WORDBREAKS; for the others the words
            behind `coskit`, the last of them the one at the cursor.
    """
    shell = os.environ[VARIABLE]
    try:
        if shell == "bash":
            records = _for_bash(*arguments)
        else:
            found = _complete(arguments[:-1], arguments[-1], shell)
            records = _for_zsh(found) if shell == "zsh" else _for_fish(found)
    except Exception:  # the line that is typed is no place for errors
        return
    end = "\n" if shell == "fish" else "\0"
    text = "".join(f"{record}{end}" for record in records)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()


def _complete(words: Sequence[str], current: str, shell: str) -> Completion:
    from coskit.cli.setup.completion.words import complete_words

    if shell == "fish":
        current = read_line(current).current  # fish passes it as it is typed
    return complete_words(words, current)


def _for_bash(line: str, breaks: str = "") -> list[str]:
    read = read_line(line, breaks)
    words = read.words
    while words and "=" in words[0]:  # variables before the command
        words = words[1:]
    if read.is_file:
        return ["files"]
    found = _complete(words[1:], read.current, "bash")
    return [_mode(found), *(_bash_word(each, read) for each in found.candidates)]


def _bash_word(candidate: Candidate, line: ShellLine) -> str:
    """Return the text that replaces the end of the word; bash closes an open quote by itself."""
    text = bash_text(candidate.value[len(line.kept) :], line.quote)
    return text if candidate.is_part or line.quote else f"{text} "


def _for_zsh(found: Completion) -> list[str]:
    records = [_mode(found)]
    width = max((len(each.value) for each in found.candidates if each.help), default=0)
    for each in found.candidates:
        shown = f"{each.value:{width}}  {each.help}" if each.help else _last_part(each.value)
        records += ["part" if each.is_part else "whole", each.value, shown.replace("\n", "$'\\n'")]
    return records


def _last_part(value: str) -> str:
    """Return the last part of a location; of a folder with its slash."""
    if value.endswith("://"):
        return value
    return value[value.removesuffix("/").rfind("/") + 1 :]


def _for_fish(found: Completion) -> list[str]:
    # A line holds a word and a text about it; a name with a tab or a line break does not fit.
    fitting = [each for each in found.candidates if not {"\t", "\n"} & {*each.value}]
    return [_mode(found), *(f"{each.value}\t{each.help}" for each in fitting)]


def _mode(found: Completion) -> str:
    return "files" if found.files else "words"
