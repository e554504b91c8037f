"""cos-python-sdk-v5: the vendor's Python SDK."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_exception import CosServiceError

from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace


class Driver(Client):
    """The SDK, at host names of the service."""

    dialect = "COS"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        workspace.route_by_proxy()
        config = CosConfig(
            Region=workspace.region,
            SecretId=workspace.secret_id,
            SecretKey=workspace.secret_key,
            Scheme="http",
        )
        self.sdk = CosS3Client(config, retry=0)

    def version(self) -> str:
        return version("cos-python-sdk-v5")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.sdk.put_object(Bucket=bucket, Key=key, Body=body)

    def get(self, bucket: str, key: str) -> bytes:
        return _read(self.sdk.get_object(Bucket=bucket, Key=key))

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return _read(self.sdk.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}"))

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = self.sdk.head_object(Bucket=bucket, Key=key)
        except CosServiceError as error:
            if error.get_status_code() == 404:
                return None
            raise
        prefix = "x-cos-meta-"
        described = {
            name[len(prefix) :]: value
            for name, value in said.items()
            if name.lower().startswith(prefix)
        }
        return Head(int(said["Content-Length"]), said["ETag"], said["Content-Type"], described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        listing, marker = Listing(), ""
        while True:
            page = self.sdk.list_objects(
                Bucket=bucket,
                Prefix=prefix,
                Delimiter=delimiter,
                Marker=marker,
                MaxKeys=300 if prefix == "many/" else 7,
            )
            listing.keys += [row["Key"] for row in page.get("Contents", [])]
            listing.prefixes += [row["Prefix"] for row in page.get("CommonPrefixes", [])]
            if page["IsTruncated"] == "false":
                return listing
            marker = page["NextMarker"]

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        upload = self.sdk.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        parts = []
        for number, start in enumerate(range(0, len(body), PART), 1):
            response = self.sdk.upload_part(bucket, key, body[start : start + PART], number, upload)
            parts.append({"PartNumber": number, "ETag": response["ETag"]})
        said = self.sdk.list_parts(Bucket=bucket, Key=key, UploadId=upload)
        if len(said["Part"]) != len(parts):
            raise AssertionError(f"{len(said['Part'])} of {len(parts)} parts are listed")
        self.sdk.complete_multipart_upload(bucket, key, upload, {"Part": parts})

    def copy(self, bucket: str, source: str, target: str) -> None:
        where = {"Bucket": bucket, "Key": source, "Region": self.workspace.region}
        self.sdk.copy_object(Bucket=bucket, Key=target, CopySource=where)

    def delete(self, bucket: str, key: str) -> None:
        self.sdk.delete_object(Bucket=bucket, Key=key)

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.sdk.delete_objects(bucket, {"Object": [{"Key": key} for key in keys]})

    def versions(self, bucket: str, key: str) -> list[str]:
        page = self.sdk.list_objects_versions(Bucket=bucket, Prefix=key)
        return [row["VersionId"] for row in page["Version"]]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        return _read(self.sdk.get_object(Bucket=bucket, Key=key, VersionId=version))

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self.sdk.delete_object(Bucket=bucket, Key=key, VersionId=version)

    def presign_get(self, bucket: str, key: str) -> str:
        return str(self.sdk.get_presigned_url(Bucket=bucket, Key=key, Method="GET"))

    def presign_put(self, bucket: str, key: str) -> str:
        return str(self.sdk.get_presigned_url(Bucket=bucket, Key=key, Method="PUT"))

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.sdk.upload_file(Bucket=bucket, Key=key, LocalFilePath=str(path), PartSize=8)

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.sdk.download_file(Bucket=bucket, Key=key, DestFilePath=str(path))

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        described = {f"x-cos-meta-{name}": value for name, value in metadata.items()}
        self.sdk.put_object(
            Bucket=bucket, Key=key, Body=body, ContentType=content_type, Metadata=described
        )

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        rows = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.sdk.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": {"Tag": rows}})

    def get_tags(self, bucket: str, key: str) -> Mapping[str, str]:
        said = self.sdk.get_object_tagging(Bucket=bucket, Key=key)
        return {row["Key"]: row["Value"] for row in said["TagSet"]["Tag"]}

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        try:
            self.sdk.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except CosServiceError as error:
            if error.get_error_code() == "PreconditionFailed":
                return False
            raise
        return True

    def put_checked(self, bucket: str, key: str, body: bytes) -> None:
        self.sdk.put_object(Bucket=bucket, Key=key, Body=body, EnableMD5=True)

    def put_wrong(self, bucket: str, key: str, body: bytes) -> None:
        self.sdk.put_object(
            Bucket=bucket, Key=key, Body=body, ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg=="
        )

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        self.sdk.upload_file_from_buffer(Bucket=bucket, Key=key, Body=_Whole(chunks), PartSize=1)


class _Whole:
    """A stream without short reads, which the SDK needs (D2)."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _read(response: Any) -> bytes:
    return bytes(response["Body"].get_raw_stream().read())
