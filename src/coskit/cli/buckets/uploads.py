"""The command `coskit uploads`: unfinished multipart uploads, listed and aborted."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli.arguments.ages import OlderThan, short_age
from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.command_set import command_set
from coskit.cli.arguments.flags import AsJsonLines, DryRun, Human, Raw, Yes
from coskit.cli.arguments.locations import CosLocation, argument_key, glob_regex, parse_location
from coskit.cli.buckets.abort_upload import abort_upload
from coskit.cli.objects.selection.concurrent_calls import run_each
from coskit.cli.terminal.confirm import confirm
from coskit.cli.terminal.failures import FailureList
from coskit.cli.terminal.lines import human_size, local_time, moment, print_json, shown_name

if TYPE_CHECKING:
    from coskit import Client
    from coskit.protocol.types import ListedUpload

EXAMPLES = """
List the unfinished uploads of a bucket:
  coskit uploads cos://photos-1250000000
List them in a folder with the size of their parts, for people:
  coskit uploads --parts -h cos://photos-1250000000/2026/
Abort all that began more than a week ago:
  coskit uploads abort --older-than 7d cos://photos-1250000000
Abort one:
  coskit uploads abort cos://photos-1250000000/a.zip --id 1585130821cbb7df1d11846c
Show what would be aborted:
  coskit uploads abort --dry-run 'cos://photos-1250000000/tmp/*.part'
"""
Location = Annotated[
    str, typer.Argument(metavar="LOCATION", help="A bucket, the beginning of keys, or a pattern.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadsLsOptions(ClientOptions):
    """The options of `coskit uploads ls`."""

    location: Location
    older_than: OlderThan = None
    parts: Annotated[
        bool, typer.Option("--parts", help="Print the number and the size of the parts too.")
    ] = False
    human: Human = False
    raw: Raw = False
    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadsAbortOptions(ClientOptions):
    """The options of `coskit uploads abort`."""

    location: Location
    upload_id: Annotated[
        str | None, typer.Option("--id", help="Id of the only upload to abort.")
    ] = None
    older_than: OlderThan = None
    raw: Raw = False
    dry_run: DryRun = False
    yes: Yes = False
    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True)
class _UploadSize:
    """The parts that an upload has."""

    count: int
    size: int


def ls(options: UploadsLsOptions) -> int:
    """List unfinished uploads, with their age and id.

    Their parts are stored and paid for until the uploads are completed or aborted.
    """
    location = _parsed(options.location, options.dialect)
    with options.client() as client:
        found = _uploads(client, location, options.older_than, raw=options.raw)
        if not options.parts:
            for upload in found:
                _print(upload, None, options)
            return 0
        failures = FailureList()
        sized = run_each(found, lambda upload: _size(client, location.bucket, upload))
        for done in sized:
            if done.error is not None:
                failures.add(str(location.with_key(done.item["Key"])), done.error)
            else:
                _print(done.item, done.result, options)
        return failures.report()


def abort(options: UploadsAbortOptions) -> int:
    """Abort the uploads that `coskit uploads ls` lists for a location.

    Their parts are deleted. On a terminal it asks before; in a pipe it needs --yes.
    """
    location = _parsed(options.location, options.dialect)
    failures = FailureList()
    with options.client() as client:
        found = list(_uploads(client, location, options.older_than, raw=options.raw))
        if options.upload_id is not None:
            found = [each for each in found if each["UploadId"] == options.upload_id]
            if not found:
                failures.add(str(location), f"there is no upload {options.upload_id}")
        if options.dry_run or not found:
            for upload in found:
                _print_abort(location, upload, "would abort", options)
            return failures.report()
        what = "1 unfinished upload" if len(found) == 1 else f"{len(found)} unfinished uploads"
        if not confirm(f"Abort {what} in {location}?", yes=options.yes):
            return 1
        for done in run_each(found, lambda upload: abort_upload(client, location.bucket, upload)):
            if done.error is not None:
                failures.add(str(location.with_key(done.item["Key"])), done.error)
            else:
                _print_abort(location, done.item, "aborted", options)
    return failures.report()


def _parsed(text: str, dialect: Any) -> CosLocation:
    location = parse_location(text, dialect)
    if not location.bucket:
        raise typer.BadParameter("name a bucket, such as cos://photos-1250000000")
    return location


def _uploads(
    client: "Client", location: CosLocation, limit: datetime | None, *, raw: bool
) -> Iterator["ListedUpload"]:
    """Yield the uploads at a location that began before a moment."""
    is_pattern = location.is_pattern and not raw
    matches = glob_regex(location.key).fullmatch
    prefix = location.literal_prefix if is_pattern else location.key
    for upload in client.iter_uploads(location.bucket, Prefix=argument_key(prefix)):
        if limit is not None and moment(upload["Initiated"]) > limit:
            continue
        if not is_pattern or matches(upload["Key"]):
            yield upload


def _size(client: "Client", bucket: str, upload: "ListedUpload") -> _UploadSize:
    found = _UploadSize(0, 0)
    key = argument_key(upload["Key"])
    for part in client.iter_parts(bucket, key, upload["UploadId"]):
        found = replace(found, count=found.count + 1, size=found.size + int(part["Size"]))
    return found


def _print(upload: "ListedUpload", parts: _UploadSize | None, options: UploadsLsOptions) -> None:
    began = upload["Initiated"]
    if options.as_json:
        sizes = {} if parts is None else {"parts": parts.count, "size": parts.size}
        print_json({**_facts("upload", upload), "began": began, **sizes})
        return
    columns = [local_time(began), f"{short_age(moment(began)):>8}"]
    if parts is not None:
        size = human_size(parts.size) if options.human else str(parts.size)
        columns += [f"{parts.count:>5} {'part ' if parts.count == 1 else 'parts'}", f"{size:>12}"]
    print("  ".join((*columns, upload["UploadId"], shown_name(upload["Key"]))))


def _print_abort(
    location: CosLocation, upload: "ListedUpload", what: str, options: UploadsAbortOptions
) -> None:
    if options.as_json:
        print_json({**_facts(what, upload)})
    else:
        name = shown_name(str(location.with_key(upload["Key"])))
        print(f"{what} {name} {upload['UploadId']}")


def _facts(kind: str, upload: "ListedUpload") -> dict[str, Any]:
    return {"type": kind, "key": upload["Key"], "upload_id": upload["UploadId"]}


app = command_set("uploads", "List and abort unfinished multipart uploads.", EXAMPLES, ls, abort)
