"""The properties that a copy of an object onto its own key keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import argument_key
from coskit.cli.objects.state.access_list import AccessList, read_access
from coskit.client.user_metadata import metadata
from coskit.protocol.errors import CosClientError, CosServiceError
from coskit.protocol.operations import ACCESS_CONTROL

if TYPE_CHECKING:
    from coskit import Client

# The headers that are stored with an object, and the options that set them.
STORED_HEADERS = {
    "Cache-Control": "CacheControl",
    "Content-Disposition": "ContentDisposition",
    "Content-Encoding": "ContentEncoding",
    "Content-Language": "ContentLanguage",
    "Content-Type": "ContentType",
    "Expires": "Expires",
}
_KINDS = {
    "appendable": "nothing could be appended to it any more",
    "symlink": "it is a symbolic link, and would become a copy of its target",
}
# Properties that no option of a copy sets.
_LOST = {
    "website-redirect-location": "its redirection would be lost",
    "object-lock-mode": "its retention would be lost",
    "object-lock-legal-hold": "its legal hold would be lost",
}
_NO_ACLS = "AccessControlListNotSupported"  # of a bucket in S3 without ACLs: all are private
_ENCRYPTION = "server-side-encryption"


class CopyWouldLose(CosClientError):
    """A copy of an object onto its own key would lose something."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it is before it is copied onto its own key.

    Attributes:
        head: its headers.
        access: its access list.
    """

    head: Mapping[str, Any]
    access: AccessList

    def headers(self) -> dict[str, str]:
        """Return the headers and the user metadata that are stored with it, by their names."""
        return stored_headers(self.head)

    def options(self) -> dict[str, Any]:
        """Return the options of a copy that keep storage class, access and encryption."""
        access = self.access.copy_options()
        found: dict[str, Any] = {"ACL": "private"} if access is None else {**access}
        if storage_class := self._property("storage-class"):
            found["StorageClass"] = storage_class
        if encryption := self._property(_ENCRYPTION):
            is_kms = encryption in ("cos/kms", "aws:kms")
            found["ServerSideEncryption"] = "cos/kms" if is_kms else encryption
            key_id = self._property(
                f"{_ENCRYPTION}-cos-kms-key-id", f"{_ENCRYPTION}-aws-kms-key-id"
            )
            if is_kms and key_id:
                found["SSEKMSKeyId"] = key_id
        return found

    def refuse_link(self) -> None:
        """Refuse a symbolic link, whose copy is one of its target.

        Raises:
            CopyWouldLose: the object is a symbolic link.
        """
        if self._property("object-type") == "symlink":
            raise CopyWouldLose(f"it is not copied onto itself: {_KINDS['symlink']}")

    def refuse_loss(self) -> None:
        """Refuse a copy that would lose something.

        Raises:
            CopyWouldLose: the object is of a kind, or has a property, that a copy has not.
        """
        kind = self._property("object-type")
        reasons = [_KINDS[kind]] if kind in _KINDS else []
        reasons += [text for name, text in _LOST.items() if self._property(name) not in ("", "OFF")]
        if self._property(f"{_ENCRYPTION}-customer-algorithm"):
            reasons.append("it is encrypted with a customer's key, which is not known here")
        if reasons:
            raise CopyWouldLose(f"it is not copied onto itself: {reasons[0]}")

    def _property(self, *names: str) -> str:
        """Return a header of the service, in the name of COS or of S3."""
        plain = {name.lower(): str(value) for name, value in self.head.items()}
        spelled = (f"{start}{name}" for name in names for start in ("x-cos-", "x-amz-"))
        return next((plain[name] for name in spelled if plain.get(name)), "")


def stored_headers(head: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers and the user metadata among the headers of a response."""
    plain = {name.lower(): str(value) for name, value in head.items()}
    found = {name: plain[name.lower()] for name in STORED_HEADERS if name.lower() in plain}
    fields = metadata(head)
    return found | {f"x-cos-meta-{name}": fields[name] for name in sorted(fields)}


def read_headers(client: "Client", bucket: str, key: str, version_id: str | None) -> dict[str, str]:
    """Return the headers and the user metadata of an object."""
    head: Any = client.head_object(bucket, argument_key(key), VersionId=version_id)
    return stored_headers(head)


def read_stored(client: "Client", bucket: str, key: str, version_id: str | None) -> StoredObject:
    """Return an object, or a version of it, as it is."""
    head: Any = client.head_object(bucket, argument_key(key), VersionId=version_id)
    return StoredObject(head, read_access(client, bucket, key, version_id))


def copy_onto_itself(
    client: "Client",
    bucket: str,
    key: str,
    stored: StoredObject,
    headers: Mapping[str, str],
    version_id: str | None = None,
) -> Mapping[str, Any]:
    """Copy an object, or an old version of it, onto its own key; return the result.

    Tags, storage class, access list and encryption are kept. A large object is copied in parts.

    Args:
        client: the client.
        bucket: the bucket.
        key: the key.
        stored: the object as it is.
        headers: the headers and user metadata of the copy.
        version_id: the version that is copied, if not the latest.

    Raises:
        ObjectChanged: the object was replaced during the copy.
    """
    source: Any = {"Bucket": bucket, "Key": argument_key(key)}
    if version_id is not None:
        source["VersionId"] = version_id
    options = stored.options()
    if etag := stored.head.get("ETag"):
        options["CopySourceIfMatch"] = etag
    # A service may refuse a copy of an object onto itself that says it changes nothing.
    options |= _header_options(headers)
    place = (bucket, argument_key(key))
    try:
        result = client.copy(*place, source, "Replaced", **options)
    except CosServiceError as error:
        if error.code != _NO_ACLS:
            raise
        options.pop("ACL", None)
        result = client.copy(*place, source, "Replaced", **options)
    if stored.access.copy_options() is None:
        _put_access(client, bucket, key, stored.access)
    return result


def _header_options(headers: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        STORED_HEADERS[name]: text for name, text in headers.items() if name in STORED_HEADERS
    }
    others = {name: text for name, text in headers.items() if name not in STORED_HEADERS}
    return {**found, "Metadata": others} if others else found


def _put_access(client: "Client", bucket: str, key: str, access: AccessList) -> None:
    """Give an object an access list that no option of a copy expresses."""
    names = {child.tag for child in ACCESS_CONTROL.children}
    policy: Any = {name: value for name, value in access.document.items() if name in names}
    client.put_object_acl(bucket, argument_key(key), policy)
