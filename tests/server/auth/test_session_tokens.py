"""Temporary keys: secret id, key and token that a server issues without storing them."""

import json
import stat
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coskit.cli.commands import app
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import TOKEN, sign_form
from coskit.protocol.errors import AccessDenied
from coskit.protocol.model import Operation
from coskit.protocol.operations import OPERATIONS
from coskit.server.auth.accounts import FILE, change_accounts, remove_account, with_token_secret
from coskit.server.auth.session_tokens import issue, open_token
from coskit.testing import LocalServer
from tests.server.handlers.access.test_several_accounts import OBJECT, request_of
from tests.server.support.accounts import SUB_ACCOUNT, account_client
from tests.server.support.http_client import OWNER, HTTPClient, Reply

DENIED = (403, "AccessDenied")
EXPIRED = (400, "ExpiredToken")
UNKNOWN = (403, "InvalidAccessKeyId")


def temporary(
    server: LocalServer, account: str = OWNER, seconds: int = 600, policy: str = ""
) -> HTTPClient:
    """Return a client with a new temporary key; its credentials have the token."""
    assert HTTPClient.of(server).request("GET", "/-/ready").status == 200
    secret = change_accounts(server.directory, with_token_secret).token_secret
    key = issue(secret, account, int(time.time()) + seconds, policy)
    http_client = HTTPClient(server.port, key.secret_id, key.secret_key)
    http_client.credentials = key
    return http_client


def limits(bucket: str, *actions: str, path: str = "*", effect: str = "allow") -> str:
    item = {
        "effect": effect,
        "action": [f"name/cos:{action}" for action in actions],
        "resource": [f"qcs::cos:ap-local:uid/{OWNER}:{bucket}/{path}"],
    }
    return json.dumps({"version": "2.0", "statement": [item]})


def by_header(
    http_client: HTTPClient, method: str, target: str, body: bytes | None = None
) -> Reply:
    return http_client.request(method, target, {TOKEN: http_client.credentials.token}, body)


def by_url(http_client: HTTPClient, method: str, target: str, body: bytes | None = None) -> Reply:
    mark = "&" if "?" in target else "?"
    url = http_client.url(method, f"{target}{mark}{TOKEN}={http_client.credentials.token}")
    return http_client.request(method, url, {}, body, signed=False)


WAYS = pytest.mark.parametrize("ask", [by_header, by_url])
Ask = Callable[..., Reply]


@WAYS
def test_a_temporary_key_has_the_rights_of_its_account(
    server: LocalServer, room: str, ask: Ask
) -> None:
    http_client = temporary(server)
    assert ask(http_client, "GET", f"/{room}/kept").body == b"kept"
    assert ask(http_client, "GET", f"/{room}/?acl").status == 200
    gone = temporary(server, "1390000000")
    assert ask(gone, "GET", f"/{room}/kept").outcome == (403, "InvalidAccessKeyId")
    account_client(server, SUB_ACCOUNT)
    assert ask(temporary(server, SUB_ACCOUNT), "GET", f"/{room}/kept").outcome == DENIED


@WAYS
def test_an_expired_token_says_so(server: LocalServer, room: str, ask: Ask) -> None:
    assert ask(temporary(server, seconds=0), "GET", f"/{room}/kept").outcome == EXPIRED
    assert ask(temporary(server, seconds=-100), "PUT", f"/{room}/new", b"x").outcome == EXPIRED


@WAYS
def test_a_wrong_token_is_refused(server: LocalServer, room: str, ask: Ask) -> None:
    right, other = temporary(server), temporary(server)
    payload, _, seal = right.credentials.token.partition(".")
    for token in (
        "",
        "x",
        ".",
        other.credentials.token,
        payload,
        f"{payload}.",
        f"{payload}.{seal[:-1]}",
        f"{other.credentials.token.partition('.')[0]}.{seal}",
        f"{payload}.{seal}=",
        f"{payload[:-4]}.{seal}",
        "%C3%BF" if ask is by_url else "\udcff",
    ):
        right.credentials = Credentials(
            right.credentials.secret_id, right.credentials.secret_key, token
        )
        assert ask(right, "GET", f"/{room}/kept").outcome == DENIED, token
    assert right.request("GET", f"/{room}/kept").outcome == DENIED


