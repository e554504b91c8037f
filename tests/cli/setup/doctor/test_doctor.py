"""`coskit doctor`: each kind of fault fails the check that is named for it, and no other."""

import json
import re
import time
from pathlib import Path
from typing import Literal

import pytest

from coskit import Client
from coskit.testing import LocalServer
from tests.cli.conftest import CommandResult, Coskit

_PROXIES = "http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY".split()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy but a test's own."""
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)


def statuses(done: CommandResult) -> dict[str, str]:
    """Return the status of each check in a run with `--json`."""
    facts = [json.loads(line) for line in done.lines]
    return {each["check"]: each["status"] for each in facts}


def failures(done: CommandResult) -> dict[str, str]:
    """Return the detail and advice of each failed check in a run with `--json`."""
    facts = [json.loads(line) for line in done.lines]
    return {
        each["check"]: f"{each['detail']}; {each.get('advice', '')}"
        for each in facts
        if each["status"] == "failed"
    }


@pytest.mark.parametrize("columns", [None, 80])
def test_a_line_for_each_check(
    coskit: Coskit, cli_server: LocalServer, bucket: str, columns: int | None
) -> None:
    done = coskit("doctor", f"cos://{bucket}", columns=columns)
    assert (done.status, done.error) == (0, "")
    text = re.sub(r"coskit-doctor-[0-9a-f]{16}", "PROBE", done.output)
    text = re.sub(r"in \d+ ms", "in N ms", text)
    text = re.sub(r"(?m)^(ok       versions  coskit) .*", r"\1 ...", text)
    place = cli_server.endpoint.removeprefix("http://")
    shown = f"{cli_server.secret_id[:4]}****{cli_server.secret_id[-4:]}"
    assert text == (
        f"ok       settings  endpoint {cli_server.endpoint} (COSKIT_ENDPOINT), "
        f"secret_id {shown} (COSKIT_SECRET_ID)\n"
        "ok       proxy     none for 127.0.0.1\n"
        "ok       DNS       127.0.0.1: 127.0.0.1\n"
        f"ok       TCP       {place} in N ms\n"
        "ok       TLS       not used: the endpoint begins with http://\n"
        "ok       clock     the same as the server's\n"
        "ok       keys      the signature is accepted\n"
        f"ok       buckets   {text.partition('buckets   ')[2].partition(chr(10))[0]}\n"
        f"ok       list      cos://{bucket}/\n"
        f"ok       write     cos://{bucket}/PROBE\n"
        "ok       read      59 bytes\n"
        "ok       delete    nothing is left\n"
        "ok       versions  coskit ...\n"
        "everything is in order\n"
    )


@pytest.mark.parametrize("states", [(), ("Enabled",), ("Enabled", "Suspended")])
def test_nothing_is_left_in_the_bucket(
    coskit: Coskit, client: Client, bucket: str, states: tuple[Literal["Enabled", "Suspended"], ...]
) -> None:
    for state in states:
        client.put_bucket_versioning(bucket, state)
    done = coskit("doctor", f"cos://{bucket}/中 文/")
    assert done.status == 0, done.output
    assert f"cos://{bucket}/中 文/coskit-doctor-" in done.output
    assert list(client.iter_versions(bucket)) == []


def test_wrong_keys_fail_only_the_keys(coskit: Coskit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSKIT_SECRET_KEY", "wrong")
    done = coskit("doctor", "--json")
    assert done.status == 1
    [(name, text)] = failures(done).items()
    assert name == "keys"
    assert text.startswith("SignatureDoesNotMatch: ")
    assert text.endswith("; the secret key does not belong to the secret id: coskit config")
    assert statuses(done)["buckets"] == "skipped"


def test_an_unknown_id_is_told_from_a_wrong_secret(
    coskit: Coskit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSKIT_SECRET_ID", "AKIDunknown")
    done = coskit("doctor")
    assert done.lines[-1] == "wrong: keys"
    assert "InvalidAccessKeyId" in done.output


def test_without_keys_the_network_is_checked_all_the_same(
    coskit: Coskit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COSKIT_SECRET_ID")
    monkeypatch.delenv("COSKIT_SECRET_KEY")
    found = statuses(coskit("doctor", "--json"))
    assert found["settings"] == "failed"
    assert (found["TCP"], found["clock"], found["keys"]) == ("ok", "ok", "skipped")


def test_half_a_key_pair_is_named(coskit: Coskit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COSKIT_SECRET_KEY")
    found = failures(coskit("doctor", "--json"))
    assert "COSKIT_* variables give only one of secret_id and secret_key" in found["settings"]


def test_a_file_that_others_may_read_is_named(coskit: Coskit, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[default]\n")
    file.chmod(0o644)
    assert f"; other users may read {file}: chmod 600 it" in coskit("doctor").lines[0]
    file.chmod(0o600)
    assert "chmod" not in coskit("doctor").output


def test_without_an_endpoint_only_the_settings_fail(
    coskit: Coskit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COSKIT_ENDPOINT")
    done = coskit("doctor", "--json")
    assert statuses(done) == {"settings": "failed", "versions": "ok"}


@pytest.mark.parametrize(
    ("endpoint", "check", "text"),
    [
        ("http://nowhere.invalid", "DNS", "nowhere.invalid has no address"),
        ("http://127.0.0.1:9", "TCP", "127.0.0.1:9 refuses connections; check the port"),
    ],
)
def test_an_endpoint_that_cannot_be_reached(
    coskit: Coskit, endpoint: str, check: str, text: str
) -> None:
    done = coskit("doctor", "--json", "--endpoint", endpoint)
    assert [*failures(done)] == [check]
    assert text in failures(done)[check]
    assert statuses(done)["keys"] == "skipped"


def test_a_proxy_that_is_down_is_named(coskit: Coskit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://user:password@127.0.0.1:9")
    done = coskit("doctor", "--json")
    assert failures(done) == {"TCP": "127.0.0.1:9 refuses connections; check the proxy"}
    assert "http://127.0.0.1:9 for 127.0.0.1" in done.output
    assert "password" not in done.output


@pytest.mark.parametrize(("seconds", "words"), [(4000, "4000 s ahead of"), (-4000, "behind")])
def test_a_wrong_clock_is_named(
    coskit: Coskit, monkeypatch: pytest.MonkeyPatch, seconds: int, words: str
) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + seconds)
    found = failures(coskit("doctor", "--json"))
    assert words in found["clock"]
    assert found["clock"].endswith("; set its clock, as with timedatectl set-ntp true")
    assert {*found} == {"clock"}


def test_what_the_keys_may_not_do_is_named(coskit: Coskit, client: Client, bucket: str) -> None:
    done = coskit("doctor", "--json", "--no-sign", f"cos://{bucket}")
    found = failures(done)
    assert {*found} == {"list", "write"}
    assert found["write"].endswith("allow cos:PutObject for the key pair")
    assert statuses(done)["read"] == statuses(done)["delete"] == "skipped"
    assert list(client.iter_objects(bucket)) == []


def test_a_missing_bucket_is_named(coskit: Coskit) -> None:
    found = failures(coskit("doctor", "--json", "cos://missing-1250000000"))
    assert {*found} == {"list"}
    assert "coskit ls lists the buckets" in found["list"]


def test_a_key_without_a_bucket_is_a_usage_error(coskit: Coskit) -> None:
    assert coskit("doctor", "photos-1250000000").status == 2
