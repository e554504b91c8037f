"""Questions on a terminal, and secrets from standard input or the environment."""

import getpass
import os
import sys

import typer


def ask(question: str, default: str = "", *, shown: str | None = None) -> str:
    """Return what the user types, or the default for an empty line.

    Args:
        question: the question, without a colon.
        default: the value for an empty line.
        shown: the default as it is shown; None shows the default itself.

    Raises:
        typer.Exit: the input ended.
    """
    hint = default if shown is None else shown
    print(f"{question}{f' [{hint}]' if hint else ''}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        print(file=sys.stderr)
        raise typer.Exit(1)
    return line.strip() or default


def ask_secret(question: str, default: str = "") -> str:
    """Return a secret that the user types, which is not shown, or the default for an empty line."""
    hint = " [keep the present one]" if default else ""
    try:
        return getpass.getpass(f"{question} (not shown){hint}: ", sys.stderr).strip() or default
    except EOFError:
        raise typer.Exit(1) from None


def ask_yes(question: str) -> bool:
    """Return whether the user types yes."""
    return ask(f"{question} [y/N]").lower() in ("y", "yes")


def piped_secret() -> str:
    """Return the first line of standard input.

    Raises:
        typer.BadParameter: there is none.
    """
    secret = sys.stdin.readline().strip()
    if not secret:
        raise typer.BadParameter(
            "the secret is missing: write it to standard input, or name its variable with "
            "--secret-env"
        )
    return secret


def secret_of_variable(name: str, option: str) -> str:
    """Return the value of an environment variable that holds a secret.

    Raises:
        typer.BadParameter: the variable is not set.
    """
    secret = os.environ.get(name, "").strip()
    if not secret:
        raise typer.BadParameter(f"{option}: the variable {name} is not set")
    return secret
