"""Sync a directory to a bucket, then download it."""

import os
import tempfile
from pathlib import Path

from coskit import Client

bucket = os.environ["EXAMPLE_BUCKET"]

with Client() as client, tempfile.TemporaryDirectory() as directory:
    source, copy = Path(directory, "source"), Path(directory, "copy")
    source.mkdir()
    for name in ("one.txt", "two + two.txt", "三.txt"):
        (source / name).write_text(name)
    first = client.sync(source, f"cos://{bucket}/documents", Delete=True)
    again = client.sync(source, f"cos://{bucket}/documents", Delete=True)
    print("first sync:", first.transferred, "files; second sync:", again.transferred)
    client.download_dir(bucket, copy, "documents")
    print(
        "the same"
        if {p.name for p in copy.iterdir()} == {p.name for p in source.iterdir()}
        else "different"
    )
