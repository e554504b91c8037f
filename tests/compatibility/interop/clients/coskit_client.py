"""coskit itself, with COS and with S3."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coskit import Client as Coskit
from coskit import CosServiceError, __version__
from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace


class Driver(Client):
    """The synchronous client."""

    dialect = "COS"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.sdk: Any = Coskit(
            endpoint=workspace.endpoint,
            region=workspace.region,
            secret_id=workspace.secret_id,
            secret_key=workspace.secret_key,
            **self.options(),
        )

    def options(self) -> dict[str, Any]:
        """Return the settings of this variant."""
        return {}

    def version(self) -> str:
        return __version__

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.sdk.put_object(bucket, body, key)

    def get(self, bucket: str, key: str) -> bytes:
        return bytes(self.sdk.get_object(bucket, key)["Body"].read())

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        response = self.sdk.get_object(bucket, key, Range=f"bytes={first}-{last}")
        return bytes(response["Body"].read())

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = self.sdk.head_object(bucket, key)
        except CosServiceError as error:
            if error.get_status_code() == 404:
                return None
            raise
        described = {
            name.removeprefix("x-cos-meta-"): value
            for name, value in said.items()
            if name.startswith("x-cos-meta-")
        }
        return Head(int(said["Content-Length"]), said["ETag"], said["Content-Type"], described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        listing = Listing()
        size = 300 if prefix == "many/" else 7
        asked: dict[str, Any] = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": size}
        while True:
            page = self.sdk.list_objects(bucket, **asked)
            listing.keys += [row["Key"] for row in page.get("Contents", [])]
            listing.prefixes += [row["Prefix"] for row in page.get("CommonPrefixes", [])]
            if page["IsTruncated"] == "false":
                return listing
            asked["Marker"] = page["NextMarker"]

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        upload = self.sdk.create_multipart_upload(bucket, key)["UploadId"]
        parts = []
        for number, start in enumerate(range(0, len(body), PART), 1):
            response = self.sdk.upload_part(bucket, key, body[start : start + PART], number, upload)
            parts.append({"PartNumber": number, "ETag": response["ETag"]})
        self.sdk.complete_multipart_upload(bucket, key, upload, {"Part": parts})

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.sdk.copy_object(bucket, target, CopySource={"Bucket": bucket, "Key": source})

    def delete(self, bucket: str, key: str) -> None:
        self.sdk.delete_object(bucket, key)

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.sdk.delete_objects(bucket, Delete={"Object": [{"Key": key} for key in keys]})

    def versions(self, bucket: str, key: str) -> list[str]:
        return [row["VersionId"] for row in self.sdk.iter_versions(bucket, Prefix=key)]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        return bytes(self.sdk.get_object(bucket, key, VersionId=version)["Body"].read())

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self.sdk.delete_object(bucket, key, VersionId=version)

    def presign_get(self, bucket: str, key: str) -> str:
        return str(self.sdk.get_presigned_url(bucket, key, "GET"))

    def presign_put(self, bucket: str, key: str) -> str:
        return str(self.sdk.get_presigned_url(bucket, key, "PUT"))

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.sdk.upload_file(bucket, key, str(path))

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.sdk.download_file(bucket, key, str(path))

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        described = {f"x-cos-meta-{name}": value for name, value in metadata.items()}
        self.sdk.put_object(bucket, body, key, ContentType=content_type, Metadata=described)

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        rows = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.sdk.put_object_tagging(bucket, key, Tagging={"TagSet": {"Tag": rows}})

    def get_tags(self, bucket: str, key: str) -> Mapping[str, str]:
        said = self.sdk.get_object_tagging(bucket, key)
        return {row["Key"]: row["Value"] for row in said["TagSet"]["Tag"]}

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        try:
            self.sdk.put_object(bucket, body, key, IfNoneMatch="*")
        except CosServiceError as error:
            if error.get_error_code() == "PreconditionFailed":
                return False
            raise
        return True

    def put_checked(self, bucket: str, key: str, body: bytes) -> None:
        self.sdk.put_object(bucket, body, key, ContentMD5=_md5(body))

    def put_wrong(self, bucket: str, key: str, body: bytes) -> None:
        self.sdk.put_object(bucket, body, key, ContentMD5=_md5(b"another"))

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        self.sdk.upload_stream(bucket, key, chunks)

    def close(self) -> None:
        self.sdk.close()


class S3(Driver):
    """The synchronous client with `dialect="s3"`."""

    dialect = "S3"

    def options(self) -> dict[str, Any]:
        return {"dialect": "s3"}


def _md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body).digest()).decode()
