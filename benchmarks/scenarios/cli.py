"""Command-line tools: 10,000 files of 16 KiB and one of 1 GiB, up, down and nothing to do."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

from benchmarks import servers
from benchmarks.commands import Tool, tools
from benchmarks.movers import Keys
from benchmarks.transfers import MIB, cpu_of, crc64_of, empty, fail, roomy
from coskit.testing import LocalServer

FILES = 10_000
FILE = 16 << 10
MIBS = 1024
_BUCKET = "bench-1250000000"
_PER_FOLDER = 100
_TREE_STEPS = ("up", "sync up", "down", "sync down")
_FILE_STEPS = ("file up", "file down")

Figures = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True, slots=True)
class _Ground:
    """The server, the directory of a run, and the checksums of what is transferred."""

    server: LocalServer
    directory: Path
    etags: dict[str, str]  # by name below the tree
    crc64: int  # of the large file

    @property
    def tree(self) -> Path:
        return self.directory / "tree"

    @property
    def file(self) -> Path:
        return self.directory / "file"


def measure(rounds: int, scale: float) -> Figures:
    """Return the figures by step and tool; the tools take turns."""
    count, mibs = max(round(FILES * scale), 1), max(round(MIBS * scale), 1)
    titles = dict(zip(_TREE_STEPS, _tree_titles(count), strict=True))
    titles |= {"file up": f"{mibs} MiB up", "file down": f"{mibs} MiB down"}
    with _prepared(count, mibs) as ground:
        server = ground.server
        keys = Keys(server.endpoint, server.secret_id, server.secret_key)
        contenders = tools(keys, ground.directory / "aws.ini")
        done: dict[str, dict[str, list[dict[str, float]]]] = {
            step: {tool.name: [] for tool in contenders} for step in titles
        }
        for _ in range(rounds):
            for step in titles:
                for tool in contenders:
                    done[step][tool.name].append(_one(ground, tool, step))
                if step in ("sync up", "sync down", *_FILE_STEPS):
                    _clean(ground)
    return {
        titles[step]: {name: servers.medians(runs) for name, runs in by_tool.items()}
        for step, by_tool in done.items()
    }


def show(title: str | None, modes: Figures) -> None:
    """Print a table for each step; `coskit is` compares the seconds."""
    print(f"\n{title}")
    heads = ("seconds", "CPU s", "peak MiB", "server's", "coskit is", "per CPU")
    for mode, rows in modes.items():
        print(f"{mode}:\n  {'':22}" + "".join(f"{head:>11}" for head in heads))
        own = rows.get("coskit")
        for name, row in rows.items():
            cells = [f"{row['seconds']:.2f}", f"{row['cpu_seconds']:.2f}"]
            cells += [f"{row['peak_mib']:.0f}", f"{row['server_cpu_seconds']:.2f}"]
            if own is not None and row is not own:
                cells += [f"{row[key] / own[key]:.2f}x" for key in ("seconds", "cpu_seconds")]
            print(f"  {name:22}" + "".join(f"{cell:>11}" for cell in cells))


def _tree_titles(count: int) -> tuple[str, ...]:
    files = f"{count:,} files"
    return (
        f"{files} up",
        f"{files} up, nothing to do",
        f"{files} down",
        f"{files} down, nothing to do",
    )


@contextmanager
def _prepared(count: int, mibs: int) -> Iterator[_Ground]:
    """Write the files, in memory if there is room, and store them."""
    with (
        tempfile.TemporaryDirectory(dir=roomy()) as place,
        LocalServer(Path(place) / "data", buckets=[_BUCKET]) as server,
    ):
        directory, etags = Path(place), {}
        for number in range(count):
            name = f"{number // _PER_FOLDER:03}/{number % _PER_FOLDER:02}.bin"
            path = directory / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = secrets.token_bytes(FILE)
            path.write_bytes(content)
            etags[name] = md5(content).hexdigest()
        with (directory / "file").open("wb") as file:
            for _ in range(mibs):
                file.write(secrets.token_bytes(MIB))
        with server.client() as client:
            client.upload_dir(_BUCKET, directory / "tree", "stored/tree")
            client.upload_file(_BUCKET, "stored/file", directory / "file")
        yield _Ground(server, directory, etags, crc64_of(directory / "file"))


def _one(ground: _Ground, tool: Tool, step: str) -> dict[str, float]:
    """Run one step with one tool, check what arrived and return the figures."""
    mine = tool.name.replace(" ", "-").replace(",", "")
    down = step.endswith("down")
    local = ground.directory / "down" / mine if down else ground.tree
    key = "stored/tree" if down else f"sent/{mine}"
    if step.startswith("file"):
        local, key = (local, "stored/file") if down else (ground.file, key)
    local.parent.mkdir(exist_ok=True)
    before = cpu_of(ground.server.pid)
    figures = tool.run(step, local, _BUCKET, key)
    figures["server_cpu_seconds"] = cpu_of(ground.server.pid) - before
    _check(ground, step, local, key)
    return figures


def _check(ground: _Ground, step: str, local: Path, key: str) -> None:
    if step == "file down":
        arrived: object = crc64_of(local)
        expected: object = ground.crc64
    elif step == "file up":
        with ground.server.client() as client:
            head = client.head_object(_BUCKET, key)
        arrived, expected = int(head["x-cos-hash-crc64ecma"]), ground.crc64
    elif step.endswith("down"):
        paths = {str(p.relative_to(local)): p for p in local.rglob("*") if p.is_file()}
        arrived = {name: md5(path.read_bytes()).hexdigest() for name, path in paths.items()}
        expected = ground.etags
    else:
        with ground.server.client() as client:
            listed = client.iter_objects(_BUCKET, Prefix=f"{key}/")
            arrived = {e["Key"].removeprefix(f"{key}/"): e["ETag"].strip('"') for e in listed}
        expected = ground.etags
    if arrived != expected:
        fail(f"{step} to {local if step.endswith('down') else key}: other content arrived")


def _clean(ground: _Ground) -> None:
    shutil.rmtree(ground.directory / "down", ignore_errors=True)
    empty(ground.server, _BUCKET)
