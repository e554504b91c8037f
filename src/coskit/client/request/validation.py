"""What a caller's parameters are brought to before they are laid out, and what is refused."""

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

    One leading slash of a key is dropped wherever a key stands, as the vendor's SDK does in URLs.

    Args:
        operation: the row.
        params: as the caller gave them.
        region: where a copy's source is, unless it says otherwise.

    Raises:
        ParameterError: a key is empty or a document lacks what it needs.
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
            raise ParameterError("EncodingType is '' or 'url'")
        normal["EncodingType"] = "url"
    return normal


def is_repeatable(operation: Operation, params: Mapping[str, Any]) -> bool:
    """Return whether sending a call twice does what sending it once does.

    A conditional write that succeeded is refused the second time, and its success would be lost.
    """
    if not operation.idempotent or operation.method in ("GET", "HEAD"):
        return operation.idempotent
    return all(params.get(name) is None for name in _WRITE_CONDITIONS)


def checked_key(key: Any, name: str = "Key") -> str:
    """Return a key without its one leading slash.

    Args:
        key: what the caller gave.
        name: of the parameter.

    Raises:
        ParameterError: it is no text or empty: an empty key would address the bucket itself.
    """
    if not isinstance(key, str):
        raise ParameterError(f"{name} is text, not {type(key).__name__}")
    stripped: str = key.removeprefix("/")
    if not stripped:
        raise ParameterError(f"{name} is empty")
    return stripped


def checked_method(method: Any) -> str:
    """Return an HTTP method in upper case.

    Raises:
        ParameterError: no request of the service has it.
    """
    upper = method.upper() if isinstance(method, str) else ""
    if upper not in _METHODS:
        raise ParameterError(f"Method is one of {', '.join(_METHODS)}, not {method!r}")
    return upper


def checked_lifetime(seconds: Any) -> int:
    """Return for how many seconds a signature is to be good.

    Raises:
        ParameterError: it is no whole number, or less than one.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1:
        raise ParameterError(f"Expired is a number of seconds, 1 or more, not {seconds!r}")
    return seconds


def checked_fields(name: str, fields: Any) -> dict[str, str]:
    """Return headers or query parameters that are to be signed; None is none of them.

    Args:
        name: of the argument that holds them.
        fields: as the caller gave them.

    Raises:
        ParameterError: it is no dict, or holds what is neither text nor a number.
    """
    if fields is None:
        return {}
    if not isinstance(fields, Mapping):
        raise ParameterError(f"{name} is a dict, not {type(fields).__name__}")
    for field, value in fields.items():
        if not isinstance(field, str) or isinstance(value, bool | None):
            raise ParameterError(f"{name} holds {field!r}: {value!r}, which is not text for text")
        if not isinstance(value, str | int):
            raise ParameterError(f"{name} holds {field!r}: {value!r}, which is not text for text")
    return {field: str(value) for field, value in fields.items()}


def checked_bucket(bucket: Any) -> str:
    """Return a bucket's name, which whoever addresses it checks further.

    Raises:
        ParameterError: it is no text.
    """
    if not isinstance(bucket, str):
        raise ParameterError(f"Bucket is text, not {type(bucket).__name__}")
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
    """Refuse a document that says nothing."""
    for param in operation.params:
        if param.place != "xml" or not param.required or param.name in _MAY_BE_EMPTY:
            continue
        if params.get(param.name) == {}:
            raise ParameterError(f"{param.name} is empty")


def _check_acl(operation: Operation, params: dict[str, Any]) -> None:
    """Refuse a call that says nothing of the ACL: it would be reset."""
    if not any(value for name, value in params.items() if name not in _OF_PLACE):
        raise ParameterError(f"{operation.function} needs ACL, a grant or AccessControlPolicy")
    _put_back(params)


def _put_back(params: dict[str, Any]) -> None:
    """Take from an ACL that an answer told what the answer has besides.

    Raises:
        ParameterError: its two lists of grants differ, so that nobody knows which is meant.
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
        # As a document it would be an ACL of its own, which gives nobody anything.
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
    """Return the document with its keys as they are addressed; whoever writes it checks the rest.

    Raises:
        ParameterError: it has no object, or one without a key.
    """
    if not isinstance(deletion, Mapping) or not deletion.keys() <= {"Object", "Quiet"}:
        return deletion
    objects = items(deletion, "Object")
    if not objects:
        raise ParameterError("Delete is {'Object': [{'Key': ...}, ...]} with at least one object")
    keyed = [
        {**item, "Key": checked_key(item.get("Key"))}
        if isinstance(item, Mapping) and _may_be_keyed(item)
        else item
        for item in objects
    ]
    return {**deletion, "Object": keyed}


def _may_be_keyed(item: Mapping[str, Any]) -> bool:
    """Return whether an object has a key, or has nothing that is a misspelt one."""
    return "Key" in item or not item.keys() - {"VersionId"}


def _completion(upload: Any) -> Any:
    """Return the document with a list of parts; whoever writes it checks the rest.

    Raises:
        ParameterError: it has no part, or one without what a part needs.
    """
    if not isinstance(upload, Mapping) or not upload.keys() <= {"Part"}:
        return upload
    parts = items(upload, "Part")
    if not parts:
        raise ParameterError("MultipartUpload is {'Part': [...]} with at least one part")
    for part in parts:
        if not isinstance(part, Mapping) or not part.get("PartNumber") or not part.get("ETag"):
            raise ParameterError("Each part of MultipartUpload needs PartNumber and ETag")
    return {"Part": list(parts)}
