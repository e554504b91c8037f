"""The forms of parameters' texts, checked before a request is sent."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.codec.dates import parse_http_date
from coskit.protocol.errors import ParameterError

INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_RANGE = re.compile(r"bytes=(?:([0-9]{1,19})-([0-9]{0,19})|-[0-9]{1,19})")
_KEY_BYTES = 32


def _is_range(text: str) -> bool:
    found = _RANGE.fullmatch(text)
    if found is None:
        return False
    return not found[1] or not found[2] or int(found[1]) <= int(found[2])


def _is_copy_range(text: str) -> bool:
    return _is_range(text) and text[-1] != "-" and not text.startswith("bytes=-")


def _is_date(text: str) -> bool:
    return parse_http_date(text) is not None


def _is_md5(text: str) -> bool:
    return len(_decoded(text)) == 16


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


# By their name in the table: the check of a text and a description.
FORMATS: Mapping[str, tuple[Callable[[str], bool] | None, str]] = {
    "range": (_is_range, "one range, bytes=first-last, bytes=first- or bytes=-length"),
    "copy range": (_is_copy_range, "a range, bytes=first-last"),
    "http date": (_is_date, "a date of HTTP, such as Tue, 14 Nov 2023 22:13:20 GMT"),
    "md5": (_is_md5, "the Base64 of an MD5"),
    "customer key": (None, ""),  # see `customer_key`
    "encoded": (None, ""),  # percent-encoded on the wire
}


def customer_key(name: str, value: Any) -> tuple[str, str]:
    """Return a customer-provided encryption key and its MD5, both in Base64.

    Args:
        name: the parameter's name.
        value: the key's 32 bytes, or their Base64; "" is no key.

    Raises:
        ParameterError: the value is no such key; the message does not show it.
    """
    secret = value
    if isinstance(value, str) or (isinstance(value, bytes) and len(value) != _KEY_BYTES):
        if not value:
            return "", ""
        secret = _decoded(value.strip() if isinstance(value, str) else value.decode("latin-1"))
    if not isinstance(secret, bytes | bytearray | memoryview) or len(secret) != _KEY_BYTES:
        raise ParameterError(f"{name} must be a key of {_KEY_BYTES} bytes, or the Base64 of one")
    return base64.b64encode(secret).decode(), content_md5(bytes(secret))
