"""`coskit config import`: the files of coscli, coscmd, tccli and the AWS CLI become profiles."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Coskit

COSCLI = """cos:
  base:
    secretid: AKIDcoscli
    secretkey: one
    sessiontoken: ""
    protocol: https
    mode: SecretKey
    disableencryption: "true"
  buckets:
  - name: photos-1250000000
    alias: photos
    region: ap-guangzhou
    endpoint: cos.ap-guangzhou.myqcloud.com
    ofs: false
"""
SECOND_BUCKET = """  - name: logs-1250000000
    region: ap-beijing
    endpoint: cos.internal.example.com
"""
COSCMD = """[common]
secret_id = AKIDcoscmd
secret_key = two
bucket = photos-1250000000
region = ap-shanghai
max_thread = 5
schema = http
"""
AWS = """[default]
aws_access_key_id = AKIAdefault
aws_secret_access_key = three

[cos]
aws_access_key_id = AKIDcos
aws_secret_access_key = four
aws_session_token = token
"""
AWS_CONFIG = """[default]
region = eu-west-1

[profile cos]
endpoint_url = https://cos.ap-guangzhou.myqcloud.com

[profile sso]
sso_session = x

[profile minio]
aws_access_key_id = m
aws_secret_access_key = n
services = local

[services local]
s3 =
  endpoint_url = http://127.0.0.1:9000
