"""Clients fetch and replace temporary keys of a server."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coskit import Client, Credentials, CredentialsError, RefreshingCredentials, errors
from coskit.compat import CosConfig, CosS3Client
from coskit.server.auth.accounts import change_accounts, with_token_secret
from coskit.server.auth.session_tokens import issue
from coskit.server.settings import ACCOUNT
from coskit.testing import LocalServer
from tests.support.local import fetch
from tests.support.worlds import World


class Issuer:
    """An issuer of temporary keys of a server, like an STS.

    Attributes:
        lifetimes: the seconds that the next keys are valid; the last value is kept.
        given: all issued keys.
    """

    def __init__(self, server: LocalServer) -> None:
        self._secret = change_accounts(server.directory, with_token_secret).token_secret
        self.lifetimes = [600]
        self.given: list[Credentials] = []

    def __call__(self) -> Credentials:
        seconds = self.lifetimes.pop(0) if len(self.lifetimes) > 1 else self.lifetimes[0]
        key = issue(self._secret, ACCOUNT, int(time.time()) + seconds)
        # A client with a slow clock would take them for valid.
        expires = time.time() + max(seconds, 600)
        self.given.append(Credentials(key.secret_id, key.secret_key, key.token, expires))
        return self.given[-1]


@pytest.fixture
def issuer(server: LocalServer, owner: Client) -> Issuer:
    """Return the server's issuer, once the server is ready."""
    owner.list_buckets()
    return Issuer(server)


Connect = Callable[[Any], World]


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[Connect]:
    """Return a function that creates a client with any kind of credentials."""
    worlds: list[World] = []

    def make(credentials: Any) -> World:
        worlds.append(World(request.param, endpoint=server.endpoint, credentials=credentials))
        return worlds[-1]

    yield make
    for world in worlds:
        world.__exit__(None, None, None)


def test_every_way_of_signing_carries_the_token(
    connect: Connect, server: LocalServer, issuer: Issuer, bucket: str
) -> None:
    world = connect(issuer)
    world.put_object(bucket, b"content", "a")
    assert world.fetch(bucket, "a") == b"content"
    assert [item["Key"] for item in world.all(world.client.iter_objects(bucket))] == ["a"]
    url = world.client.get_presigned_url(bucket, "a", "GET")
    assert fetch(server, "GET", url).body == b"content"
    token = {"x-cos-security-token": issuer.given[0].token}
    signature = world.client.get_auth("GET", bucket, "a", Headers=token)
    sent = {"Authorization": signature, **token}
    assert (
        fetch(server, "GET", world.client.get_object_url(bucket, "a"), headers=sent).status == 200
    )
    form = world.client.presign_post(bucket, "b")
    assert post(server, form, b"by form").status == 204
    assert world.fetch(bucket, "b") == b"by form"
    assert len(issuer.given) == 1


def post(server: LocalServer, form: dict[str, Any], content: bytes) -> Any:
    """Upload by form."""
    fields = [f'name="{name}"\r\n\r\n{value}' for name, value in form["fields"].items()]
    fields.append(f'name="file"; filename="f"\r\n\r\n{content.decode()}')
    body = "".join(f"--B\r\nContent-Disposition: form-data; {part}\r\n" for part in fields)
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    return fetch(server, "POST", form["url"], f"{body}--B--\r\n".encode(), headers)


def test_keys_are_replaced_before_they_expire(
    connect: Connect, issuer: Issuer, bucket: str
) -> None:
    now = [time.time()]
    world = connect(RefreshingCredentials(issuer, clock=lambda: now[0]))
    world.put_object(bucket, b"1", "a")
    world.put_object(bucket, b"2", "a")
    now[0] += 290
    world.put_object(bucket, b"3", "a")
    assert len(issuer.given) == 1
    now[0] += 20
    assert world.fetch(bucket, "a") == b"3"
    assert len(issuer.given) == 2


def test_keys_that_the_server_calls_expired_are_replaced(
    connect: Connect, issuer: Issuer, bucket: str
) -> None:
    issuer.lifetimes = [-10, 600, 600]
    world = connect(issuer)
    world.put_object(bucket, b"content", "a")
    assert len(issuer.given) == 2
    assert world.fetch(bucket, "a") == b"content"
    assert len(issuer.given) == 2


def test_a_server_that_calls_all_keys_expired_is_asked_twice(
    connect: Connect, issuer: Issuer, bucket: str
) -> None:
    issuer.lifetimes = [-10]
    world = connect(issuer)
    with pytest.raises(errors.ExpiredToken):
        world.put_object(bucket, b"content", "a")
    assert len(issuer.given) == 2


class Instance:
    """A `CredentialInstance` of the vendor's SDK."""

    def __init__(self, keys: Credentials) -> None:
        self.keys = keys

    @property
    def secret_id(self) -> str:
        return self.keys.secret_id

    @property
    def secret_key(self) -> str:
        return self.keys.secret_key

    @property
    def token(self) -> str:
        return self.keys.token


def test_a_vendors_credential_instance_is_read_at_each_request(
    server: LocalServer, issuer: Issuer, bucket: str
) -> None:
    instance = Instance(issuer())
    place: dict[str, Any] = {
        "Endpoint": "cos.ap-local.myqcloud.com",
        "IP": "127.0.0.1",
        "Port": server.port,
    }
    config = CosConfig(**place, Scheme="http", CredentialInstance=instance)
    with CosS3Client(config) as client:
        client.put_object(bucket, b"content", "a")
        instance.keys = issuer()
        url = client.get_presigned_url(bucket, "a", "GET")
        assert f"q-ak={instance.secret_id}" in url
        host = {"Host": f"{bucket}.cos.ap-local.myqcloud.com"}
        assert fetch(server, "GET", url, headers=host).body == b"content"
        assert client.get_object(bucket, "a")["Body"].read() == b"content"


@pytest.mark.parametrize("instance", [object(), Instance(Credentials("", "", ""))])
def test_a_credential_instance_without_keys_is_an_error(instance: object) -> None:
    def sign() -> str:
        config = CosConfig(Region="ap-local", CredentialInstance=instance)
        return CosS3Client(config).get_auth("GET", "b-1250000000", "a")

    with pytest.raises(CredentialsError, match="CredentialInstance"):
        sign()
