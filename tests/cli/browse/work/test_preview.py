"""The text and the digits of a preview."""

import os
from pathlib import Path

import pytest

from coskit import Client
from coskit.cli.browse.model.entries import PaneEntry
from coskit.cli.browse.work.preview import beginning, preview_text
from coskit.protocol.errors import CosClientError

TEXTS = {
    b"": "",
    b"one\r\ntwo\n": "one\ntwo",
    "中".encode()[:2]: "",
    b"\xef\xbb\xbfmarked": "marked",
    b"red \x1b[31m": "red \\x1b[31m",
    b"\xff\xfeab": "000000  ff fe 61 62              ..ab",
    b"a\x00": "000000  61 00                    a.",
}


@pytest.mark.parametrize("content", TEXTS)
def test_bytes_are_text_or_digits(content: bytes) -> None:
    assert preview_text(content, 60) == TEXTS[content]


def test_a_wide_screen_has_sixteen_bytes_a_line() -> None:
    lines = preview_text(bytes(64), 80).splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) <= 77


def test_an_object_is_not_read_further(client: Client, bucket: str) -> None:
    from coskit.cli.arguments.locations import CosLocation

    client.put_object(bucket, bytes(5000), "k")
    client.put_object(bucket, b"", "empty")
    place = CosLocation(bucket)
    assert beginning(client, place, PaneEntry("file", "k", 5000)) == bytes(1024)
    assert beginning(client, place, PaneEntry("file", "empty", 0)) == b""


def test_a_pipe_is_not_read(client: Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CosClientError, match="not a regular file"):
        beginning(client, tmp_path, PaneEntry("file", "pipe"))
