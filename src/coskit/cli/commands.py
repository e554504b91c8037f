"""The subcommands of `coskit`, and the text of their errors."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import coskit
from coskit.cli import admin
from coskit.cli.dataclass_command import with_options
from coskit.cli.serve_options import ServeOptions

app = typer.Typer(
    help="Tencent COS object storage: a client and a server of your own.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # drawing boxes around the help takes a third of its time
)
app.add_typer(admin.app, name="admin")
# The base class of usage errors; it is click's or typer's own, depending on typer's version.
UsageError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Tencent COS object storage: a client and a server of your own."""
    if show:
        print(coskit.__version__)
        raise typer.Exit


def serve(options: ServeOptions) -> None:
    """Serve the COS dialect over a directory."""
    from coskit.cli.serve import serve as run  # the server is slow to load

    run(options)


app.command("serve")(with_options(ServeOptions, serve))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option(help="Leave the server running afterwards.")] = False,
    size: Annotated[int, typer.Option(help="Size of the large file in MiB.")] = 256,
) -> None:
    """Put real files into a server, get them back and compare every byte."""
    from coskit.cli.demo import demo as run

    raise typer.Exit(run(keep=keep, size=size))


def run(words: Sequence[str]) -> int:
    """Run the command with these arguments and return the exit status; an error takes one line."""
    try:
        status = typer.main.get_command(app).main(words, "coskit", standalone_mode=False)
    except UsageError as cause:
        error: Any = cause
        print(f"coskit: {' '.join(error.format_message().split())}", file=sys.stderr)
        return int(error.exit_code)
    return status if isinstance(status, int) else 0
