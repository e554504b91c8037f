"""Accounts, policies and temporary keys through both clients and both SDKs."""

import importlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit import Client
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import TOKEN
from coskit.protocol.errors import AccessDenied, ExpiredToken, MalformedPolicy, NoSuchBucketPolicy
from coskit.server.auth.accounts import add_key, change_accounts, read_accounts, with_token_secret
from coskit.server.auth.session_tokens import issue
from coskit.testing import LocalServer
from tests.support.local import fetch, write_file
from tests.support.worlds import World

OWNER = "1250000000"
HELPER = f"{OWNER}/99"


def helper_key(server: LocalServer) -> Credentials:
    """Return the key of a sub-account, created if it is missing."""
    book = read_accounts(server.directory)
    if book.find(HELPER) is None:
        book = change_accounts(server.directory, lambda book: add_key(book, HELPER, "")[0])
    found = book.find(HELPER)
    assert found is not None
    return found.keys[0]


def temporary_key(server: LocalServer, bucket: str, seconds: int = 600) -> Credentials:
    """Return a temporary key that may put and get under `open/` and upload in parts."""
    secret = change_accounts(server.directory, with_token_secret).token_secret
    actions = """GetObject HeadObject PutObject InitiateMultipartUpload UploadPart ListParts
    CompleteMultipartUpload AbortMultipartUpload ListMultipartUploads""".split()
    policy = {"statement": statement(bucket, "open/*", *actions), "version": "2.0"}
    return issue(secret, OWNER, int(time.time()) + seconds, json.dumps(policy))


def statement(bucket: str, path: str, *actions: str, **more: Any) -> dict[str, Any]:
    return {
        "effect": "allow",
        "action": [f"name/cos:{action}" for action in actions],
        "resource": [f"qcs::cos:ap-local:uid/{OWNER}:{bucket}/{path}"],
        **more,
    }


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Return each kind of client."""
    return str(request.param)


@pytest.fixture
def world(kind: str, server: LocalServer) -> Iterator[World]:
    """Yield the owner's client of a kind."""
    with enter(kind, server, Credentials(server.secret_id, server.secret_key)) as client:
        yield client


def enter(kind: str, server: LocalServer, key: Credentials) -> World:
    """Return a client of a kind with a key."""
    return World(
        kind,
        endpoint=server.endpoint,
        secret_id=key.secret_id,
        secret_key=key.secret_key,
        token=key.token,
    )


def test_a_policy_is_put_got_and_deleted(world: World, bucket: str) -> None:
    principal = {"qcs": ["qcs::cam::anyone:anyone"]}
    policy = {"Statement": [statement(bucket, "*", "GetObject", principal=principal)]}
    for given in (policy, json.dumps(policy)):
        world.put_bucket_policy(bucket, given)
        assert json.loads(world.get_bucket_policy(bucket)["Policy"]) == policy
    world.delete_bucket_policy(bucket)
    world.delete_bucket_policy(bucket)
    with pytest.raises(NoSuchBucketPolicy):
        world.get_bucket_policy(bucket)
    with pytest.raises(MalformedPolicy):
        world.put_bucket_policy(bucket, {"Statement": []})


def test_a_sub_account_does_what_a_policy_allows(
    world: World, kind: str, server: LocalServer, bucket: str
) -> None:
    world.put_object(bucket, b"x", "open/a")
    world.put_object(bucket, b"x", "closed/a")
    with enter(kind, server, helper_key(server)) as helper:
        with pytest.raises(AccessDenied):
            helper.fetch(bucket, "open/a")
        principal = {"qcs": [f"qcs::cam::uin/{OWNER}:uin/99"]}
        allowed = statement(bucket, "open/*", "GetObject", principal=principal)
        world.put_bucket_policy(bucket, {"Statement": [allowed]})
        assert helper.fetch(bucket, "open/a") == b"x"
        with pytest.raises(AccessDenied):
            helper.fetch(bucket, "closed/a")
        with pytest.raises(AccessDenied):
            helper.delete_object(bucket, "open/a")


