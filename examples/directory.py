"""A directory into a bucket, only what has changed, and back."""

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
    print("sent", first.transferred, "files, then", again.transferred)
    client.download_dir(bucket, copy, "documents")
    print(
        "the same"
        if {p.name for p in copy.iterdir()} == {p.name for p in source.iterdir()}
        else "different"
    )
