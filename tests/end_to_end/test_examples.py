"""Every example runs against a server and prints the expected text."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coskit.testing import LocalServer

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = {
    "quickstart.py": "greetings/hello world.txt 11",
    "asynchronous.py": "100 objects, 4950000 bytes uploaded and downloaded unchanged",
    "large_file.py": "the same",
    "directory.py": "first sync: 3 files; second sync: 0\nthe same",
    "presigned.py": "200 text/plain shared",
    "migrate.py": "NoSuchKey 404",
}


def test_every_example_is_listed_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs(name: str, server: LocalServer, bucket: str) -> None:
    settings = {
        "COSKIT_ENDPOINT": server.endpoint,
        "COSKIT_SECRET_ID": server.secret_id,
        "COSKIT_SECRET_KEY": server.secret_key,
        "EXAMPLE_BUCKET": bucket,
        "EXAMPLE_REGION": "ap-local",
        "EXAMPLE_IP": "127.0.0.1",
        "EXAMPLE_PORT": str(server.port),
        "PYTHONWARNINGS": "error",
    }
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert SAYS[name] in done.stdout
