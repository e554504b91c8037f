"""Run the vendor's own test file, with its SDK and with `coskit.compat` in its place."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.compatibility.conformance.baseline import HERE, Outcome
from tests.compatibility.conformance.serving import ACCOUNTS, SuiteServer, serving
from tests.compatibility.conformance.vendor_hosts import FAILING, Authority, hosts

SUITE = "vendor-tests"
SDKS = ("published", "coskit")
_REGION = "ap-beijing"
_DOMAIN = "testcertificate.coshelper.com"
_RUN_SECONDS = 3000
# Run only if it is selected by name.
_LARGE = {"test_upload_file_10000_parts_with_trafficlimit": "10 GB, as slow as the case asks for"}


def run(path: Path, selected: str, options: Sequence[str]) -> list[Outcome]:
    """Run the file with both SDKs, each against its own server, and return the results.

    Args:
        path: the checkout, with `ut/test.py`, or the file itself.
        selected: an expression of `pytest -k`; "" selects all.
        options: further options of the server.
    """
    file = path / "ut/test.py" if path.is_dir() else path
    return [outcome for sdk in SDKS for outcome in _run(sdk, file, selected, options)]


def _run(sdk: str, file: Path, selected: str, options: Sequence[str]) -> list[Outcome]:
    with (
        serving((*options, "--region", _REGION)) as suite_server,
        tempfile.TemporaryDirectory() as scratch,
        hosts((suite_server.host, suite_server.port), _made(scratch, "certificates")) as (
            led,
            failures,
            signer,
        ),
    ):
        log, folder = Path(scratch, "log.jsonl"), _made(scratch, "work")
        log.touch()
        _domain_pair(signer, folder)
        selection = ["-k", selected or " and ".join(f"not {name}" for name in _LARGE)]
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "vendor_plugin"]
        command += ["-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, *selection]
        environment = {
            **os.environ,
            **_environment(suite_server, failures),
            **led,
            "HOME": str(folder),
            "CONFORMANCE_LOG": str(log),
            "VENDOR_SDK": sdk,
            "PYTHONPATH": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        output = subprocess.run(
            [*command, f"--rootdir={folder}", str(file)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )
        ended = [json.loads(line) for line in log.read_text().splitlines()]
    found = [Outcome(f"{sdk}::{x['case']}", x["status"], x["detail"], (sdk,)) for x in ended]
    if not found:
        return [Outcome(f"{sdk}::start", "fail", output.stdout[-2000:], (sdk,))]
    if not selected:
        found += [Outcome(f"{sdk}::{case}", "skip", why, (sdk,)) for case, why in _LARGE.items()]
    return found


def _made(scratch: str, name: str) -> Path:
    folder = Path(scratch, name)
    folder.mkdir()
    return folder


def _domain_pair(signer: Authority, folder: Path) -> None:
    """Write the certificate for a custom domain where the test file expects it."""
    for source, ending in zip(signer.pair(_DOMAIN), ("pem", "key"), strict=True):
        (folder / f"{_DOMAIN}.{ending}").write_bytes(source.read_bytes())


def _environment(suite_server: SuiteServer, failures: str) -> dict[str, str]:
    """Return the environment variables that the test file reads."""
    keys = suite_server.accounts["main"].keys
    appid = ACCOUNTS["main"]
    return {
        "COS_SECRET_ID": keys.secret_id,
        "COS_SECRET_KEY": keys.secret_key,
        "COS_REGION": _REGION,
        "COS_APPID": appid,
        "TRAVIS_FLAG": "true",
        "TEST_CI": "true",
        "USE_CREDENTIAL_INST": "false",
        "ERR_HOST": failures,
        "ErrRegion": _REGION,
        "ErrBucket": FAILING,
        "ErrAppid": appid,
        "COS_VECTORS_BUCKET": f"vectors-{appid}",
        "COS_VECTORS_BUCKET_FOR_CREATE_DELETE": f"vectors-made-{appid}",
        "COS_VECTORS_APPID": appid,
        "COS_VECTORS_SECRET_ID": keys.secret_id,
        "COS_VECTORS_SECRET_KEY": keys.secret_key,
        "COS_VECTORS_REGION": _REGION,
        "COS_VECTORS_USE_IP": "false",
    }
