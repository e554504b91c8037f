"""The settings that all transfers of a client share."""

import os
from dataclasses import dataclass
from pathlib import Path

from coskit.client.settings.argument_checks import number, path_of, whole

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """The settings of a client's transfers.

    Attributes:
        memory: the bytes of content that all transfers together hold in memory at a time.
        files: the number of files of a directory that are transferred at a time.
        journals: the directory for the saved state of interrupted transfers; None stands for
            `coskit/transfers` below `$XDG_STATE_HOME`, which is `~/.local/state` unless it is set.
        rate: the bytes per second of all content that the client sends and receives together; None
            sets no limit.
    """

    memory: int = 64 * MIB
    files: int = 16
    journals: str | os.PathLike[str] | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParameterError: one is of a wrong type or out of range.
        """
        whole("memory", self.memory)
        whole("files", self.files)
        if self.rate is not None:
            number("rate", self.rate, least=1)
        if self.journals is not None:
            object.__setattr__(self, "journals", Path(path_of("journals", self.journals)))
