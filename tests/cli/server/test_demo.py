"""The demo finishes on real files, notices one wrong byte, and can leave its server running."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coskit import Client
from coskit.cli.server import demo
from coskit.testing import LocalServer
from tests.support.forked_server import ForkedServer

SEVERAL = 40


@pytest.fixture
def few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    files = demo.standard_library()[:SEVERAL]
    monkeypatch.setattr(demo, "standard_library", lambda: files)


def test_the_standard_library_is_what_the_demo_sends() -> None:
    keys = [key for key, _ in demo.standard_library()]
    assert "asyncio/__init__.py" in keys
    assert not any("site-packages" in key for key in keys)


@pytest.mark.usefixtures("few_files")
def test_everything_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.demo(keep=False, size=21) == 0
    said = capsys.readouterr().out
    assert f"{SEVERAL + 1} objects in" in said
    assert "Every byte came back as it was sent." in said
    assert re.search(r"Peak memory: client \d+ MiB", said)


@pytest.mark.parametrize(
    "change",
    [lambda body: body[:-1] + b"!", lambda body: body[:-1], lambda body: body + b"!"],
    ids=["another byte", "one byte less", "one byte more"],
)
def test_a_wrong_byte_is_noticed(
    server_bucket: LocalServer, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    content = os.urandom(100_000)
    (tmp_path / "file").write_bytes(content)
    with server_bucket.client() as client:
        client.put_object(demo.BUCKET, change(content), "file")

    async def compare() -> None:
        async with server_bucket.async_client() as client:
            await demo.compare(client, "file", tmp_path / "file")

    with pytest.raises(demo.Differs, match="file"):
        asyncio.run(compare())


@pytest.fixture
def server_bucket(tmp_path: Path) -> Iterator[LocalServer]:
    with ForkedServer(tmp_path / "data", buckets=[demo.BUCKET]) as server:
        yield server


@pytest.mark.usefixtures("few_files")
def test_a_difference_is_exit_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def differ(*_: object) -> None:
        raise demo.Differs("os.py")

    monkeypatch.setattr(demo, "compare", differ)
    assert demo.demo(keep=False, size=1) == 1
    assert "Different: os.py" in capsys.readouterr().out


KEEP = """
from coskit.cli.server import demo
files = demo.standard_library()[:3]
demo.standard_library = lambda: files
demo.demo(keep=True, size=1)
"""


def test_a_kept_server_is_reached_as_it_was_said() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KEEP], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        while "bucket " not in said:
            said += process.stdout.readline()
        settings = dict(re.findall(r"COSKIT_(\w+)=(\S+)", said))
        with Client(
            endpoint=settings["ENDPOINT"],
            secret_id=settings["SECRET_ID"],
            secret_key=settings["SECRET_KEY"],
        ) as client:
            assert len(list(client.iter_objects(demo.BUCKET))) == 4
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
