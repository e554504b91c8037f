"""A transaction of the index's writer, in which each change can fail on its own."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from coskit.server.store.index.blob_references import BlobReferences
from coskit.server.store.index.database import Connection, one
from coskit.server.store.model import Bucket

P = ParamSpec("P")
T = TypeVar("T")
Clock = Callable[[], float]

_LAST_ORDER = "SELECT last FROM sequence"
_SET_LAST_ORDER = "UPDATE sequence SET last = ?"


class Transaction:
    """An open transaction.

    Attributes:
        db: the connection of the transaction.
        references: the references to blobs that the transaction adds and drops.
        buckets: the buckets that the transaction has read and not changed since, by id.
    """

    def __init__(self, db: Connection, clock: Clock) -> None:
        self.db = db
        self.references = BlobReferences(db)
        self.buckets: dict[int, Bucket] = {}
        self._clock = clock
        self._last_order: int | None = None

    def attempt(
        self,
        change: "Callable[Concatenate[Transaction, P], T]",
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Make one change; if it raises, undo only that change."""
        released = self.references.released
        mark = len(released)
        self.db.execute("SAVEPOINT one")
        try:
            result = change(self, *args, **kwargs)
        except BaseException:
            del released[mark:]
            # On a full disk SQLite rolls back by itself; then the savepoint is gone.
            if self.db.in_transaction:
                self.db.execute("ROLLBACK TO one")
                self.db.execute("RELEASE one")
            raise
        self.db.execute("RELEASE one")
        return result

    def finish(self) -> None:
        """Write the last order; call it before the commit."""
        if self._last_order is not None:
            self.db.execute(_SET_LAST_ORDER, (self._last_order,))

    def next_order(self) -> int:
        """Return the time in microseconds, or the last order plus one if that is later."""
        if self._last_order is None:
            self._last_order = int(one(self.db, _LAST_ORDER)[0])
        self._last_order = max(self._last_order + 1, int(self._clock() * 1_000_000))
        return self._last_order

    def seconds(self) -> float:
        """Return the time in seconds."""
        return self._clock()

    def now(self) -> int:
        """Return the time in milliseconds."""
        return int(self._clock() * 1000)
