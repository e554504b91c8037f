"""The end of an unfinished multipart upload."""

from contextlib import suppress
from typing import TYPE_CHECKING

from coskit.cli.arguments.locations import argument_key
from coskit.protocol.errors import NoSuchUpload

if TYPE_CHECKING:
    from coskit import Client
    from coskit.types import ListedUpload


def abort_upload(client: "Client", bucket: str, upload: "ListedUpload") -> None:
    """Abort an unfinished upload; one that has ended meanwhile is no failure."""
    with suppress(NoSuchUpload):
        client.abort_multipart_upload(bucket, argument_key(upload["Key"]), upload["UploadId"])
