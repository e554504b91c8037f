"""Run MinIO's mint, functional tests of other clients, against a server."""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.compatibility.conformance.baseline import Outcome
from tests.compatibility.conformance.serving import SuiteServer, serving

SUITE = "mint"
_STATUS = {"PASS": "pass", "FAIL": "fail", "NA": "skip"}
_PART_SECONDS = 1800
# Text that differs between runs: addresses, folders, and words with a random number.
_ENDPOINT = re.compile(r"(--endpoint-url )?https?://[\w.:-]+ ?")
_FOLDER = re.compile(r"(?<![\w:/.])/(?:[\w.+@-]+/)+")
_RANDOM = re.compile(r"[\w./-]*\d{3,}[\w./-]*")


@dataclass(frozen=True)
class Part:
    """The tests of one client, in a folder `run/core/<name>` of the checkout.

    Attributes:
        program: the program that it needs; README.md describes how to get it.
        command: the command to run in the folder.
    """

    name: str
    program: str
    command: tuple[str, ...]
    has_data: bool = True  # use the files in `data` instead of creating some


# Two parts stop at their first failure; run this way they continue and report all.
_EACH_TEST = r"""sed 's/^\(\s*test_[a-z0-9_]*\) &&$/\1/' test.sh | bash -s http://{endpoint}"""
_EACH_CALL = """
import tests
call = tests._call_test
def call_and_go_on(*args, **kwargs):
    try:
        call(*args, **kwargs)
    except tests.TestFailed:
        pass
tests._call_test = call_and_go_on
tests.main()
"""
PARTS = (
    Part("aws-sdk-go-v2", "aws-sdk-go-v2", ("./aws-sdk-go-v2",)),
    Part("awscli", "test.sh", ("bash", "-c", _EACH_TEST)),
    Part("mc", "mc", ("bash", "./functional-tests.sh")),
    Part("minio-go", "minio-go", ("./minio-go",), has_data=False),
    Part(
        "minio-js",
        "node_modules",
        (
            *("node", "./node_modules/mocha/bin/mocha.js", "-R", "minioreporter"),
            "./minio-js/tests/functional/functional-tests.js",
        ),
    ),
    Part("minio-py", "tests.py", ("python", "-c", _EACH_CALL)),
    Part("s3cmd", "test.sh", ("bash", "./test.sh")),
    Part("versioning", "tests", ("./tests",)),
)


def run(path: Path, programs: Path, selected: str, options: Sequence[str]) -> list[Outcome]:
    """Run the parts whose programs are present, and return the results of their cases.

    Args:
        path: the checkout, with `data` filled by its create-data-files.sh.
        programs: a folder with python, aws and s3cmd.
        selected: the name of one part; "" selects all.
        options: further options of the server.
    """
    outcomes = []
    for part in PARTS:
        folder = path / "run/core" / part.name
        if selected and selected != part.name:
            continue
        if not (folder / part.program).exists():
            print(f"left out, for there is no {folder / part.program}")
            continue
        with serving(options) as server:
            outcomes += _cases(part.name, _run(part, folder, path, programs, server))
    return outcomes


def _run(part: Part, folder: Path, path: Path, programs: Path, server: SuiteServer) -> str:
    keys, endpoint = server.accounts["main"].keys, f"{server.host}:{server.port}"
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "SERVER_ENDPOINT": endpoint,
        "SERVER_REGION": "us-east-1",
        "ACCESS_KEY": keys.secret_id,
        "SECRET_KEY": keys.secret_key,
        "AWS_ACCESS_KEY_ID": keys.secret_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "ENABLE_HTTPS": "0",
        "ENABLE_VIRTUAL_STYLE": "0",
        "MINT_MODE": "full",
        "MINT_DATA_DIR": str(path / "data") if part.has_data else "",
        "DATA_DIR": str(path / "data"),
        "RUN_ON_FAIL": "1",
    }
    output = subprocess.run(
        [word.replace("{endpoint}", endpoint) for word in part.command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_PART_SECONDS,
        check=False,
    )
    return output.stdout


def _cases(name: str, output: str) -> list[Outcome]:
    """Return the results in a part's JSON output."""
    found: dict[str, Outcome] = {}
    for line in output.splitlines():
        entry = _entry(line)
        if entry is None:
            continue
        case = case_name(name, entry)
        status = _STATUS.get(str(entry["status"]).upper(), "fail")
        detail = " ".join(str(entry[key]) for key in ("alert", "message", "error") if key in entry)
        # A case may report more than once; a failure takes precedence.
        if case not in found or (status == "fail" and found[case].status != "fail"):
            found[case] = Outcome(case, status, detail[:600], (name,))
    outcomes = list(found.values())
    return outcomes or [Outcome(f"{name}::start", "fail", output[-300:], (name,))]


def _entry(line: str) -> Mapping[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "status" in entry else None


def case_name(part: str, entry: Mapping[str, Any]) -> str:
    """Return a case's name, equal in every run."""
    inner = str(entry.get("name", "")).partition(":")[2]
    words = _ENDPOINT.sub("", inner or str(entry.get("function", "")))
    words = _RANDOM.sub("...", _FOLDER.sub("", words))
    return f"{part}::{' '.join(words.split())[:120]}"
