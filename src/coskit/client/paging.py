"""Where a listing goes on after a page, and the refusal of one that would go on for ever."""

from collections.abc import Mapping
from typing import Any, TypeVar

from coskit.protocol.errors import CosClientError

Mark = TypeVar("Mark")
_NOWHERE = ("", 0, ("", ""))  # where a listing begins


def onward(page: Mapping[str, Any], here: Mark, there: Mark) -> Mark | None:
    """Return the mark of the next page, or None if this was the last one.

    Args:
        page: the result of the listing.
        here: the mark that it began after.
        there: the mark that it gives for the next one.

    Raises:
        CosClientError: it says that there is more and not where, or where it already was.
    """
    if page["IsTruncated"] != "true":
        return None
    if there == here or there in _NOWHERE:
        raise CosClientError("The listing is cut off and does not say where it goes on")
    return there