@WAYS
def test_a_token_does_not_help_a_wrong_key(server: LocalServer, room: str, ask: Ask) -> None:
    right = temporary(server)
    wrong = Credentials(right.credentials.secret_id, "guess", right.credentials.token)
    right.credentials = wrong
    assert ask(right, "GET", f"/{room}/kept").outcome == (403, "SignatureDoesNotMatch")


def test_a_key_of_another_server_is_refused(server: LocalServer, room: str) -> None:
    http_client = temporary(server)
    for secret in ("another secret", ""):
        http_client.credentials = issue(secret, OWNER, int(time.time()) + 600)
        assert by_header(http_client, "GET", f"/{room}/kept").outcome == DENIED
        assert by_url(http_client, "GET", f"/{room}/kept").outcome == DENIED


@WAYS
def test_a_policy_narrows_a_temporary_key(
    server: LocalServer, http_client: HTTPClient, bucket: str, ask: Ask
) -> None:
    for key in ("open/a", "closed/a"):
        assert http_client.request("PUT", f"/{bucket}/{key}", {}, b"x").status == 200
    narrow = temporary(server, policy=limits(bucket, "GetObject", "PutObject", path="open/*"))
    assert ask(narrow, "GET", f"/{bucket}/open/a").body == b"x"
    assert ask(narrow, "PUT", f"/{bucket}/open/b", b"y").status == 200
    for method, target in [
        ("GET", f"/{bucket}/closed/a"),
        ("PUT", f"/{bucket}/closed/b"),
        ("DELETE", f"/{bucket}/open/a"),
        ("GET", f"/{bucket}/"),
        ("GET", f"/{bucket}/?policy"),
        ("GET", "/"),
        ("PUT", "/new-by-token-1250000000/"),
    ]:
        assert ask(narrow, method, target).outcome == DENIED, target
    everything = limits(bucket, "*").replace(f"{bucket}/*", "*")
    assert ask(temporary(server, policy=everything), "GET", "/").status == 200
    services = '{"statement": {"effect":"allow","action":"name/cos:GetService","resource":"*"}}'
    assert ask(temporary(server, policy=services), "GET", "/").status == 200


def test_a_bucket_policy_binds_temporary_keys_too(
    server: LocalServer, http_client: HTTPClient, bucket: str
) -> None:
    document = json.loads(limits(bucket, "GetObject", effect="deny"))
    document["statement"][0]["principal"] = "*"
    assert http_client.request("PUT", f"/{bucket}/a", {}, b"x").status == 200
    body = json.dumps(document).encode()
    assert http_client.request("PUT", f"/{bucket}/?policy", {}, body).status == 204
    allowed = temporary(server, policy=limits(bucket, "*"))
    assert by_header(allowed, "GET", f"/{bucket}/a").outcome == DENIED
    assert by_header(allowed, "GET", f"/{bucket}/?policy").status == 200
    getting = temporary(server, policy=limits(bucket, "GetObject"))
    assert by_header(getting, "GET", f"/{bucket}/?policy").outcome == DENIED


def test_a_form_may_be_signed_by_a_temporary_key(server: LocalServer, bucket: str) -> None:
    for name, status in (("open", 204), ("closed", 403)):
        http_client = temporary(server, policy=limits(bucket, "PostObject", path="open/*"))
        assert (
            form(http_client, bucket, f"{name}/a", http_client.credentials.token).status == status
        )
        assert form(http_client, bucket, f"{name}/a", "wrong").outcome == DENIED


