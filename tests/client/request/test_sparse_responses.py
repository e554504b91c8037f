"""Responses without optional headers: a default is used, or one of our errors raised.

Source: RFC 9110 8.6 (Content-Length), 8.8.2 (Last-Modified) and 6.6.1 (Date) are all optional.
"""

from pathlib import Path
from typing import Any

import pytest

from coskit import CosClientError, DirectoryTransferError, UnexpectedAnswer
from tests.client.conftest import Scripted
from tests.client.stubs.scripted import http_response

BUCKET = "examplebucket-1250000000"
CONTENT = b"content"
RANGE = f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"


def listing(*fields: str) -> bytes:
    """Return a listing of one object, with these elements."""
    entry = "".join(("<Key>d/a</Key>", *fields))
    document = f"<ListBucketResult><Contents>{entry}</Contents></ListBucketResult>"
    return http_response(200, document.encode())


def without_length(reply: bytes) -> bytes:
    """Return a response that ends with its connection."""
    head, _, body = reply.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


GET = http_response(206, CONTENT, {"ETag": '"e"', "Content-Range": RANGE})
HEAD = http_response(200, b"", {"ETag": '"e"'})
SIZE, TAG = f"<Size>{len(CONTENT)}</Size>", "<ETag>e</ETag>"
DAY = "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"


@pytest.mark.parametrize(
    "fields",
    [(SIZE, TAG, DAY), (SIZE, DAY), (SIZE, TAG), (SIZE,), (SIZE, "<LastModified/>", "<ETag/>")],
    ids=str,
)
def test_a_folder_is_downloaded_without_optional_headers(
    scripted: Scripted, tmp_path: Path, fields: tuple[str, ...]
) -> None:
    world, _ = scripted(listing(*fields), GET)
    assert world.download_dir(BUCKET, tmp_path, Prefix="d/").transferred == 1
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize("size", ["", "<Size/>", "<Size>x</Size>", "<Size>-1</Size>"])
def test_a_listing_without_a_size_is_an_error(
    scripted: Scripted, tmp_path: Path, size: str
) -> None:
    world, _ = scripted(listing(size, TAG, DAY))
    with pytest.raises(UnexpectedAnswer, match="has no size of d/a"):
        world.download_dir(BUCKET, tmp_path, Prefix="d/")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_deletion_that_says_nothing_more_is_a_failure(
    scripted: Scripted, tmp_path: Path
) -> None:
    refusal = http_response(200, b"<DeleteResult><Error><Key>d/a</Key></Error></DeleteResult>")
    world, _ = scripted(listing(SIZE, TAG, DAY), refusal)
    with pytest.raises(DirectoryTransferError, match="Unknown"):
        world.sync(tmp_path, f"cos://{BUCKET}/d/", Delete=True, OnError="continue")


CALLS: dict[str, Any] = {
    "download_file": lambda world, path: world.download_file(BUCKET, "k", path, Resume=False),
    "copy": lambda world, path: world.copy(BUCKET, "to", {"Bucket": BUCKET, "Key": "k"}),
    "head_object": lambda world, path: world.head_object(BUCKET, "k"),
}


@pytest.mark.parametrize(
    ("call", "reply"),
    [
        ("download_file", without_length(GET)),
        ("copy", without_length(HEAD)),
        ("copy", http_response(200, b"")),
        ("download_file", http_response(206, CONTENT, {"Content-Range": RANGE})),
        ("head_object", http_response(200, b"")),
    ],
)
def test_what_cannot_be_known_is_an_error_of_ours(
    scripted: Scripted, tmp_path: Path, call: str, reply: bytes
) -> None:
    world, _ = scripted(*[reply] * 4)
    with pytest.raises(CosClientError):
        CALLS[call](world, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
