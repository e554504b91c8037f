"""Standard input, standard output and pipes as one side of a transfer."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.transfers.options import ContentOptions
from coskit.cli.transfers.plan import Place, is_folder
from coskit.cli.transfers.run.bar import TransferBar, can_move

if TYPE_CHECKING:
    from coskit import Client


def upload_stream(
    client: "Client", source: str, destination: Place, options: ContentOptions
) -> int:
    """Upload standard input, for `-`, or a pipe; return the exit status.

    Raises:
        typer.BadParameter: the destination is not a key.
    """
    if not isinstance(destination, CosLocation) or is_folder(destination):
        raise typer.BadParameter(f"{destination} names no key for what is read")
    if options.dry_run:
        print(f"(dry run) upload: {source} to {destination}")
        return 0
    arguments = _of_stream(options, "upload")
    with TransferBar(is_shown=can_move(quiet=options.quiet)) as bar:
        arguments["progress_callback"] = bar.progress
        place = destination.bucket, destination.key
        if source == "-":
            client.upload_stream(*place, sys.stdin.buffer, **arguments)
        else:
            with Path(source).open("rb", buffering=0) as file:
                client.upload_stream(*place, file, **arguments)
    return 0


def download_stream(
    client: "Client", source: Place, destination: str, options: ContentOptions, version: str
) -> int:
    """Write an object to standard output, for `-`, or to a pipe or device.

    Raises:
        typer.BadParameter: the source is not a key.
    """
    if not isinstance(source, CosLocation) or is_folder(source):
        raise typer.BadParameter(f"{source} is not an object, such as cos://bucket/key")
    if options.dry_run:
        print(f"(dry run) download: {source} to {destination}", file=sys.stderr)
        return 0
    arguments = _of_stream(options, "download")
    # A bar would stand between the lines of the content.
    is_shown = can_move(quiet=options.quiet) and not sys.stdout.isatty()
    with TransferBar(is_shown=is_shown) as bar:
        arguments |= {"progress_callback": bar.progress, "VersionId": version}
        place = source.bucket, source.key
        if destination == "-":
            client.download_fileobj(*place, sys.stdout.buffer, **arguments)
            sys.stdout.buffer.flush()
        else:
            client.download_file(*place, destination, **arguments)
    return 0


def _of_stream(options: ContentOptions, kind: str) -> dict[str, Any]:
    """Return the arguments of a transfer in order."""
    of_trees = ("GuessContentType", "FollowSymlinks")
    found = options.each_file(kind)
    return {name: value for name, value in found.items() if name not in of_trees}
