"""The command `coskit acl`: who may do what with objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.command_set import command_set
from coskit.cli.arguments.flags import AsJsonLines, DryRun, Quiet, Raw, Recursive, VersionId
from coskit.cli.arguments.locations import argument_key
from coskit.cli.objects.listing import ListedEntry
from coskit.cli.objects.selection.selected_objects import (
    ObjectLocation,
    change_each,
    is_one_object,
    selected_place,
)
from coskit.cli.objects.state.access_list import AccessList, grant_options, read_access
from coskit.cli.terminal.lines import print_json, shown_name

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Show who may do what with an object:
  coskit acl cos://photos-1250000000/a.jpg
Find the objects in a folder that anyone may read:
  coskit acl -r cos://photos-1250000000/2026/ | grep ^public
Let anyone read every JPEG of a folder:
  coskit acl set 'cos://photos-1250000000/2026/*.jpg' public-read
Let an account read everything in a folder:
  coskit acl set -r cos://photos-1250000000/2026/ --grant-read 100000000011
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AclShowOptions(ClientOptions):
    """The options of `coskit acl show`."""

    location: ObjectLocation
    recursive: Recursive = False
    raw: Raw = False
    version_id: VersionId = None
    as_json: AsJsonLines = False


def _grantees(name: str, does: str) -> Any:
    return typer.Option(name, metavar="ACCOUNT", help=f"Account that may {does}; repeatable.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AclSetOptions(ClientOptions):
    """The options of `coskit acl set`."""

    location: ObjectLocation
    canned: Annotated[
        str | None,
        typer.Argument(
            metavar="[CANNED]",
            help="Canned ACL: private, public-read, or default for the bucket's.",
        ),
    ] = None
    full: Annotated[list[str] | None, _grantees("--grant-full-control", "do everything")] = None
    read: Annotated[list[str] | None, _grantees("--grant-read", "read")] = None
    read_acp: Annotated[list[str] | None, _grantees("--grant-read-acp", "read the ACL")] = None
    write_acp: Annotated[list[str] | None, _grantees("--grant-write-acp", "change the ACL")] = None
    recursive: Recursive = False
    raw: Raw = False
    version_id: VersionId = None
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJsonLines = False


def show(options: AclShowOptions) -> int:
    """Show who may do what with objects.

    Of one object every grant is shown. Of several, each line has the canned ACL that the object's
    is equal to, or custom.
    """
    location = selected_place(options)
    alone = is_one_object(options)

    def read(entry: ListedEntry) -> AccessList:
        return read_access(client, location.bucket, entry.key, options.version_id)

    def print_access(entry: ListedEntry, access: AccessList) -> None:
        if options.as_json:
            print_json({"key": entry.key, **access.facts()})
        elif alone:
            print_list(access)
        else:
            print(f"{access.canned:18}  {shown_name(entry.key)}")

    with options.client() as client:
        return change_each(client, options, read, print_access)


def print_list(access: AccessList) -> None:
    """Print who may do what, one grant a line."""
    print(f"{access.owner:24}  owner")
    for who, what in access.grants:
        print(f"{who:24}  {what}")
    print(f"{'':24}  ({access.canned})")


def set_acl(options: AclSetOptions) -> int:
    """Replace the ACL of objects by a canned one or by grants to accounts."""
    location = selected_place(options)
    wanted = _wanted(options)

    def replace(entry: ListedEntry) -> None:
        if not options.dry_run:
            key = argument_key(entry.key)
            _put(client, location.bucket, key, options.version_id, wanted)

    def print_change(entry: ListedEntry, _: None) -> None:
        what = "would set the ACL of" if options.dry_run else "set the ACL of"
        if options.as_json:
            print_json({"type": what, "key": entry.key})
        elif not options.quiet:
            print(f"{what} {shown_name(str(location.with_key(entry.key)))}")

    with options.client() as client:
        return change_each(client, options, replace, print_change)


def _put(
    client: "Client", bucket: str, key: str, version_id: str | None, wanted: Mapping[str, Any]
) -> None:
    client.put_object_acl(bucket, key, VersionId=version_id, **wanted)


def _wanted(options: AclSetOptions) -> dict[str, str]:
    """Return the options of the request.

    Raises:
        typer.BadParameter: there is neither a canned ACL nor a grant, or both.
    """
    named = {
        "FULL_CONTROL": options.full,
        "READ": options.read,
        "READ_ACP": options.read_acp,
        "WRITE_ACP": options.write_acp,
    }
    grants = [(who, what) for what, accounts in named.items() for who in accounts or ()]
    if bool(grants) == (options.canned is not None):
        raise typer.BadParameter("name a canned ACL, such as public-read, or grants, not both")
    return {"ACL": options.canned} if options.canned is not None else grant_options(grants)


app = command_set("acl", "Show and set who may do what with objects.", EXAMPLES, show, set_acl)
