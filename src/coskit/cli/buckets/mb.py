"""The command `coskit mb`: new buckets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import Quiet
from coskit.cli.arguments.locations import parse_bucket
from coskit.cli.terminal.failures import FailureList

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Make a bucket:
  coskit mb cos://photos-1250000000
Make two buckets that anyone may read, with versioning:
  coskit mb --acl public-read --versioning cos://a-1250000000 cos://b-1250000000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MbOptions(ClientOptions):
    """The options of `coskit mb`."""

    buckets: Annotated[
        list[str], typer.Argument(metavar="BUCKET", help="One or more, as cos://NAME-APPID.")
    ]
    acl: Annotated[
        str | None, typer.Option(help="Canned ACL, as private, public-read, public-read-write.")
    ] = None
    versioning: Annotated[bool, typer.Option("--versioning", help="Enable versioning.")] = False
    multi_az: Annotated[
        bool, typer.Option("--multi-az", help="Keep the data in several availability zones.")
    ] = False
    quiet: Quiet = False


def mb(options: MbOptions) -> int:
    """Make buckets.

    The exit status is 1 if a bucket was not made; the others are made all the same.
    """
    places = [parse_bucket(text, options.dialect) for text in options.buckets]
    failures = FailureList()
    with options.client() as client:
        for place in places:
            try:
                _make(client, place.bucket, options)
            except Exception as error:  # raised again if it is a defect
                failures.add(str(place), error)
                continue
            if not options.quiet:
                print(f"made {place}")
    return failures.report()


def _make(client: "Client", name: str, options: MbOptions) -> None:
    given: dict[str, Any] = {"ACL": options.acl} if options.acl else {}
    if options.multi_az:
        given["BucketAZConfig"] = "MAZ"
    client.create_bucket(name, **given)
    if options.versioning:
        client.put_bucket_versioning(name, "Enabled")
