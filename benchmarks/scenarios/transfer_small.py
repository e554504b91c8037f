"""5,000 files of 16 KiB, to and from a server on the same machine."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.movers import rclone, s5cmd
from benchmarks.transfers import (
    Ground,
    coskit_async,
    coskit_sync,
    crc64_of,
    fail,
    here,
    opendal,
    side_by_side,
    vendor,
)

if TYPE_CHECKING:
    from coskit.testing import LocalServer

MODES = (
    "upload, one by one",
    "upload, 16 at a time",
    "download, one by one",
    "download, 16 at a time",
)
AMOUNT = 5000
WARM_UP = 64
UNIT = 16 << 10
_PER_FOLDER = 100

Move = Callable[[str], object]
# Transfers the named files, or a whole directory in its own way.
Work = Callable[[Ground, str, list[str]], None]


def files(amount: int) -> int:
    """Return the number of files."""
    return amount


def names(amount: int) -> list[str]:
    """Return the files' names with their folders."""
    return [f"{number // _PER_FOLDER:03}/{number % _PER_FOLDER:03}" for number in range(amount)]


def write(ground: Ground, amount: int) -> None:
    """Write the files, no two of which are equal."""
    for name in names(amount):
        path = ground.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(secrets.token_bytes(UNIT))


def check(mode: str, ground: Ground, server: "LocalServer") -> None:
    """Check that everything has arrived."""
    sums = {str(p.relative_to(ground.source)): crc64_of(p) for p in ground.source.rglob("*/*")}
    if mode.startswith("download"):
        place = ground.target
        found = {str(p.relative_to(place)): crc64_of(p) for p in place.rglob("*/*")}
    else:
        with server.client() as client:
            answers = {name: client.head_object(ground.bucket, f"sent/{name}") for name in sums}
        found = {name: int(answer["x-cos-hash-crc64ecma"]) for name, answer in answers.items()}
    if found != sums:
        fail("what has arrived is not what was sent")


def _coskit_each(ground: Ground, mode: str, wanted: list[str]) -> None:
    with coskit_sync(ground) as client:
        _each(
            mode,
            wanted,
            lambda name: client.upload_file(ground.bucket, f"sent/{name}", ground.source / name),
            lambda name: client.download_file(
                ground.bucket, f"stored/{name}", ground.target / name
            ),
        )


def _coskit_directory(ground: Ground, mode: str, _wanted: list[str]) -> None:
    with coskit_sync(ground) as client:
        if mode.startswith("upload"):
            client.upload_dir(ground.bucket, ground.source, "sent")
        else:
            client.download_dir(ground.bucket, ground.target, "stored")


def _coskit_async_directory(ground: Ground, mode: str, _wanted: list[str]) -> None:
    def work(client: Any) -> Any:
        if mode.startswith("upload"):
            return client.upload_dir(ground.bucket, ground.source, "sent")
        return client.download_dir(ground.bucket, ground.target, "stored")

    coskit_async(ground, work)


def _vendor(ground: Ground, mode: str, wanted: list[str]) -> None:
    client = vendor(ground)
    _each(
        mode,
        wanted,
        lambda name: client.upload_file(ground.bucket, f"sent/{name}", str(ground.source / name)),
        lambda name: client.download_file(
            ground.bucket, f"stored/{name}", str(ground.target / name), EnableCRC=True
        ),
    )


def _opendal(ground: Ground, mode: str, wanted: list[str]) -> None:
    operator = opendal(ground)
    _each(
        mode,
        wanted,
        lambda name: operator.write(f"sent/{name}", (ground.source / name).read_bytes()),
        lambda name: (ground.target / name).write_bytes(operator.read(f"stored/{name}")),
    )


def _s5cmd(ground: Ground, mode: str, _wanted: list[str]) -> None:
    here, there = f"{ground.source}/", f"s3://{ground.bucket}/sent/"
    if mode.startswith("download"):
        here, there = f"s3://{ground.bucket}/stored/*", f"{ground.target}/"
    s5cmd(ground)("--numworkers", "16", "cp", here, there)


def _rclone(ground: Ground, mode: str, _wanted: list[str]) -> None:
    here, there = str(ground.source), f"bench:{ground.bucket}/sent"
    if mode.startswith("download"):
        here, there = f"bench:{ground.bucket}/stored", str(ground.target)
    rclone(ground)("copy", "--transfers", "16", here, there)


def _each(mode: str, wanted: list[str], up: Move, down: Move) -> None:
    side_by_side(16 if "16" in mode else 1, up if mode.startswith("upload") else down, wanted)


ONE_BY_ONE: dict[str, Work] = {
    "coskit": _coskit_each,
    "cos-python-sdk-v5": _vendor,
    "opendal": _opendal,
}
SIDE_BY_SIDE: dict[str, Work] = {
    "coskit": _coskit_directory,
    "coskit, async": _coskit_async_directory,
    "cos-python-sdk-v5": _vendor,
    "opendal": _opendal,
    "s5cmd": _s5cmd,
    "rclone": _rclone,
}


def _contenders(mode: str) -> dict[str, Work]:
    return SIDE_BY_SIDE if "16" in mode else ONE_BY_ONE


def contenders(mode: str) -> list[str]:
    """Return the contenders of a mode."""
    return here(_contenders(mode))


def warm_up(mode: str, name: str, place: str) -> None:
    """Warm up a contender."""
    run(mode, name, str(Ground.of(place).for_warm_up()), WARM_UP)


def run(mode: str, name: str, place: str, amount: int) -> None:
    """Transfer the files."""
    ground, wanted = Ground.of(place), names(amount)
    for name_of_file in wanted[::_PER_FOLDER]:
        (ground.target / name_of_file).parent.mkdir(parents=True, exist_ok=True)
    _contenders(mode)[name](ground, mode, wanted)
