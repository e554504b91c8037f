"""Compare the range that a GET requested with the bytes that its response carries."""

import re
from collections.abc import Mapping

from coskit.protocol.codec.ranges import parse_range
from coskit.protocol.errors import IntegrityError, InvalidRange

_TOLD_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII | re.IGNORECASE)


class RangeIgnored(IntegrityError):
    """The service returned the whole object for a range, as HTTP allows (RFC 9110 14.2)."""

    lasting = True


def check_range(asked: str, status: int, headers: Mapping[str, str]) -> None:
    """Make sure that the answer to a GET carries the bytes that were asked for.

    Args:
        asked: the Range header of the request, "" for none.
        status: of the answer.
        headers: of the answer.

    Raises:
        RangeIgnored: it carries the whole object.
        IntegrityError: it carries others.
    """
    told = headers.get("Content-Range")
    if not asked and status == 200 and told is None:
        return
    length = headers.get("Content-Length", "")
    size = int(length) if length.isascii() and length.isdigit() else None
    wanted = "".join(asked.split()).lower()
    if told is None:
        right = status == 200 and _may_be_whole(wanted, size)
    else:
        right = _is_told(wanted, told, size)
    if not right:
        kind = RangeIgnored if status == 200 and told is None and asked else IntegrityError
        raise kind(
            f"{asked or 'The whole object'} was asked for; the service answered HTTP {status} with "
            f"{told or 'the whole object'}"
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


def _is_told(wanted: str, told: str, size: int | None) -> bool:
    """Return whether a Content-Range is what was wanted, and fits the length of the body."""
    match = _TOLD_RANGE.fullmatch(told.strip())
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
