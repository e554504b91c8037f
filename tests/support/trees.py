"""Directories and buckets as dicts from names to contents."""

import itertools
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from coskit import Client
from coskit.protocol.errors import BucketNotEmpty
from tests.support.local import remove_bucket

LONG_AGO = 1_600_000_000
PATIENCE = 30.0
_numbers = itertools.count(1)


@contextmanager
def bucket_of_aborted_uploads(owner: Client) -> Iterator[str]:
    """Create a bucket for aborted uploads, some of which the server may still finish."""
    name = f"many{next(_numbers)}-1250000000"
    owner.create_bucket(name)
    try:
        yield name
    finally:
        _remove_patiently(owner, name)


def _remove_patiently(owner: Client, name: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            remove_bucket(owner, name)
        except BucketNotEmpty:
            if time.monotonic() > until:
                raise
        else:
            return


def write_tree(root: Path, files: Mapping[str, bytes], written: float = LONG_AGO) -> Path:
    """Write files below a directory, with an old modification time."""
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (written, written))
    return root


def read_tree(root: Path) -> dict[str, bytes]:
    """Return the files below a directory."""
    paths = [path for path in root.rglob("*") if path.is_file() or path.is_symlink()]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def put_objects(owner: Client, bucket: str, objects: Mapping[str, bytes]) -> None:
    """Put objects into a bucket."""
    for key, content in objects.items():
        owner.put_object(bucket, content, key)


def read_objects(owner: Client, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """Return the objects below a prefix, by their keys without it."""
    found = {}
    for listed in owner.iter_objects(bucket, Prefix=prefix):
        key = listed["Key"]
        found[key.removeprefix(prefix)] = owner.get_object(bucket, key)["Body"].read()
    return found