"""
ONE = {"secret_id": "AKIDcoscli", "secret_key": "one"}
# The tool, its files, the profiles that are written, and what is said to be left out.
IMPORTS: dict[str, tuple[str, dict[str, str], dict[str, Any], list[str]]] = {
    "coscli with one region": (
        "coscli",
        {".cos.yaml": COSCLI},
        {"default_profile": "coscli", "coscli": {"region": "ap-guangzhou", **ONE}},
        ["alias photos of bucket photos-1250000000: use the bucket's name"],
    ),
    "coscli with two services": (
        "coscli",
        {".cos.yaml": COSCLI.replace("    alias: photos\n", "") + SECOND_BUCKET},
        {
            "default_profile": "coscli-ap-guangzhou",
            "coscli-ap-guangzhou": {"region": "ap-guangzhou", **ONE},
            "coscli-cos.internal.example.com": {
                "region": "ap-beijing",
                "endpoint": "https://cos.internal.example.com",
                **ONE,
            },
        },
        [],
    ),
    "coscli with the machine's role": (
        "coscli",
        {".cos.yaml": COSCLI.replace("SecretKey", "CvmRole").replace("    alias: photos\n", "")},
        {
            "default_profile": "coscli",
            "coscli": {"region": "ap-guangzhou", "source": "metadata"},
        },
        [],
    ),
    "coscmd": (
        "coscmd",
        {".cos.conf": COSCMD},
        {
            "default_profile": "coscmd",
            "coscmd": {"region": "ap-shanghai", "secret_id": "AKIDcoscmd", "secret_key": "two"},
        },
        [
            "bucket = photos-1250000000: name it in each command, as cos://bucket",
            "max_thread = 5: use --concurrency",
            "schema = http: https is used",
        ],
    ),
    "tccli": (
        "tccli",
        {
            ".tccli/default.credential": '{"secretId": "AKIDa", "secretKey": "a"}',
            ".tccli/default.configure": '{"_sys_param": {"region": "ap-tokyo"}}',
            ".tccli/work.credential": '{"secretId": "AKIDb", "secretKey": "b", "token": "t"}',
            ".tccli/old.credential": '{"secretId": "c", "secretKey": "c", "expiresAt": 1}',
            ".tccli/bad.credential": "{",
        },
        {
            "default_profile": "tccli",
            "tccli": {"region": "ap-tokyo", "secret_id": "AKIDa", "secret_key": "a"},
            "work": {"secret_id": "AKIDb", "secret_key": "b", "token": "t"},
        },
        [
            "HOME/.tccli/bad.credential: it is not JSON",
            "HOME/.tccli/old.credential: its keys have expired",
        ],
    ),
    "aws": (
        "aws",
        {".aws/credentials": AWS, ".aws/config": AWS_CONFIG},
        {
            "default_profile": "aws",
            "aws": {
                "region": "eu-west-1",
                "endpoint": "https://s3.eu-west-1.amazonaws.com",
                "dialect": "s3",
                "secret_id": "AKIAdefault",
                "secret_key": "three",
            },
            "cos": {
                "region": "ap-guangzhou",
                "secret_id": "AKIDcos",
                "secret_key": "four",
                "token": "token",
            },
            "minio": {
                "region": "us-east-1",
                "endpoint": "http://127.0.0.1:9000",
                "dialect": "s3",
                "secret_id": "m",
                "secret_key": "n",
            },
        },
        ["profile sso: its keys come from sso_session"],
    ),
}


def write(home: Path, files: dict[str, str]) -> None:
    """Write files below the home directory."""
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("case", IMPORTS)
def test_files_become_profiles_and_the_rest_is_reported(
    coskit: Coskit, tmp_path: Path, case: str
) -> None:
    tool, files, profiles, left_out = IMPORTS[case]
    write(tmp_path, files)
    done = coskit("config", "import", tool)
    assert (done.status, done.error) == (0, "")
    assert tomllib.loads((tmp_path / "config.toml").read_text()) == profiles
    reasons = [line.removeprefix("left out  ") for line in done.lines if line.startswith("left")]
    assert [reason.replace(str(tmp_path), "HOME") for reason in reasons] == left_out


def test_what_was_taken_is_shown_without_secrets(coskit: Coskit, tmp_path: Path) -> None:
    write(tmp_path, {".cos.conf": COSCMD})
    line = "profile coscmd: region ap-shanghai, secret_id ****, secret_key ****"
    assert coskit("config", "import", "-n", "coscmd").lines[0] == f"would take  {line}"
    assert not (tmp_path / "config.toml").exists()
    done = coskit("config", "import", "coscmd", columns=80)
    assert done.lines[0] == f"took  {line}; it is the default now"
    facts = json.loads(coskit("config", "import", "coscmd", "--overwrite", "--json").lines[0])
    assert (facts["type"], facts["name"], facts["default"]) == ("profile", "coscmd", False)
    assert "two" not in done.output


def test_an_existing_profile_is_kept_without_overwrite(coskit: Coskit, tmp_path: Path) -> None:
    write(tmp_path, {".cos.conf": COSCMD, "config.toml": '[coscmd]\nregion = "mine"\n'})
    done = coskit("config", "import", "coscmd")
    assert done.status == 1
    assert "left out  profile coscmd: it exists; --overwrite replaces it" in done.lines
    assert "mine" in (tmp_path / "config.toml").read_text()
    assert coskit("config", "import", "coscmd", "--name", "other").status == 0


def test_another_file_may_be_named(coskit: Coskit, tmp_path: Path) -> None:
    write(tmp_path, {"old conf": COSCMD})
    assert coskit("config", "import", "coscmd", tmp_path / "old conf").status == 0


FAILURES = [
    ("coscmd", "", "it has no section"),
    ("coscmd", "[common]\n", "it lacks a key pair"),
    ("coscli", "cos:\n  base:\n    secretid: ''\n", "it lacks a key pair"),
    ("aws", "", "it has no profiles"),
    ("aws", "secret = 1", "is not a file of aws"),
]


@pytest.mark.parametrize(("tool", "text", "error"), FAILURES)
def test_a_file_without_keys_is_refused(
    coskit: Coskit, tmp_path: Path, tool: str, text: str, error: str
) -> None:
    write(tmp_path, {"file": text})
    done = coskit("config", "import", tool, tmp_path / "file")
    assert done.status == 1
    assert error in done.error
    assert done.error.count("\n") == 1


def test_a_file_that_is_not_there_is_named(coskit: Coskit, tmp_path: Path) -> None:
    done = coskit("config", "import", "coscmd")
    assert done.error == f"coskit: {tmp_path}/.cos.conf: No such file or directory\n"