def form(http_client: HTTPClient, bucket: str, key: str, token: str) -> Reply:
    """Upload by form, signed as a browser's page is."""
    from base64 import b64encode

    now = int(time.time())
    window = f"{now - 60};{now + 600}"
    signed = {
        "q-sign-algorithm": "sha1",
        "q-ak": http_client.credentials.secret_id,
        "q-sign-time": window,
    }
    policy = json.dumps(
        {
            "expiration": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now + 600)),
            "conditions": [
                {"key": key},
                {TOKEN: token},
                *({name: value} for name, value in signed.items()),
            ],
        }
    )
    fields = {
        "key": key,
        TOKEN: token,
        "policy": b64encode(policy.encode()).decode(),
        "q-sign-algorithm": "sha1",
        "q-ak": http_client.credentials.secret_id,
        "q-key-time": window,
        "q-signature": sign_form(policy, http_client.credentials, window),
    }
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts.append('name="file"; filename="f"\r\n\r\ncontent')
    body = "".join(f"--B\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    headers = {"content-type": "multipart/form-data; boundary=B"}
    return http_client.request(
        "POST", f"/{bucket}/", headers, f"{body}--B--\r\n".encode(), signed=False
    )


def test_the_command_makes_a_key_that_works(server: LocalServer, room: str, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(limits(room, "GetObject"))
    assert HTTPClient.of(server).request("GET", "/-/ready").status == 200
    words = ["admin", "sts", str(server.directory), "--account", OWNER, "--json"]
    words += ["--policy", str(tmp_path / "policy.json"), "--seconds", "60"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert 0 < datetime.fromisoformat(made["expires"]).timestamp() - time.time() <= 60
    http_client = HTTPClient(server.port, made["secret_id"], made["secret_key"])
    http_client.credentials = Credentials(made["secret_id"], made["secret_key"], made["token"])
    assert by_header(http_client, "GET", f"/{room}/kept").body == b"kept"
    assert by_header(http_client, "DELETE", f"/{room}/kept").outcome == DENIED
    assert stat.S_IMODE((server.directory / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--account", "9"), "no account 9"),
        (("--account", OWNER, "--seconds", "0"), "1 to"),
        (("--account", OWNER, "--seconds", "129601"), "1 to"),
        (("--account", OWNER, "--policy", "no.json"), "No such file"),
        (("--account", OWNER, "--policy", "bad.json"), "no policy"),
        (("--account", OWNER, "--policy", "large.json"), "larger than"),
    ],
)
def test_a_wrong_command_makes_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("index.db").touch()
    Path("bad.json").write_text("{}")
    Path("large.json").write_text(limits("b-1250000000", *("x" * 60 for _ in range(80))))
    result = CliRunner().invoke(app, ["admin", "sts", ".", *words])
    assert result.exit_code == 1
    assert reason in result.output


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_a_policy_for_one_action_allows_no_other_row(
    server: LocalServer, room: str, row: Operation
) -> None:
    """A temporary key of the owner, whose policy allows one object to be read and nothing else."""
    narrow = temporary(server, policy=limits(room, "GetObject", path=OBJECT))
    if row.permission:
        method, target, headers, body = request_of(row, room)
    else:
        method, body, headers = row.method, None, dict[str, str]()
        target = "/" if row.name == "ListBuckets" else "/narrow-1250000000/"
    headers[TOKEN] = narrow.credentials.token
    status = narrow.request(method, target, headers, body).status
    allowed = {404} if row.name == "GetObject" else {400} if row.name == "DeleteObjects" else {403}
    assert status in allowed  # DeleteObjects checks each key of its document, which is malformed


@WAYS
def test_an_account_that_is_made_again_has_none_of_its_old_temporary_keys(
    server: LocalServer, ask: Ask
) -> None:
    """A temporary key ends with its account, or the account of its sub-account."""
    account = "1340000000"
    for holder in (account, f"{account}/5"):
        account_client(server, holder)
        old = temporary(server, holder)
        assert ask(old, "GET", "/none-1/").outcome == (404, "NoSuchBucket")
        change_accounts(server.directory, lambda book: remove_account(book, account))
        wait_until_gone(old, ask)
        account_client(server, holder)
        assert ask(old, "GET", "/none-1/").outcome == UNKNOWN
        assert ask(temporary(server, holder), "GET", "/none-1/").outcome == (404, "NoSuchBucket")
        change_accounts(server.directory, lambda book: remove_account(book, account))


def wait_until_gone(http_client: HTTPClient, ask: Ask) -> None:
    """Wait until the server has read that a key's account is gone."""
    end = time.monotonic() + 10
    while ask(http_client, "GET", "/none-1/").outcome != UNKNOWN:
        assert time.monotonic() < end


def test_a_token_says_what_was_put_into_it() -> None:
    key = issue("secret", "1/2", 7, '{"中": 1}')
    found = open_token("secret", key.token)
    assert (found.secret_id, found.secret_key) == (key.secret_id, key.secret_key)
    assert (found.account, found.expires, found.policy) == ("1/2", 7, '{"中": 1}')
    assert abs(found.issued - time.time() * 1000) < 60_000
    assert key.secret_key not in repr(found)
    with pytest.raises(AccessDenied):
        open_token("", issue("", "1", 7).token)
