"""The documents of settings: read from JSON or XML, written as either, compared line by line."""

import difflib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from coskit.cli.buckets.settings import BucketSetting
from coskit.cli.terminal.lines import is_terminal
from coskit.protocol.codec.xml.document import NotThisShape, dump, load, parse
from coskit.protocol.codec.xml.strict import check_value

_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"


def read_document(setting: BucketSetting, path: str) -> Any:
    """Return the document in a file, or on standard input for `-`.

    Raises:
        typer.BadParameter: it is neither JSON nor the service's XML, or has an unknown part.
        OSError: the file cannot be read.
    """
    content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return parse_document(setting, content)
    except ValueError as error:  # that of JSON, and NotThisShape
        raise typer.BadParameter(f"{path}: {error}") from None


def parse_document(setting: BucketSetting, content: bytes) -> Any:
    """Return the document that JSON or XML holds, as the service would return it.

    Raises:
        ValueError: it is neither of them, or has an unknown part.
    """
    shape = setting.shape
    if content.lstrip()[:1] == b"<":
        if shape is None:
            raise ValueError("a policy is JSON, not XML")
        return load(shape, parse(content), strict=True)
    try:
        value = json.loads(content)
    except ValueError as error:
        raise ValueError(f"it is neither XML nor JSON: {error}") from None
    if not isinstance(value, dict):
        raise NotThisShape("a document is an object, in braces")
    if shape is None:
        return value
    if [*value] == [shape.tag]:
        value = value[shape.tag]
    check_value(shape, value, shape.tag)
    return load(shape, parse(dump(shape, value)))


def as_json(setting: BucketSetting, document: Any) -> str:
    """Return a document as JSON with one value a line; "" for none."""
    if document is None:
        return ""
    value = json.loads(document) if isinstance(document, str) else document
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=setting.shape is None) + "\n"


def as_xml(setting: BucketSetting, document: Any) -> str:
    """Return a document as the service's XML.

    Raises:
        typer.BadParameter: the setting has no XML form.
    """
    if setting.shape is None:
        raise typer.BadParameter("a policy has no XML form")
    return dump(setting.shape, document).decode() + "\n"


def print_changes(name: str, before: str, after: str) -> None:
    """Print the lines that differ between two texts, with three lines around them."""
    in_colour = (
        is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )
    for line in _changes(name, before, after):
        colour = {"+": _GREEN, "-": _RED}.get(line[:1], "") if in_colour else ""
        print(f"{colour}{line}{_PLAIN if colour else ''}")


def _changes(name: str, before: str, after: str) -> Iterator[str]:
    lines = (before.splitlines(), after.splitlines())
    return difflib.unified_diff(*lines, f"{name} (present)", f"{name} (new)", lineterm="")
