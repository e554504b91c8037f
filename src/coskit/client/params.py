"""What a caller's parameters are brought to before they are laid out, and what is refused."""

from collections.abc import Iterable, Mapping
from typing import Any

from coskit.protocol.errors import ParameterError
from coskit.protocol.spec import Operation
from coskit.protocol.xml import items

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
    if "MultipartUpload" in normal:
        normal["MultipartUpload"] = {"Part": _parts(normal["MultipartUpload"])}
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


def checked_key(key: Any) -> str:
    """Return a key without its one leading slash.

    Raises:
        ParameterError: it is no text or empty: an empty key would address the bucket itself.
    """
    if not isinstance(key, str):
        raise ParameterError(f"Key is text, not {type(key).__name__}")
    stripped: str = key.removeprefix("/")
    if not stripped:
        raise ParameterError("Key is empty")
    return stripped


def unknown_parameter(operation: Operation, names: Iterable[str]) -> ParameterError:
    """Return the error for parameters that an operation does not have."""
    import difflib  # slow to load, and only for those who mistype

    name = sorted(names)[0]
    known = [param.name for param in operation.params]
    close = difflib.get_close_matches(name, known, 1, 0.6)
    hint = f"; did you mean {close[0]}?" if close else ""
    return ParameterError(
        f"No Parameter Named {name} Please Check It ({operation.function} has none{hint})"
    )


def _source(source: Any, region: str) -> dict[str, Any]:
    if not isinstance(source, Mapping):
        raise ParameterError("CopySource is a dict with Bucket, Key and Region")
    normal = dict(source)
    normal["Key"] = checked_key(source.get("Key"))
    if not normal.get("Endpoint"):
        # A service with an endpoint of its own has no region; it reads only the bucket's label.
        normal["Region"] = source.get("Region") or region or "local"
    return normal


def _deletion(deletion: Any) -> dict[str, Any]:
    objects = items(deletion, "Object") if isinstance(deletion, Mapping) else ()
    if not objects:
        raise ParameterError("Delete is {'Object': [{'Key': ...}, ...]} with at least one object")
    return {**deletion, "Object": [{**o, "Key": checked_key(o.get("Key"))} for o in objects]}


def _parts(upload: Any) -> list[dict[str, Any]]:
    parts = items(upload, "Part") if isinstance(upload, Mapping) else ()
    if not parts:
        raise ParameterError("MultipartUpload is {'Part': [...]} with at least one part")
    for part in parts:
        if not isinstance(part, Mapping) or not part.get("PartNumber") or not part.get("ETag"):
            raise ParameterError("Each part of MultipartUpload needs PartNumber and ETag")
    return list(parts)
