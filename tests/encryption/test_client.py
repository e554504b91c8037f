"""Encrypted clients in both worlds: plaintext here, sealed bytes there."""

import asyncio
import io
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from coskit import Client
from coskit.encryption import AsyncEncryptedClient, EncryptedClient
from coskit.encryption.errors import NotSealed, SealBroken, UnknownKey
from coskit.encryption.format.envelope import PREFIX
from coskit.encryption.format.frames import FRAME, OVERHEAD
from coskit.encryption.master_keys import AESKey
from coskit.protocol.errors import CosServiceError, NoSuchKey, ParameterError
from coskit.testing import LocalServer
from tests.encryption.conftest import SealedWorld
from tests.encryption.strategies import AES, RSA, SECRET, text_of
from tests.support.worlds import World

Sealed = Callable[..., SealedWorld]
STEP = FRAME + OVERHEAD
SIZES = [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME, (1 << 20) + 17]


@pytest.mark.parametrize("key", [AES, RSA], ids=["AES", "RSA"])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_put_comes_back_and_is_not_what_is_stored(
    world: World, sealed: Sealed, bucket: str, key: Any, size: int
) -> None:
    plain = text_of(size)
    sealed(key).put_object(bucket, plain, "a", ContentType="text/a", Metadata={"x-cos-meta-b": "1"})
    response = sealed(key).get_object(bucket, "a")
    assert (response["Content-Length"], len(response["Body"])) == (str(size), size)
    assert (response["Content-Type"], response["x-cos-meta-b"]) == ("text/a", "1")
    assert sealed(key).read(response) == plain
    assert sealed(key).head_object(bucket, "a")["Content-Length"] == str(size)
    stored = world.fetch(bucket, "a")
    assert len(stored) > size
    assert size < 8 or plain[:8] not in stored


@pytest.mark.parametrize(
    "kind", ["text", "bytearray", "file", "file in the middle", "pipe", "chunks", "counted chunks"]
)
def test_every_kind_of_body_can_be_sealed(
    sealed: Sealed, bucket: str, tmp_path: Path, kind: str
) -> None:
    world, plain = sealed(), text_of(2_500_000)
    path = tmp_path / "file"
    path.write_bytes(plain)
    odd = [plain[:1], b"", plain[1 : FRAME + 5], plain[FRAME + 5 :]]
    if kind == "text":
        world.put_object(bucket, plain.decode(), "a")
    elif kind == "bytearray":
        world.put_object(bucket, bytearray(plain), "a")
    elif kind.startswith("file"):
        with path.open("rb") as file:
            file.seek(1000 if kind == "file in the middle" else 0)
            world.put_object(bucket, file, "a", EnableMD5=True)
            assert not file.closed
        plain = plain[1000 if kind == "file in the middle" else 0 :]
    elif kind == "pipe":
        world.put_object(bucket, Pipe(plain), "a")
    elif kind == "chunks":
        world.put_object(bucket, world.source(odd), "a")
    else:
        world.put_object(bucket, world.source(odd), "a", ContentLength=len(plain))
    assert world.fetch(bucket, "a") == plain


