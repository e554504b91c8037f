"""The end of a transfer whose service cannot be reached any more."""

import errno
from pathlib import Path
from typing import Any

import pytest

from coskit import Client, DirectoryResult, DirectoryTransferError, FileAction, FileFailure
from coskit.cli.arguments.locations import CosLocation
from coskit.cli.transfers.copying import CopyingOptions
from coskit.cli.transfers.plan import Task
from coskit.cli.transfers.run.runner import TaskRunner, reason_of
from coskit.protocol.errors import TransportError

FILES = 100


class Outage(Client):
    """A client that loses the service after its first file, for a number of files.

    Attributes:
        lost: the number of files.
        tried: the number of files that were tried.
    """

    lost = 0
    tried = 0

    def upload_dir(self, *_: object, **given: Any) -> DirectoryResult:
        """Report the files one by one; what a callback raises ends the transfer."""
        failures = []
        for place in range(FILES):
            self.tried += 1
            if not 1 <= place <= self.lost:
                given["action_callback"](FileAction("upload", f"{place}", 1))
                continue
            failure = FileFailure(f"{place}", TransportError("no connection", sent=False))
            failures.append(failure)
            try:
                given["failure_callback"](failure)
            except TransportError:
                break
        raise DirectoryTransferError(
            DirectoryResult(FILES - self.lost, failed=len(failures), failures=tuple(failures))
        )


@pytest.mark.parametrize(("lost", "tried"), [(20, FILES), (60, 33)])
def test_a_short_outage_fails_its_files_and_a_long_one_ends_the_transfer(
    lost: int, tried: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = CopyingOptions(sources=["a"], destination="cos://b-1", quiet=True)
    task = Task(kind="upload", source=tmp_path, destination=CosLocation("b-1"))
    with Outage(endpoint="http://127.0.0.1:1", secret_id="i", secret_key="k") as client:
        client.lost = lost
        runner = TaskRunner(client, options)
        if tried == FILES:
            assert runner.run([task], "upload") == 1
            assert capsys.readouterr().err.endswith(f"coskit: {lost} failed\n")
        else:
            with pytest.raises(TransportError):
                runner.run([task], "upload")
        assert client.tried == tried


def test_a_full_disk_is_not_taken_for_the_service() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    reason = reason_of(full, "cos://b/k", Path("there"))
    assert reason == "there: No space left on device"
