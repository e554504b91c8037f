"""The vendor's published client and both of coskit's, each before the same fault."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from coskit import Client
from coskit.protocol.model import Operation
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import through
from tests.faults.proxy.proxy import FaultProxy
from tests.support.worlds import VendorWorld, World

MIB = 1 << 20
KINDS = ("vendor", "sync", "async")


@dataclass
class Party:
    """One client on trial.

    Attributes:
        kind: "vendor", "sync" or "async".
        server: where its requests end.
        proxy: what they go through.
        owner: a client that goes past the proxy.
        bucket: that it works in.
        place: an empty directory.
    """

    kind: str
    server: LocalServer
    proxy: FaultProxy
    owner: Client
    bucket: str
    place: Path
    _worlds: list[World] = field(default_factory=list)

    @property
    def is_vendor(self) -> bool:
        """Whether it is the one that has the defects."""
        return self.kind == "vendor"

    @property
    def journals(self) -> Path:
        """Where it notes what it has of an interrupted transfer."""
        return self.place / "journals"

    def connect(
        self, *, vendor: dict[str, Any] | None = None, tries: int = 1, **ours: Any
    ) -> World:
        """Return its client.

        Args:
            vendor: settings of the vendor's `CosConfig`.
            tries: of the vendor's for each request; it sleeps whole seconds between them.
            **ours: settings of coskit's clients.
        """
        world: World
        if self.is_vendor:
            world = VendorWorld(self.server, **{"Port": self.proxy.port, **(vendor or {})})
            world.client._retry = tries - 1
        else:
            world = through(self.kind, self.proxy, self.server, self.journals, **ours)
        self._worlds.append(world)
        return world

    def upload_stream(self, world: World, key: str, stream: Any) -> Any:
        """Upload what a file object gives, in parts of 1 MiB."""
        name = "upload_file_from_buffer" if self.is_vendor else "upload_stream"
        return getattr(world, name)(self.bucket, key, stream, PartSize=1)

    def download(self, world: World, key: str, path: Path, **options: Any) -> Any:
        """Download into a file in parts of 1 MiB."""
        if self.is_vendor:
            options["DumpRecordDir"] = str(self.journals)
        return world.download_file(self.bucket, key, str(path), PartSize=1, **options)

    def stored(self, key: str) -> bytes | None:
        """Return an object's content, or None if there is none."""
        if not self.owner.object_exists(self.bucket, key):
            return None
        return self.owner.get_object(self.bucket, key)["Body"].read()

    def unfinished(self) -> int:
        """Return how many uploads are left in the bucket."""
        return len(self.owner.list_multipart_uploads(self.bucket).get("Upload", ()))

    def wait_for(self, operation: Operation) -> None:
        """Wait until the proxy has seen a request."""
        limit = time.monotonic() + 30
        while not self.proxy.of(operation):
            assert time.monotonic() < limit, f"no {operation.name} came: {self.proxy.report()}"
            time.sleep(0.01)

    def judge(self, defect: bool, evidence: object = "") -> None:
        """Hold the vendor to showing the defect, so that the claim stays true, and us to not."""
        if self.is_vendor:
            assert defect, f"the vendor does not show the defect: {evidence!r}"
        else:
            assert not defect, f"coskit shows the defect: {evidence!r}"

    def close(self) -> None:
        """Close its clients."""
        for world in self._worlds:
            world.__exit__(None, None, None)


@pytest.fixture(params=KINDS)
def party(
    request: pytest.FixtureRequest,
    server: LocalServer,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    tmp_path: Path,
) -> Iterator[Party]:
    """Give each client on trial."""
    one = Party(request.param, server, proxy, owner, bucket, tmp_path)
    yield one
    one.close()


def failure(call: Callable[[], object]) -> Exception | None:
    """Return what a call raises, None if it succeeds."""
    try:
        call()
    except Exception as error:
        return error
    return None


def cut_small(patch: pytest.MonkeyPatch) -> None:
    """Let coskit upload and copy in parts from 1 MiB on, instead of 20 MB and 5 GB."""
    for world in ("_async", "_sync"):
        patch.setattr(f"coskit.client.{world}.transfer.upload.SINGLE_UPLOAD", MIB)
        patch.setattr(f"coskit.client.{world}.transfer.copies.SINGLE_COPY", MIB)
