"""Run the client program in a process, and inspect the files that it leaves."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coskit.testing import LocalServer
from tests.faults import program
from tests.faults.proxy.proxy import FaultProxy

ClientProcess = subprocess.Popen[str]


@contextmanager
def client_process(
    server: LocalServer, proxy: FaultProxy, journals: Path, *words: str | Path
) -> Iterator[ClientProcess]:
    """Yield a process that runs `program` once it reads a line; it is killed afterwards."""
    settings = {
        "COSKIT_ENDPOINT": proxy.endpoint,
        "COSKIT_SECRET_ID": server.secret_id,
        "COSKIT_SECRET_KEY": server.secret_key,
        "JOURNALS": str(journals),
    }
    with subprocess.Popen(
        [sys.executable, program.__file__, *map(str, words)],
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def journals_in(directory: Path) -> list[str]:
    """Return the texts of the journals in a directory."""
    return [path.read_text() for path in directory.glob("*.json")]


def partial_files(directory: Path) -> list[str]:
    """Return the names of unfinished downloads."""
    return sorted(path.name for path in directory.rglob(".*.part"))


def orphaned_files(directory: Path, journals: Path) -> list[str]:
    """Return the unfinished downloads that no journal names."""
    texts = journals_in(journals)
    return [name for name in partial_files(directory) if not any(name in text for text in texts)]
