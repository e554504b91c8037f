"""The check that a response to GET carries the range that was requested."""

import re
from collections.abc import Mapping

from coskit.protocol.codec.ranges import parse_range
from coskit.protocol.errors import IntegrityError, InvalidRange

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII | re.IGNORECASE)


class RangeIgnored(IntegrityError):
    """The service returned the whole object for a range, as HTTP allows (RFC 9110 14.2)."""

    lasting = True


def check_range(requested: str, status: int, headers: Mapping[str, str]) -> None:
    """Make sure that the response to a GET carries the bytes that were requested.

    Args:
        requested: the Range header of the request, "" for none.
        status: the status of the response.
        headers: the headers of the response.

    Raises:
        RangeIgnored: the response carries the whole object.
        IntegrityError: the response carries other bytes.
    """
    content_range = headers.get("Content-Range")
    if not requested and status == 200 and content_range is None:
        return
    length = headers.get("Content-Length", "")
    size = int(length) if length.isascii() and length.isdigit() else None
    wanted = "".join(requested.split()).lower()
    if content_range is None:
        right = status == 200 and _may_be_whole(wanted, size)
    else:
        right = _matches(wanted, content_range, size)
    if not right:
        kind = (
            RangeIgnored
            if status == 200 and content_range is None and requested
            else IntegrityError
        )
        raise kind(
            f"{requested or 'The whole object'} was asked for; the service answered HTTP {status} "
            f"with {content_range or 'the whole object'}"
        )


def _may_be_whole(wanted: str, size: int | None) -> bool:
    """Return whether a range is the whole object, or one that HTTP lets a server ignore."""
    if size is None:
        return not wanted or wanted == "bytes=0-"
    try:
        found = parse_range(wanted, size)
    except InvalidRange:
        return not size
    return found is None or found.length == size


def _matches(wanted: str, content_range: str, size: int | None) -> bool:
    """Return whether a Content-Range is the requested range and fits the length of the body."""
    match = _CONTENT_RANGE.fullmatch(content_range.strip())
    if match is None:
        return False
    first, last = int(match[1]), int(match[2])
    if size is not None and last - first + 1 != size:
        return False
    if match[3] == "*":  # RFC 9110 14.4: the whole length may be unknown
        return _fits(wanted, first, last)
    total = int(match[3])
    try:
        found = parse_range(wanted, total)
    except InvalidRange:
        return False
    return (first, last) == ((found.first, found.last) if found else (0, total - 1))


def _fits(wanted: str, first: int, last: int) -> bool:
    try:
        begin, _, end = wanted.removeprefix("bytes=").partition("-")
        return first == int(begin) and (not end or last <= int(end))
    except ValueError:  # the end of an object, or no range at all
        return False
