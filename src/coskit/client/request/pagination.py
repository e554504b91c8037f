"""The mark of a listing's next page; a listing that would never end is refused."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from coskit.protocol.errors import CosClientError
from coskit.protocol.messages import encode_text

Mark = TypeVar("Mark")
_BEGINNING = ("", 0, ("", ""))  # the markers before a listing's first entry


def next_mark(page: Mapping[str, Any], here: Mark, there: Mark) -> Mark | None:
    """Return the mark of the next page, or None if this was the last one.

    Args:
        page: the result of the listing.
        here: the mark that the page began after.
        there: the mark that the page gives for the next one.

    Raises:
        CosClientError: the listing continues, but at no mark or at one that it has passed.
    """
    if page["IsTruncated"].strip().lower() != "true":
        return None
    if there == here or there in _BEGINNING:
        raise CosClientError("The listing is cut off and does not say where it goes on")
    return there


def field_of(entry: Mapping[str, Any], name: str) -> str:
    """Return a field that each entry of a listing has.

    Raises:
        CosClientError: the entry lacks the field.
    """
    value: str | None = entry.get(name)
    if value is None:
        raise CosClientError(f"An entry of the listing has no {name}")
    return value


# A page that gives no mark continues after its last entry.


def next_key(page: Mapping[str, Any]) -> str:
    """Return the key or prefix after which a listing of objects continues.

    Raises:
        CosClientError: an entry of the page has no key or prefix.
    """
    marker: str | None = page.get("NextMarker")
    if marker:
        return marker
    keys = [field_of(entry, "Key") for entry in page.get("Contents", ())]
    prefixes = [field_of(entry, "Prefix") for entry in page.get("CommonPrefixes", ())]
    return max([*keys, *prefixes], key=encode_text, default="")


def next_version(page: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and version id after which a listing of versions continues.

    Raises:
        CosClientError: the last entry of the page has no key.
    """
    if page.get("NextKeyMarker"):
        return page["NextKeyMarker"], page.get("NextVersionIdMarker") or ""
    order: Sequence[str] = page.get("Order", ())
    return _mark(page[order[-1]][-1], "VersionId") if order else ("", "")


def next_upload(page: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and upload id after which a listing of uploads continues.

    Raises:
        CosClientError: the last entry of the page has no key.
    """
    if page.get("NextKeyMarker"):
        return page["NextKeyMarker"], page.get("NextUploadIdMarker") or ""
    uploads: Sequence[Mapping[str, Any]] = page.get("Upload", ())
    return _mark(uploads[-1], "UploadId") if uploads else ("", "")


def next_part(page: Mapping[str, Any]) -> int:
    """Return the part number after which a listing of parts continues.

    Raises:
        CosClientError: the mark or the last entry of the page has no part number.
    """
    marker = str(page.get("NextPartNumberMarker") or "").strip()
    parts: Sequence[Mapping[str, Any]] = page.get("Part", ())
    if not marker and not parts:
        return 0
    number = marker or field_of(parts[-1], "PartNumber").strip()
    if not (number.isascii() and number.isdigit()):
        raise CosClientError(f"The listing continues after part {number!r}, which is not a number")
    return int(number)


def _mark(entry: Mapping[str, Any], name: str) -> tuple[str, str]:
    return field_of(entry, "Key"), entry.get(name) or ""
