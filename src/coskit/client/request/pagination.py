"""Where a listing goes on after a page, and the refusal of one that would go on for ever."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from coskit.protocol.errors import CosClientError
from coskit.protocol.messages import encode_text

Mark = TypeVar("Mark")
_NOWHERE = ("", 0, ("", ""))  # where a listing begins


def next_mark(page: Mapping[str, Any], here: Mark, there: Mark) -> Mark | None:
    """Return the mark of the next page, or None if this was the last one.

    Args:
        page: the result of the listing.
        here: the mark that it began after.
        there: the mark that it gives for the next one.

    Raises:
        CosClientError: it says that there is more and not where, or where it already was.
    """
    if page["IsTruncated"].strip().lower() != "true":
        return None
    if there == here or there in _NOWHERE:
        raise CosClientError("The listing is cut off and does not say where it goes on")
    return there


# Where a page does not say where the next one begins, its last entry does.


def next_key(page: Mapping[str, Any]) -> str:
    """Return the key or prefix after which a listing of objects goes on."""
    told: str | None = page.get("NextMarker")
    if told:
        return told
    keys = [entry["Key"] for entry in page.get("Contents", ())]
    prefixes = [entry["Prefix"] for entry in page.get("CommonPrefixes", ())]
    return max([*keys, *prefixes], key=encode_text, default="")


def next_version(page: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and version after which a listing of versions goes on."""
    if page.get("NextKeyMarker"):
        return page["NextKeyMarker"], page.get("NextVersionIdMarker") or ""
    order: Sequence[str] = page.get("Order", ())
    return _mark(page[order[-1]][-1], "VersionId") if order else ("", "")


def next_upload(page: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and upload after which a listing of uploads goes on."""
    if page.get("NextKeyMarker"):
        return page["NextKeyMarker"], page.get("NextUploadIdMarker") or ""
    uploads: Sequence[Mapping[str, Any]] = page.get("Upload", ())
    return _mark(uploads[-1], "UploadId") if uploads else ("", "")


def next_part(page: Mapping[str, Any]) -> int:
    """Return the part after which a listing of parts goes on."""
    told = str(page.get("NextPartNumberMarker") or "").strip()
    parts: Sequence[Mapping[str, Any]] = page.get("Part", ())
    return int(told or (parts[-1]["PartNumber"] if parts else 0))


def _mark(entry: Mapping[str, Any], name: str) -> tuple[str, str]:
    return entry["Key"], entry.get(name) or ""
