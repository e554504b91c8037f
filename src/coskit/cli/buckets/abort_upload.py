"""The end of an unfinished multipart upload."""

from contextlib import suppress
from typing import TYPE_CHECKING

from coskit.cli.arguments.locations import argument_key
from coskit.protocol.errors import NoSuchUpload

if TYPE_CHECKING:
    from coskit import Client
    from coskit.protocol.types import ListedUpload


def abort_upload(client: "Client", bucket: str, upload: "ListedUpload") -> None:
    """Abort an unfinished upload; it is no failure if it has ended already."""
    with suppress(NoSuchUpload):
        client.abort_multipart_upload(bucket, argument_key(upload["Key"]), upload["UploadId"])
