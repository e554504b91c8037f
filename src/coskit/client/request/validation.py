"""Validate and normalise the parameters of operations."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from coskit.client.settings.argument_checks import HTTPMethod
from coskit.protocol.codec.copy_source import check_source
from coskit.protocol.codec.xml.document import items
from coskit.protocol.codec.xml.strict import nearest
from coskit.protocol.errors import ParameterError
from coskit.protocol.model import Operation

_ACLS = ("PutBucketAcl", "PutObjectAcl")
_OF_PLACE = ("Bucket", "Key", "VersionId")
_METHODS = get_args(HTTPMethod)
# The vendor's PUT Bucket logging: an empty one turns it off.
_MAY_BE_EMPTY = ("BucketLoggingStatus",)
_WRITE_CONDITIONS = ("IfMatch", "IfNoneMatch", "ForbidOverwrite")


def normalise(operation: Operation, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the parameters with their keys as they are addressed.

    One leading slash of a key is dropped in every parameter, as the vendor's SDK does in URLs.

    Args:
        operation: the row of the table.
        params: the parameters as the program gave them.
        region: the region of a copy's source that has none.

    Raises:
        ParameterError: a key is empty, or a document lacks a required part.
    """
    normal = dict(params)
    if "Key" in normal:
        normal["Key"] = checked_key(normal["Key"])
    if normal.get("CopySource") is not None:
        normal["CopySource"] = _source(normal["CopySource"], region)
    if "Delete" in normal:
        normal["Delete"] = _deletion(normal["Delete"])
    if operation.has_document:
        _refuse_empty(operation, normal)
    if "MultipartUpload" in normal:
        normal["MultipartUpload"] = _completion(normal["MultipartUpload"])
    if operation.name in _ACLS:
        _check_acl(operation, normal)
    if isinstance(normal.get("InventoryConfiguration"), Mapping):
        # The service wants the name in both places.
        normal["InventoryConfiguration"] = {
            "Id": normal["Id"],
            **normal["InventoryConfiguration"],
        }
    if operation.listing:
        # Keys may hold what XML cannot carry, so they always travel percent-encoded.
        if normal.get("EncodingType") not in ("", None, "url"):
            raise ParameterError("EncodingType must be '' or 'url'")
        normal["EncodingType"] = "url"
    return normal


def is_repeatable(operation: Operation, params: Mapping[str, Any]) -> bool:
    """Return whether sending a call twice has the same effect as sending it once.

    A conditional write that succeeded is refused the second time, and its success would be lost.
    """
    if not operation.idempotent or operation.method in ("GET", "HEAD"):
        return operation.idempotent
    return all(params.get(name) is None for name in _WRITE_CONDITIONS)


def checked_key(key: Any, name: str = "Key") -> str:
    """Return a key without its one leading slash.

    Args:
        key: the key as the program gave it.
        name: the name of the parameter.

    Raises:
        ParameterError: the key is no text or empty; an empty key would address the bucket itself.
    """
    if not isinstance(key, str):
        raise ParameterError(f"{name} must be text, not {type(key).__name__}")
    stripped: str = key.removeprefix("/")
    if not stripped:
        raise ParameterError(f"{name} is empty")
    return stripped


def checked_method(method: Any) -> str:
    """Return an HTTP method in upper case.

    Raises:
        ParameterError: the service has no request with this method.
    """
    upper = method.upper() if isinstance(method, str) else ""
    if upper not in _METHODS:
        raise ParameterError(f"Method must be one of {', '.join(_METHODS)}, not {method!r}")
    return upper


