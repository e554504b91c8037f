"""The endpoint and keys of a client: the order of the sources, and characters that no key has."""

from pathlib import Path
from typing import Any

import pytest

from coskit import AsyncClient, Client, CredentialsError, ParameterError
from coskit.client.config import ClientConfig
from coskit.client.credentials.resolver import find
from coskit.client.credentials.vendor_files import find_foreign
from coskit.protocol.auth.credentials import Credentials
from coskit.server.settings import find_keys

KEYS = {"COSKIT_SECRET_ID": "id", "COSKIT_SECRET_KEY": "key"}
HERE = "http://127.0.0.1:9000"


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("COSKIT_CONFIG", str(tmp_path / "config.toml"))
    for name in ("COSKIT_REGION", "COSKIT_ENDPOINT", "COSKIT_TOKEN", "COSKIT_DIALECT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


PUBLIC = "cos.ap-guangzhou.myqcloud.com"
# Arguments, environment, profile; then the host and the region.
PLACES: list[tuple[dict[str, str], dict[str, str], str, str, str]] = [
    ({"region": "ap-guangzhou"}, {}, "", PUBLIC, "ap-guangzhou"),
    ({"region": "ap-guangzhou"}, {"COSKIT_ENDPOINT": HERE}, "", "127.0.0.1:9000", "ap-guangzhou"),
    ({}, {"COSKIT_ENDPOINT": HERE, "COSKIT_REGION": "r"}, "", "127.0.0.1:9000", "r"),
    ({"region": "r"}, {}, f'endpoint = "{HERE}"', "127.0.0.1:9000", "r"),
    ({}, {"COSKIT_REGION": "r"}, f'endpoint = "{HERE}"', "127.0.0.1:9000", "r"),
    ({"endpoint": HERE}, {"COSKIT_ENDPOINT": "http://a"}, "", "127.0.0.1:9000", ""),
    ({}, {"COSKIT_ENDPOINT": HERE}, 'endpoint = "http://a"', "127.0.0.1:9000", ""),
    ({"region": "r", "endpoint": HERE}, {}, "", "127.0.0.1:9000", "r"),
    ({"region": "r"}, {"COSKIT_ENDPOINT": f" {HERE}\n"}, "", "127.0.0.1:9000", "r"),
    (
        {"region": "r", "dialect": "s3"},
        {"AWS_ENDPOINT_URL": HERE},
        "",
        "127.0.0.1:9000",
        "r",
    ),
    ({"region": "ap-guangzhou"}, {"AWS_ENDPOINT_URL": HERE}, "", PUBLIC, "ap-guangzhou"),
]


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize(("arguments", "variables", "profile", "host", "region"), PLACES)
def test_an_endpoint_wins_and_a_region_only_signs(
    environ: pytest.MonkeyPatch,
    tmp_path: Path,
    client: Any,
    arguments: dict[str, str],
    variables: dict[str, str],
    profile: str,
    host: str,
    region: str,
) -> None:
    for name, value in variables.items():
        environ.setenv(name, value)
    (tmp_path / "config.toml").write_text(f"[default]\n{profile}\n")
    config: ClientConfig = client(**arguments)._config
    assert config.endpoint.host.endswith(host)
    assert config.region == region


AROUND = [
    "{}\n",
    "{}\r\n",
    " {} ",
    "\t{}",
    "\ufeff{}",
    "{}\u200b",
    "\xa0{}",
    '"{}"',
    "'{}'",
    '"{}"\n',
]


@pytest.mark.parametrize("form", AROUND)
def test_what_stands_around_a_variable_is_no_part_of_it(tmp_path: Path, form: str) -> None:
    names = ("COSKIT_SECRET_ID", "COSKIT_SECRET_KEY", "COSKIT_TOKEN")
    environ = {name: form.format(name.lower()) for name in names}
    found = find({}, environ, tmp_path / "none", "").credentials
    assert found == Credentials("coskit_secret_id", "coskit_secret_key", "coskit_token")
    assert find_keys(tmp_path, environ)[0] == Credentials("coskit_secret_id", "coskit_secret_key")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_may_begin_with_a_mark_and_have_blanks_around_values(
    tmp_path: Path, mark: str
) -> None:
    table = 'secret_id = "id\\n"\nsecret_key = " key"\ntoken = "\'t\'"\n'
    (tmp_path / "config.toml").write_text(f"{mark}[default]\n{table}", "utf-8")
    (tmp_path / ".cos.conf").write_text(f"{mark}[common]\nsecret_id = 'id'\nsecret_key = key\n")
    (tmp_path / ".tccli").mkdir()
    tccli = '{"secretId": "id\\n", "secretKey": "key "}'
    (tmp_path / ".tccli" / "p.credential").write_text(mark + tccli, "utf-8")
    own = find({}, {}, tmp_path / "config.toml", "").credentials
    assert own == Credentials("id", "key", "t")
    for profile in ("", "p"):
        foreign = find_foreign(tmp_path, profile, 0.0)
        assert foreign is not None
        assert foreign.credentials == Credentials("id", "key")


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("name", ["secret_id", "secret_key", "token"])
@pytest.mark.parametrize("form", [*AROUND, "a\n{}", "a\0{}"])
def test_keys_with_something_around_them_are_refused_with_the_reason(
    client: Any, name: str, form: str
) -> None:
    pair = {"secret_id": "i-d", "secret_key": "k-y", "token": "t-n"}
    pair[name] = form.format("s3cr3t")
    reason = rf"^{name} (begins or ends|holds)"
    with pytest.raises(CredentialsError, match=reason) as raised:
        client(endpoint=HERE, **pair)
    assert "s3cr3t" not in str(raised.value)
    keys = Credentials(pair["secret_id"], pair["secret_key"], pair["token"])
    with pytest.raises(CredentialsError, match=reason):
        client(endpoint=HERE, credentials=keys)
    if client is Client:
        with pytest.raises(CredentialsError, match=reason):
            client(endpoint=HERE, credentials=lambda: keys).get_presigned_url(
                "b-1250000000", "k", "GET"
            )


@pytest.mark.parametrize("text", ["a b", "a=b/c+", "it's", '"', "k\u00e9y", "x" * 2000])
def test_other_texts_are_keys(text: str) -> None:
    Client(endpoint=HERE, secret_id="id", secret_key=text)


@pytest.mark.parametrize("name", ["region", "endpoint", "profile"])
@pytest.mark.parametrize("value", [5, True, b"ap-guangzhou", ["x"]], ids=repr)
def test_a_place_that_is_no_text_is_refused_by_name(name: str, value: object) -> None:
    given: dict[str, Any] = {"endpoint": "http://127.0.0.1:1", "secret_id": "a", "secret_key": "b"}
    with pytest.raises(ParameterError, match=f"{name} must be text"):
        Client(**{**given, name: value})
