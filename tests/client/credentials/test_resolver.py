"""The sources of keys, in order, and the files of the vendor's own tools."""

import json
import logging
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from coskit import Client, Credentials, CredentialsError, ParameterError
from coskit.client.credentials.resolver import config_file, find
from coskit.client.credentials.vendor_files import (
    Unusable,
    find_foreign,
    read_coscli,
    read_coscmd,
    read_tccli,
)

ID, KEY, TOKEN = "AKIDexampleexampleexampleexampleexam", "secret-key-example", "token-example"
KEYS = Credentials(ID, KEY, TOKEN)
ENVIRON = {
    "COSKIT_SECRET_ID": "coskit-id",
    "COSKIT_SECRET_KEY": "coskit-key",
    "TENCENTCLOUD_SECRET_ID": "cloud-id",
    "TENCENTCLOUD_SECRET_KEY": "cloud-key",
    "TENCENTCLOUD_TOKEN": "cloud-token",
}
COSCMD = f"""[common]
secret_id = {ID}
secret_key = {KEY}
token = {TOKEN}
bucket = examplebucket-1250000000
region = ap-chengdu
max_thread = 5
schema = https
verify = md5
anonymous = False
"""
TCCLI = json.dumps({"secretId": ID, "secretKey": KEY, "token": TOKEN})
CONFIGURE = json.dumps({"_sys_param": {"region": "ap-seoul", "output": "json"}, "cvm": {}})


def coscli(**changes: str) -> str:
    """Return a `~/.cos.yaml` as coscli 1.0.6 writes it."""
    values = {
        "closeautoswitchhost": '""',
        "cvmrolename": '""',
        "disableencryption": '"true"',
        "mode": '""',
        "protocol": "https",
        "secretid": ID,
        "secretkey": KEY,
        "sessiontoken": TOKEN,
        **changes,
    }
    base = "".join(f"        {name}: {value}\n" for name, value in values.items())
    return (
        f"cos:\n    base:\n{base}    buckets:\n        - alias: b\n"
        "          endpoint: cos.ap-beijing.myqcloud.com\n          name: b-1250000000\n"
        '          ofs: false\n          region: ""\n'
    )


