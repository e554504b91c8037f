"""Programs that hang with the vendor's client and exit with coskit."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coskit.protocol.operations import UPLOAD_PART
from tests.faults.proxy.faults import Stall
from tests.faults.proxy.proxy import Rule
from tests.faults.vendor.clients import MIB, Subject, subject
from tests.support.local import write_file

__all__ = ["subject"]

MAKE = """
import asyncio, io, os, sys, threading

kind, port, name, key, bucket, path = sys.argv[1:]
if kind == "vendor":
    from qcloud_cos import CosConfig, CosS3Client

    keys = {"SecretId": name, "SecretKey": key}
    place = {"Region": "ap-local", "Scheme": "http", "IP": "127.0.0.1", "Port": int(port)}
    client = CosS3Client(CosConfig(**place, **keys), retry=0)
    upload_stream = client.upload_file_from_buffer
else:
    from coskit import AsyncClient, Client

    cls = AsyncClient if kind == "async" else Client
    client = cls(endpoint=f"http://127.0.0.1:{port}", secret_id=name, secret_key=key)
    for module in ("_sync", "_async"):
        sys.modules[f"coskit.client.{module}.transfer.upload"].SINGLE_UPLOAD = 1 << 20
    upload_stream = client.upload_stream

def run(function, *args, **options):
    async def wait():
        return await function(*args, **options)
    return asyncio.run(wait()) if kind == "async" else function(*args, **options)
"""
BROKEN = """
class Broken(io.BytesIO):
    def read(self, size=-1):
        if self.tell() >= 2 << 20:
            raise LookupError("the source is broken")
        return super().read(size)

try:
    run(upload_stream, bucket, "key", Broken(bytes(4 << 20)), PartSize=1)
except LookupError:
    print(threading.active_count() - 1, flush=True)
os._exit(0)
"""
INTERRUPTED = """
run(client.upload_file, bucket, "key", path, PartSize=1, MAXThread=2)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that is uploaded in parts."""
    write_file(tmp_path / "file", 4 * MIB)
    return tmp_path / "file"


def program(subject: Subject, text: str, path: Path) -> list[str]:
    keys = (subject.server.secret_id, subject.server.secret_key)
    place = (subject.kind, str(subject.proxy.port), *keys, subject.bucket, str(path))
    return [sys.executable, "-c", MAKE + text, *place]


def test_d17_a_broken_stream_leaves_no_threads_and_no_upload(subject: Subject, file: Path) -> None:
    done = subprocess.run(
        program(subject, BROKEN, file), capture_output=True, text=True, timeout=60, check=True
    )
    left = int(done.stdout), subject.unfinished()
    subject.expect_defect(left == (5, 1), left)
    assert subject.is_vendor or left == (0, 0)


def test_d17_ctrl_c_ends_the_program(subject: Subject, file: Path) -> None:
    subject.proxy.rules = [Rule(UPLOAD_PART, Stall(), times=None)]
    with subprocess.Popen(
        program(subject, INTERRUPTED, file), stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            subject.wait_for(UPLOAD_PART)
            child.send_signal(signal.SIGINT)
            try:
                # Its threads wait forever, so any timeout would do.
                child.wait(timeout=2 if subject.is_vendor else 30)
                hangs = False
            except subprocess.TimeoutExpired:
                hangs = True
        finally:
            child.kill()
        subject.expect_defect(hangs)
        assert child.stderr is not None
        assert "KeyboardInterrupt" in child.stderr.read()
