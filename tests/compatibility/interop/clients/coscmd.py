"""coscmd: the vendor's command-line tool, a forked process for each call."""

import itertools
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace
from tests.compatibility.interop.clients.python_tool import PythonTool

TOOL = PythonTool("coscmd", "coscmd.cos_cmd", "_main")
_ROW = re.compile(r"   (?P<key>.*?) *   +(?P<size>\d+|DIR)   .*")
_VERSION = re.compile(r"   (?P<key>.*?) *   +(?P<size>\d*)   +\S+ \S+   +(?P<version>\S+) *")


class Driver(Client):
    """The tool, at host names of the service."""

    dialect = "COS"
    threads = 4  # each call ends with a second of sleep
    unsupported: ClassVar[Mapping[str, str]] = {
        "range": "downloads whole objects",
        "stream": "uploads files only",
        "presigned PUT": "signs GET only",
        "tags": "no command",
        "checksums": "no parameter for a checksum",
    }

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        workspace.route_by_proxy()
        self.config = workspace.scratch / "cos.conf"
        self.files = itertools.count()
        words = ["-a", workspace.secret_id, "-s", workspace.secret_key, "-b", workspace.bucket]
        words += ["-r", workspace.region, "-p", "5", "--do-not-use-ssl", "--retry", "1"]
        TOOL.run("-c", str(self.config), "config", *words)
        settings = self.config.read_text()
        self.config.write_text(f"{settings}\nmultiupload_threshold = 20\n")

    def version(self) -> str:
        return version("coscmd")

    def run(self, bucket: str, *words: str) -> str:
        """Run a command on a bucket and return its output."""
        log = self.workspace.scratch / "cos.log"
        first = ["-c", str(self.config), "-l", str(log), "-b", bucket]
        return TOOL.run(*first, *words).decode()

    def file(self) -> Path:
        """Return the path of a new file."""
        return self.workspace.scratch / f"file{next(self.files)}"

    def put(self, bucket: str, key: str, body: bytes) -> None:
        path = self.file()
        path.write_bytes(body)
        self.run(bucket, "upload", "-f", "-y", str(path), key)
        path.unlink()

    def get(self, bucket: str, key: str) -> bytes:
        path = self.file()
        self.run(bucket, "download", "-f", key, str(path))
        body = path.read_bytes()
        path.unlink()
        return body

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = self.run(bucket, "info", key)
        except RuntimeError as error:
            if "404" in str(error) or "NoSuchResource" in str(error):
                return None
            raise
        rows = dict(
            row.strip().split(maxsplit=1) for row in said.splitlines() if len(row.split()) > 1
        )
        prefix = "x-cos-meta-"
        described = {
            name[len(prefix) :]: value.strip()
            for name, value in rows.items()
            if name.startswith(prefix) and name != "x-cos-meta-md5"
        }
        return Head(int(rows["Content-Length"]), rows["ETag"], rows["Content-Type"], described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        listing = Listing()
        said = self.run(bucket, "list", "-a", *([] if delimiter else ["-r"]), prefix)
        for row in said.splitlines():
            if found := _ROW.fullmatch(row):
                is_prefix = found["size"] == "DIR"
                (listing.prefixes if is_prefix else listing.keys).append(found["key"])
        return listing

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        # Below 20 MB it never uploads in parts.
        self.put(bucket, key, body)

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.run(bucket, "copy", "-f", f"{bucket}.{self.workspace.domain}/{source}", target)

    def delete(self, bucket: str, key: str) -> None:
        self.run(bucket, "delete", "-f", key)

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.run(bucket, "delete", "-r", "-f", prefix)

    def versions(self, bucket: str, key: str) -> list[str]:
        rows = self.run(bucket, "list", "-v", "-r", key).splitlines()
        return [found["version"] for row in rows if (found := _VERSION.fullmatch(row))]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        path = self.file()
        self.run(bucket, "download", "-f", "--versionId", version, key, str(path))
        return path.read_bytes()

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self.run(bucket, "delete", "-f", "--versionId", version, key)

    def presign_get(self, bucket: str, key: str) -> str:
        # It prints the repr of bytes.
        return self.run(bucket, "signurl", key).strip().removeprefix("b'").removesuffix("'")

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.run(bucket, "upload", "-f", "-y", str(path), key)

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.run(bucket, "download", "-f", key, str(path))

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        path = self.file()
        path.write_bytes(body)
        try:
            self.run(bucket, "upload", "-f", "-y", "-H", '{"If-None-Match": "*"}', str(path), key)
        except RuntimeError as error:
            if "PreconditionFailed" in str(error):
                return False
            raise
        return True

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        path = self.file()
        path.write_bytes(body)
        headers = {f"x-cos-meta-{name}": value for name, value in metadata.items()}
        headers["Content-Type"] = content_type
        self.run(bucket, "upload", "-f", "-y", "-H", repr(headers), str(path), key)
