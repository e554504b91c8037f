"""@aws-sdk/client-s3: the AWS SDK for JavaScript, whose streams end with a checksum."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from botocore.exceptions import ClientError

from tests.compatibility.interop.clients import amazon_boto3
from tests.compatibility.interop.clients.node import (
    Node,
    Refused,
    package_version,
    packed,
    unpacked,
)


class Driver(amazon_boto3.Driver):
    """Signatures V4, path style; commands, results and errors are mapped to boto3's."""

    unsupported: ClassVar[Mapping[str, str]] = {"stream": "needs the length of a stream"}

    def connect(self) -> None:
        credentials = {
            "accessKeyId": self.workspace.secret_id,
            "secretAccessKey": self.workspace.secret_key,
        }
        settings = {
            "endpoint": self.workspace.endpoint,
            "region": self.workspace.region,
            "credentials": credentials,
            "forcePathStyle": True,
            "maxAttempts": 1,
        }
        self.node = Node("aws_bridge.js", settings)

    def call(self, method: str, bucket: str, *, how: str = "", **params: Any) -> Any:
        """Send a command.

        Args:
            method: as boto3 calls it.
            bucket: the bucket's name.
            how: "sign" for a URL instead, or the path of a file that takes the body.
            params: of the command.
        """
        if isinstance(params.get("Body"), bytes):
            params["Body"] = packed(params["Body"])
        name = method.title().replace("_", "") + (f":{how}" if how else "")
        try:
            return self.node.call(name, {"Bucket": bucket, **params})
        except Refused as error:
            code = "404" if error.status == 404 else error.said["name"]
            said = {"Code": code, "Message": error.said["message"]}
            raise ClientError({"Error": said}, method) from error

    def read(self, response: Any) -> bytes:
        return unpacked(response["Body"])

    def version(self) -> str:
        return package_version("@aws-sdk/client-s3")

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.call("copy_object", bucket, Key=target, CopySource=f"{bucket}/{quote(source)}")

    def presign(self, method: str, bucket: str, key: str) -> str:
        return str(self.call(method, bucket, how="sign", Key=key))

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.call("put_object", bucket, Key=key, Body={"file": str(path)})

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.call("get_object", bucket, how=str(path), Key=key)

    def close(self) -> None:
        self.node.close()
