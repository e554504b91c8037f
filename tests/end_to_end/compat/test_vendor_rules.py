"""CORS, lifecycle and tags of buckets: one script for the vendor's package and `coskit.compat`."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from coskit.testing import LocalServer
from tests.support.local import fetch

CORS = {
    "CORSRule": [
        {
            "ID": "1",
            "MaxAgeSeconds": "100",
            "AllowedOrigin": ["http://www.example.com", "https://*.example.com"],
            "AllowedMethod": ["GET", "PUT"],
            "AllowedHeader": ["x-cos-meta-test", "authorization"],
            "ExposeHeader": ["x-cos-meta-test1"],
        }
    ]
}
LIFECYCLE: dict[str, list[dict[str, Any]]] = {
    "Rule": [
        {
            "ID": "rule1",
            "Status": "Enabled",
            "Filter": {"Prefix": "test/"},
            "Expiration": {"Days": "365"},
            "Transition": [
                {"StorageClass": "STANDARD_IA", "Days": "100"},
                {"StorageClass": "ARCHIVE", "Days": "200"},
            ],
        },
        {
            "ID": "rule2",
            "Status": "Disabled",
            "Filter": {"And": {"Prefix": "a", "Tag": [{"Key": k, "Value": "v"} for k in "kx"]}},
            "NoncurrentVersionExpiration": {"NoncurrentDays": "30"},
        },
    ]
}
TAGGING = {"TagSet": {"Tag": [{"Key": "color", "Value": "blue"}, {"Key": "空", "Value": "x y"}]}}


@pytest.fixture(params=["qcloud_cos", "coskit.compat"])
def sdk(request: pytest.FixtureRequest) -> Any:
    """Return the module to import the SDK from."""
    return importlib.import_module(request.param)


def make(sdk: Any, server: LocalServer, **more: Any) -> Any:
    """Return a client of the server."""
    keys = {"SecretId": server.secret_id, "SecretKey": server.secret_key}
    return sdk.CosS3Client(sdk.CosConfig(Region="ap-local", Scheme="http", **keys, **more), retry=0)


@pytest.fixture
def client(sdk: Any, server: LocalServer) -> Any:
    """Yield a client of the server."""
    return make(sdk, server, IP="127.0.0.1", Port=server.port)


def refused(sdk: Any, call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    """Return the status and the code of a refused call."""
    with pytest.raises(sdk.CosServiceError) as error:
        call(**arguments)
    return error.value.get_status_code(), error.value.get_error_code()


def test_cross_origin_rules(client: Any, sdk: Any, server: LocalServer, bucket: str) -> None:
    assert refused(sdk, client.get_bucket_cors, Bucket=bucket)[1] == "NoSuchCORSConfiguration"
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration=CORS)
    assert client.get_bucket_cors(Bucket=bucket) == CORS
    asked = {"Origin": "https://a.example.com", "Access-Control-Request-Method": "PUT"}
    url = make(sdk, server).get_presigned_url(bucket, "key", "PUT")
    preflight = fetch(server, "OPTIONS", f"{server.endpoint}/{bucket}/key", None, asked)
    assert preflight.status == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://a.example.com"
    put = fetch(server, "PUT", url, b"from a page", {"Origin": "https://a.example.com"})
    assert (put.status, put.headers["Access-Control-Expose-Headers"]) == (200, "x-cos-meta-test1")
    client.delete_bucket_cors(Bucket=bucket)
    assert refused(sdk, client.get_bucket_cors, Bucket=bucket)[0] == 404


def test_lifecycle_rules(client: Any, sdk: Any, bucket: str) -> None:
    missing = (404, "NoSuchLifecycleConfiguration")
    assert refused(sdk, client.get_bucket_lifecycle, Bucket=bucket) == missing
    client.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration=LIFECYCLE)
    assert client.get_bucket_lifecycle(Bucket=bucket) == LIFECYCLE
    client.delete_bucket_lifecycle(Bucket=bucket)
    assert refused(sdk, client.get_bucket_lifecycle, Bucket=bucket) == missing
    bad = {"Rule": [{**LIFECYCLE["Rule"][0], "Expiration": {"Days": "0"}}]}
    outcome = refused(sdk, client.put_bucket_lifecycle, Bucket=bucket, LifecycleConfiguration=bad)
    assert outcome == (400, "InvalidArgument")


def test_tags_of_a_bucket(client: Any, sdk: Any, bucket: str) -> None:
    assert refused(sdk, client.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")
    client.put_bucket_tagging(Bucket=bucket, Tagging=TAGGING)
    assert client.get_bucket_tagging(Bucket=bucket) == TAGGING
    client.delete_bucket_tagging(Bucket=bucket)
    assert refused(sdk, client.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")
    twice = {"TagSet": {"Tag": [{"Key": "a", "Value": "1"}] * 2}}
    outcome = refused(sdk, client.put_bucket_tagging, Bucket=bucket, Tagging=twice)
    assert outcome == (400, "InvalidTag")
