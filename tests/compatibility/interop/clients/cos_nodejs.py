"""cos-nodejs-sdk-v5: the vendor's SDK for Node.js, in a process of its own."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace
from tests.compatibility.interop.clients.node import (
    Node,
    Refused,
    package_version,
    packed,
    unpacked,
)


class Driver(Client):
    """The SDK, at host names of the service."""

    dialect = "COS"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        settings = {
            "SecretId": workspace.secret_id,
            "SecretKey": workspace.secret_key,
            "Protocol": "http:",
            "Proxy": workspace.endpoint,
            "ChunkParallelLimit": 2,
        }
        self.node = Node("cos_bridge.js", settings)

    def call(self, method: str, bucket: str, **params: Any) -> Any:
        """Call a method of the SDK and return its result."""
        return self.node.call(method, {"Bucket": bucket, "Region": self.workspace.region, **params})

    def version(self) -> str:
        return package_version("cos-nodejs-sdk-v5")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.call("putObject", bucket, Key=key, Body=packed(body))

    def get(self, bucket: str, key: str) -> bytes:
        return unpacked(self.call("getObject", bucket, Key=key)["Body"])

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        response = self.call("getObject", bucket, Key=key, Range=f"bytes={first}-{last}")
        return unpacked(response["Body"])

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            response = self.call("headObject", bucket, Key=key)
        except Refused as error:
            if error.status == 404:
                return None
            raise
        said = response["headers"]
        prefix = "x-cos-meta-"
        described = {
            name[len(prefix) :]: value for name, value in said.items() if name.startswith(prefix)
        }
        return Head(int(said["content-length"]), said["etag"], said["content-type"], described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        listing = Listing()
        size = 300 if prefix == "many/" else 7
        asked = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": size, "Marker": ""}
        while True:
            page = self.call("getBucket", bucket, **asked)
            listing.keys += [row["Key"] for row in page["Contents"]]
            listing.prefixes += [row["Prefix"] for row in page["CommonPrefixes"]]
            if page["IsTruncated"] == "false":
                return listing
            asked["Marker"] = page["NextMarker"]

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        upload = self.call("multipartInit", bucket, Key=key)["UploadId"]
        parts = []
        for number, start in enumerate(range(0, len(body), PART), 1):
            part = {"PartNumber": number, "Body": packed(body[start : start + PART])}
            response = self.call("multipartUpload", bucket, Key=key, UploadId=upload, **part)
            parts.append({"PartNumber": number, "ETag": response["ETag"]})
        self.call("multipartComplete", bucket, Key=key, UploadId=upload, Parts=parts)

    def copy(self, bucket: str, source: str, target: str) -> None:
        # It sends the source as it is given.
        encoded = f"{bucket}.{self.workspace.domain}/{quote(source)}"
        self.call("putObjectCopy", bucket, Key=target, CopySource=encoded)

    def delete(self, bucket: str, key: str) -> None:
        self.call("deleteObject", bucket, Key=key)

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.call("deleteMultipleObject", bucket, Objects=[{"Key": key} for key in keys])

    def versions(self, bucket: str, key: str) -> list[str]:
        page = self.call("listObjectVersions", bucket, Prefix=key)
        return [row["VersionId"] for row in page["Versions"]]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        response = self.call("getObject", bucket, Key=key, VersionId=version)
        return unpacked(response["Body"])

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self.call("deleteObject", bucket, Key=key, VersionId=version)

    def presign_get(self, bucket: str, key: str) -> str:
        return str(self.call("getObjectUrl", bucket, Key=key, Sign=True)["Url"])

    def presign_put(self, bucket: str, key: str) -> str:
        return str(self.call("getObjectUrl", bucket, Key=key, Sign=True, Method="PUT")["Url"])

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.call("uploadFile", bucket, Key=key, FilePath=str(path), SliceSize=20_000_000)

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.call(
            "downloadFile", bucket, Key=key, FilePath=str(path), ChunkSize=8 << 20, ParallelLimit=2
        )

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        described = {f"x-cos-meta-{name}": value for name, value in metadata.items()}
        self.call(
            "putObject", bucket, Key=key, Body=packed(body), ContentType=content_type, **described
        )

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        rows = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.call("putObjectTagging", bucket, Key=key, Tags=rows)

    def get_tags(self, bucket: str, key: str) -> Mapping[str, str]:
        said = self.call("getObjectTagging", bucket, Key=key)
        return {row["Key"]: row["Value"] for row in said["Tags"]}

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        headers = {"If-None-Match": "*"}
        try:
            self.call("putObject", bucket, Key=key, Body=packed(body), Headers=headers)
        except Refused as error:
            if error.status == 412:
                return False
            raise
        return True

    def put_checked(self, bucket: str, key: str, body: bytes) -> None:
        headers = {"Content-MD5": _md5(body)}
        self.call("putObject", bucket, Key=key, Body=packed(body), Headers=headers)

    def put_wrong(self, bucket: str, key: str, body: bytes) -> None:
        headers = {"Content-MD5": _md5(b"another")}
        self.call("putObject", bucket, Key=key, Body=packed(body), Headers=headers)

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        path = self.workspace.scratch / "stream.bin"
        path.write_bytes(b"".join(chunks))
        self.call("putObject", bucket, Key=key, Body={"file": str(path)})

    def close(self) -> None:
        self.node.close()


def _md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body).digest()).decode()
