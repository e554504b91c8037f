"""The origin of each setting, and the default profile."""

from pathlib import Path

import pytest

from coskit import ParameterError
from coskit.client.credentials.resolver import find
from coskit.client.credentials.setting_origins import setting_origins

FILE = """default_profile = "work"

[default]
region = "ap-beijing"

[work]
region = "ap-guangzhou"
secret_id = "AKIDwork"
secret_key = "s"

[vault]
endpoint = "http://127.0.0.1:9000"
secret_id = "AKIDvault"
source = "keyring"

[machine]
source = "metadata"
"""
PAIR = {"COSKIT_SECRET_ID": "AKIDenv", "COSKIT_SECRET_KEY": "s"}
# Arguments, environment, profile; then each setting with its value and origin.
ORIGINS: list[tuple[dict[str, str], dict[str, str], str, dict[str, tuple[str, str]]]] = [
    (
        {},
        {},
        "",
        {
            "region": ("ap-guangzhou", "profile work of FILE"),
            "secret_id": ("AKIDwork", "profile work of FILE"),
            "secret_key": ("s", "profile work of FILE"),
        },
    ),
    (
        {"region": "x"},
        PAIR,
        "",
        {
            "region": ("x", "--region"),
            "secret_id": ("AKIDenv", "COSKIT_SECRET_ID"),
            "secret_key": ("s", "COSKIT_SECRET_KEY"),
        },
    ),
    (
        {},
        {"TENCENTCLOUD_REGION": "y"},
        "vault",
        {
            "region": ("y", "TENCENTCLOUD_REGION"),
            "endpoint": ("http://127.0.0.1:9000", "profile vault of FILE"),
            "secret_id": ("AKIDvault", "profile vault of FILE"),
            "source": ("keyring", "profile vault of FILE"),
        },
    ),
    ({}, {}, "machine", {"source": ("metadata", "profile machine of FILE")}),
    (
        {},
        {},
        "default",
        {
            "region": ("ap-beijing", "profile default of FILE"),
            "secret_id": ("AKIDtool", "HOME/.cos.conf"),
            "secret_key": ("t", "HOME/.cos.conf"),
        },
    ),
]


@pytest.mark.parametrize(("arguments", "environ", "profile", "wanted"), ORIGINS)
def test_each_setting_has_its_origin(
    tmp_path: Path,
    arguments: dict[str, str],
    environ: dict[str, str],
    profile: str,
    wanted: dict[str, tuple[str, str]],
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(FILE)
    (tmp_path / ".cos.conf").write_text("[common]\nsecret_id = AKIDtool\nsecret_key = t\n")
    # Another tool's file is read without a profile's name only; its keys serve the default one.
    name = "" if profile == "default" else profile
    if profile == "default":
        file.write_text(FILE.replace('"work"', '"default"'))
    found = setting_origins(arguments, environ, file, name, tmp_path, 0.0)
    shown = {
        each.name: (
            each.value,
            each.origin.replace(str(file), "FILE").replace(str(tmp_path), "HOME"),
        )
        for each in found
    }
    assert shown == wanted


BROKEN = {
    'default_profile = "gone"\n': "has no profile gone, which default_profile names",
    "default_profile = 3\n": "default_profile must be the name of a table",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_default_profile_must_exist(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ParameterError, match=BROKEN[text]):
        find({}, {}, file, "")


def test_a_profile_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    with pytest.raises(ParameterError, match="has no profile none"):
        setting_origins({}, {}, file, "none", tmp_path, 0.0)
