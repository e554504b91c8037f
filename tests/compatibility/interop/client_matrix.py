"""Run the rounds of all clients on one server, and verify the stored objects with coskit."""

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
# Driver -> the client's name for readers, and its environment ("" is this one).
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
_SLOW = ("awscli", "coscmd")  # a process for each call, so they start first
LIMIT = 300  # seconds for one round


@dataclass
class RoundResult:
    """The results of one client's round.

    Attributes:
        title: the client's name for readers.
        version: the version of its package.
        dialect: `COS` or `S3`.
        results: for each ability `ok` (None if the client lacks it) and `detail`.
    """

    title: str
    version: str = "?"
    dialect: str = "?"
    results: dict[str, dict[str, Any]] = field(default_factory=dict)


class ClientMatrix:
    """A server and the rounds of clients on it; leaving the context stops them all."""

    def __init__(self, names: Sequence[str] = tuple(CLIENTS), jobs: int = 2) -> None:
        """Choose the rounds, which start with the context.

        Args:
            names: the names of the drivers.
            jobs: the number of rounds at a time.
        """
        self._names = names
        self._pool = ThreadPoolExecutor(jobs)
        self._open = ExitStack()
        self._rounds: dict[str, Future[RoundResult]] = {}
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def result(self, name: str) -> RoundResult:
        """Wait for a round and return its results."""
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
        """Store the objects that all clients read."""
        self._owner.create_bucket(SHARED)
        for key in (SEEDED, *LISTED, *MANY):
            self._owner.put_object(SHARED, content(key) if key == SEEDED else b"x", key)

    def _end(self) -> None:
        """Cancel waiting rounds and kill running ones."""
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

    def _round(self, name: str, number: int, made: "Future[Path] | None") -> RoundResult:
        title = CLIENTS[name][0]
        bucket, versioned = f"round{number}-1250000000", f"versions{number}-1250000000"
        for each in (bucket, versioned):
            self._owner.create_bucket(each)
        self._owner.put_bucket_versioning(versioned, Status="Enabled")
        shown = RoundResult(title)
        interpreter = str(python(made.result())) if made else sys.executable
        with tempfile.TemporaryDirectory(prefix=f"{name.partition(':')[0]}-") as scratch:
            workspace = {
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
                json.dumps(workspace),
            ]
            output, how = self._run(words, scratch)
        for line in output.decode(errors="replace").splitlines():
            if line.startswith('{"version"'):
                first = json.loads(line)
                shown.version, shown.dialect = first["version"], first["dialect"]
            elif line.startswith('{"ability"'):
                result = json.loads(line)
                shown.results[result.pop("ability")] = result
        for ability in ABILITIES:
            if ability not in shown.results:
                shown.results[ability] = {"ok": False, "detail": f"the driver ended before: {how}"}
        self._verify_stored(bucket, shown)
        for each in (bucket, versioned):
            remove_bucket(self._owner, each)
        return shown

    def _run(self, words: list[str], scratch: str) -> tuple[bytes, str]:
        """Run a driver and return its output and how it ended."""
        process = subprocess.Popen(
            words,
            cwd=HERE.parents[2],
            env=_environment(words[0], scratch),
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
            how = f"took more than {LIMIT} s"
        finally:
            with self._lock:
                self._running.discard(process)
        return out, how

    def _verify_stored(self, bucket: str, shown: RoundResult) -> None:
        """Verify with coskit the objects that the client has stored."""
        for ability, result in shown.results.items():
            objects = left_behind(ability) if result["ok"] else {}
            excused = result["detail"]
            for key, body in objects.items():
                try:
                    wrong = _difference(self._owner, bucket, key, body, ability)
                except CosServiceError as error:
                    wrong = f"coskit: {key[:40]!r}: {error}"
                    if excused and "NoSuchKey" in repr(error):
                        continue
                if wrong:
                    shown.results[ability] = {"ok": False, "detail": wrong}


def _difference(owner: Client, bucket: str, key: str, body: bytes, ability: str) -> str:
    result = owner.get_object(bucket, key)
    if result["Body"].read() != body:
        return f"coskit reads other bytes at {key[:40]!r}"
    if ability == "multipart" and "-" not in result["ETag"]:
        return "the object was not stored in parts"
    return ""


def _environment(interpreter: str, scratch: str) -> Mapping[str, str]:
    """Return environment variables without the settings of this machine's own clients."""
    return {
        "PATH": f"{Path(interpreter).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "XDG_STATE_HOME": scratch,
        "PYTHONDONTWRITEBYTECODE": "1",
        **({"PYTHONPATH": path} if (path := os.environ.get("PYTHONPATH")) else {}),
    }
