"""obstore: the Rust object_store for Python."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace


class Driver(Client):
    """Its store for S3, path style, with SHA-256 checksums."""

    unsupported: ClassVar[Mapping[str, str]] = {
        "versions": "reads them; no method to list them",
        "tags": "stores them; no method to read them",
        "checksums": "sends them; no parameter for a checksum",
    }
    unsupported_keys: ClassVar[Mapping[str, str]] = {
        "a//b": "refuses empty segments",
        "a/../b": "refuses such segments",
    }

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.stores: dict[str, Any] = {}

    def at(self, bucket: str) -> Any:
        """Return the store for a bucket."""
        if bucket not in self.stores:
            self.stores[bucket] = S3Store(
                bucket,
                endpoint=self.workspace.endpoint,
                region=self.workspace.region,
                access_key_id=self.workspace.secret_id,
                secret_access_key=self.workspace.secret_key,
                virtual_hosted_style_request=False,
                checksum_algorithm="SHA256",
                client_options={"allow_http": True},
                retry_config={"max_retries": 0},
            )
        return self.stores[bucket]

    def version(self) -> str:
        return version("obstore")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        obstore.put(self.at(bucket), key, body, use_multipart=False)

    def get(self, bucket: str, key: str) -> bytes:
        return bytes(obstore.get(self.at(bucket), key).bytes())

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return bytes(obstore.get_range(self.at(bucket), key, start=first, end=last + 1))

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            response = obstore.get(self.at(bucket), key, options={"head": True})
        except FileNotFoundError:
            return None
        described = dict(response.attributes)
        content_type = described.pop("Content-Type", None)
        return Head(response.meta["size"], response.meta["e_tag"], content_type, described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        store = self.at(bucket)
        if delimiter:
            said = obstore.list_with_delimiter(store, prefix)
            prefixes = [f"{name}/" for name in said["common_prefixes"]]
            return Listing([row["path"] for row in said["objects"]], prefixes)
        # A prefix is a whole segment here.
        segment = prefix if prefix.endswith("/") else None
        rows = [row["path"] for rows in obstore.list(store, segment) for row in rows]
        return Listing([path for path in rows if path.startswith(prefix)])

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        obstore.put(self.at(bucket), key, body, use_multipart=True, chunk_size=PART)

    def copy(self, bucket: str, source: str, target: str) -> None:
        obstore.copy(self.at(bucket), source, target)

    def delete(self, bucket: str, key: str) -> None:
        obstore.delete(self.at(bucket), key)

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        obstore.delete(self.at(bucket), keys)

    def presign_get(self, bucket: str, key: str) -> str:
        return str(obstore.sign(self.at(bucket), "GET", key, timedelta(minutes=10)))

    def presign_put(self, bucket: str, key: str) -> str:
        return str(obstore.sign(self.at(bucket), "PUT", key, timedelta(minutes=10)))

    def upload(self, path: Path, bucket: str, key: str) -> None:
        obstore.put(self.at(bucket), key, path, chunk_size=8 << 20, max_concurrency=2)

    def download(self, bucket: str, key: str, path: Path) -> None:
        with path.open("wb") as file:
            for chunk in obstore.get(self.at(bucket), key).stream(min_chunk_size=1 << 20):
                file.write(chunk)

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        described: Any = {"Content-Type": content_type, **metadata}
        obstore.put(self.at(bucket), key, body, attributes=described)

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        try:
            obstore.put(self.at(bucket), key, body, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        return True

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        obstore.put(self.at(bucket), key, chunks, chunk_size=PART)
