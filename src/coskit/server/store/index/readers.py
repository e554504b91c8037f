"""Read connections to the SQL index, one for each thread."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from coskit.server.store.index import database
from coskit.server.store.index.database import Connection, Error, translated


class Readers:
    """The read connections of one index file; used in any thread.

    Args:
        path: the database file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[Connection] = []

    def connection(self) -> Connection:
        """Return this thread's connection, opened at its first use."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = database.connect(self._path)
            self._connections.append(connection)
        return connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield this thread's connection.

        Raises:
            InternalError: the rows are damaged, or cannot be read.
        """
        try:
            yield self.connection()
        except Error as error:
            raise translated(error) from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield this thread's connection in a transaction: its statements see one state.

        Raises:
            InternalError: the rows are damaged, or cannot be read.
        """
        with self.reading() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close all connections; no thread may use one any more."""
        for connection in self._connections:
            connection.close()
