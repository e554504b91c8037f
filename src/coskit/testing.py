"""A local server for tests: a process of its own on a free port."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from coskit.client._async.client import AsyncClient
from coskit.client._sync.client import Client

try:
    from coskit.server.http.connections.listeners import listening_socket
except ModuleNotFoundError as cause:
    if (cause.name or "").startswith("coskit"):
        raise
    text = f"coskit.testing needs {cause.name}: pip install 'coskit[server]'"
    raise ModuleNotFoundError(text, name=cause.name) from cause


class LocalServer:
    """A running `coskit serve`, stopped at the end of the `with` block.

    Attributes:
        directory: the directory with its data.
        endpoint: its URL, such as `http://127.0.0.1:49152`; `https` if it has a certificate.
        port: its port.
        secret_id: the id of its key pair.
        secret_key: the secret of its key pair.
        pid: the id of its process.
    """

    def __init__(
        self,
        directory: Path,
        *,
        buckets: Sequence[str] = (),
        host: str = "127.0.0.1",
        options: Sequence[str] = (),
    ) -> None:
        """Start the server, which accepts connections at once.

        Args:
            directory: the directory for its data, created if it is missing.
            buckets: the names of buckets to create if they are missing.
            host: the address to listen on.
            options: further options of `coskit serve`, such as `--restore-delay=Standard=1s`.
        """
        self.directory = directory
        self.secret_id = f"AKID{secrets.token_hex(8)}"
        self.secret_key = secrets.token_hex(16)
        scheme = "https" if any(o.startswith("--certificate") for o in options) else "http"
        # Connections queue at the listening socket until the server accepts them, so there is no
        # need to wait for its start. If the server dies, they are refused.
        with listening_socket(host, 0) as listener:
            self.port: int = listener.getsockname()[1]
            self.endpoint = f"{scheme}://{host}:{self.port}"
            command = [sys.executable, "-m", "coskit", "serve", str(directory), "--quiet"]
            command += ["--fd", str(listener.fileno())]
            command += [word for name in buckets for word in ("--bucket", name)] + [*options]
            keys = {"COSKIT_SECRET_ID": self.secret_id, "COSKIT_SECRET_KEY": self.secret_key}
            self._process = self._start(command, listener.fileno(), {**os.environ, **keys})
        self.pid = self._process.pid

    def _start(
        self, command: Sequence[str], fd: int, environment: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - our own command
            command, pass_fds=[fd], env=environment
        )

    def client(self) -> Client:
        """Return a client of this server."""
        return Client(endpoint=self.endpoint, secret_id=self.secret_id, secret_key=self.secret_key)

    def async_client(self) -> AsyncClient:
        """Return an asynchronous client of this server."""
        return AsyncClient(
            endpoint=self.endpoint, secret_id=self.secret_id, secret_key=self.secret_key
        )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop the server and return its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self._process.wait()

    def wait(self) -> int:
        """Wait for the server to exit and return its exit status."""
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
