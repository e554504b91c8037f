"""Contenders of file transfers over S3: obstore, s5cmd and rclone."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.transfers import MIB, Ground

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Keys:
    """A service and the keys of its owner."""

    endpoint: str
    secret_id: str
    secret_key: str

    def for_rclone(self) -> dict[str, str]:
        """Return the variables that make the service rclone's remote `bench:`."""
        settings = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ENDPOINT": self.endpoint,
            "ACCESS_KEY_ID": self.secret_id,
            "SECRET_ACCESS_KEY": self.secret_key,
            "REGION": "ap-local",
            "NO_CHECK_BUCKET": "true",
        }
        variables = {f"RCLONE_CONFIG_BENCH_{name}": value for name, value in settings.items()}
        return {**variables, "RCLONE_CONFIG": os.devnull}


def obstore(ground: Ground) -> Any:
    """Return a store."""
    return import_module("obstore.store").S3Store(
        ground.bucket,
        endpoint=ground.endpoint,
        region="ap-local",
        access_key_id=ground.secret_id,
        secret_access_key=ground.secret_key,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def obstore_up(ground: Ground, name: str, *, part: int, threads: int) -> None:
    """Upload a file, with a part size in MiB and a number of parallel parts."""
    import_module("obstore").put(
        obstore(ground),
        f"sent/{name}",
        ground.source / name,
        chunk_size=part * MIB,
        max_concurrency=threads,
    )


def obstore_down(ground: Ground, name: str, *, part: int) -> None:
    """Download a file over one connection, its only way, in chunks of a size in MiB."""
    answer = import_module("obstore").get(obstore(ground), f"stored/{name}")
    with (ground.target / name).open("wb", 0) as file:
        for piece in answer.stream(min_chunk_size=part * MIB):
            file.write(piece)


def s5cmd(ground: Ground) -> Command:
    """Return a function that runs s5cmd."""
    environment = {
        "AWS_ACCESS_KEY_ID": ground.secret_id,
        "AWS_SECRET_ACCESS_KEY": ground.secret_key,
        "AWS_REGION": "ap-local",
        "S3_ENDPOINT_URL": ground.endpoint,
    }
    return lambda *words: _run("s5cmd", environment, "--log", "error", *words)


def rclone(ground: Ground) -> Command:
    """Return a function that runs rclone, with the server as its remote `bench:`."""
    environment = Keys(ground.endpoint, ground.secret_id, ground.secret_key).for_rclone()
    return lambda *words: _run("rclone", environment, *words)


def _run(tool: str, environment: dict[str, str], *words: str) -> None:
    command = [str(Path(sys.prefix, "bin", tool)), *words]
    subprocess.run(command, check=True, env={**os.environ, **environment})