class Pipe:
    """A binary source that cannot seek and gives fewer bytes than it is asked for."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        """Return some bytes."""
        return self._content.read(min(size, 4999) if size >= 0 else 4999)


def test_a_body_shorter_or_longer_than_it_claims(sealed: Sealed, bucket: str) -> None:
    world, plain = sealed(), text_of(FRAME + 100)
    with pytest.raises(ParameterError, match="ended 1 bytes before its ContentLength"):
        world.put_object(bucket, world.source([plain]), "a", ContentLength=len(plain) + 1)
    for length in (5, "5x"):
        with pytest.raises(ParameterError):
            world.put_object(bucket, plain, "a", ContentLength=length)
    with pytest.raises(ParameterError, match="more than its ContentLength"):
        world.put_object(bucket, world.source([plain]), "a", ContentLength=FRAME)
    with pytest.raises(NoSuchKey):
        world.fetch(bucket, "a")


RANGES = ["0-0", "5-", "-5", "65530-65540", "65536-", "-65536", "-65537", "1-131072", "199999-"]


@pytest.mark.parametrize("frame", [1024, FRAME, 100_000], ids="frames of {}".format)
def test_ranges_count_plaintext_whatever_the_frames(
    sealed: Sealed, bucket: str, frame: int
) -> None:
    plain = text_of(200_000)
    sealed(frame=frame).put_object(bucket, plain, "a")
    reader = sealed()
    for text in RANGES:
        first, _, last = text.partition("-")
        start = int(first) if first else len(plain) - int(last)
        stop = int(last) + 1 if first and last else len(plain)
        response = reader.get_object(bucket, "a", Range=f"bytes={text}")
        assert reader.read(response) == plain[start:stop], text
        assert response["Content-Range"] == f"bytes {start}-{stop - 1}/{len(plain)}"
        assert response["Content-Length"] == str(stop - start) == str(len(response["Body"]))
    for text in ("200000-", "200001-200002", "999999-", "-0"):
        with pytest.raises(CosServiceError) as refusal:
            reader.get_object(bucket, "a", Range=f"bytes={text}")
        assert (refusal.value.status, refusal.value.code) == (416, "InvalidRange"), text
    with pytest.raises(ParameterError, match="Range"):
        reader.get_object(bucket, "a", Range="bytes=7-6")


def test_a_range_of_an_empty_object_is_none(sealed: Sealed, bucket: str) -> None:
    sealed().put_object(bucket, b"", "a")
    with pytest.raises(CosServiceError) as refusal:
        sealed().get_object(bucket, "a", Range="bytes=0-")
    assert refusal.value.code == "InvalidRange"


def test_a_range_fetches_its_frames_and_no_more(
    world: World, sealed: Sealed, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed().put_object(bucket, text_of(10 * FRAME), "a")
    asked = []
    get = world.client.get_object

    def noted(*args: Any, **options: Any) -> Any:
        asked.append(options["Range"])
        return get(*args, **options)

    monkeypatch.setattr(world.client, "get_object", noted)
    sealed().fetch(bucket, "a", Range=f"bytes={3 * FRAME}-{5 * FRAME - 1}")
    assert asked == [f"bytes={3 * STEP}-{5 * STEP - 1}"]


@pytest.mark.parametrize("key", ["中文/键 名.txt", "a//b/../c", "100%+&?"], ids=ascii)
def test_any_key_names_a_sealed_object(sealed: Sealed, bucket: str, key: str) -> None:
    sealed().put_object(bucket, b"sealed", key)
    assert sealed().fetch(bucket, key, Range="bytes=2-3") == b"al"


def replace(world: World, bucket: str, change: Callable[[bytes], bytes]) -> None:
    """Store other bytes under the seal of the object `a`."""
    response = world.get_object(bucket, "a")
    seal = {name: text for name, text in response.items() if name.startswith(PREFIX)}
    world.put_object(bucket, change(world.read(response)), "a", Metadata=seal)


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: b"",
        lambda stored: stored[:-1],
        lambda stored: stored[:STEP],
        lambda stored: stored[STEP:],
        lambda stored: stored + stored[-STEP:],
        lambda stored: stored[STEP : 2 * STEP] + stored[:STEP] + stored[2 * STEP :],
        lambda stored: stored[:100] + bytes([stored[100] ^ 1]) + stored[101:],
        lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]),
        lambda stored: os.urandom(len(stored)),
    ],
    ids=[
        "emptied",
        "byte cut",
        "cut",
        "head cut",
        "grown",
        "swapped",
        "flip",
        "last flip",
        "noise",
    ],
)
def test_bytes_changed_in_the_bucket_are_never_read_as_if_they_were_right(
    world: World, sealed: Sealed, bucket: str, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    plain, reader = text_of(3 * FRAME), sealed()
    reader.put_object(bucket, plain, "a")
    replace(world, bucket, change)
    with pytest.raises(SealBroken):
        reader.fetch(bucket, "a")
    with pytest.raises(SealBroken):
        reader.save(reader.get_object(bucket, "a"), tmp_path / "file")
    assert not list(tmp_path.iterdir())
    for first in (0, FRAME, 2 * FRAME):
        try:
            got = reader.fetch(bucket, "a", Range=f"bytes={first}-{first + 9}")
        except (SealBroken, CosServiceError):
            continue
        assert got == plain[first : first + 10]


def test_what_is_right_before_the_damage_is_read_and_the_failure_stays(
    world: World, sealed: Sealed, bucket: str
) -> None:
    plain, reader = text_of(40 * FRAME), sealed()
    reader.put_object(bucket, plain, "a")
    replace(world, bucket, lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]))
    body = reader.get_object(bucket, "a")["Body"]
    got = b"".join(reader.run(body.read(50_000)) for _ in range(20))
    assert plain.startswith(got)
    with pytest.raises(SealBroken, match="Frame 39"):
        reader.read({"Body": body})
    for _ in range(2):
        with pytest.raises(ValueError, match="failed") as raised:
            reader.read({"Body": body})
        assert isinstance(raised.value.__cause__, SealBroken)


def test_an_object_under_the_seal_of_another_is_refused(
    world: World, sealed: Sealed, bucket: str
) -> None:
    sealed().put_object(bucket, text_of(1000), "a")
    sealed().put_object(bucket, text_of(1000), "b")
    other = world.fetch(bucket, "b")
    replace(world, bucket, lambda _: other)
    with pytest.raises(SealBroken):
        sealed().fetch(bucket, "a")


def test_an_object_that_is_not_sealed_is_refused(world: World, sealed: Sealed, bucket: str) -> None:
    world.put_object(bucket, b"plain", "a")
    for options in ({}, {"Range": "bytes=0-1"}):
        with pytest.raises(NotSealed, match="is not sealed"):
            sealed().get_object(bucket, "a", **options)
    assert sealed().head_object(bucket, "a")["Content-Length"] == "5"


def test_old_keys_read_what_they_sealed(sealed: Sealed, bucket: str) -> None:
    new = AESKey.generate()
    sealed(AES).put_object(bucket, b"by AES", "a")
    sealed(RSA).put_object(bucket, b"by RSA", "b")
    with pytest.raises(UnknownKey, match=AES.id):
        sealed(new).get_object(bucket, "a")
    reader = sealed(new, old_keys=[RSA, AES])
    assert (reader.fetch(bucket, "a"), reader.fetch(bucket, "b")) == (b"by AES", b"by RSA")


def test_a_copy_keeps_its_seal_even_with_new_metadata(sealed: Sealed, bucket: str) -> None:
    world = sealed(description="of a copy")
    world.put_object(bucket, b"content", "a", Metadata={"x-cos-meta-b": "1"})
    source = {"Bucket": bucket, "Key": "a", "Region": "ap-local"}
    world.copy_object(bucket, "b", source)
    world.copy_object(bucket, "c", source, "Replaced", Metadata={"x-cos-meta-b": "2"})
    assert world.fetch(bucket, "b") == world.fetch(bucket, "c") == b"content"
    response = world.head_object(bucket, "c")
    assert (response["x-cos-meta-b"], response[f"{PREFIX}description"]) == ("2", "of%20a%20copy")
    world.delete_object(bucket, "b")
    with pytest.raises(CosServiceError):
        world.get_object(bucket, "b")


def test_what_would_break_a_seal_is_refused(sealed: Sealed, bucket: str) -> None:
    with pytest.raises(ParameterError, match="would break"):
        sealed().put_object(bucket, b"", "a", Metadata={"X-Cos-Meta-Coskit-Key": "mine"})
    with pytest.raises(ParameterError, match="EnableMD5"):
        sealed().put_object(bucket, b"", "a", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")


@pytest.mark.parametrize("count", [16])
def test_threads_share_one_client_and_every_object_is_readable(
    owner: Client, bucket: str, count: int
) -> None:
    client = EncryptedClient(owner, AES)
    start = threading.Barrier(count)

    def work(number: int) -> int:
        start.wait(30)
        wrong = 0
        for turn in range(5):
            plain = bytes([number, turn]) * (FRAME + turn)
            client.put_object(bucket, plain, f"{number}-{turn}")
            wrong += client.get_object(bucket, f"{number}-{turn}")["Body"].read() != plain
        return wrong

    with ThreadPoolExecutor(count) as pool:
        assert sum(pool.map(work, range(count))) == 0


def test_tasks_share_one_client_and_every_object_is_readable(
    server: LocalServer, bucket: str
) -> None:
    async def work(client: AsyncEncryptedClient, number: int) -> bool:
        plain = bytes([number]) * (FRAME + number)
        await client.put_object(bucket, plain, f"{number}")
        response = await client.get_object(bucket, f"{number}")
        return await response["Body"].read() == plain

    async def main() -> list[bool]:
        async with server.async_client() as plain:
            client = AsyncEncryptedClient(plain, AES)
            return await asyncio.gather(*(work(client, number) for number in range(64)))

    assert all(asyncio.run(main()))


def test_without_its_package_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['cryptography'] = None\n"
        "import coskit.encryption\n"
        "try: coskit.encryption.AESKey\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "pip install 'coskit[encryption]'" in done.stdout


def test_a_body_has_all_that_a_body_has(sealed: Sealed, bucket: str, tmp_path: Path) -> None:
    plain, world = text_of(2_000_000), sealed()
    world.put_object(bucket, plain, "a")
    world.save(world.get_object(bucket, "a"), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == plain
    chunks = world.all(world.get_object(bucket, "a")["Body"].get_stream(1000))
    assert b"".join(chunks) == plain
    assert max(map(len, chunks)) == 1000
    response = world.get_object(bucket, "a")
    assert world.run(response["Body"].get_raw_stream().read(3)) == plain[:3]
    world.close_body(response)
    with pytest.raises(ValueError, match="closed"):
        world.read(response)


def test_neither_keys_nor_plaintext_are_logged_or_shown(
    sealed: Sealed, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world = sealed()
    world.put_object(bucket, b"a very private text", "a")
    body = world.get_object(bucket, "a")["Body"]
    shown = caplog.text + repr(world.client) + repr(body)
    assert world.run(body.read()) == b"a very private text"
    for secret in (SECRET.hex(), repr(SECRET)[2:-1], "private text"):
        assert secret not in shown


def test_a_client_pickles_with_its_keys(owner: Client, bucket: str) -> None:
    client = EncryptedClient(owner, RSA, old_keys=[AES])
    client.put_object(bucket, b"content", "a")
    copy = pickle.loads(pickle.dumps(client))
    try:
        assert copy.get_object(bucket, "a")["Body"].read() == b"content"
    finally:
        copy.client.close()
