"""Forms that both clients sign, sent as a browser sends them."""

import time
from collections.abc import Iterator

import pytest

from coskit.protocol.auth.signature import TOKEN
from coskit.protocol.errors import CredentialsError, ParameterError
from coskit.server.auth.accounts import change_accounts, with_token_secret
from coskit.server.auth.session_tokens import issue
from coskit.server.settings import ACCOUNT
from coskit.testing import LocalServer
from tests.support.local import PlainResponse, fetch
from tests.support.worlds import World


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    """Yield each kind of client of the server."""
    settings = {
        "endpoint": server.endpoint,
        "secret_id": server.secret_id,
        "secret_key": server.secret_key,
    }
    with World(request.param, **settings) as client:
        yield client


def send(server: LocalServer, url: str, fields: dict[str, str], content: bytes) -> PlainResponse:
    """Send a form with the file `photo.png`."""
    parts = [
        f'--bound\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append('--bound\r\nContent-Disposition: form-data; name="file"; filename="photo.png"')
    body = "".join(parts).encode() + b"\r\n\r\n" + content + b"\r\n--bound--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=bound"}
    return fetch(server, "POST", url, body, headers)


def test_a_presigned_form_uploads_what_it_allows(
    world: World, server: LocalServer, bucket: str
) -> None:
    form = world.presign_post(
        bucket,
        "photos/${filename}",
        Conditions=[
            {"success_action_status": "201"},
            ["starts-with", "$Content-Type", "image/"],
            ["content-length-range", 1, 1000],
        ],
    )
    fields = {**form["fields"], "Content-Type": "image/png"}
    sent = send(server, form["url"], fields, b"pixels")
    assert sent.status == 201
    assert sent.headers["Location"] == f"{server.endpoint}/{bucket}/photos/photo.png"
    assert world.fetch(bucket, "photos/photo.png") == b"pixels"
    assert world.head_object(bucket, "photos/photo.png")["Content-Type"] == "image/png"
    for changed, content, code in [
        ({**fields, "Content-Type": "text/html"}, b"x", "AccessDenied"),
        ({**fields, "key": "elsewhere"}, b"x", "AccessDenied"),
        (form["fields"], b"x", "AccessDenied"),
        (fields, b"x" * 1001, "EntityTooLarge"),
    ]:
        assert send(server, form["url"], changed, content).code() == code
    assert [entry["Key"] for entry in world.list_objects(bucket)["Contents"]] == [
        "photos/photo.png"
    ]


def test_a_form_cannot_be_signed_without_keys_or_a_key(
    world: World, server: LocalServer, bucket: str
) -> None:
    with pytest.raises(ParameterError):
        world.presign_post(bucket, "")
    nobody = World("sync", endpoint=server.endpoint, anonymous=True)
    with nobody, pytest.raises(CredentialsError):
        nobody.presign_post(bucket, "key")


def test_a_temporary_key_signs_a_form_with_its_token(
    world: World, server: LocalServer, bucket: str
) -> None:
    secret = change_accounts(server.directory, with_token_secret).token_secret
    key = issue(secret, ACCOUNT, int(time.time()) + 600, "")
    settings = {"secret_id": key.secret_id, "secret_key": key.secret_key, "token": key.token}
    with World("sync", endpoint=server.endpoint, **settings) as guest:
        form = guest.presign_post(bucket, "key")
    without = {name: text for name, text in form["fields"].items() if name != TOKEN}
    assert send(server, form["url"], without, b"x").code() == "AccessDenied"
    assert send(server, form["url"], form["fields"], b"by a guest").status == 204
    assert world.fetch(bucket, "key") == b"by a guest"