def checked_lifetime(seconds: Any) -> int:
    """Return the lifetime of a signature in seconds.

    Raises:
        ParameterError: the lifetime is no whole number, or less than one.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1:
        raise ParameterError(f"Expired must be a number of seconds, 1 or more, not {seconds!r}")
    return seconds


def checked_fields(name: str, fields: Any) -> dict[str, str]:
    """Return headers or query parameters that are to be signed, an empty dict for None.

    Args:
        name: the name of the argument.
        fields: the argument as the program gave it.

    Raises:
        ParameterError: the argument is no dict, or holds values other than text and numbers.
    """
    if fields is None:
        return {}
    if not isinstance(fields, Mapping):
        raise ParameterError(f"{name} must be a dict, not {type(fields).__name__}")
    for field, value in fields.items():
        if not isinstance(field, str) or isinstance(value, bool | None):
            raise ParameterError(
                f"{name} contains {field!r}: {value!r}; names and values must be text"
            )
        if not isinstance(value, str | int):
            raise ParameterError(
                f"{name} contains {field!r}: {value!r}; names and values must be text"
            )
    return {field: str(value) for field, value in fields.items()}


def checked_bucket(bucket: Any) -> str:
    """Return a bucket's name, which the signer checks further.

    Raises:
        ParameterError: the name is no text.
    """
    if not isinstance(bucket, str):
        raise ParameterError(f"Bucket must be text, not {type(bucket).__name__}")
    return bucket


def unknown_parameter(operation: Operation, names: Iterable[str]) -> ParameterError:
    """Return the error for parameters that an operation does not have."""
    name = sorted(names)[0]
    close = nearest(name, [param.name for param in operation.params])
    hint = f"; did you mean {close}?" if close else ""
    return ParameterError(
        f"No Parameter Named {name} Please Check It ({operation.function} has none{hint})"
    )


def _refuse_empty(operation: Operation, params: Mapping[str, Any]) -> None:
    """Refuse an empty document."""
    for param in operation.params:
        if param.place != "xml" or not param.required or param.name in _MAY_BE_EMPTY:
            continue
        if params.get(param.name) == {}:
            raise ParameterError(f"{param.name} is empty")


def _check_acl(operation: Operation, params: dict[str, Any]) -> None:
    """Refuse a call without any part of an ACL, which would reset the ACL."""
    if not any(value for name, value in params.items() if name not in _OF_PLACE):
        raise ParameterError(f"{operation.function} needs ACL, a grant or AccessControlPolicy")
    _put_back(params)


def _put_back(params: dict[str, Any]) -> None:
    """Remove from an ACL that a response returned the fields that are no part of the ACL.

    Raises:
        ParameterError: the two lists of grants differ, so that the intended one is unknown.
    """
    policy = params.get("AccessControlPolicy")
    if not isinstance(policy, Mapping) or "CannedACL" not in policy:
        return
    grants = items(policy.get("AccessControlList"), "Grant")
    if "Grant" in policy and list(items(policy, "Grant")) != list(grants):
        raise ParameterError(
            "Grant repeats AccessControlList.Grant, which is what counts: they differ"
        )
    besides = ("CannedACL", "Grant", "Connection", "Date", "ETag", "Server", "Vary", "Via")
    params["AccessControlPolicy"] = {
        name: value for name, value in policy.items() if "-" not in name and name not in besides
    }
    if policy.get("x-cos-acl") == "default" and not grants:
        # As a document it would be an ACL without any grant.
        del params["AccessControlPolicy"]
        params["ACL"] = "default"


def _source(source: Any, region: str) -> dict[str, Any]:
    check_source(source)
    normal = dict(source)
    normal["Key"] = checked_key(source.get("Key"), "CopySource.Key")
    if not normal.get("Endpoint"):
        # A service with an endpoint of its own has no region; it reads only the bucket's label.
        normal["Region"] = source.get("Region") or region or "local"
    return normal


def _deletion(deletion: Any) -> Any:
    """Return the document with its keys as they are addressed; the encoder checks the rest.

    Raises:
        ParameterError: the document has no object, or an object has no key.
    """
    if not isinstance(deletion, Mapping) or not deletion.keys() <= {"Object", "Quiet"}:
        return deletion
    objects = items(deletion, "Object")
    if not objects:
        raise ParameterError(
            "Delete must be {'Object': [{'Key': ...}, ...]} with at least one object"
        )
    keyed = [
        {**item, "Key": checked_key(item.get("Key"))}
        if isinstance(item, Mapping) and _may_be_keyed(item)
        else item
        for item in objects
    ]
    return {**deletion, "Object": keyed}


def _may_be_keyed(item: Mapping[str, Any]) -> bool:
    """Return whether an object has a key, or no field that may be a misspelt key."""
    return "Key" in item or not item.keys() - {"VersionId"}


def _completion(upload: Any) -> Any:
    """Return the document with a list of parts; the encoder checks the rest.

    Raises:
        ParameterError: the document has no part, or a part lacks its number or ETag.
    """
    if not isinstance(upload, Mapping) or not upload.keys() <= {"Part"}:
        return upload
    parts = items(upload, "Part")
    if not parts:
        raise ParameterError("MultipartUpload must be {'Part': [...]} with at least one part")
    for part in parts:
        if not isinstance(part, Mapping) or not part.get("PartNumber") or not part.get("ETag"):
            raise ParameterError("Each part of MultipartUpload needs PartNumber and ETag")
    return {"Part": list(parts)}
