"""Questions before something is deleted or changed."""

import sys

import typer


def confirm(question: str, *, yes: bool) -> bool:
    """Return whether to go on: ask on a terminal, unless the user has agreed before.

    Args:
        question: what would happen, as a question.
        yes: the option `--yes`.

    Raises:
        typer.BadParameter: standard input is not a terminal.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise typer.BadParameter("standard input is not a terminal: add --yes to go on")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        print(file=sys.stderr)  # what follows begins on a line of its own
        raise
    if answer.strip().lower() in ("y", "yes"):
        return True
    print("coskit: nothing was changed", file=sys.stderr)
    return False
