"""The command `coskit`: its subcommands and what they have in common."""

from pathlib import Path
from typing import Annotated

import typer

import coskit
from coskit.cli import admin

app = typer.Typer(
    help="Tencent COS object storage: a client and a server of your own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(admin.app, name="admin")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Tencent COS object storage: a client and a server of your own."""
    if show:
        print(coskit.__version__)
        raise typer.Exit


@app.command()
def serve(
    directory: Annotated[Path, typer.Argument(help="Where everything is kept.")] = Path(
        "coskit-data"
    ),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 9000,
    region: Annotated[str, typer.Option(help="Region that clients see.")] = "ap-local",
    bucket: Annotated[
        list[str] | None, typer.Option(help="Create this bucket; repeatable.")
    ] = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(help="A domain under which a label names a bucket; repeatable."),
    ] = None,
    restore_delay: Annotated[
        list[str] | None,
        typer.Option(help="How long a tier takes to restore, as Standard=2s; repeatable."),
    ] = None,
    lifecycle_interval: Annotated[
        str, typer.Option(help="From one pass over the lifecycle rules to the next.")
    ] = "1h",
    day_length: Annotated[
        str, typer.Option(help="What lifecycle rules take for a day; shorter for tests.")
    ] = "1d",
    quiet: Annotated[bool, typer.Option(help="Print nothing at start.")] = False,
    fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve the COS dialect over a directory."""
    from coskit.cli.serve import serve as run

    buckets, domains, delays = bucket or [], domain or [], restore_delay or []
    run(
        directory,
        host,
        port,
        region,
        buckets,
        domains,
        delays,
        lifecycle_interval,
        day_length,
        quiet=quiet,
        fd=fd,
    )


@app.command()
def demo(
    keep: Annotated[bool, typer.Option(help="Leave the server running afterwards.")] = False,
    size: Annotated[int, typer.Option(help="Size of the large file in MiB.")] = 256,
) -> None:
    """Put real files into a server, get them back and compare every byte."""
    from coskit.cli.demo import demo as run

    raise typer.Exit(run(keep=keep, size=size))


def main() -> None:
    """Run the command; the exit status is 0, 1 (failed), 2 (usage) or 130 (Ctrl-C)."""
    app()
