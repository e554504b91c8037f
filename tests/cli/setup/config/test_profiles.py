"""`coskit config ls`, `show`, `use` and `rm`: what they print and what stays in the file."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Coskit

FILE = """# of the office
default_profile = "work"

[work]  # main account
region = "ap-guangzhou"
secret_id = "AKIDworkworkworkwork"
secret_key = "secretsecretsecret"
colour = "blue"

["two words"]
source = "metadata"
endpoint = "https://cos.example.com"
"""


@pytest.fixture
def file(coskit: Coskit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file, of a user without variables."""
    for name in ("COSKIT_ENDPOINT", "COSKIT_SECRET_ID", "COSKIT_SECRET_KEY"):
        monkeypatch.delenv(name)
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    return path


def test_profiles_and_the_settings_in_use_are_listed(coskit: Coskit, file: Path) -> None:
    done = coskit("config", "ls")
    assert (done.status, done.error) == (0, "")
    assert done.output == (
        "* work       ap-guangzhou  AKID****work  secret in the file\n"
        "  two words  https://cos.example.com  -  keys of the machine's role\n"
        "\n"
        "Settings in use:\n"
        f"region      ap-guangzhou  (profile work of {file})\n"
        f"secret_id   AKID****work  (profile work of {file})\n"
        f"secret_key  ****cret  (profile work of {file})\n"
    )
    assert coskit("config", "ls", columns=80).output == done.output


def test_profiles_are_listed_as_json(coskit: Coskit, file: Path) -> None:
    lines = [json.loads(line) for line in coskit("config", "ls", "--json").lines]
    assert [(line["type"], line["name"]) for line in lines] == [
        ("profile", "work"),
        ("profile", "two words"),
        ("setting", "region"),
        ("setting", "secret_id"),
        ("setting", "secret_key"),
    ]
    assert lines[0]["default"] is True
    assert lines[0]["secret_key"] == "****cret"
    assert lines[2] == {
        "type": "setting",
        "name": "region",
        "value": "ap-guangzhou",
        "origin": f"profile work of {file}",
    }


def test_a_variable_is_named_as_the_origin(
    coskit: Coskit, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSKIT_REGION", "ap-beijing")
    assert coskit("config", "show").lines[0] == "region      ap-beijing  (COSKIT_REGION)"


@pytest.mark.parametrize(
    "words",
    [("show", "two words"), ("--profile", "two words", "show"), ("show", "--profile=two words")],
)
def test_another_profile_is_shown(coskit: Coskit, file: Path, words: tuple[str, ...]) -> None:
    assert coskit("config", *words).lines == [
        f"endpoint    https://cos.example.com  (profile two words of {file})",
        f"source      metadata  (profile two words of {file})",
    ]


def test_no_settings_are_a_failure_with_advice(coskit: Coskit, file: Path) -> None:
    file.unlink()
    done = coskit("config", "show")
    assert (done.status, done.output) == (1, "")
    assert done.error == "coskit: there are no settings: coskit config asks for them\n"
    assert coskit("config", "ls").lines == [f"no profiles in {file}", "", "Settings in use:"]


def test_the_default_profile_changes_and_comments_stay(coskit: Coskit, file: Path) -> None:
    assert coskit("config", "use", "two words").output == "two words is the default profile\n"
    assert file.read_text() == FILE.replace('= "work"', '= "two words"')
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_removed_profile_leaves_the_others(coskit: Coskit, file: Path) -> None:
    done = coskit("config", "rm", "work")
    assert done.output == "removed profile work\n"
    assert done.error == "coskit: there is no default profile now: coskit config use NAME\n"
    kept = FILE[FILE.index('["two') :]
    assert file.read_text().endswith(kept)
    assert "work" not in file.read_text()


@pytest.mark.parametrize("verb", ["use", "rm", "show"])
def test_a_profile_that_is_not_there_is_named(coskit: Coskit, file: Path, verb: str) -> None:
    done = coskit("config", verb, "none")
    assert done.status == 1
    assert f"{file} has no profile none" in done.error
    assert file.read_text() == FILE


def test_a_link_to_the_file_stays_a_link(coskit: Coskit, file: Path, tmp_path: Path) -> None:
    real = file.rename(tmp_path / "real.toml")
    file.symlink_to(real)
    assert coskit("config", "use", "two words").status == 0
    assert file.is_symlink()
    assert 'default_profile = "two words"' in real.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "real.toml"]


def test_a_broken_file_is_named_and_stays(coskit: Coskit, file: Path) -> None:
    file.write_text("[work")
    done = coskit("config", "use", "work")
    assert done.status == 1
    assert f"{file} cannot be read" in done.error
    assert file.read_text() == "[work"
