"""Ctrl-C during a transfer: what is printed, and that only the rest travels the next time."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

import pytest

from coskit import Client
from coskit.protocol.errors import NoSuchUpload
from tests.cli.conftest import Coskit
from tests.support.local import write_file

MIB = 1 << 20
SIZE = 24 * MIB


def stored_parts(client: Client, bucket: str) -> int:
    """Return the number of parts of the only unfinished upload."""
    for upload in client.iter_uploads(bucket):
        try:
            return len(list(client.iter_parts(bucket, upload["Key"], upload["UploadId"])))
        except NoSuchUpload:
            break
    return 0


def wait_for_parts(client: Client, bucket: str, process: "subprocess.Popen[bytes]") -> int:
    """Wait until some parts are stored."""
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        if (count := stored_parts(client, bucket)) >= 3:
            return count
        time.sleep(0.02)
    raise AssertionError(f"no parts appeared: {process.poll()}")


@pytest.mark.usefixtures("coskit")
def test_an_interrupted_upload_says_how_to_go_on_and_then_only_the_rest_travels(
    coskit: Coskit, client: Client, bucket: str, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "big", SIZE)
    words = ["cp", "--part-size", "1MiB", str(tmp_path / "big"), f"cos://{bucket}/big"]
    command = [sys.executable, "-m", "coskit", *words, "--limit-rate", "8MiB"]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE) as process:
        wait_for_parts(client, bucket, process)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - begun < 5  # a second, on an idle machine
    assert out == b""
    assert error.decode() == (
        "coskit: interrupted; 0 files were transferred, and the parts of unfinished ones are kept: "
        "run the same command again to go on\n"
    )
    kept = stored_parts(client, bucket)
    done = coskit(*words, "-v")
    assert done.status == 0
    assert done.error.count("upload_part") == SIZE // MIB - kept
    assert client.get_object(bucket, "big")["Body"].read() == content


def test_an_interrupted_stream_stores_nothing(coskit: Coskit, client: Client, bucket: str) -> None:
    command = [sys.executable, "-m", "coskit", "cp", "--part-size", "1MiB", "-"]
    with subprocess.Popen([*command, f"cos://{bucket}/k"], stdin=PIPE, stderr=PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(bytes(5 * MIB))
        process.stdin.flush()
        wait_for_parts(client, bucket, process)
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        process.stdin = None
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.startswith(b"coskit: interrupted; nothing was stored")
    assert (list(client.iter_objects(bucket)), list(client.iter_uploads(bucket))) == ([], [])
