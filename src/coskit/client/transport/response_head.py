"""The head of a response: its status and its headers, read from header lines."""

import re
from functools import lru_cache

from coskit.protocol.messages import decode_text, spell

# A head ends with an empty line; some servers end lines without a carriage return.
HEAD_END = re.compile(rb"\n\r?\n")
_spell = lru_cache(maxsize=256)(spell)


def read_head(block: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers of the last response whose header lines these are.

    The lines may include interim responses, a proxy's response and trailers. Headers that come more
    than once are joined by a comma.

    Raises:
        ValueError: the connection ended within the head, which libcurl lets pass.
    """
    if block.endswith(b"\r\n\r\n") and block.count(b"HTTP/") == 1:
        first, *lines, _, _ = decode_text(block).split("\r\n")
        fields = [line.partition(":") for line in lines]
        headers = {_spell(name): value.strip(" \t") for name, _, value in fields}
        if len(headers) == len(fields) and block.count(b"\n") == len(fields) + 2:
            return _status(first), headers
    return _read_unusual_head(block)


def _read_unusual_head(block: bytes) -> tuple[int, dict[str, str]]:
    """Do what `read_head` does for several heads, equal names and lines without "\\r"."""
    start = block.rfind(b"\nHTTP/") + 1
    end = HEAD_END.search(block, start)
    if end is None:
        raise ValueError("the head has no end")
    return read_fields(block[start : end.start()])


def read_fields(head: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers of one head, which ends before its empty line."""
    first, *lines = decode_text(head).split("\n")
    headers: dict[str, str] = {}
    for line in lines:
        given, _, value = line.partition(":")
        name, value = _spell(given), value.strip(" \t\r")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return _status(first), headers


def _status(line: str) -> int:
    return int(line.split(None, 2)[1])
