"""Upload and download a large file in parallel parts.

Call `upload_file` or `download_file` again after an interruption to resume.
"""

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
    client.download_file(bucket, "large.bin", copy)
    print("the same" if copy.read_bytes() == source.read_bytes() else "different")
