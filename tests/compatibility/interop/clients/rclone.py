"""rclone, a process for each call."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace, command

TOOL = str(Path(sys.prefix, "bin", "rclone"))
_MARK = re.compile(r"-v(\d{4}-\d\d-\d\d-\d{6}-\d{3})(?=\.[^.]*$|$)")


_OF_FILES = ("atime", "btime", "content-type", "gid", "mode", "mtime", "tier", "uid", "utime")


class Driver(Client):
    """Its backend for S3 with the settings of the provider TencentCOS, path style."""

    unsupported: ClassVar[Mapping[str, str]] = {
        "presigned PUT": "signs GET only",
        "tags": "no command",
        "conditional PUT": "no option",
        "checksums": "compares the MD5 itself after each upload",
    }
    unsupported_keys: ClassVar[Mapping[str, str]] = {
        "a//b": "merges two slashes into one",
        "a/../b": "resolves the dots",
    }
    partial: ClassVar[Mapping[str, str]] = {
        "versions": "names them by their time in seconds; deletes the latest with a delete marker"
    }

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.env = {
            "RCLONE_CONFIG": str(workspace.scratch / "rclone.conf"),
            "RCLONE_CONFIG_STORE_TYPE": "s3",
            "RCLONE_CONFIG_STORE_PROVIDER": "TencentCOS",
            "RCLONE_CONFIG_STORE_ENDPOINT": workspace.endpoint,
            "RCLONE_CONFIG_STORE_REGION": workspace.region,
            "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": workspace.secret_id,
            "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": workspace.secret_key,
            "RCLONE_CONFIG_STORE_FORCE_PATH_STYLE": "true",
            "RCLONE_CONFIG_STORE_NO_CHECK_BUCKET": "true",
            "RCLONE_CONFIG_STORE_LIST_CHUNK": "300",
            "RCLONE_S3_CHUNK_SIZE": "5Mi",
            "RCLONE_S3_UPLOAD_CUTOFF": "5Mi",
            "RCLONE_RETRIES": "1",
            "RCLONE_LOW_LEVEL_RETRIES": "1",
        }

    def run(self, *words: str, stdin: bytes = b"") -> bytes:
        """Run a command."""
        return command(TOOL, *words, stdin=stdin, env=self.env)

    def version(self) -> str:
        return self.run("version").decode().split()[1].removeprefix("v")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.run("rcat", f"store:{bucket}/{key}", stdin=body)

    def get(self, bucket: str, key: str) -> bytes:
        # It lists a missing object as an empty directory.
        if self.head(bucket, key) is None:
            raise FileNotFoundError(key)
        return self.run("cat", f"store:{bucket}/{key}")

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        words = [f"--offset={first}", f"--count={last - first + 1}"]
        return self.run("cat", *words, f"store:{bucket}/{key}")

    def rows(self, *words: str) -> Any:
        """Return the result of `lsjson`."""
        return json.loads(self.run("lsjson", "--hash", *words))

    def head(self, bucket: str, key: str) -> Head | None:
        said = self.rows(f"store:{bucket}/{key}", "--stat", "--metadata")
        if said is None or said["IsDir"]:
            return None
        described = {n: v for n, v in said.get("Metadata", {}).items() if n not in _OF_FILES}
        return Head(said["Size"], said.get("Hashes", {}).get("md5"), said["MimeType"], described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        root, _, start = prefix.rpartition("/")
        words = [] if delimiter else ["--recursive"]
        base = f"{root}/" if root else ""
        rows = self.rows(*words, f"store:{bucket}/{root}")
        named = [
            (base + row["Path"], row["IsDir"]) for row in rows if row["Path"].startswith(start)
        ]
        return Listing(
            [name for name, is_directory in named if not is_directory],
            [f"{name}/" for name, is_directory in named if is_directory],
        )

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        path = self.workspace.scratch / "parts"
        path.write_bytes(body)
        self.upload(path, bucket, key)

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.run("copyto", f"store:{bucket}/{source}", f"store:{bucket}/{target}")

    def delete(self, bucket: str, key: str) -> None:
        self.run("deletefile", f"store:{bucket}/{key}")

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.run("delete", f"store:{bucket}/{prefix}")

    def versions(self, bucket: str, key: str) -> list[str]:
        # The name of a version is the key with the time of the version.
        rows = self.rows("--s3-versions", f"store:{bucket}")
        names = [row["Path"] for row in rows if _MARK.sub("", row["Path"]) == key]
        return sorted(names, key=lambda name: (_MARK.search(name) is not None, name))

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        return self.run("cat", "--s3-versions", f"store:{bucket}/{version}")

    def presign_get(self, bucket: str, key: str) -> str:
        return self.run("link", "--expire", "10m", f"store:{bucket}/{key}").decode().strip()

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.run("copyto", str(path), f"store:{bucket}/{key}")

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.run("copyto", f"store:{bucket}/{key}", str(path))

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        path = self.workspace.scratch / "described"
        path.write_bytes(body)
        given = {"content-type": content_type, **metadata}
        words = [f"--metadata-set={name}={value}" for name, value in given.items()]
        self.run("copyto", "--metadata", *words, str(path), f"store:{bucket}/{key}")

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        self.run("rcat", f"store:{bucket}/{key}", stdin=b"".join(chunks))
