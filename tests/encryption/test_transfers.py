"""Files sealed on the way up and opened on the way down: in parallel, resumed, never half right."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from coskit import Client, RetryPolicy
from coskit.client.settings.transfers import TransferSettings
from coskit.encryption import AESKey, EncryptedClient, SealBroken
from coskit.encryption.errors import NotSealed
from coskit.encryption.format.envelope import PREFIX
from coskit.protocol.errors import CosException, ParameterError
from coskit.protocol.operations import (
    COMPLETE_MULTIPART_UPLOAD,
    CREATE_MULTIPART_UPLOAD,
    GET_OBJECT,
    UPLOAD_PART,
)
from coskit.testing import LocalServer
from tests.encryption.conftest import SealedWorld
from tests.encryption.strategies import AES, RSA
from tests.faults.proxy.faults import Stall, Status
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.support.local import write_file
from tests.support.worlds import World

MIB = 1 << 20
LARGE = 24 * MIB + 12_345  # above what travels in one request
Sealed = Callable[..., SealedWorld]


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Give a proxy that forwards to the server until it is given rules."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def hurried(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy, tmp_path: Path
) -> Iterator[Sealed]:
    """Give a function that makes clients which go through the proxy and never try again."""
    with ExitStack() as stack:

        def make(key: Any = AES, **settings: Any) -> SealedWorld:
            world = World(
                request.param,
                endpoint=proxy.endpoint,
                secret_id=server.secret_id,
                secret_key=server.secret_key,
                retry=RetryPolicy(attempts=1),
                transfers=TransferSettings(journals=tmp_path / "journals"),
            )
            return SealedWorld(stack.enter_context(world), key, **settings)

        yield make


def files_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("size", [0, 1, 70_000, 5 * MIB, LARGE])
def test_a_file_comes_back(
    world: World, sealed: Sealed, bucket: str, tmp_path: Path, size: int
) -> None:
    content = write_file(tmp_path / "source", size)
    client = sealed(AES)
    reported: list[tuple[int, int]] = []
    client.upload_file(
        bucket,
        "a",
        tmp_path / "source",
        Metadata={"x-cos-meta-b": "1"},
        ContentType="text/a",
        progress_callback=lambda *progress: reported.append(progress),
    )
    sent = int(world.head_object(bucket, "a")["Content-Length"])
    assert reported[-1] == (sent, sent)
    (tmp_path / "there").mkdir()
    response = client.download_file(bucket, "a", tmp_path / "there" / "target", PartSize=2)
    assert (tmp_path / "there" / "target").read_bytes() == content
    assert files_in(tmp_path / "there") == ["target"]
    assert (response["Content-Length"], response["x-cos-meta-b"]) == (str(size), "1")
    stored = world.head_object(bucket, "a")
    assert stored["ETag"].endswith('-25"') == (size == LARGE), "it took parts if it is large"


def test_an_interrupted_upload_goes_on_under_its_own_key(
    hurried: Sealed, bucket: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "source", LARGE)
    for key in (AES, RSA):
        proxy.rules = [Rule(UPLOAD_PART, Status(503), times=None, skip=7)]
        with pytest.raises(CosException):
            # One at a time: whatever the service has is known when it goes on.
            hurried(key).upload_file(bucket, "a", tmp_path / "source", MAXThread=1)
        proxy.rules = []
        hurried(key).upload_file(bucket, "a", tmp_path / "source")
        assert len(proxy.matching(CREATE_MULTIPART_UPLOAD)) == 1
        assert not proxy.parts_sent_again()
        assert hurried(key).fetch(bucket, "a") == content
        proxy.clear()


def test_an_upload_that_cannot_unwrap_its_key_begins_anew(
    hurried: Sealed, owner: Client, bucket: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "source", LARGE)
    proxy.rules = [Rule(UPLOAD_PART, Status(503), times=None, skip=7)]
    with pytest.raises(CosException):
        hurried(RSA.public()).upload_file(bucket, "a", tmp_path / "source")
    proxy.rules = []
    hurried(RSA.public()).upload_file(bucket, "a", tmp_path / "source")
    assert len(proxy.matching(CREATE_MULTIPART_UPLOAD)) == 2
    assert hurried(RSA).fetch(bucket, "a") == content
    assert not list(owner.iter_uploads(bucket)), "the one that was given up is gone"


def test_an_upload_interrupted_under_another_key_is_not_gone_on_with(
    hurried: Sealed, bucket: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "source", LARGE)
    proxy.rules = [Rule(COMPLETE_MULTIPART_UPLOAD, Status(503), times=None)]
    with pytest.raises(CosException):
        hurried(AESKey.generate()).upload_file(bucket, "a", tmp_path / "source")
    proxy.rules = []
    hurried(AES).upload_file(bucket, "a", tmp_path / "source")
    assert hurried(AES).fetch(bucket, "a") == content


UPLOADER = """
import sys
from pathlib import Path
from coskit import Client
from coskit.client.settings.transfers import TransferSettings
from coskit.encryption import AESKey, EncryptedClient
endpoint, secret_id, secret_key, bucket, folder = sys.argv[1:]
settings = TransferSettings(journals=Path(folder, "journals"))
client = Client(
    endpoint=endpoint, secret_id=secret_id, secret_key=secret_key, transfers=settings
)
key = AESKey.from_file(Path(folder, "key"))
EncryptedClient(client, key).upload_file(
    bucket, "a", Path(folder, "source"), MAXThread=1
)
"""


def test_an_upload_that_was_killed_goes_on_in_another_process(
    server: LocalServer, bucket: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "source", LARGE)
    AES.save(tmp_path / "key")
    reached = threading.Event()

    def stalled(exchange: Any) -> Any:
        if exchange.operation is UPLOAD_PART and len(proxy.matching(UPLOAD_PART)) > 9:
            reached.set()
            return Stall()
        return None

    proxy.decide = stalled
    keys = [server.secret_id, server.secret_key]
    arguments = [proxy.endpoint, *keys, bucket, str(tmp_path)]
    command = [sys.executable, "-c", UPLOADER, *arguments]
    with subprocess.Popen(command) as process:
        assert reached.wait(30)
        process.kill()
    proxy.rules = []
    subprocess.run(command, check=True, timeout=60)
    assert len(proxy.matching(CREATE_MULTIPART_UPLOAD)) == 1
    assert not proxy.parts_sent_again()
    with server.client() as client:
        assert EncryptedClient(client, AES).get_object(bucket, "a")["Body"].read() == content
    assert not [path for path in (tmp_path / "journals").iterdir() if path.suffix == ".json"]


def test_an_interrupted_download_goes_on(
    hurried: Sealed, bucket: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "source", LARGE)
    hurried().upload_file(bucket, "a", tmp_path / "source")
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target"
    proxy.rules = [Rule(GET_OBJECT, Status(503), times=None, skip=8)]
    with pytest.raises(CosException):
        hurried().download_file(bucket, "a", target, PartSize=1, MAXThread=2)
    assert not target.exists()
    proxy.rules = []
    proxy.clear()
    hurried().download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content
    assert files_in(tmp_path / "there") == ["target"]
    assert sum(exchange.delivered for exchange in proxy.matching(GET_OBJECT)) < 20 * MIB


@pytest.mark.parametrize("size", [70_000, LARGE])
@pytest.mark.parametrize("where", [100, -1], ids=["first frame", "last byte"])
def test_a_download_of_changed_bytes_leaves_no_file(
    world: World, sealed: Sealed, bucket: str, tmp_path: Path, size: int, where: int
) -> None:
    write_file(tmp_path / "source", size)
    sealed().upload_file(bucket, "a", tmp_path / "source")
    response = world.get_object(bucket, "a")
    seal = {name: text for name, text in response.items() if name.startswith(PREFIX)}
    stored = bytearray(world.read(response))
    stored[where] ^= 1
    world.put_object(bucket, bytes(stored), "a", Metadata=seal)
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target"
    with pytest.raises(SealBroken):
        sealed().download_file(bucket, "a", target, PartSize=1, Resume=False)
    assert files_in(tmp_path / "there") == []
    with pytest.raises(SealBroken):  # parts that are right may be kept, but not as the file
        sealed().download_file(bucket, "a", target, PartSize=1)
    assert not target.exists()


def test_a_download_of_what_is_not_sealed_leaves_no_file(
    world: World, sealed: Sealed, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    for size in (0, 5, LARGE):
        world.put_object(bucket, b"x" * size, "a")
        with pytest.raises(NotSealed):
            sealed().download_file(bucket, "a", tmp_path / "there" / "target")
        assert files_in(tmp_path / "there") == []


def test_a_plain_download_does_not_go_on_with_an_opened_one(
    hurried: Sealed, bucket: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    write_file(tmp_path / "source", LARGE)
    hurried().upload_file(bucket, "a", tmp_path / "source")
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target"
    proxy.rules = [Rule(GET_OBJECT, Status(503), times=None, skip=8)]
    with pytest.raises(CosException):
        hurried().download_file(bucket, "a", target, PartSize=1)
    proxy.rules = []
    plain = hurried()
    plain.run(plain.client.client.download_file(bucket, "a", target, PartSize=1))
    stored = plain.read(plain.run(plain.client.client.get_object(bucket, "a")))
    assert target.read_bytes() == stored
    assert files_in(tmp_path / "there") == ["target"]


def test_what_cannot_be_sealed_or_opened_as_a_file_is_refused(
    sealed: Sealed, bucket: str, tmp_path: Path
) -> None:
    write_file(tmp_path / "source", 10)
    for options in ({"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, {"Metadata": {f"{PREFIX}key": ""}}):
        with pytest.raises(ParameterError):
            sealed().upload_file(bucket, "a", tmp_path / "source", **options)
    with pytest.raises(ParameterError, match="is not a file"):
        sealed().download_file(bucket, "a", "/dev/null")
