"""One server for all tests of commands, and a function that runs a command in this process."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from coskit import Client, CosException
from coskit.cli.commands import run
from coskit.testing import LocalServer

_numbers = count()


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The exit status of a command and what it printed."""

    status: int
    raw: bytes
    error: str

    @property
    def output(self) -> str:
        """The standard output as text."""
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        """The lines of the standard output."""
        return self.output.splitlines()


class _Screen(io.TextIOWrapper):
    """Standard output or error of a command; a terminal if the test asks for one."""

    def __init__(self, *, is_terminal: bool) -> None:
        self.bytes = io.BytesIO()
        self._is_terminal = is_terminal
        super().__init__(self.bytes, encoding="utf-8", write_through=True)

    def isatty(self) -> bool:
        """Return whether the test asked for a terminal."""
        return self._is_terminal


class _Keyboard(io.TextIOWrapper):
    """Standard input of a command; a terminal if the test asks for one."""

    def __init__(self, typed: bytes, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal
        super().__init__(io.BytesIO(typed), encoding="utf-8")

    def isatty(self) -> bool:
        """Return whether the test asked for a terminal."""
        return self._is_terminal


class Coskit:
    """Runs commands of `coskit` in this process, as a user of the test's server.

    Args:
        patch: sets the environment.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def __call__(
        self, *words: object, stdin: bytes = b"", columns: int | None = None
    ) -> CommandResult:
        """Run a command.

        Args:
            *words: the words behind `coskit`.
            stdin: the bytes on standard input.
            columns: the width of the terminal that the command runs on; None for a pipe.
        """
        out, error = (_Screen(is_terminal=columns is not None) for _ in range(2))
        with self._patch.context() as patch:
            if columns is not None:
                patch.setenv("COLUMNS", str(columns))
            patch.setattr(sys, "stdin", _Keyboard(stdin, is_terminal=columns is not None))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", error)
            status = _status(words)
        return CommandResult(status, out.bytes.getvalue(), error.bytes.getvalue().decode())

    def into_closed_pipe(self, *words: object) -> CommandResult:
        """Run a command whose output nobody reads any more."""
        reading, writing = os.pipe()
        os.close(reading)
        error = _Screen(is_terminal=False)
        with self._patch.context() as patch, os.fdopen(writing, "w", encoding="utf-8") as out:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", error)
            status = _status(words)
        return CommandResult(status, b"", error.bytes.getvalue().decode())


def _status(words: tuple[object, ...]) -> int:
    try:
        with _log_kept():
            return run([str(word) for word in words])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


@contextmanager
def _log_kept() -> Iterator[None]:
    """Undo what a command changes in the log, as the end of its process does."""
    logger = logging.getLogger("coskit")
    handlers, level, propagate = [*logger.handlers], logger.level, logger.propagate
    try:
        yield
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


@pytest.fixture(scope="session")
def cli_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server for all tests of this process."""
    options = ("--restore-delay=Standard=1s", "--durability=none")
    with LocalServer(tmp_path_factory.mktemp("cli"), options=options) as server:
        yield server


@pytest.fixture
def client(cli_server: LocalServer) -> Iterator[Client]:
    """A client of the server."""
    with cli_server.client() as client:
        yield client


@pytest.fixture
def bucket(client: Client) -> Iterator[str]:
    """A new, empty bucket, removed after the test: an account has at most 200."""
    name = f"cli{next(_numbers)}-1250000000"
    client.create_bucket(name)
    yield name
    with suppress(CosException):  # the test removed the bucket, or locked an object
        client.delete_dir(name, Versions=True)
        for upload in client.iter_uploads(name):
            client.abort_multipart_upload(name, upload["Key"], upload["UploadId"])
        client.delete_bucket(name)


@pytest.fixture
def coskit(cli_server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Coskit:
    """Run commands as a user whose environment names the server and its keys."""
    for name, value in {
        "COSKIT_ENDPOINT": cli_server.endpoint,
        "COSKIT_SECRET_ID": cli_server.secret_id,
        "COSKIT_SECRET_KEY": cli_server.secret_key,
        "COSKIT_CONFIG": str(tmp_path / "config.toml"),
        "HOME": str(tmp_path),
        "TZ": "UTC",
    }.items():
        monkeypatch.setenv(name, value)
    return Coskit(monkeypatch)