def encrypted(text: str, key: bytes = b"coscli-secret\0\0\0") -> str:
    """Return text as coscli encrypts it."""
    data = text.encode()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    padded = data + bytes(16 - len(data) % 16)
    return b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home in which all tools have left their files."""
    (tmp_path / ".cos.yaml").write_text(coscli(secretid="coscli-id"))
    (tmp_path / ".cos.conf").write_text(COSCMD.replace(ID, "coscmd-id"))
    (tmp_path / ".tccli").mkdir()
    (tmp_path / ".tccli/default.credential").write_text(TCCLI.replace(ID, "tccli-id"))
    (tmp_path / ".tccli/default.configure").write_text(CONFIGURE)
    (tmp_path / ".tccli/work.credential").write_text(TCCLI.replace(ID, "work-id"))
    (tmp_path / "config.toml").write_text(
        '[default]\nsecret_id = "file-id"\nsecret_key = "file-key"\nregion = "ap-tokyo"\n'
    )
    return tmp_path


def keys_of(home: Path, environ: dict[str, str], profile: str = "", **arguments: str) -> Any:
    return find(arguments, environ, home / "config.toml", profile, home).credentials


def test_the_first_source_with_a_key_pair_counts(home: Path) -> None:
    environ = dict(ENVIRON)
    order = [keys_of(home, environ, secret_id="given-id", secret_key="given-key").secret_id]
    order.append(keys_of(home, environ).secret_id)
    environ = {name: text for name, text in environ.items() if name.startswith("TENCENT")}
    order.append(keys_of(home, environ).secret_id)
    order.append(keys_of(home, {}).secret_id)
    for file in ("config.toml", ".cos.yaml", ".cos.conf"):
        (home / file).unlink()
        order.append(keys_of(home, {}).secret_id)
    (home / ".tccli/default.credential").unlink()
    assert keys_of(home, {}) is None
    tools = ["coscli-id", "coscmd-id", "tccli-id"]
    assert order == ["given-id", "coskit-id", "cloud-id", "file-id", *tools]


def test_a_token_never_goes_with_the_key_of_another_source(home: Path) -> None:
    assert keys_of(home, ENVIRON) == Credentials("coskit-id", "coskit-key")
    assert keys_of(home, {"COSKIT_TOKEN": "stray"}) == Credentials("file-id", "file-key")
    with pytest.raises(CredentialsError, match=r"COSKIT_\* variables give only one"):
        keys_of(home, {**ENVIRON, "COSKIT_SECRET_KEY": ""})


@pytest.mark.parametrize(
    "name", ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN", "TENCENTCLOUD_SESSIONTOKEN"]
)
def test_each_spelling_of_the_token_is_understood(tmp_path: Path, name: str) -> None:
    pair = {"TENCENTCLOUD_SECRET_ID": ID, "TENCENTCLOUD_SECRET_KEY": KEY}
    assert keys_of(tmp_path, {**pair, name: TOKEN}) == KEYS


def test_another_tools_file_is_used_whole_or_not_at_all(home: Path) -> None:
    for file in ("config.toml", ".cos.yaml"):
        (home / file).unlink()
    nothing = home / "config.toml"
    assert find({}, {}, nothing, "", home).region == "ap-chengdu"
    assert find({"region": "ap-jakarta"}, {}, nothing, "", home).region == "ap-jakarta"
    at_home = find({"endpoint": "http://localhost:1"}, {}, nothing, "", home)
    assert (at_home.region, at_home.endpoint) == ("", "http://localhost:1")
    assert find({}, ENVIRON, nothing, "", home).region == ""
    assert find({}, {}, nothing, "", None).credentials is None


def test_a_named_profile_may_be_tcclis(home: Path) -> None:
    assert keys_of(home, {}, "work") == Credentials("work-id", KEY, TOKEN)
    with pytest.raises(ParameterError, match="no profile play"):
        keys_of(home, {}, "play")
    with pytest.raises(ParameterError, match="no profile"):
        keys_of(home, {}, "../.tccli/work")


def test_only_a_profile_that_asks_gets_the_role_of_the_machine(home: Path) -> None:
    (home / "config.toml").write_text('[default]\nsource = "metadata"\n[odd]\nsource = "x"\n')
    assert keys_of(home, {}) == "metadata"
    assert keys_of(home, ENVIRON) == Credentials("coskit-id", "coskit-key")
    with pytest.raises(ParameterError, match="source is 'metadata'"):
        keys_of(home, {}, "odd")


@pytest.mark.parametrize("text", ["not toml", "default = 1"])
def test_our_own_file_must_not_be_broken(home: Path, text: str) -> None:
    (home / "config.toml").write_text(text)
    with pytest.raises(ParameterError, match="cannot be read"):
        keys_of(home, {})


def test_a_client_finds_the_files_of_its_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COSKIT_SECRET_ID", "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRETID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("COSKIT_CONFIG", str(home / "none.toml"))
    with Client(region="ap-guangzhou") as client:
        url = client.get_presigned_url("examplebucket-1250000000", "a", "GET")
    assert "q-ak=coscli-id" in url
    with Client(region="ap-guangzhou", anonymous=True) as client, pytest.raises(CredentialsError):
        client.get_presigned_url("examplebucket-1250000000", "a", "GET")


def test_a_user_without_a_home_has_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert find({"region": "ap-tokyo"}, {}, config_file({}), "").region == "ap-tokyo"


def test_credentials_and_a_key_pair_exclude_each_other() -> None:
    with pytest.raises(ParameterError, match="either credentials or"):
        Client(region="ap-tokyo", credentials=KEYS, secret_id=ID)


@pytest.mark.parametrize(
    "text",
    [
        coscli(),
        coscli(secretid=f'"{ID}"', secretkey=f"'{KEY}'", sessiontoken=f"{TOKEN} # temporary"),
        coscli(disableencryption='""'),
        coscli(
            disableencryption='""',
            secretid=encrypted(ID),
            secretkey=encrypted(KEY),
            sessiontoken=encrypted(TOKEN),
        ),
        "# made by hand\n\n" + coscli().replace("    ", "  ").replace("secretid", "SecretID"),
        coscli().replace("\n", "\r\n"),
    ],
    ids=["plain", "quoted", "plain though encryption is on", "encrypted", "by hand", "CRLF"],
)
def test_what_coscli_writes_is_read(text: str) -> None:
    assert read_coscli(text).credentials == KEYS


def test_an_encrypted_empty_token_is_no_token() -> None:
    text = coscli(
        disableencryption='""',
        secretid=encrypted(ID),
        secretkey=encrypted("k" * 32),
        sessiontoken=encrypted(""),
    )
    assert read_coscli(text).credentials == Credentials(ID, "k" * 32)


def test_what_coscmd_writes_is_read() -> None:
    assert read_coscmd(COSCMD).credentials == KEYS
    assert read_coscmd(COSCMD.replace("ap-chengdu", "cos.ap-chengdu")).region == "ap-chengdu"
    assert read_coscmd(COSCMD.replace("ap-chengdu", "gz")).region == "ap-guangzhou"
    assert read_coscmd(COSCMD.replace("secret_id", "access_id")).credentials == KEYS
    text = COSCMD.replace("region =", "endpoint =").replace("https", "http")
    assert read_coscmd(text).endpoint == "http://ap-chengdu"
    assert read_coscmd(COSCMD.replace(KEY, "50%s%")).credentials.secret_key == "50%s%"


def test_what_tccli_writes_is_read() -> None:
    assert read_tccli(TCCLI, CONFIGURE).region == "ap-seoul"
    assert read_tccli(TCCLI, '{"region": "ap-mumbai"}').region == "ap-mumbai"
    assert read_tccli(TCCLI, "broken").credentials == KEYS
    oauth = {**json.loads(TCCLI), "type": "oauth", "expiresAt": 1700000000, "oauth": {}}
    assert read_tccli(json.dumps(oauth)).credentials.expires == 1700000000


def test_keys_that_have_expired_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".tccli").mkdir()
    file = tmp_path / ".tccli/default.credential"
    file.write_text(json.dumps({**json.loads(TCCLI), "expiresAt": 1700000000}))
    assert find_foreign(tmp_path, "", 1699999999.0) is not None
    assert find_foreign(tmp_path, "", 1700000000.0) is None


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_coscli, ""),
        (read_coscli, coscli(secretkey='""')),
        (read_coscli, coscli(mode="CvmRole")),
        (read_coscli, coscli(secretkey="|")),
        (read_coscli, coscli(secretkey=f'"{KEY}')),
        (read_coscli, coscli(secretkey='"a\\"b"')),
        (read_coscli, coscli(secretkey=f"a\n          {KEY}")),
        (read_coscli, coscli(disableencryption="", secretid=encrypted(ID, bytes(16)))),
        (read_coscli, coscli().replace("base:", "other:")),
        (read_coscmd, "[other]\na = b\n"),
        (read_coscmd, COSCMD.replace("False", "True")),
        (read_coscmd, COSCMD.replace("secret_key", "other")),
        (read_tccli, "[]"),
        (read_tccli, '{"secretId": 1, "secretKey": null}'),
        (read_tccli, TCCLI.replace("{", '{"type": "cvm-role", ', 1)),
        (read_tccli, TCCLI.replace("{", '{"role-arn": "qcs::cam::", ', 1)),
    ],
)
def test_what_cannot_be_used_is_said_without_quoting_it(
    read: Callable[[str], object], text: str
) -> None:
    with pytest.raises(Unusable) as raised:
        read(text)
    assert KEY not in str(raised.value)
    assert ID not in str(raised.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (".cos.yaml", b"\xff\xfe" + KEY.encode()),
        (".cos.yaml", f"cos:\n    base:\n        - {KEY}\n".encode()),
        (".cos.conf", f"secret_key = {KEY}\n".encode()),
        (".cos.conf", f"[common]\n{KEY}\n{KEY}\n".encode()),
        (".tccli/default.credential", f'{{"secretKey": "{KEY}'.encode()),
        (".tccli/default.credential", b"1" * 5000),
        (".tccli/default.credential", b"[" * 100_000),
        (".tccli/default.credential", f'{{"secretId":"a","expiresAt":{"9" * 999}}}'.encode()),
    ],
)
def test_a_broken_file_of_another_tool_is_passed_over_with_a_word_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str, content: bytes
) -> None:
    (tmp_path / ".tccli").mkdir()
    (tmp_path / file).write_bytes(content)
    with caplog.at_level(logging.DEBUG, "coskit"):
        assert find_foreign(tmp_path, "", 0.0) is None
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert str(tmp_path / file) in record.getMessage()
    assert KEY not in record.getMessage()


def test_an_unreadable_file_hides_no_other(home: Path) -> None:
    (home / ".cos.yaml").unlink()
    (home / ".cos.yaml").mkdir()
    found = find_foreign(home, "", 0.0)
    assert found is not None
    assert found.credentials.secret_id == "coscmd-id"


def test_a_secret_shows_in_no_repr() -> None:
    shown = repr(Credentials(ID, KEY, TOKEN, 1700000000.0))
    assert KEY not in shown
    assert TOKEN not in shown
    assert "expires=1700000000" in shown
