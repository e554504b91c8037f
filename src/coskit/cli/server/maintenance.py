"""`coskit admin fsck`, `scrub`, `backup`, `export` and `import`: maintain a server's directory."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli.server.directories import (
    DEFAULT,
    AsJson,
    Directory,
    DirectoryCommand,
    errors_in_one_line,
    moment,
    print_facts,
)

if TYPE_CHECKING:
    import asyncio

    from coskit.server.store.maintenance.findings import Finding
    from coskit.server.store.maintenance.scrub import ScrubRun

AllowNonempty = Annotated[
    bool, typer.Option("--allow-nonempty", help="Also in a directory with other files.")
]
_FLAG = "--allow-nonempty"


def add_to(app: typer.Typer) -> None:
    """Add the maintenance commands to `coskit admin`."""
    for name, command in (
        ("fsck", fsck),
        ("scrub", scrub),
        ("backup", backup),
        ("export", export),
        ("import", import_),
    ):
        app.command(name, cls=DirectoryCommand)(command)


def fsck(
    directory: Directory = DEFAULT,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make good what can be; the server must not run.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Look whether bytes are there, but do not read them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the index with the bytes, both ways; the exit status is 1 if something is wrong."""
    from coskit.server.store.maintenance.fsck import check
    from coskit.server.store.maintenance.fsck import repair as make_good

    repaired: list[Finding] = []
    with errors_in_one_line(directory), _alone(directory) as exclusive:
        if repair and not exclusive:
            raise ValueError("a server uses the directory: stop it, so that it can be repaired")
        if repair:
            repaired, found = make_good(directory, deep=not quick)
        else:
            found = list(check(directory, exclusive=exclusive, deep=not quick))
    if as_json:
        lists = {"repaired": _shown(repaired), "findings": _shown(found)}
        print(json.dumps({"clean": not found, "in_use": not exclusive, **lists}, indent=2))
    else:
        _print_findings("repaired  ", repaired)
        _print_findings("", found)
        print(f"{len(found)} findings" if found else "clean")
    raise typer.Exit(1 if found else 0)


def scrub(directory: Directory = DEFAULT, as_json: AsJson = False) -> None:
    """Read all that is stored, as fast as it goes, and mark what is damaged; exit status 1 then."""
    import asyncio  # slow to load, and unused by the other commands

    with errors_in_one_line(directory):
        run = asyncio.run(_scrub(directory))
    times = {name: moment(getattr(run, name) / 1000) for name in ("began", "ended")}
    marks = ("blobs", "bytes", "pages", "damaged", "damaged_pages")
    print_facts(times | {name: getattr(run, name) for name in marks}, as_json)
    raise typer.Exit(1 if run.damaged or run.damaged_pages else 0)


def backup(
    directory: Directory,
    target: Annotated[Path, typer.Argument(help="Where the copy goes; an earlier one is renewed.")],
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy files that could be linked on one disk.")
    ] = False,
    allow_nonempty: AllowNonempty = False,
    as_json: AsJson = False,
) -> None:
    """Copy a directory as of one moment; the server may run. The copy is checked, and can run."""
    from coskit.server.store.maintenance.backup import back_up
    from coskit.server.store.maintenance.fsck import check
    from coskit.server.workers.served_directory import require_room

    with errors_in_one_line(directory):
        if not allow_nonempty:
            require_room(target, _FLAG)
        done = back_up(directory, target, copying=copy)
        found = list(check(target, exclusive=True))
    print_facts({**asdict(done), "findings": _shown(found)}, as_json)
    raise typer.Exit(1 if found else 0)


def export(
    directory: Directory,
    bucket: Annotated[str, typer.Argument(help="The bucket's full name.")],
    file: Annotated[Path, typer.Argument(help="The archive to make.")],
    as_json: AsJson = False,
) -> None:
    """Write a bucket with all its versions to a tar file; the server may run."""
    from coskit.server.store.maintenance.export import export as write

    with errors_in_one_line(directory):
        moved = write(directory, bucket, file)
    print_facts(asdict(moved), as_json)
    raise typer.Exit(1 if moved.left_out else 0)


def import_(
    directory: Directory,
    file: Annotated[Path, typer.Argument(help="An archive that export has made.")],
    bucket: Annotated[str, typer.Option(help="Another name for the bucket.")] = "",
    allow_nonempty: AllowNonempty = False,
    as_json: AsJson = False,
) -> None:
    """Make a bucket from an archive; repeated, it goes on where it stopped. No server may run."""
    from coskit.server.handlers.buckets.buckets import check_bucket_name
    from coskit.server.store.maintenance.import_archive import import_bucket
    from coskit.server.workers.served_directory import require_room

    with errors_in_one_line(None):
        if not allow_nonempty:
            require_room(directory, _FLAG)
        if bucket:
            check_bucket_name(bucket)
        moved = import_bucket(file, directory, time.time, bucket)
    print_facts(asdict(moved), as_json)


async def _scrub(directory: Path) -> "ScrubRun":
    from coskit.server.store.blobs.files import FileBlobs
    from coskit.server.store.index import database
    from coskit.server.store.index.sqlite import SqliteIndex
    from coskit.server.store.maintenance.scrub import Scrub

    # Beside a running server this is one more writer, which SQLite lets in between its commits.
    index = SqliteIndex(directory / database.FILE)
    try:
        return await Scrub(index, FileBlobs(directory), _in_place).once()
    finally:
        index.close()


def _in_place(call: Any, *args: Any) -> "asyncio.Future[Any]":
    """Run a blocking call at once; the event loop has no other work."""
    import asyncio

    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    try:
        future.set_result(call(*args))
    except Exception as error:
        future.set_exception(error)
    return future


@contextmanager
def _alone(directory: Path) -> Iterator[bool]:
    """Lock the directory if no process has it locked, and yield whether it was locked."""
    from coskit.server.store.blobs.files import lock_directory

    try:
        lock = lock_directory(directory)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(lock)


def _shown(findings: "list[Finding]") -> list[dict[str, Any]]:
    return [
        {
            "kind": finding.kind,
            "subject": finding.subject,
            "what": finding.what,
            "repairable": finding.repair is not None,
        }
        for finding in findings
    ]


def _print_findings(lead: str, findings: "list[Finding]") -> None:
    for finding in findings:
        hint = "  (--repair)" if finding.repair and not lead else ""
        print(f"{lead}{finding.kind:20}  {finding.subject}  {finding.what}{hint}")
