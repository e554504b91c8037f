"""The command `coskit bucket`: the settings of a bucket, shown and changed after a diff."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.command_set import command_set
from coskit.cli.arguments.flags import DryRun, Yes
from coskit.cli.arguments.locations import CosLocation, parse_bucket
from coskit.cli.buckets.documents import as_json, as_xml, print_changes, read_document
from coskit.cli.buckets.overview import print_overview, read_overview
from coskit.cli.buckets.settings import BucketSetting, setting_of
from coskit.cli.objects.state.access_list import access_list, canned_facts
from coskit.cli.terminal.confirm import confirm
from coskit.cli.terminal.failures import FailureList
from coskit.cli.terminal.lines import print_json

if TYPE_CHECKING:
    pass

EXAMPLES = """
Show the settings of a bucket:
  coskit bucket cos://photos-1250000000
Save its lifecycle rules, and set them again after a change:
  coskit bucket get cos://photos-1250000000 lifecycle rules.json
  coskit bucket set cos://photos-1250000000 lifecycle rules.json
Copy the CORS rules of another bucket:
  coskit bucket get cos://a-1250000000 cors | coskit bucket set --yes cos://b-1250000000 cors -
Enable versioning:
  coskit bucket set cos://photos-1250000000 versioning Enabled
Set tags and the default encryption:
  coskit bucket set cos://photos-1250000000 tags project=apollo owner=li
  coskit bucket set cos://photos-1250000000 encryption AES256
Show what would be removed, and remove it:
  coskit bucket rm --dry-run cos://photos-1250000000 policy
  coskit bucket rm cos://photos-1250000000 policy
"""
Bucket = Annotated[str, typer.Argument(metavar="BUCKET", help="The bucket, as cos://NAME-APPID.")]
Setting = Annotated[
    str,
    typer.Argument(
        metavar="SETTING",
        help="versioning, acl, encryption, tags, cors, lifecycle, policy, website, logging, "
        "referer, replication, origin, domain, tiering or object-lock.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketShowOptions(ClientOptions):
    """The options of `coskit bucket show`."""

    bucket: Bucket
    as_json: Annotated[bool, typer.Option("--json", help="Print every document as JSON.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketGetOptions(ClientOptions):
    """The options of `coskit bucket get`."""

    bucket: Bucket
    setting: Setting
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="The file to write, - for standard output.")
    ] = "-"
    xml: Annotated[bool, typer.Option("--xml", help="Write the service's XML, not JSON.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSetOptions(ClientOptions):
    """The options of `coskit bucket set`."""

    bucket: Bucket
    setting: Setting
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="VALUE...",
            help="A file with JSON or XML, - for standard input, or words such as Enabled.",
        ),
    ]
    dry_run: DryRun = False
    yes: Yes = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRmOptions(ClientOptions):
    """The options of `coskit bucket rm`."""

    bucket: Bucket
    setting: Setting
    dry_run: DryRun = False
    yes: Yes = False


def show(options: BucketShowOptions) -> int:
    """Show the settings of a bucket.

    Settings that few buckets have, such as a website, are shown if the bucket has them. --json
    prints the documents themselves, with null for what is not set.
    """
    place = parse_bucket(options.bucket, options.dialect)
    failures = FailureList()
    with options.client() as client:
        found = read_overview(client, place, failures)
    if options.as_json:
        print_json(found)
    else:
        print_overview(found)
    return failures.report()


def get_setting(options: BucketGetOptions) -> int:
    """Write the document of a setting to a file or to standard output.

    The exit status is 1 if the bucket has no such setting.
    """
    place, setting = _named(options)
    with options.client() as client:
        document = setting.read(client, place.bucket)
    if document is None:
        failures = FailureList()
        failures.add(str(place), f"{setting.name} is not set")
        return failures.report()
    text = as_xml(setting, document) if options.xml else as_json(setting, document)
    if options.file == "-":
        print(text, end="")
    else:
        Path(options.file).write_text(text, encoding="utf-8")
    return 0


def set_setting(options: BucketSetOptions) -> int:
    """Replace a setting by a document in a file, or by words.

    The difference is printed first. On a terminal it asks before it changes anything; in a pipe it
    needs --yes. If nothing differs, nothing is sent.
    """
    place, setting = _named(options)
    by_words = setting.of_words(options.values)
    wanted = read_document(setting, options.values[0]) if by_words is None else by_words
    with options.client() as client:
        present = setting.read(client, place.bucket)
        if setting.noun == "Acl" and by_words is not None:
            access = access_list(present or {})
            before = _pretty(access.facts())
            after = _pretty(canned_facts(access.owner, str(by_words["ACL"])))
            change = partial(client.put_bucket_acl, place.bucket, ACL=by_words["ACL"])
        else:
            before, after = as_json(setting, present), as_json(setting, wanted)
            change = partial(setting.write, client, place.bucket, wanted)
        return _change(f"{place} {setting.name}", before, after, change, options)


def rm_setting(options: BucketRmOptions) -> int:
    """Remove a setting.

    The document that goes is printed first. On a terminal it asks before; in a pipe it needs --yes.
    """
    place, setting = _named(options)
    if not setting.is_removable:
        raise typer.BadParameter(
            f"{setting.name} cannot be removed, only set: to {setting.values()}"
        )
    with options.client() as client:
        before = as_json(setting, setting.read(client, place.bucket))
        remove = partial(setting.remove, client, place.bucket)
        return _change(f"{place} {setting.name}", before, "", remove, options)


def _named(
    options: BucketGetOptions | BucketSetOptions | BucketRmOptions,
) -> tuple[CosLocation, BucketSetting]:
    return parse_bucket(options.bucket, options.dialect), setting_of(options.setting)


def _change(
    name: str,
    before: str,
    after: str,
    change: Callable[[], object],
    options: BucketSetOptions | BucketRmOptions,
) -> int:
    """Print the difference, ask, and make the change; return the exit status."""
    if before == after:
        print(f"{name} is unchanged")
        return 0
    print_changes(name, before, after)
    if options.dry_run:
        return 0
    if not confirm(f"{'Change' if after else 'Remove'} {name}?", yes=options.yes):
        return 1
    change()
    print(f"{'changed' if after else 'removed'} {name}")
    return 0


def _pretty(facts: Any) -> str:
    return json.dumps(facts, indent=2) + "\n"


app = command_set(
    "bucket",
    "Show and change the settings of a bucket.",
    EXAMPLES,
    show,
    get_setting,
    set_setting,
    rm_setting,
)
