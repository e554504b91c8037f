"""upload_file and download_file of 1 GiB, to and from a server on the same machine."""

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.movers import obstore_down, obstore_up, rclone, s5cmd
from benchmarks.transfers import (
    MIB,
    Ground,
    coskit_async,
    coskit_sync,
    crc64_of,
    fail,
    here,
    opendal,
    vendor,
)

if TYPE_CHECKING:
    from coskit.testing import LocalServer

MODES = ("upload", "download")
AMOUNT = 1024  # MiB
WARM_UP = 1
UNIT = MIB
# The size of coskit's large parts; the rivals' defaults are measured as well.
_PART = 8
_THREADS = 4

Work = Callable[[Ground, str], object]


def files(_amount: int) -> int:
    """Return the number of files."""
    return 1


def write(ground: Ground, amount: int) -> None:
    """Write the file, in which no two MiB are equal."""
    ground.source.mkdir(parents=True)
    with _source(ground).open("wb") as file:
        for _ in range(amount):
            file.write(secrets.token_bytes(MIB))


def _source(ground: Ground) -> Path:
    return ground.source / "file"


def _target(ground: Ground) -> Path:
    return ground.target / "file"


def check(mode: str, ground: Ground, server: "LocalServer") -> None:
    """Check that everything has arrived."""
    if mode == "download":
        found = crc64_of(_target(ground))
    else:
        with server.client() as client:
            told = client.head_object(ground.bucket, "sent/file")
        found = int(told["x-cos-hash-crc64ecma"])
    if found != crc64_of(_source(ground)):
        fail("what has arrived is not what was sent")


def _coskit(ground: Ground, mode: str) -> None:
    with coskit_sync(ground) as client:
        if mode == "upload":
            client.upload_file(ground.bucket, "sent/file", _source(ground))
        else:
            client.download_file(ground.bucket, "stored/file", _target(ground))


def _coskit_async(ground: Ground, mode: str) -> None:
    def work(client: Any) -> Any:
        if mode == "upload":
            return client.upload_file(ground.bucket, "sent/file", _source(ground))
        return client.download_file(ground.bucket, "stored/file", _target(ground))

    coskit_async(ground, work)


def _vendor(ground: Ground, mode: str) -> None:
    client = vendor(ground)
    if mode == "upload":
        client.upload_file(ground.bucket, "sent/file", str(_source(ground)))
    else:
        client.download_file(ground.bucket, "stored/file", str(_target(ground)))


def _vendor_tuned(ground: Ground, mode: str) -> None:
    client = vendor(ground)
    settings: dict[str, Any] = {"PartSize": _PART, "MAXThread": _THREADS}
    if mode == "upload":
        client.upload_file(ground.bucket, "sent/file", str(_source(ground)), **settings)
    else:
        # By default it does not check the object's CRC64.
        settings["EnableCRC"] = True
        client.download_file(ground.bucket, "stored/file", str(_target(ground)), **settings)


def _opendal(ground: Ground, mode: str) -> None:
    operator = opendal(ground)
    parts = {"chunk": _PART * MIB, "concurrent": _THREADS}
    if mode == "upload":
        with _source(ground).open("rb", 0) as file, operator.open("sent/file", "wb", **parts) as to:
            shutil.copyfileobj(file, to, _PART * MIB)
    else:
        with operator.open("stored/file", "rb", **parts) as of, _target(ground).open("wb", 0) as to:
            shutil.copyfileobj(of, to, _PART * MIB)


def _obstore(ground: Ground, mode: str) -> None:
    if mode == "upload":
        obstore_up(ground, "file", part=_PART, threads=_THREADS)
    else:
        obstore_down(ground, "file", part=_PART)


def _s5cmd(ground: Ground, mode: str) -> None:
    here, there = str(_source(ground)), f"s3://{ground.bucket}/sent/file"
    if mode == "download":
        here, there = f"s3://{ground.bucket}/stored/file", str(_target(ground))
    parts = ("--part-size", str(_PART), "--concurrency", str(_THREADS))
    s5cmd(ground)("cp", *parts, here, there)


def _rclone(ground: Ground, mode: str) -> None:
    here, there = str(_source(ground)), f"bench:{ground.bucket}/sent/file"
    if mode == "download":
        here, there = f"bench:{ground.bucket}/stored/file", str(_target(ground))
    parts = ("--s3-chunk-size", f"{_PART}M", "--s3-upload-concurrency", str(_THREADS))
    rclone(ground)("copyto", *parts, "--multi-thread-streams", str(_THREADS), here, there)


CONTENDERS: dict[str, Work] = {
    "coskit": _coskit,
    "coskit, async": _coskit_async,
    "cos-python-sdk-v5": _vendor,
    "cos-python-sdk-v5, tuned": _vendor_tuned,
    "opendal": _opendal,
    "obstore": _obstore,
    "s5cmd": _s5cmd,
    "rclone": _rclone,
}


def contenders(_mode: str) -> list[str]:
    """Return the contenders of a mode."""
    return here(CONTENDERS)


def warm_up(mode: str, name: str, place: str) -> None:
    """Warm up a contender."""
    run(mode, name, str(Ground.of(place).for_warm_up()), WARM_UP)


def run(mode: str, name: str, place: str, _amount: int) -> None:
    """Transfer the file."""
    CONTENDERS[name](Ground.of(place), mode)
