"""boto3, in three ways of signing and addressing."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace

PARTS = 8 << 20


class Driver(Client):
    """Signatures V4, path style, checksums as by default."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.connect()

    def settings(self) -> dict[str, Any]:
        """Return the settings of every variant."""
        return {
            "endpoint_url": self.workspace.endpoint,
            "region_name": self.workspace.region,
            "aws_access_key_id": self.workspace.secret_id,
            "aws_secret_access_key": self.workspace.secret_key,
            "config": Config(
                retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **self.options()
            ),
        }

    def options(self) -> dict[str, Any]:
        """Return the settings of this variant."""
        return {}

    def connect(self) -> None:
        """Create the client."""
        self.sdk = boto3.client("s3", **self.settings())

    def call(self, method: str, bucket: str, **params: Any) -> Any:
        """Call a method of the client."""
        return getattr(self.sdk, method)(Bucket=bucket, **params)

    def read(self, response: Any) -> bytes:
        """Return the body of a response."""
        return bytes(response["Body"].read())

    def version(self) -> str:
        return version("boto3")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.call("put_object", bucket, Key=key, Body=body)

    def get(self, bucket: str, key: str) -> bytes:
        return self.read(self.call("get_object", bucket, Key=key))

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return self.read(self.call("get_object", bucket, Key=key, Range=f"bytes={first}-{last}"))

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = self.call("head_object", bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return None
            raise
        return Head(said["ContentLength"], said["ETag"], said["ContentType"], said["Metadata"])

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        listing = Listing()
        size = 300 if prefix == "many/" else 7
        asked: dict[str, Any] = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": size}
        while True:
            page = self.call("list_objects_v2", bucket, **asked)
            listing.keys += [row["Key"] for row in page.get("Contents", [])]
            listing.prefixes += [row["Prefix"] for row in page.get("CommonPrefixes", [])]
            if not page["IsTruncated"]:
                return listing
            asked["ContinuationToken"] = page["NextContinuationToken"]

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        upload = self.call("create_multipart_upload", bucket, Key=key)["UploadId"]
        named = {"Key": key, "UploadId": upload}
        parts = []
        for number, start in enumerate(range(0, len(body), PART), 1):
            part = {"PartNumber": number, "Body": body[start : start + PART]}
            response = self.call("upload_part", bucket, **named, **part)
            sums = {name: value for name, value in response.items() if name.startswith("Checksum")}
            sums.pop("ChecksumType", None)
            parts.append({"PartNumber": number, "ETag": response["ETag"], **sums})
        listed = self.call("list_parts", bucket, **named)["Parts"]
        if [row["ETag"] for row in listed] != [row["ETag"] for row in parts]:
            raise AssertionError(f"{parts} were stored, {listed} are listed")
        self.call("complete_multipart_upload", bucket, **named, MultipartUpload={"Parts": parts})

    def copy(self, bucket: str, source: str, target: str) -> None:
        where = {"Bucket": bucket, "Key": source}
        self.call("copy_object", bucket, Key=target, CopySource=where)

    def delete(self, bucket: str, key: str) -> None:
        self.call("delete_object", bucket, Key=key)

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        objects = [{"Key": key} for key in keys]
        response = self.call("delete_objects", bucket, Delete={"Objects": objects})
        if [row["Key"] for row in response["Deleted"]] != keys:
            raise AssertionError(f"{response} is not about {keys}")

    def versions(self, bucket: str, key: str) -> list[str]:
        page = self.call("list_object_versions", bucket, Prefix=key)
        return [row["VersionId"] for row in page["Versions"]]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        return self.read(self.call("get_object", bucket, Key=key, VersionId=version))

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self.call("delete_object", bucket, Key=key, VersionId=version)

    def presign(self, method: str, bucket: str, key: str) -> str:
        """Return a URL for one call of a method."""
        return str(self.sdk.generate_presigned_url(method, {"Bucket": bucket, "Key": key}))

    def presign_get(self, bucket: str, key: str) -> str:
        return self.presign("get_object", bucket, key)

    def presign_put(self, bucket: str, key: str) -> str:
        return self.presign("put_object", bucket, key)

    def upload(self, path: Path, bucket: str, key: str) -> None:
        config = TransferConfig(multipart_chunksize=PARTS, max_concurrency=2)
        self.sdk.upload_file(str(path), bucket, key, Config=config)

    def download(self, bucket: str, key: str, path: Path) -> None:
        config = TransferConfig(multipart_chunksize=PARTS, max_concurrency=2)
        self.sdk.download_file(bucket, key, str(path), Config=config)

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        described = {"ContentType": content_type, "Metadata": dict(metadata)}
        self.call("put_object", bucket, Key=key, Body=body, **described)

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        rows = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.call("put_object_tagging", bucket, Key=key, Tagging={"TagSet": rows})

    def get_tags(self, bucket: str, key: str) -> Mapping[str, str]:
        rows = self.call("get_object_tagging", bucket, Key=key)["TagSet"]
        return {row["Key"]: row["Value"] for row in rows}

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        try:
            self.call("put_object", bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
        return True

    def put_checked(self, bucket: str, key: str, body: bytes) -> None:
        self.call("put_object", bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")
        response = self.call("get_object", bucket, Key=key, ChecksumMode="ENABLED")
        self.read(response)
        if response.get("ChecksumSHA256") != sha256(body):
            raise AssertionError(f"{response} has not the checksum {sha256(body)}")

    def put_wrong(self, bucket: str, key: str, body: bytes) -> None:
        wrong = sha256(b"another")
        self.call("put_object", bucket, Key=key, Body=body, ChecksumSHA256=wrong)

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
        self.sdk.upload_fileobj(Stream(chunks), bucket, key, Config=config)

    def close(self) -> None:
        self.sdk.close()


class VirtualHosts(Driver):
    """Virtual hosts, unsigned payloads, and checksums only where required."""

    unsupported_keys: ClassVar[Mapping[str, str]] = {
        "a/../b": "through a proxy, its HTTP library resolves the dots after signing"
    }

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "endpoint_url": f"http://{self.workspace.domain}"}

    def options(self) -> dict[str, Any]:
        return {
            "proxies": {"http": self.workspace.endpoint},
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        }

    def connect(self) -> None:
        settings = self.settings()
        style = {"addressing_style": "virtual", "payload_signing_enabled": False}
        settings["config"] = settings["config"].merge(Config(s3=style))
        self.sdk = boto3.client("s3", **settings)


class V2(Driver):
    """Signatures V2, and the first version of listing."""

    def options(self) -> dict[str, Any]:
        return {"signature_version": "s3"}

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        listing = Listing()
        pages = self.sdk.get_paginator("list_objects").paginate(
            Bucket=bucket,
            Prefix=prefix,
            Delimiter=delimiter,
            PaginationConfig={"PageSize": 300 if prefix == "many/" else 7},
        )
        for page in pages:
            listing.keys += [row["Key"] for row in page.get("Contents", [])]
            listing.prefixes += [row["Prefix"] for row in page.get("CommonPrefixes", [])]
        return listing


class Stream:
    """A file object that cannot seek."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes."""
        while (size < 0 or len(self._rest) < size) and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        size = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def sha256(body: bytes) -> str:
    """Return a checksum in the form of a header."""
    return b64encode(hashlib.sha256(body).digest()).decode()
