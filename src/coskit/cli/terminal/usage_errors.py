"""Texts of usage errors: what is wrong with the words of a command line, in one line."""

from typing import Any

from coskit.cli.terminal.lines import printable

_COUNT_ERRORS = ("Missing argument", "Got unexpected extra argument")


def usage_text(error: Any) -> str:
    """Return the text of a usage error of click; a wrong number of arguments adds the usage.

    Args:
        error: the error.
    """
    text = " ".join(error.format_message().split()).removeprefix("Invalid value: ")
    text = text.replace(": Value error, ", ": ")
    if text.startswith(_COUNT_ERRORS) and error.ctx is not None:
        text = f"{text.removesuffix('.')}; usage: {_usage(error.ctx)}"
    return printable(text)


def _usage(context: Any) -> str:
    pieces = " ".join(context.command.collect_usage_pieces(context))
    # typer puts braces around names and dots behind them, even if a name ends with dots.
    plain = pieces.replace("{", "").replace("}", "").replace("......", "...")
    return f"{context.command_path} {plain}"
