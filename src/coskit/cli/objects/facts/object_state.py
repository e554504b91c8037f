"""The state of an object or a bucket, as far as the keys permit reading it."""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import CosLocation, argument_key
from coskit.client.user_metadata import metadata
from coskit.protocol.errors import CosServiceError, NoSuchTagSet

if TYPE_CHECKING:
    from coskit import Client

# Headers that describe the content, and what the service stores beside it.
_CONTENT = (
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Disposition",
    "Cache-Control",
    "Expires",
)
_STATE = {
    "x-cos-version-id": "version_id",
    "x-cos-object-type": "object_type",
    "x-cos-restore": "restore",
    "x-cos-server-side-encryption": "encryption",
    "x-cos-replication-status": "replication",
    "x-cos-bucket-region": "region",
    "x-cos-bucket-az-type": "redundancy",
}


def object_facts(
    client: "Client", place: CosLocation, version_id: str | None = None
) -> dict[str, Any]:
    """Return the facts of an object for JSON; what may not be read is the error's code.

    Raises:
        CosServiceError: the object cannot be read.
    """
    key = argument_key(place.key)
    found: Mapping[str, Any] = client.head_object(place.bucket, key, VersionId=version_id)
    facts = {
        "type": "object",
        "location": str(place),
        "size": int(found["Content-Length"]),
        "modified": _date(str(found.get("Last-Modified") or "")),
        "etag": str(found.get("ETag") or "").strip('"'),
        "crc64": found.get("x-cos-hash-crc64ecma"),
        "storage_class": found.get("x-cos-storage-class") or "STANDARD",
        **_state(found),
        "headers": {name: found[name] for name in _CONTENT if name in found},
        "metadata": dict(sorted(metadata(found).items())),
    }

    def tags() -> Any:
        return _tags(client.get_object_tagging(place.bucket, key, VersionId=version_id))

    def acl() -> Any:
        return _acl(client.get_object_acl(place.bucket, key, VersionId=version_id))

    return facts | {"tags": _permitted(tags), "acl": _permitted(acl)}


def bucket_facts(client: "Client", place: CosLocation) -> dict[str, Any]:
    """Return the facts of a bucket for JSON; what may not be read is the error's code.

    Raises:
        CosServiceError: the bucket does not exist or may not be read.
    """
    name = place.bucket
    facts = {"type": "bucket", "location": str(place), **_state(client.head_bucket(name))}
    readers: dict[str, Callable[[], Any]] = {
        "created": lambda: _created(client, name),
        "versioning": lambda: client.get_bucket_versioning(name).get("Status") or "Off",
        "tags": lambda: _tags(client.get_bucket_tagging(name)),
        "acl": lambda: _acl(client.get_bucket_acl(name)),
    }
    return facts | {fact: _permitted(read) for fact, read in readers.items()}


def _permitted(read: Callable[[], Any]) -> Any:
    """Return what a call returns, or the code of the error with which the service refused it."""
    try:
        return read()
    except NoSuchTagSet:
        return {}
    except CosServiceError as refused:
        if refused.status >= 500 and refused.status != 501:
            raise
        return refused.code


def _state(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {fact: headers[header] for header, fact in _STATE.items() if header in headers}


def _created(client: "Client", name: str) -> str | None:
    """Return the date of a bucket, or None if it belongs to another account."""
    dates = (each.get("CreationDate") for each in client.iter_buckets() if each["Name"] == name)
    return next(dates, None)


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in (found.get("TagSet") or {}).get("Tag", ())}


def _acl(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the owner, the canned ACL if it is one, and the grants."""
    return {
        "owner": (found.get("Owner") or {}).get("ID"),
        "canned": found.get("CannedACL"),
        "grants": [
            {"grantee": _grantee(grant["Grantee"]), "permission": grant["Permission"]}
            for grant in found.get("Grant") or ()
        ],
    }


def _grantee(grantee: Mapping[str, Any]) -> str:
    return str(grantee.get("ID") or grantee.get("URI") or grantee.get("DisplayName") or "")


def _date(text: str) -> str | None:
    """Return the date of a header as a listing spells it."""
    if not text:
        return None
    return parsedate_to_datetime(text).isoformat().replace("+00:00", ".000Z")
