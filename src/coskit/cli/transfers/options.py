"""Options that the commands of transfers share, and their values for the client."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines, DryRun, Quiet, Raw
from coskit.cli.arguments.ordered_filters import (
    Exclude,
    FilteredCommand,
    Include,
    ordered_filters,
)
from coskit.cli.arguments.sizes import parse_size

if TYPE_CHECKING:
    from coskit import Client

_MIB = 1 << 20
_HEADERS = (
    ("storage_class", "StorageClass"),
    ("acl", "ACL"),
    ("content_type", "ContentType"),
    ("cache_control", "CacheControl"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeOptions(ClientOptions):
    """Options of every command that goes through trees."""

    command_class: ClassVar[type] = FilteredCommand

    include: Include = ()  # type: ignore[assignment]
    exclude: Exclude = ()  # type: ignore[assignment]
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJsonLines = False
    raw: Raw = False

    @property
    def filters(self) -> list[tuple[str, str]]:
        """The filters, in the order of the command line."""
        return ordered_filters(self.include, self.exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOptions(TreeOptions):
    """Options of every command that transfers content."""

    storage_class: Annotated[
        str | None, typer.Option(help="Storage class of the new objects, as STANDARD_IA.")
    ] = None
    acl: Annotated[str | None, typer.Option(help="ACL of the new objects, as public-read.")] = None
    meta: Annotated[
        list[str], typer.Option(metavar="NAME=VALUE", help="Metadata of the new objects.")
    ] = ()  # type: ignore[assignment]
    content_type: Annotated[
        str | None, typer.Option(help="Type of the new objects; by default guessed from the name.")
    ] = None
    cache_control: Annotated[
        str | None, typer.Option(help="Cache-Control of the new objects, as max-age=60.")
    ] = None
    part_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Size of the parts of large files, as 8MiB.")
    ] = None
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Files in parallel, and parts of each file.")
    ] = None
    limit_rate: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Bytes a second of all files, as 10MiB.")
    ] = None
    follow_symlinks: Annotated[
        bool, typer.Option("--follow-symlinks/--no-follow-symlinks", help="Follow symbolic links.")
    ] = True

    def transfer_client(self) -> "Client":
        """Return a client with the rate and the number of parallel files of the options."""
        from coskit import TransferSettings

        settings: dict[str, Any] = {}
        if self.limit_rate is not None:
            settings["rate"] = parse_size(self.limit_rate)
            if not settings["rate"]:
                raise typer.BadParameter("--limit-rate must be at least a byte a second")
        if self.concurrency is not None:
            settings["files"] = self.concurrency
        return self.client(transfers=TransferSettings(**settings))

    def each_file(self, kind: str) -> dict[str, Any]:
        """Return the arguments of the client for each file.

        Args:
            kind: `upload`, `download` or `copy`.

        Raises:
            typer.BadParameter: an option does not fit the kind of the transfer.
        """
        arguments: dict[str, Any] = {}
        if self.part_size is not None:
            arguments["PartSize"] = max(-(-parse_size(self.part_size) // _MIB), 1)
        if self.concurrency is not None:
            arguments["MAXThread"] = self.concurrency
        written = self._written()
        if kind == "download" and written:
            raise typer.BadParameter(f"{_flag(written)} is for uploads and copies")
        if kind == "upload":
            arguments["GuessContentType"] = True
            arguments["FollowSymlinks"] = self.follow_symlinks
        elif {*written} & {"ContentType", "CacheControl", "Metadata"}:
            arguments["CopyStatus"] = "Replaced"
        return arguments | written

    def _written(self) -> dict[str, Any]:
        """Return the arguments that describe new objects."""
        found = {argument: getattr(self, name) for name, argument in _HEADERS}
        if self.meta:
            found["Metadata"] = dict(map(_pair, self.meta))
        return {name: value for name, value in found.items() if value is not None}


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise typer.BadParameter(f"--meta is written NAME=VALUE, not {text!r}")
    return f"x-cos-meta-{name.removeprefix('x-cos-meta-')}", value


def _flag(written: dict[str, Any]) -> str:
    names = {argument: name for name, argument in _HEADERS} | {"Metadata": "meta"}
    return "--" + names[next(iter(written))].replace("_", "-")
