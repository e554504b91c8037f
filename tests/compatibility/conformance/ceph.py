"""Run the Ceph project's s3-tests against a server."""

import configparser
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.compatibility.conformance.baseline import HERE, Outcome
from tests.compatibility.conformance.serving import DAY, SuiteServer, serving

SUITE = "s3-tests"
# Without IAM, STS, SNS and S3 Select, which are other services.
FILES = ("s3tests/functional/test_s3.py", "s3tests/functional/test_headers.py")
_CASE_SECONDS = 240  # a lifecycle case sleeps for up to twelve days


@dataclass(frozen=True)
class Checkout:
    """The suite's files and the Python that runs them."""

    path: Path
    python: Path

    def cases(self, selected: str) -> list[str]:
        """Return the names of all cases, or of those that `pytest -k` selects."""
        command = [str(self.python), "-m", "pytest", "--collect-only", "-q"]
        command += ["-k", selected, *FILES]
        output = subprocess.run(
            command,
            cwd=self.path,
            env={**os.environ, "S3TEST_CONF": "s3tests.conf.SAMPLE"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        # A case without parameters cannot be named.
        found = [
            line for line in output.stdout.splitlines() if "::" in line and "[NOTSET]" not in line
        ]
        if not found:
            raise RuntimeError(f"no case found: {output.stdout[-2000:]}{output.stderr[-2000:]}")
        return found


def run(checkout: Checkout, selected: str, lanes: int, options: Sequence[str]) -> list[Outcome]:
    """Run the cases and return their results; a case without a result has failed.

    Args:
        checkout: the suite's checkout.
        selected: an expression of `pytest -k`; "" selects all.
        lanes: the number of cases at a time, each against a server of its own.
        options: further options of the servers.
    """
    cases = checkout.cases(selected)
    shares = [share for lane in range(lanes) if (share := cases[lane::lanes])]
    with ThreadPoolExecutor(len(shares)) as pool, tempfile.TemporaryDirectory() as scratch:
        logs = [Path(scratch) / f"{number}.jsonl" for number in range(len(shares))]
        for done in [
            pool.submit(_lane, checkout, share, log, options)
            for share, log in zip(shares, logs, strict=True)
        ]:
            done.result()
        ended = [outcome for log in logs for outcome in read_log(log)]
    names = {case.removeprefix("s3tests/functional/") for case in cases}
    lost = names - {outcome.case for outcome in ended}
    return ended + [Outcome(case, "fail", "the run ended before it") for case in sorted(lost)]


def _lane(checkout: Checkout, cases: Sequence[str], log: Path, options: Sequence[str]) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(serving(options))
        conf = log.with_suffix(".conf")
        with conf.open("w") as out:
            write_configuration(server).write(out)
        listed = log.with_suffix(".cases")
        listed.write_text("\n".join(cases))
        log.touch()
        command = [str(checkout.python), "-m", "pytest", "-q", "--tb=no", "-p", "ceph_plugin"]
        command += ["-p", "no:cacheprovider", f"--timeout={_CASE_SECONDS}", f"@{listed}"]
        environment = {
            **os.environ,
            "S3TEST_CONF": str(conf),
            "CONFORMANCE_LOG": str(log),
            "PYTHONPATH": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_MAX_ATTEMPTS": "1",  # failures must show and not be retried
        }
        subprocess.run(
            command,
            cwd=checkout.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def read_log(log: Path) -> list[Outcome]:
    """Return the results that the plugin wrote."""
    output = [json.loads(line) for line in log.read_text().splitlines()]
    return [Outcome(x["case"], x["status"], x["detail"], tuple(x["marks"])) for x in output]


def write_configuration(server: SuiteServer) -> configparser.RawConfigParser:
    """Return the suite's configuration for a server."""
    conf = configparser.RawConfigParser()
    conf["DEFAULT"] = {
        "host": server.host,
        "port": str(server.port),
        "is_secure": "False",
        "ssl_verify": "False",
    }
    conf["fixtures"] = {"bucket prefix": "case-{random}-"}
    sections = {"main": "s3 main", "alt": "s3 alt", "tenant": "s3 tenant", "iam": "iam"}
    sections |= {"root": "iam root", "alt root": "iam alt root"}
    for role, section in sections.items():
        account = server.accounts[role]
        conf[section] = {
            "display_name": account.account,
            "user_id": account.account,
            "email": f"{role.replace(' ', '-')}@example.com",
            "access_key": account.keys.secret_id,
            "secret_key": account.keys.secret_key,
        }
    conf["s3 main"]["api_name"] = "ap-local"
    conf["s3 main"]["storage_classes"] = "STANDARD_IA, GLACIER"
    conf["s3 main"]["lc_debug_interval"] = str(DAY)
    conf["s3 tenant"]["tenant"] = ""
    return conf
