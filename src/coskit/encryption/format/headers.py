"""The headers of sealed objects: their seal, and lengths of the plaintext."""

from collections.abc import Mapping
from typing import Any

from coskit.client.settings.argument_checks import check_metadata
from coskit.encryption.errors import SealBroken
from coskit.encryption.format.envelope import PREFIX
from coskit.protocol.codec.formats import FORMATS
from coskit.protocol.codec.ranges import ByteRange
from coskit.protocol.errors import ParameterError


def response_range(headers: Mapping[str, Any]) -> ByteRange:
    """Return the range of a response in the stored object.

    Raises:
        SealBroken: the headers have no valid range or length.
    """
    try:
        if "Content-Range" not in headers:
            total = int(headers["Content-Length"])
            return ByteRange(0, total - 1, total)
        span, _, whole = headers["Content-Range"].removeprefix("bytes ").partition("/")
        first, _, last = span.partition("-")
        return ByteRange(int(first), int(last), int(whole))
    except (KeyError, ValueError):
        raise SealBroken("The response does not say which bytes of the object it holds") from None


def plain_headers(
    headers: Mapping[str, Any], plain: int, wanted: ByteRange | None
) -> dict[str, Any]:
    """Return the headers of a response with the lengths of the plaintext.

    Args:
        headers: the headers of the response.
        plain: the bytes of plaintext in the whole object.
        wanted: the requested range of the plaintext; None for all of it.
    """
    found = {name: value for name, value in headers.items() if name != "Content-Range"}
    found["Content-Length"] = str(wanted.length if wanted else plain)
    if wanted:
        found["Content-Range"] = wanted.content_range
    return found


def checked_range(text: Any) -> str:
    """Return the `Range` of a call, "" for none.

    Raises:
        ParameterError: the value is not a range.
    """
    if text is None or text == "":
        return ""
    fits, form = FORMATS["range"]
    if not isinstance(text, str) or (fits is not None and not fits(text)):
        raise ParameterError(f"Range must be {form}, not {text!r}")
    return text


def sealed_metadata(metadata: Mapping[str, str] | None, seal: Mapping[str, str]) -> dict[str, str]:
    """Return an object's metadata with its seal.

    Raises:
        ParameterError: the metadata is not a dict, or has a name of the seal.
    """
    check_metadata(metadata)
    given = dict(metadata or {})
    if not all(isinstance(name, str) for name in given):
        raise ParameterError("Metadata has a name that is not text")
    for name in given:
        if name.lower().startswith(PREFIX):
            raise ParameterError(f"The metadata {name} would break the object's seal")
    return {**given, **seal}


def seal_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of an object that are its seal."""
    return {name: str(value) for name, value in headers.items() if name.lower().startswith(PREFIX)}
