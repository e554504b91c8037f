"""Standard input, standard output and pipes as one side of a transfer."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.terminal.lines import print_json
from coskit.cli.transfers.options import ContentOptions
from coskit.cli.transfers.plan import Place, is_folder
from coskit.cli.transfers.run.bar import TransferBar, can_move
from coskit.cli.transfers.run.display import action_line
from coskit.cli.transfers.run.runner import INTERRUPTED

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
        raise typer.BadParameter(
            f"{destination} names no key: what is read from a pipe has no name of its own"
        )
    from coskit.client.directory.sync_request import upload_request

    facts: dict[str, Any] = {"type": "upload", "source": source, "target": str(destination)}
    if options.dry_run:
        facts["dry_run"] = True
        print_json(facts) if options.as_json else print(action_line(facts))
        return 0
    arguments = upload_request(_of_stream(options, "upload"), destination.key)
    with TransferBar(is_shown=can_move(quiet=_is_silent(options))) as bar:
        arguments["progress_callback"] = bar.progress
        place = destination.bucket, destination.key
        try:
            if source == "-":
                client.upload_stream(*place, sys.stdin.buffer, **arguments)
            else:
                with Path(source).open("rb", buffering=0) as file:
                    client.upload_stream(*place, file, **arguments)
        except KeyboardInterrupt:
            return _interrupted("nothing was stored, because a stream cannot be read again")
    if options.as_json:
        print_json(facts | {"size": bar.transferred})
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
    is_shown = can_move(quiet=_is_silent(options)) and not sys.stdout.isatty()
    with TransferBar(is_shown=is_shown) as bar:
        arguments |= {"progress_callback": bar.progress, "VersionId": version}
        place = source.bucket, source.key
        try:
            if destination == "-":
                client.download_fileobj(*place, sys.stdout.buffer, **arguments)
                sys.stdout.buffer.flush()
            else:
                client.download_file(*place, destination, **arguments)
        except KeyboardInterrupt:
            return _interrupted("the output is not complete")
    return 0


def _interrupted(consequence: str) -> int:
    print(f"coskit: interrupted; {consequence}", file=sys.stderr)
    return INTERRUPTED


def _is_silent(options: ContentOptions) -> bool:
    return bool(options.quiet or options.as_json or options.verbose)


def _of_stream(options: ContentOptions, kind: str) -> dict[str, Any]:
    """Return the arguments of a transfer in order."""
    found = options.each_file(kind)
    found.pop("FollowSymlinks", None)
    return found
