"""`coskit config`: questions on a terminal, options in a script, and the test before it saves."""

import sys
import tomllib
from pathlib import Path

import keyring
import pytest

from coskit.testing import LocalServer
from tests.cli.conftest import Coskit
from tests.cli.setup.terminal_session import TerminalSession


@pytest.fixture
def file(coskit: Coskit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the configuration file, of a user without variables."""
    for name in ("COSKIT_ENDPOINT", "COSKIT_SECRET_ID", "COSKIT_SECRET_KEY"):
        monkeypatch.delenv(name)
    return tmp_path / "config.toml"


def words(server: LocalServer, *more: str) -> list[str]:
    """Return the words that set up a profile without questions."""
    return ["config", "--endpoint", server.endpoint, "--secret-id", server.secret_id, *more]


def test_the_secret_comes_from_standard_input(
    coskit: Coskit, cli_server: LocalServer, file: Path
) -> None:
    done = coskit(*words(cli_server), stdin=cli_server.secret_key.encode() + b"\n")
    assert (done.status, done.error) == (0, "")
    assert done.lines == ["the keys are valid", f"saved profile default in {file}"]
    assert tomllib.loads(file.read_text()) == {
        "default": {
            "endpoint": cli_server.endpoint,
            "secret_id": cli_server.secret_id,
            "secret_key": cli_server.secret_key,
        }
    }
    assert file.stat().st_mode & 0o777 == 0o600
    assert coskit("ls").status == 0


def test_the_secret_and_a_token_come_from_variables(
    coskit: Coskit, cli_server: LocalServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "s")
    monkeypatch.setenv("MY_TOKEN", "t")
    more = ("--secret-env", "MY_SECRET", "--token-env=MY_TOKEN", "--no-test", "--profile", "work")
    done = coskit(*words(cli_server, *more))
    assert done.lines == [f"saved profile work in {file}", "work is the default profile"]
    tables = tomllib.loads(file.read_text())
    assert (tables["work"]["secret_key"], tables["work"]["token"]) == ("s", "t")
    assert tables["default_profile"] == "work"


def test_keys_that_the_service_refuses_are_not_saved(
    coskit: Coskit, cli_server: LocalServer, file: Path
) -> None:
    done = coskit(*words(cli_server), stdin=b"wrong\n")
    assert done.status == 1
    first, second = done.error.splitlines()
    assert first.startswith("coskit: the test failed: SignatureDoesNotMatch")
    assert second == "coskit: nothing was saved; --no-test saves without a test"
    assert not file.exists()


def test_other_tables_comments_and_unknown_keys_stay(
    coskit: Coskit, cli_server: LocalServer, file: Path
) -> None:
    file.write_text('# mine\n[default] # here\nregion = "old"\nnote = 1\n\n[b]\nregion = "r"\n')
    assert coskit(*words(cli_server, "--no-test"), stdin=b"s\n").status == 0
    text = file.read_text()
    assert text.startswith("# mine\n[default] # here\n")
    assert "note = 1\n" in text
    assert '\n[b]\nregion = "r"\n' in text
    assert "old" not in text


def test_a_profile_keeps_its_keys_if_only_the_service_changes(coskit: Coskit, file: Path) -> None:
    file.write_text('[default]\nregion = "r"\nsecret_id = "a"\nsecret_key = "b"\n')
    assert coskit("config", "--region", "ap-beijing", "--no-test").status == 0
    assert tomllib.loads(file.read_text())["default"] == {
        "region": "ap-beijing",
        "secret_id": "a",
        "secret_key": "b",
    }


def test_a_role_needs_no_key_pair(coskit: Coskit, file: Path) -> None:
    assert coskit("config", "--region", "ap-beijing", "--role", "--no-test").status == 0
    assert tomllib.loads(file.read_text())["default"] == {
        "region": "ap-beijing",
        "source": "metadata",
    }


def test_the_secret_may_be_in_the_keyring(
    coskit: Coskit, cli_server: LocalServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries: dict[tuple[str, str], str] = {}
    monkeypatch.setattr(keyring, "get_password", lambda *place: entries.get(place))
    monkeypatch.setattr(keyring, "delete_password", lambda *place: entries.pop(place))
    monkeypatch.setattr(
        keyring,
        "set_password",
        lambda service, name, secret: entries.update({(service, name): secret}),
    )
    secret = cli_server.secret_key
    assert coskit(*words(cli_server, "--keyring"), stdin=secret.encode()).status == 0
    assert entries == {("coskit", cli_server.secret_id): secret}
    assert secret not in file.read_text()
    assert coskit("ls").status == 0
    assert "secret in the keyring" in coskit("config", "ls").output
    done = coskit("config", "--endpoint", cli_server.endpoint)  # the keys stay where they are
    assert done.lines[0] == "the keys are valid"
    assert secret not in file.read_text()
    assert "from the keyring" in coskit("config", "rm", "default").output
    assert entries == {}


USAGE = [
    ((), "give --region or --endpoint"),
    (("--region", "r"), "give --secret-id or --role"),
    (("--region", "r", "--secret-id", "a"), "the secret is missing"),
    (("--region", "r", "--secret-id", "a", "--secret-env", "NONE"), "the variable NONE is not set"),
    (
        ("--region", "r", "--role", "--profile", "default_profile"),
        "cannot be the name of a profile",
    ),
    (("sohw",), "Did you mean show?"),
]


@pytest.mark.parametrize(("given", "text"), USAGE)
def test_what_is_missing_is_a_usage_error(
    coskit: Coskit, file: Path, given: tuple[str, ...], text: str
) -> None:
    done = coskit("config", *given)
    assert done.status == 2
    assert text in done.error
    assert not file.exists()


def test_variables_that_take_precedence_are_named(
    coskit: Coskit, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSKIT_REGION", "ap-beijing")
    done = coskit("config", "--region", "r", "--role", "--no-test")
    assert done.error == "coskit: COSKIT_REGION takes precedence over the profile\n"


def test_a_terminal_is_asked_and_the_secret_is_not_shown(
    cli_server: LocalServer, file: Path
) -> None:
    """Type a wrong secret, do not save, begin again."""
    address, secret = cli_server.endpoint, cli_server.secret_key
    command = [sys.executable, "-m", "coskit", "config"]
    with TerminalSession(command) as session:
        shown = type_answers(session, [address, cli_server.secret_id, "wrong"])
        session.wait_for("the test failed: SignatureDoesNotMatch")
        session.wait_for("Save the profile anyway? [y/N]: ")
        session.type("n\n")
        session.wait_for("nothing was saved")
    assert "wrong" not in shown
    assert not file.exists()
    with TerminalSession(command) as session:
        shown = type_answers(session, [address, cli_server.secret_id, secret])
        shown += session.rest()
    assert "the keys are valid" in shown
    assert secret not in shown
    assert tomllib.loads(file.read_text())["default"]["secret_key"] == secret


def test_ctrl_c_saves_nothing_and_the_terminal_echoes_again(file: Path) -> None:
    command = f"{sys.executable} -m coskit config --region r --secret-id a"
    script = f"trap : INT; {command}; echo status $?; stty -a"
    with TerminalSession(["sh", "-c", script]) as session:
        session.wait_for("(not shown): ")
        session.type("\x03")
        assert "status 130" in session.wait_for("status 130")
        assert " echo " in session.rest()
    assert not file.exists()


def test_the_end_of_the_input_saves_nothing(file: Path) -> None:
    with TerminalSession([sys.executable, "-m", "coskit", "config"]) as session:
        session.wait_for("[default]: ")
        session.type("\x04")
        assert session.rest(status=1).strip() == ""
    assert not file.exists()


def type_answers(session: TerminalSession, lines: list[str]) -> str:
    """Type a line at each prompt and return what was shown."""
    prompts = ("[default]: ", ":9000: ", "s3 [cos]: ", "Secret id: ", "(not shown): ")
    shown = ""
    for prompt, line in zip(prompts, ["", lines[0], "", *lines[1:]], strict=True):
        shown += session.wait_for(prompt)
        session.type(f"{line}\n")
    return shown
