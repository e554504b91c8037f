"""Errors that an index or the blobs raise, besides the protocol's errors."""

from coskit.protocol.errors import InternalError, NoSuchKey


class VersionReplaced(NoSuchKey):
    """The version was deleted or replaced after it was looked up; look it up again."""

    wire_code = "NoSuchKey"


class DamagedBlob(InternalError):
    """The bytes of a blob are missing or differ from what was written.

    Attributes:
        blob_id: the blob's id.
        what: a short description of the damage.
    """

    wire_code = "InternalError"

    def __init__(self, blob_id: str, what: str) -> None:
        super().__init__("Stored bytes are damaged.")
        self.blob_id = blob_id
        self.what = what


class CommitError(InternalError):
    """The commit failed; what it wrote may still appear after a crash."""

    wire_code = "InternalError"
