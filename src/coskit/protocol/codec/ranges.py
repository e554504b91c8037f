"""Range and Content-Range, and the evaluation of the If-* conditions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coskit.protocol.codec.dates import parse_http_date
from coskit.protocol.errors import InvalidArgument, InvalidRange

# The unit is in any case; a list may have empty items around its one range (RFC 9110 14.1, 5.6.1).
_RANGE = re.compile(r"bytes=[\s,]*(\d*)-(\d*)[\s,]*", re.ASCII | re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A range of an object of `total` bytes, from `first` to `last` inclusive."""

    first: int
    last: int
    total: int

    @property
    def length(self) -> int:
        """The number of bytes in the range."""
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        """The Content-Range header."""
        return f"bytes {self.first}-{self.last}/{self.total}"


def parse_range(text: str, total: int) -> ByteRange | None:
    """Return the range in a Range header, or None if the whole object is to be sent.

    Malformed and multiple ranges are ignored, as HTTP allows. The last bytes of an empty object are
    the whole object (RFC 9110 14.1.2).

    Raises:
        InvalidRange: the range starts behind the last byte, or asks for the last 0 bytes.
    """
    found = _RANGE.fullmatch(text.strip())
    if not found or found[1] == found[2] == "":
        return None
    if not found[1]:
        if not total and _number(found[2]):
            return None
        first, last = max(total - _number(found[2]), 0), total - 1
    else:
        first = _number(found[1])
        last = min(_number(found[2]), total - 1) if found[2] else total - 1
        if found[2] and _number(found[2]) < first:
            return None
    if first >= total:
        raise _unsatisfiable(total)
    return ByteRange(first, last, total)


def parse_copy_range(text: str, total: int) -> ByteRange | None:
    """Return the range of a copy source; None, the whole source, if the header is empty.

    Raises:
        InvalidArgument: the header is not of the form `bytes=first-last`.
        InvalidRange: the range reaches past the end of the source.
    """
    if not text:
        return None
    found = _RANGE.fullmatch(text.strip())
    if not found or not found[1] or not found[2] or _number(found[1]) > _number(found[2]):
        raise InvalidArgument("x-cos-copy-source-range is not of the form bytes=first-last")
    first, last = _number(found[1]), _number(found[2])
    if last >= total:
        raise _unsatisfiable(total)
    return ByteRange(first, last, total)


def parse_content_range(text: str) -> ByteRange | None:
    """Return the range in a Content-Range header, or None if it has none of a known total.

    Nothing but the form is checked.
    """
    found = _CONTENT_RANGE.fullmatch(text)
    return ByteRange(*map(int, found.groups())) if found else None


def _number(digits: str) -> int:
    # No object has a length of more than 20 digits, and int() refuses thousands of digits.
    return int(digits.lstrip("0")[:20] or "0")


def _unsatisfiable(total: int) -> InvalidRange:
    return InvalidRange(headers={"Content-Range": f"bytes */{total}"})


def etag_matches(condition: str, etag: str) -> bool:
    """Return whether an If-Match list has an ETag; quotes and `W/` are ignored."""
    wanted = (part.strip().removeprefix("W/").strip('"') for part in condition.split(","))
    return any(part in ("*", etag.strip('"')) for part in wanted)


def if_range_matches(headers: Mapping[str, str], etag: str, modified: int) -> bool:
    """Return whether If-Range allows a partial response: the object has not changed.

    An ETag has to be equal to the object's, a date to its Last-Modified (RFC 9110 13.1.5).

    Args:
        headers: the request's headers, by lower-case name.
        etag: the object's ETag.
        modified: when the object was stored, in milliseconds.
    """
    text = headers.get("if-range", "").strip()
    if not text:
        return True
    if text.startswith(('"', "W/")):
        return text.strip('"') == etag.strip('"')
    since = parse_http_date(text)
    return since == modified // 1000 * 1000 if since is not None else text == etag.strip('"')


def check_conditions(
    headers: Mapping[str, str], etag: str, modified: int, prefix: str = ""
) -> Literal["met", "not modified", "failed"]:
    """Evaluate the If-* headers in the order of RFC 7232; malformed dates are ignored.

    Args:
        headers: the request's headers, by lower-case name.
        etag: the object's ETag.
        modified: when the object was stored, in milliseconds.
        prefix: the prefix of the header names, for the source of a copy.

    Returns:
        "met", "not modified" (an If-None-Match or If-Modified-Since fails) or "failed".
    """
    second = modified // 1000 * 1000
    match = headers.get(f"{prefix}if-match")
    if match:
        if not etag_matches(match, etag):
            return "failed"
    elif text := headers.get(f"{prefix}if-unmodified-since"):
        since = parse_http_date(text)
        if since is not None and second > since:
            return "failed"
    none_match = headers.get(f"{prefix}if-none-match")
    if none_match:
        if etag_matches(none_match, etag):
            return "not modified"
    elif text := headers.get(f"{prefix}if-modified-since"):
        since = parse_http_date(text)
        if since is not None and second <= since:
            return "not modified"
    return "met"
