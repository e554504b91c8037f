"""A list of names of any length: in memory while it is short, then in an unnamed file."""

import json
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Self

_IN_MEMORY = 1 << 20


class SpooledNames:
    """Names that are read after all of them are added; use as a context manager."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `__exit__`

    def add(self, name: str) -> None:
        """Add a name."""
        # As JSON, because a name may contain a line break.
        self._file.write(json.dumps(name).encode() + b"\n")

    def batches(self, size: int) -> Iterator[list[str]]:
        """Yield all names, at most `size` at a time."""
        self._file.seek(0)
        batch: list[str] = []
        for line in self._file:
            batch.append(json.loads(line))
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
