"""A file in parallel parts, and back to another file."""

import os
import tempfile
from pathlib import Path

from coskit import Client

bucket = os.environ["EXAMPLE_BUCKET"]

with Client() as client, tempfile.TemporaryDirectory() as directory:
    source, copy = Path(directory, "source.bin"), Path(directory, "copy.bin")
    source.write_bytes(os.urandom(1 << 20) * 24)
    result = client.upload_file(bucket, "large.bin", source, PartSize=4, MAXThread=4)
    print("uploaded as", result["ETag"])
    client.get_object(bucket, "large.bin")["Body"].get_stream_to_file(copy)
    print("the same" if copy.read_bytes() == source.read_bytes() else "different")
