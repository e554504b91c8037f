"""All rounds: one server, a bucket or two per client, and a witness who reads what was stored."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from coskit import Client, CosServiceError
from coskit.testing import LocalServer
from tests.compatibility.interop.capabilities import (
    ABILITIES,
    LISTED,
    MANY,
    SEEDED,
    content,
    left_behind,
)
from tests.compatibility.interop.venvs import HERE, environment, python
from tests.support.local import remove_bucket

REGION = "ap-local"
SHARED = "shared-1250000000"
# Driver -> what a reader knows the client as, and where it is installed ("" is this environment).
CLIENTS = {
    "coskit_client": ("coskit", ""),
    "cos_python": ("cos-python-sdk-v5", "clients"),
    "cos_nodejs": ("cos-nodejs-sdk-v5", "node"),
    "coscmd": ("coscmd", "clients"),
    "cosfs": ("cosfs", "clients"),
    "apache_opendal:Cos": ("OpenDAL `cos`", "clients"),
    "coskit_client:S3": ('coskit, `dialect="s3"`', ""),
    "amazon_boto3": ("boto3", "clients"),
    "amazon_boto3:VirtualHosts": ("boto3, virtual hosts", "clients"),
    "amazon_boto3:V2": ("boto3, signature V2", "clients"),
    "amazon_aioboto3": ("aioboto3", "async"),
    "amazon_nodejs": ("@aws-sdk/client-s3", "node"),
    "awscli": ("AWS CLI", "clients"),
    "minio_py": ("minio", "clients"),
    "developmentseed_obstore": ("obstore", "clients"),
    "apache_opendal:S3": ("OpenDAL `s3`", "clients"),
    "fsspec_s3fs": ("s3fs", "async"),
    "rclone": ("rclone", "clients"),
    "s5cmd": ("s5cmd", "clients"),
    "apache_pyarrow": ("PyArrow `S3FileSystem`", "clients"),
    "duckdb_httpfs": ("DuckDB httpfs", "clients"),
}
_SLOW = ("awscli", "coscmd")  # a process for each call: they begin first
LIMIT = 300  # seconds for one round


@dataclass
class Round:
    """What one client's round has shown.

    Attributes:
        title: what a reader knows the client as.
        version: of its package.
        dialect: `COS` or `S3`.
        answers: by ability: `ok` (None where it is none of the client's) and `detail`.
    """

    title: str
    version: str = "?"
    dialect: str = "?"
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)


class Fleet:
    """A server and the rounds on it, two at a time; leaving the context ends them all."""

    def __init__(self, names: Sequence[str] = tuple(CLIENTS), jobs: int = 2) -> None:
        """Say whose rounds are wanted; they begin with the context.

        Args:
            names: of drivers.
            jobs: rounds at a time.
        """
        self._names = names
        self._pool = ThreadPoolExecutor(jobs)
        self._open = ExitStack()
        self._rounds: dict[str, Future[Round]] = {}
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def result(self, name: str) -> Round:
        """Wait for a round and return what it has shown."""
        return self._rounds[name].result()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._pool.shutdown)
            root = stack.enter_context(tempfile.TemporaryDirectory(prefix="coskit-interop-"))
            options = ("--region", REGION)
            self._server = stack.enter_context(LocalServer(Path(root) / "data", options=options))
            self._owner = stack.enter_context(self._server.client())
            self._fill()
            installs = {group: self._pool.submit(environment, group) for group in self._groups()}
            for number, name in enumerate(sorted(self._names, key=_SLOW.__contains__)[::-1]):
                made = installs.get(CLIENTS[name][1])
                self._rounds[name] = self._pool.submit(self._round, name, number, made)
            stack.callback(self._end)
            self._open = stack.pop_all()
        return self

    def _groups(self) -> list[str]:
        return sorted({CLIENTS[name][1] for name in self._names} - {""})

    def _fill(self) -> None:
        """Store what all clients read."""
        self._owner.create_bucket(SHARED)
        for key in (SEEDED, *LISTED, *MANY):
            self._owner.put_object(SHARED, content(key) if key == SEEDED else b"x", key)

    def _end(self) -> None:
        """Begin no more rounds and end those that run."""
        for future in self._rounds.values():
            future.cancel()
        with self._lock:
            for process in self._running:
                os.killpg(process.pid, signal.SIGKILL)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def _round(self, name: str, number: int, made: "Future[Path] | None") -> Round:
        title = CLIENTS[name][0]
        bucket, versioned = f"round{number}-1250000000", f"versions{number}-1250000000"
        for each in (bucket, versioned):
            self._owner.create_bucket(each)
        self._owner.put_bucket_versioning(versioned, Status="Enabled")
        shown = Round(title)
        interpreter = str(python(made.result())) if made else sys.executable
        with tempfile.TemporaryDirectory(prefix=f"{name.partition(':')[0]}-") as scratch:
            place = {
                "port": self._server.port,
                "secret_id": self._server.secret_id,
                "secret_key": self._server.secret_key,
                "region": REGION,
                "bucket": bucket,
                "versioned": versioned,
                "shared": SHARED,
                "scratch": scratch,
            }
            words = [
                interpreter,
                "-m",
                "tests.compatibility.interop.driver",
                name,
                json.dumps(place),
            ]
            said, how = self._run(words, scratch)
        for line in said.decode(errors="replace").splitlines():
            if line.startswith('{"version"'):
                first = json.loads(line)
                shown.version, shown.dialect = first["version"], first["dialect"]
            elif line.startswith('{"ability"'):
                answer = json.loads(line)
                shown.answers[answer.pop("ability")] = answer
        for ability in ABILITIES:
            if ability not in shown.answers:
                shown.answers[ability] = {"ok": False, "detail": f"the driver ended before: {how}"}
        self._witness(bucket, shown)
        for each in (bucket, versioned):
            remove_bucket(self._owner, each)
        return shown

    def _run(self, words: list[str], scratch: str) -> tuple[bytes, str]:
        """Run a driver and return what it printed, and how it ended."""
        process = subprocess.Popen(
            words,
            cwd=HERE.parents[2],
            env=_surroundings(words[0], scratch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with self._lock:
            self._running.add(process)
        try:
            out, errors = process.communicate(timeout=LIMIT)
            how = f"exit {process.returncode}: {errors.decode(errors='replace').strip()[-300:]}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
            how = f"it took more than {LIMIT} s"
        finally:
            with self._lock:
                self._running.discard(process)
        return out, how

    def _witness(self, bucket: str, shown: Round) -> None:
        """Read with coskit what the client says it has stored."""
        for ability, answer in shown.answers.items():
            objects = left_behind(ability) if answer["ok"] else {}
            excused = answer["detail"]
            for key, body in objects.items():
                try:
                    wrong = _unlike(self._owner, bucket, key, body, ability)
                except CosServiceError as error:
                    wrong = f"coskit: {key[:40]!r}: {error}"
                    if excused and "NoSuchKey" in repr(error):
                        continue
                if wrong:
                    shown.answers[ability] = {"ok": False, "detail": wrong}


def _unlike(owner: Client, bucket: str, key: str, body: bytes, ability: str) -> str:
    answer = owner.get_object(bucket, key)
    if answer["Body"].read() != body:
        return f"coskit reads other bytes at {key[:40]!r}"
    if ability == "multipart" and "-" not in answer["ETag"]:
        return "the object was not stored in parts"
    return ""


def _surroundings(interpreter: str, scratch: str) -> Mapping[str, str]:
    """Return an environment that knows nothing of this machine's own clients."""
    return {
        "PATH": f"{Path(interpreter).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "XDG_STATE_HOME": scratch,
        "PYTHONDONTWRITEBYTECODE": "1",
        **({"PYTHONPATH": path} if (path := os.environ.get("PYTHONPATH")) else {}),
    }
