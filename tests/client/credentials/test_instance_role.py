"""The role of a machine: requests to the metadata service and STS, and each kind of response."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from coskit import (
    AsyncMetadataCredentials,
    Credentials,
    CredentialsError,
    MetadataCredentials,
    TransportSettings,
)
from tests.client.conftest import Scripted
from tests.client.credentials.refreshing import BUCKET, FOUND, START, Clock, signed_by
from tests.client.stubs.scripted import CLOSE, ScriptedServer, http_response

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


ROLES = "/latest/meta-data/cam/security-credentials/"


def role_keys(**changes: object) -> bytes:
    """Return a response of the metadata service."""
    table = {
        "TmpSecretId": "role-id",
        "TmpSecretKey": "role-key",
        "ExpiredTime": int(START) + 3600,
        "Expiration": "2023-11-14T23:13:20Z",
        "Token": "role-token",
        "Code": "Success",
    }
    return json.dumps({**table, **changes}).encode()


def ask(kind: str, *responses: bytes | object, **settings: Any) -> tuple[Any, ScriptedServer]:
    """Return the keys of the role, or why there are none, and the server that was asked."""
    with ScriptedServer(responses) as server:
        places = {"endpoint": server.endpoint, "sts_endpoint": server.endpoint, "clock": Clock()}
        try:
            if kind == "sync":
                return MetadataCredentials(**{**places, **settings}).get(), server
            provider = AsyncMetadataCredentials(**{**places, **settings})
            return asyncio.run(provider.get()), server
        except CredentialsError as failure:
            return failure, server


def paths(server: ScriptedServer) -> list[str]:
    return [head.split(b" ")[1].decode() for head, _ in server.requests]


@pytest.fixture(autouse=True)
def _no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("TKE_", "COSKIT_"))]:
        monkeypatch.delenv(name)


@KINDS
def test_a_cvm_asks_for_its_role_and_for_its_keys(kind: str) -> None:
    keys, server = ask(kind, http_response(body=b"my-role\n"), http_response(body=role_keys()))
    assert keys == Credentials("role-id", "role-key", "role-token", START + 3600)
    assert paths(server) == [ROLES, f"{ROLES}my-role"]
    keys, server = ask(kind, http_response(body=role_keys()), role="a/b")
    assert (keys.secret_id, paths(server)) == ("role-id", [f"{ROLES}a%2Fb"])


@KINDS
def test_the_metadata_service_may_falter(kind: str) -> None:
    keys, server = ask(
        kind, CLOSE, http_response(502), http_response(body=b"r"), http_response(body=role_keys())
    )
    assert keys.secret_id == "role-id"
    assert paths(server) == [ROLES] * 3 + [f"{ROLES}r"]


@pytest.mark.parametrize(
    ("responses", "reason"),
    [
        ([http_response(404)], "has no role"),
        ([http_response(200)], "has no role"),
        ([http_response(body=b"r"), http_response(404)], "returned no keys"),
        ([http_response(body=b"r"), http_response(body=b"{")], "returned no keys"),
        ([http_response(body=b"r"), http_response(body=b"[]")], "returned no keys"),
        ([http_response(body=b"r"), http_response(body=role_keys(Code="Failed"))], "says Failed"),
        ([http_response(body=b"r"), http_response(body=role_keys(Token=""))], "incomplete keys"),
        (
            [http_response(body=b"r"), http_response(body=role_keys(ExpiredTime=None))],
            "the expiry of its keys",
        ),
        (
            [http_response(body=b"r"), http_response(body=role_keys(ExpiredTime=int(START)))],
            "expired already",
        ),
        ([CLOSE, CLOSE, CLOSE], "exchange with"),
    ],
)
@KINDS
def test_a_response_without_keys_is_reported_without_its_secrets(
    kind: str, responses: list[bytes | object], reason: str
) -> None:
    failure, _ = ask(kind, *responses)
    assert isinstance(failure, CredentialsError)
    assert reason in str(failure)
    assert "role-key" not in f"{failure}{failure.__cause__}"


@pytest.fixture
def _pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("web.identity.token\n")
    monkeypatch.setenv("TKE_REGION", "ap-nanjing")
    monkeypatch.setenv("TKE_PROVIDER_ID", "oidc-1")
    monkeypatch.setenv("TKE_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("TKE_ROLE_ARN", "qcs::cam::uin/1:roleName/pod")


def sts_keys(**changes: object) -> bytes:
    """Return a response of STS."""
    keys = {"Token": "pod-token", "TmpSecretId": "pod-id", "TmpSecretKey": "pod-key"}
    table = {"ExpiredTime": int(START) + 7200, "Credentials": keys, "RequestId": "r-1"}
    return json.dumps({"Response": {**table, **changes}}).encode()


@pytest.mark.usefixtures("_pod")
@KINDS
def test_a_tke_pod_exchanges_its_token_at_sts(kind: str) -> None:
    keys, server = ask(kind, http_response(body=sts_keys()))
    assert keys == Credentials("pod-id", "pod-key", "pod-token", START + 7200)
    ((head, body),) = server.requests
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post / http/1.1"
    assert {
        "authorization: skip",
        "content-type: application/json; charset=utf-8",
        "x-tc-action: assumerolewithwebidentity",
        "x-tc-region: ap-nanjing",
        "x-tc-timestamp: 1700000000",
        "x-tc-version: 2018-08-13",
    } <= set(lines)
    assert json.loads(body) == {
        "ProviderId": "oidc-1",
        "WebIdentityToken": "web.identity.token",
        "RoleArn": "qcs::cam::uin/1:roleName/pod",
        "RoleSessionName": "coskit-1700000000",
        "DurationSeconds": 7200,
    }


@pytest.mark.usefixtures("_pod")
@KINDS
def test_a_refusal_of_sts_is_reported(kind: str, tmp_path: Path) -> None:
    error = {"Code": "AuthFailure.UnauthorizedOperation", "Message": "web.identity.token"}
    failure, _ = ask(kind, http_response(body=sts_keys(Error=error)))
    assert "says AuthFailure.UnauthorizedOperation (request id r-1)" in str(failure)
    assert "identity" not in str(failure)
    assert "incomplete keys" in str(ask(kind, http_response(body=sts_keys(Credentials=None)))[0])
    assert "returned no keys" in str(ask(kind, http_response(body=b"null"))[0])
    (tmp_path / "token").unlink()
    failure, _ = ask(kind)
    assert isinstance(failure.__cause__, FileNotFoundError)


def test_metadata_is_a_source_by_name(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    far = role_keys(ExpiredTime=9_999_999_999)
    with ScriptedServer([http_response(body=b"r"), http_response(body=far)]) as metadata:
        monkeypatch.setenv("COSKIT_METADATA_ENDPOINT", metadata.endpoint)
        keys = {"secret_id": None, "secret_key": None, "credentials": "metadata"}
        world, server = scripted(FOUND, FOUND, **keys)
        for _ in range(2):
            world.fetch(BUCKET, "a")
    assert [signed_by(request) for request in server.requests] == [("role-id", "role-token")] * 2
    assert paths(metadata) == [ROLES, f"{ROLES}r"]


def test_a_profile_may_ask_for_the_role_of_the_machine(
    scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text('[machine]\nsource = "metadata"\n')
    monkeypatch.setenv("COSKIT_CONFIG", str(tmp_path / "config.toml"))
    for name in [name for name in os.environ if name.startswith("TENCENTCLOUD_")]:
        monkeypatch.delenv(name)
    with ScriptedServer(
        [http_response(body=b"r"), http_response(body=role_keys(ExpiredTime=2**33))]
    ) as metadata:
        monkeypatch.setenv("COSKIT_METADATA_ENDPOINT", metadata.endpoint)
        world, server = scripted(FOUND, secret_id=None, secret_key=None, profile="machine")
        world.fetch(BUCKET, "a")
    assert signed_by(server.requests[0]) == ("role-id", "role-token")


def test_a_client_whose_role_cannot_be_had_says_so_before_anything_is_sent(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer([http_response(404)]) as metadata:
        monkeypatch.setenv("COSKIT_METADATA_ENDPOINT", metadata.endpoint)
        keys = {"secret_id": None, "secret_key": None, "credentials": "metadata"}
        world, server = scripted(FOUND, **keys, transport=TransportSettings(proxy=""))
        with pytest.raises(CredentialsError, match="has no role"):
            world.fetch(BUCKET, "a")
    assert not server.requests
