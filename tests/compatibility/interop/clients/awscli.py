"""The AWS command-line tool, a forked process for each call."""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace
from tests.compatibility.interop.clients.python_tool import PythonTool

TOOL = PythonTool("aws", "awscli.clidriver", "main")


class Driver(Client):
    """`aws s3` where it has a command, `aws s3api` otherwise."""

    threads = 2
    unsupported: ClassVar[Mapping[str, str]] = {"presigned PUT": "signs GET only"}

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        config = workspace.scratch / ".aws" / "config"
        config.parent.mkdir()
        sizes = f"    multipart_threshold = {PART}\n    multipart_chunksize = {PART}\n"
        config.write_text(f"[default]\ns3 =\n    addressing_style = path\n{sizes}")
        self.env = {
            "AWS_ACCESS_KEY_ID": workspace.secret_id,
            "AWS_SECRET_ACCESS_KEY": workspace.secret_key,
            "AWS_DEFAULT_REGION": workspace.region,
            "AWS_ENDPOINT_URL": workspace.endpoint,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def s3(self, *words: str, stdin: bytes = b"") -> bytes:
        """Run a command of `aws s3`."""
        return TOOL.run("s3", *words, stdin=stdin, env=self.env)

    def api(self, method: str, bucket: str, *words: str) -> Any:
        """Run a command of `aws s3api` and return its result."""
        said = TOOL.run("s3api", method, "--bucket", bucket, *words, env=self.env)
        return json.loads(said) if said.strip() else {}

    def version(self) -> str:
        return version("awscli")

    def file(self, body: bytes) -> str:
        """Write a file and return its path."""
        path = self.workspace.scratch / "body"
        path.write_bytes(body)
        return str(path)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.s3("cp", "-", f"s3://{bucket}/{key}", stdin=body)

    def get(self, bucket: str, key: str) -> bytes:
        return self.s3("cp", f"s3://{bucket}/{key}", "-")

    def read(self, bucket: str, key: str, *words: str) -> bytes:
        """Return the content that `get-object` writes."""
        path = self.workspace.scratch / "answer"
        self.api("get-object", bucket, "--key", key, *words, str(path))
        return path.read_bytes()

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return self.read(bucket, key, "--range", f"bytes={first}-{last}")

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = self.api("head-object", bucket, "--key", key)
        except RuntimeError as error:
            if "(404)" in str(error):
                return None
            raise
        return Head(said["ContentLength"], said["ETag"], said["ContentType"], said["Metadata"])

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        size = "300" if prefix == "many/" else "10"
        words = ["--prefix", prefix, "--page-size", size]
        said = self.api(
            "list-objects-v2", bucket, *words, *(["--delimiter", delimiter] if delimiter else [])
        )
        return Listing(
            [row["Key"] for row in said.get("Contents") or []],
            [row["Prefix"] for row in said.get("CommonPrefixes") or []],
        )

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        self.s3("cp", self.file(body), f"s3://{bucket}/{key}")

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.s3("cp", f"s3://{bucket}/{source}", f"s3://{bucket}/{target}")

    def delete(self, bucket: str, key: str) -> None:
        self.s3("rm", f"s3://{bucket}/{key}")

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        objects = json.dumps({"Objects": [{"Key": key} for key in keys]})
        self.api("delete-objects", bucket, "--delete", objects)

    def versions(self, bucket: str, key: str) -> list[str]:
        rows = self.api("list-object-versions", bucket, "--prefix", key)["Versions"]
        return [row["VersionId"] for row in rows]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        return self.read(bucket, key, "--version-id", version)

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self.api("delete-object", bucket, "--key", key, "--version-id", version)

    def presign_get(self, bucket: str, key: str) -> str:
        return self.s3("presign", f"s3://{bucket}/{key}").decode().strip()

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.s3("cp", str(path), f"s3://{bucket}/{key}")

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.s3("cp", f"s3://{bucket}/{key}", str(path))

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        words = ["--content-type", content_type, "--metadata", json.dumps(metadata)]
        self.s3("cp", self.file(body), f"s3://{bucket}/{key}", *words)

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        rows = [{"Key": name, "Value": value} for name, value in tags.items()]
        words = ["--key", key, "--tagging", json.dumps({"TagSet": rows})]
        self.api("put-object-tagging", bucket, *words)

    def get_tags(self, bucket: str, key: str) -> Mapping[str, str]:
        rows = self.api("get-object-tagging", bucket, "--key", key)["TagSet"]
        return {row["Key"]: row["Value"] for row in rows}

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        words = ["--key", key, "--body", self.file(body), "--if-none-match", "*"]
        try:
            self.api("put-object", bucket, *words)
        except RuntimeError as error:
            if "PreconditionFailed" in str(error):
                return False
            raise
        return True

    def put_checked(self, bucket: str, key: str, body: bytes) -> None:
        words = ["--key", key, "--body", self.file(body), "--checksum-algorithm", "SHA256"]
        stored = self.api("put-object", bucket, *words)["ChecksumSHA256"]
        said = self.api("head-object", bucket, "--key", key, "--checksum-mode", "ENABLED")
        if said.get("ChecksumSHA256") != stored:
            raise AssertionError(f"{said} has not the checksum {stored}")

    def put_wrong(self, bucket: str, key: str, body: bytes) -> None:
        words = ["--key", key, "--body", self.file(body), "--checksum-sha256", "A" * 43 + "="]
        self.api("put-object", bucket, *words)

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        self.s3("cp", "-", f"s3://{bucket}/{key}", stdin=b"".join(chunks))
