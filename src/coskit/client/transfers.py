"""The settings that all transfers of a client share."""

from dataclasses import dataclass
from pathlib import Path

from coskit.client.plan import MIB


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
    journals: Path | None = None
