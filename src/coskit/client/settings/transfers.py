"""The settings that all transfers of a client share."""

import os
from dataclasses import dataclass
from pathlib import Path

from coskit.client.settings.argument_checks import path_of, whole

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """How a client moves files, directories and streams.

    Attributes:
        memory: bytes of content that all its transfers together hold in memory at a time.
        files: files of a directory that are on their way at a time.
        journals: the directory of what interrupted transfers leave for the next ones; None takes
            `coskit/transfers` below `$XDG_STATE_HOME`, which is `~/.local/state` unless it is set.
    """

    memory: int = 64 * MIB
    files: int = 16
    journals: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParameterError: one is of a wrong type or out of range.
        """
        whole("memory", self.memory)
        whole("files", self.files)
        if self.journals is not None:
            object.__setattr__(self, "journals", Path(path_of("journals", self.journals)))
