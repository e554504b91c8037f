"""The options of one transfer, checked once and passed on as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from coskit.client.settings.argument_checks import check
from coskit.client.settings.progress import Callback


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """The checked options of one transfer.

    Attributes:
        part_size: the megabytes of a part.
        threads: the largest number of parts in flight.
        enable_md5: whether an upload sends the MD5 of each body.
        enable_crc: whether a download compares the CRC64 of the whole object.
        progress: the callback that receives the progress, if any.
        resume: whether an interrupted transfer is resumed, and this one can be.
        deadline: the seconds that the transfer may take; None sets no limit.
        request: the options of the requests, such as `StorageClass`.
    """

    part_size: int
    threads: int = 5
    enable_md5: bool = False
    enable_crc: bool = True
    progress: Callback | None = None
    resume: bool = True
    deadline: float | None = None
    request: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParameterError: a value has the wrong type or is out of range.
        """
        check(
            PartSize=self.part_size,
            MAXThread=self.threads,
            EnableMD5=self.enable_md5,
            EnableCRC=self.enable_crc,
            progress_callback=self.progress,
            Resume=self.resume,
            Deadline=self.deadline,
        )

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any], *, part_size: int) -> Self:
        """Return the options that keyword arguments of a transfer method stand for.

        Args:
            arguments: the keyword arguments; those that are no option of the transfer are options
                of its requests.
            part_size: the megabytes of a part if there is no `PartSize`.

        Raises:
            ParameterError: a value has the wrong type or is out of range.
        """
        own = {_FIELDS[name]: value for name, value in arguments.items() if name in _FIELDS}
        request = {name: value for name, value in arguments.items() if name not in _FIELDS}
        return cls(**{"part_size": part_size, **own, "request": request})

    def with_part_size(self, part_size: int) -> Self:
        """Return the options with another part size, in megabytes."""
        return replace(self, part_size=part_size)


_FIELDS = {
    "PartSize": "part_size",
    "MAXThread": "threads",
    "EnableMD5": "enable_md5",
    "EnableCRC": "enable_crc",
    "progress_callback": "progress",
    "Resume": "resume",
    "Deadline": "deadline",
}
