"""Memory for bodies in transit: each body has an equal share."""

LARGEST = 1 << 20  # larger blocks are not faster
SMALLEST = 1 << 15  # smaller blocks cost more than they save
_HELD = 3  # blocks of a body at a time: being filled or sent, waiting, being written or read


class MemoryShare:
    """The share of memory of each body. The more bodies there are, the smaller are their blocks.

    No body waits for memory: a slow body can slow others down but not stop them. Used on the event
    loop; other threads may read `share`.

    Args:
        total: bytes for all bodies together.

    Attributes:
        share: the present size limit of a block in bytes.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._bodies = 0
        self._divide()

    @property
    def bodies(self) -> int:
        """The number of bodies in transit."""
        return self._bodies

    def enter(self) -> None:
        """Add a body."""
        self._bodies += 1
        self._divide()

    def leave(self) -> None:
        """Remove a body."""
        self._bodies -= 1
        self._divide()

    def _divide(self) -> None:
        part = self._total // (_HELD * max(1, self._bodies))
        self.share = min(LARGEST, max(SMALLEST, part))
