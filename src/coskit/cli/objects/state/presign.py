"""The command `coskit presign`: a URL with which any program may send one request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import VersionId
from coskit.cli.arguments.locations import argument_key, parse_object
from coskit.cli.arguments.times import parse_duration
from coskit.cli.terminal.lines import print_json

EXAMPLES = """
Print a URL that downloads an object for an hour:
  coskit presign cos://photos-1250000000/a.jpg
Let somebody upload an object for ten minutes:
  coskit presign --method PUT --expires 10m cos://photos-1250000000/inbox/a.jpg
The upload may have only this type, and the sender has to name it:
  coskit presign --method PUT --header 'Content-Type: image/jpeg' cos://photos-1250000000/b.jpg
Save the object under another name:
  coskit presign --param 'response-content-disposition=attachment; filename=b.jpg' cos://photos-1250000000/a.jpg
Use it at once:
  curl "$(coskit presign cos://photos-1250000000/a.jpg)"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignOptions(ClientOptions):
    """The options of `coskit presign`."""

    location: Annotated[str, typer.Argument(metavar="OBJECT", help="The object, existing or not.")]
    method: Annotated[
        Literal["GET", "PUT", "HEAD", "DELETE"],
        typer.Option("--method", "-m", case_sensitive=False, help="Method of the request."),
    ] = "GET"
    expires: Annotated[
        timedelta,
        typer.Option(
            "--expires",
            "-e",
            parser=parse_duration,
            metavar="TIME",
            help="How long the URL is valid, as 10m, 1h, 7d.",
        ),
    ] = "1h"  # type: ignore[assignment] # typer passes the text to the parser
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'NAME: VALUE'", help="Header that the request must have; repeatable."
        ),
    ] = None
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Query parameter of the request; repeatable."),
    ] = None
    version_id: VersionId = None
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the URL, its end and its headers as JSON.")
    ] = False


def presign(options: PresignOptions) -> int:
    """Print a URL that lets any client send one request.

    Nothing is sent, and the object need not exist. The URL is valid until it expires or the keys
    that signed it are disabled.
    """
    location = parse_object(options.location, options.dialect)
    headers = _pairs(options.header or (), ":", "a header such as 'Content-Type: text/plain'")
    params = _pairs(options.param or (), "=", "a parameter such as response-content-type=text/html")
    if options.version_id is not None:
        params["versionId"] = options.version_id
    seconds = int(options.expires.total_seconds())
    if seconds < 1:
        raise typer.BadParameter("--expires is at least one second")
    with options.client() as client:
        url = client.get_presigned_url(
            location.bucket, argument_key(location.key), options.method, seconds, params, headers
        )
    if options.as_json:
        end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
        facts = {"url": url, "method": options.method, "expires": end.isoformat()}
        print_json({**facts, "headers": headers})
    else:
        print(url)
    return 0


def _pairs(texts: Sequence[str], sign: str, example: str) -> dict[str, str]:
    """Return the names and values of an option.

    Raises:
        typer.BadParameter: one of them has no sign between name and value.
    """
    found = {}
    for text in texts:
        name, between, value = text.partition(sign)
        if not (between and name.strip()):
            raise typer.BadParameter(f"{text!r} is not {example}")
        found[name.strip()] = value.strip() if sign == ":" else value
    return found