def test_a_temporary_key_goes_with_every_request(
    kind: str, server: LocalServer, bucket: str, owner: Client, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "file", 3 << 20)
    with enter(kind, server, temporary_key(server, bucket)) as narrow:
        narrow.put_object(bucket, b"x", "open/a")
        assert narrow.fetch(bucket, "open/a") == b"x"
        assert narrow.head_object(bucket, "open/a")["Content-Length"] == "1"
        narrow.upload_file(bucket, "open/large", str(tmp_path / "file"), PartSize=1)
        assert narrow.fetch(bucket, "open/large") == content
        url = narrow.get_presigned_url(bucket, "open/a", "GET")
        assert fetch(server, "GET", url).body == b"x"
        changed = fetch(server, "GET", url.replace("security-token=", "security-token=x"))
        assert changed.status == 403
        for call in (narrow.get_object, narrow.delete_object):
            with pytest.raises(AccessDenied):
                call(bucket, "closed/a")
        with pytest.raises(AccessDenied):
            narrow.list_objects(bucket)
    assert "closed/a" not in [entry["Key"] for entry in owner.iter_objects(bucket)]


def test_an_expired_token_is_an_error_of_its_own(
    kind: str, server: LocalServer, bucket: str
) -> None:
    key = temporary_key(server, bucket, seconds=0)
    with enter(kind, server, key) as late, pytest.raises(ExpiredToken):
        late.put_object(bucket, b"x", "open/a")


def test_a_key_without_its_token_is_refused(kind: str, server: LocalServer, bucket: str) -> None:
    key = temporary_key(server, bucket)
    bare = Credentials(key.secret_id, key.secret_key)
    with enter(kind, server, bare) as client, pytest.raises(AccessDenied):
        client.put_object(bucket, b"x", "open/a")


@pytest.fixture(params=["qcloud_cos", "coskit.compat"])
def sdk(request: pytest.FixtureRequest) -> Any:
    """Return the module to import the SDK from."""
    return importlib.import_module(request.param)


def client_of(sdk: Any, server: LocalServer, key: Credentials, **changes: Any) -> Any:
    settings = {
        "Region": "ap-local",
        "SecretId": key.secret_id,
        "SecretKey": key.secret_key,
        "Token": key.token or None,
        "Scheme": "http",
        "IP": "127.0.0.1",
        "Port": server.port,
    }
    return sdk.CosS3Client(sdk.CosConfig(**{**settings, **changes}), retry=0)


def test_the_vendors_sdk_with_a_temporary_key(
    sdk: Any, server: LocalServer, bucket: str, tmp_path: Path
) -> None:
    write_file(tmp_path / "file", 3 << 20)
    key = temporary_key(server, bucket)
    client = client_of(sdk, server, key)
    client.put_object(Bucket=bucket, Body=b"x", Key="open/a")
    assert client.get_object(Bucket=bucket, Key="open/a")["Body"].get_raw_stream().read() == b"x"
    path = str(tmp_path / "file")
    client.upload_file(Bucket=bucket, Key="open/b", LocalFilePath=path, PartSize=1, MAXThread=2)
    presigner = client_of(sdk, server, key, IP=None, Port=None)
    url = presigner.get_presigned_url(
        Bucket=bucket, Key="open/a", Method="GET", Params={TOKEN: key.token}
    )
    assert fetch(server, "GET", url).body == b"x"
    with pytest.raises(sdk.CosServiceError) as caught:
        client.put_object(Bucket=bucket, Body=b"x", Key="closed/a")
    assert caught.value.get_error_code() == "AccessDenied"
    late = client_of(sdk, server, temporary_key(server, bucket, seconds=0))
    with pytest.raises(sdk.CosServiceError) as caught:
        late.put_object(Bucket=bucket, Body=b"x", Key="open/a")
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, "ExpiredToken")


def test_the_vendors_sdk_with_policies_and_sub_accounts(
    sdk: Any, server: LocalServer, bucket: str
) -> None:
    client = client_of(sdk, server, Credentials(server.secret_id, server.secret_key))
    helper = client_of(sdk, server, helper_key(server))
    client.put_object(Bucket=bucket, Body=b"x", Key="a")
    with pytest.raises(sdk.CosServiceError):
        helper.get_object(Bucket=bucket, Key="a")
    principal = {"qcs": [f"qcs::cam::uin/{OWNER}:uin/99"]}
    policy = {"Statement": [statement(bucket, "*", "GetObject", principal=principal)]}
    client.put_bucket_policy(Bucket=bucket, Policy={**policy, "version": "2.0"})
    assert helper.get_object(Bucket=bucket, Key="a")["Body"].get_raw_stream().read() == b"x"
    assert "Statement" in client.get_bucket_policy(Bucket=bucket)["Policy"]
    client.delete_bucket_policy(Bucket=bucket)
    with pytest.raises(sdk.CosServiceError):
        client.get_bucket_policy(Bucket=bucket)
