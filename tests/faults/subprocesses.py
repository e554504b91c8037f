"""Starting the program that uses a client in a process of its own, and what it leaves behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coskit.testing import LocalServer
from tests.faults import program
from tests.faults.proxy.proxy import FaultProxy

Child = subprocess.Popen[str]


@contextmanager
def child(
    server: LocalServer, proxy: FaultProxy, journals: Path, *words: str | Path
) -> Iterator[Child]:
    """Give a process that runs `program` as soon as it is told a line; it is gone afterwards."""
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
    """Return what the journals of a directory say."""
    return [path.read_text() for path in directory.glob("*.json")]


def partial_files(directory: Path) -> list[str]:
    """Return the names of the files that downloads have not finished."""
    return sorted(path.name for path in directory.rglob(".*.part"))


def forgotten_files(directory: Path, journals: Path) -> list[str]:
    """Return the unfinished files that no journal names."""
    told = journals_in(journals)
    return [name for name in partial_files(directory) if not any(name in text for text in told)]
