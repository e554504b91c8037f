"""Lines of aligned columns for output whose end is not known yet."""

from collections.abc import Sequence


class Columns:
    """Columns that are as wide as the widest text so far; the last one is not filled up.

    Args:
        *widths: the least width of each column but the last; a negative one is that of a column
            whose texts stand at its right side.
    """

    def __init__(self, *widths: int) -> None:
        self._signs = [">" if width < 0 else "<" for width in widths]
        self._widths = [abs(width) for width in widths]

    def lines(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """Return rows as lines."""
        columns = list(zip(*rows, strict=True))
        for at, texts in enumerate(columns[:-1]):
            self._widths[at] = max(self._widths[at], *map(len, texts))
        formats = [
            f"{{:{sign}{width}}}" for sign, width in zip(self._signs, self._widths, strict=True)
        ]
        form = "  ".join([*formats, "{}"]).format
        return [form(*row) for row in rows]
