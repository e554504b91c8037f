"""The vendor's client and both of coskit's, to compare them under the same faults."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from coskit import Client
from coskit.protocol.model import Operation
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import via_proxy
from tests.faults.proxy.proxy import FaultProxy
from tests.support.worlds import VendorWorld, World

MIB = 1 << 20
KINDS = ("vendor", "sync", "async")


@dataclass
class Subject:
    """One client under test.

    Attributes:
        kind: "vendor", "sync" or "async".
        server: the server.
        proxy: the proxy in front of the server.
        owner: a client that does not use the proxy.
        bucket: the bucket's name.
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
        """True for the vendor's client, which has the defects."""
        return self.kind == "vendor"

    @property
    def journals(self) -> Path:
        """The directory of the journals of interrupted transfers."""
        return self.place / "journals"

    def connect(
        self, *, vendor: dict[str, Any] | None = None, tries: int = 1, **ours: Any
    ) -> World:
        """Return a new client.

        Args:
            vendor: settings of the vendor's `CosConfig`.
            tries: attempts of the vendor's client, which sleeps whole seconds between them.
            **ours: settings of coskit's clients.
        """
        world: World
        if self.is_vendor:
            world = VendorWorld(self.server, **{"Port": self.proxy.port, **(vendor or {})})
            world.client._retry = tries - 1
        else:
            world = via_proxy(self.kind, self.proxy, self.server, self.journals, **ours)
        self._worlds.append(world)
        return world

    def upload_stream(self, world: World, key: str, stream: Any) -> Any:
        """Upload a file object in parts of 1 MiB."""
        name = "upload_file_from_buffer" if self.is_vendor else "upload_stream"
        return getattr(world, name)(self.bucket, key, stream, PartSize=1)

    def download(self, world: World, key: str, path: Path, **options: Any) -> Any:
        """Download to a file in parts of 1 MiB."""
        if self.is_vendor:
            options["DumpRecordDir"] = str(self.journals)
        return world.download_file(self.bucket, key, str(path), PartSize=1, **options)

    def stored(self, key: str) -> bytes | None:
        """Return an object's content, or None if there is none."""
        if not self.owner.object_exists(self.bucket, key):
            return None
        return self.owner.get_object(self.bucket, key)["Body"].read()

    def unfinished(self) -> int:
        """Return the number of unfinished uploads in the bucket."""
        return len(self.owner.list_multipart_uploads(self.bucket).get("Upload", ()))

    def wait_for(self, operation: Operation) -> None:
        """Wait until the proxy has seen a request of an operation."""
        limit = time.monotonic() + 30
        while not self.proxy.matching(operation):
            assert time.monotonic() < limit, f"no {operation.name} came: {self.proxy.report()}"
            time.sleep(0.01)

    def expect_defect(self, defect: bool, evidence: object = "") -> None:
        """Assert that the vendor's client shows a defect and coskit does not."""
        if self.is_vendor:
            assert defect, f"the vendor does not show the defect: {evidence!r}"
        else:
            assert not defect, f"coskit shows the defect: {evidence!r}"

    def close(self) -> None:
        """Close its clients."""
        for world in self._worlds:
            world.__exit__(None, None, None)


@pytest.fixture(params=KINDS)
def subject(
    request: pytest.FixtureRequest,
    server: LocalServer,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    tmp_path: Path,
) -> Iterator[Subject]:
    """Yield each client under test."""
    one = Subject(request.param, server, proxy, owner, bucket, tmp_path)
    yield one
    one.close()


def failure(call: Callable[[], object]) -> Exception | None:
    """Return the exception of a call, or None if it succeeds."""
    try:
        call()
    except Exception as error:
        return error
    return None


def use_small_parts(patch: pytest.MonkeyPatch) -> None:
    """Let coskit upload and copy in parts above 1 MiB, instead of 20 MB and 5 GB."""
    for world in ("_async", "_sync"):
        patch.setattr(f"coskit.client.{world}.transfer.upload.SINGLE_UPLOAD", MIB)
        patch.setattr(f"coskit.client.{world}.transfer.copies.SINGLE_COPY", MIB)
