"""How much memory each body on its way in or out may have: an equal part of what there is."""

LARGEST = 1 << 20  # more would make nothing faster
SMALLEST = 1 << 15  # less would cost more than it saves
_HELD = 3  # blocks of a body at a time: being filled or sent, waiting, being written or read


class MemoryShare:
    """Shares out memory. Nobody waits for it: the more bodies there are, the smaller their blocks.

    A slow body can therefore keep others from going fast, but not from going on. Used on the event
    loop; other threads may read `share`.

    Args:
        total: bytes for all bodies together.

    Attributes:
        share: bytes that a block may have now.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._bodies = 0
        self._divide()

    @property
    def bodies(self) -> int:
        """How many bodies are on their way."""
        return self._bodies

    def enter(self) -> None:
        """Count in a body."""
        self._bodies += 1
        self._divide()

    def leave(self) -> None:
        """Count out a body."""
        self._bodies -= 1
        self._divide()

    def _divide(self) -> None:
        part = self._total // (_HELD * max(1, self._bodies))
        self.share = min(LARGEST, max(SMALLEST, part))
