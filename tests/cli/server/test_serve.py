"""What `coskit serve` and its relatives print: at a start, at the end, and for what is wrong."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coskit.cli.commands import run as command
from coskit.cli.server.directories import directory_first, moment
from coskit.server.workers.served_directory import require_room
from tests.server.workers.test_run import WITHOUT_KEYS, refused, serving
from tests.support.forked_command import coskit

COSKIT = [sys.executable, "-m", "coskit"]
ROOM = "room-1250000000"


def run(*words: str | Path, environ: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run the command; return its status and what it said."""
    done = coskit(*words, env=environ or WITHOUT_KEYS)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_ends_it_with_status_0_and_a_word(
    tmp_path: Path, how: signal.Signals, workers: str
) -> None:
    with serving(tmp_path / "d", f"--workers={workers}") as server:
        server.process.send_signal(how)
        assert server.process.stdout
        assert server.process.stdout.read().endswith("\nstopped\n")
        assert server.process.wait() == 0


def test_each_start_prints_lines_to_paste_that_work(tmp_path: Path) -> None:
    directory = tmp_path / "it's here"
    for first in (True, False):
        with serving(directory, "--bucket", ROOM, "--region", "ap-here") as server:
            url = f"http://127.0.0.1:{server.port}"
            assert server.field("buckets") == ROOM
            assert server.field("region") == "ap-here"
            assert server.field("S3").startswith(f"{url} ")
            assert server.field("secret key").startswith("in /") != first
            server.process.send_signal(signal.SIGTERM)
            assert server.process.stdout
            line = re.search(r"^  (eval .*)$", server.process.stdout.read(), re.MULTILINE)
            assert line
            shown = subprocess.run(
                ["/bin/sh", "-c", f"{line[1]}; env"],
                capture_output=True,
                text=True,
                check=True,
                env={**WITHOUT_KEYS, "AWS_SESSION_TOKEN": "of another key"},
            ).stdout
        found = dict(pair.split("=", 1) for pair in shown.splitlines() if "=" in pair)
        kept = json.loads((directory / "credentials.json").read_text())
        expected = {
            "COSKIT_ENDPOINT": url,
            "COSKIT_SECRET_ID": kept["secret_id"],
            "COSKIT_SECRET_KEY": kept["secret_key"],
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "ap-here",
            "AWS_DEFAULT_REGION": "ap-here",
            "AWS_ACCESS_KEY_ID": kept["secret_id"],
            "AWS_SECRET_ACCESS_KEY": kept["secret_key"],
        }
        assert {name: found.get(name) for name in expected} == expected
        assert "AWS_SESSION_TOKEN" not in found
    assert (directory / "address.json").stat().st_mode & 0o777 == 0o600


def test_keys_of_the_environment_are_named_and_not_mixed_up(tmp_path: Path) -> None:
    with serving(tmp_path / "d"):
        pass
    given = {**WITHOUT_KEYS, "COSKIT_SECRET_ID": "id1", "COSKIT_SECRET_KEY": "key1"}
    command = [*COSKIT, "serve", str(tmp_path / "d"), "--port=0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=given) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        process.terminate()
    assert "environment" in ready["keys"]
    status, said, complaint = run("admin", "env", tmp_path / "d")
    assert (status, said) == (1, "")
    assert complaint.startswith("coskit: the server has its keys from the environment")
    assert "COSKIT_SECRET_ID=id1 " in run("admin", "env", tmp_path / "d", environ=given)[1]


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("--port=70000", "'--port'"),
        ("--port=-1", "'--port'"),
        ("--port=x", "'--port'"),
        ("--workers=0", "'--workers'"),
        ("--workers=99999", "'--workers'"),
        ("--region=", "'--region'"),
        ("--region=ap local", "'--region'"),
        ("--region=ap.local", "'--region'"),
        ("--domain=", "'--domain'"),
        ("--domain=*.files.example", "'--domain'"),
        ("--domain=http://files.example", "'--domain'"),
        ("--domain=files.example:9000", "'--domain'"),
        ("--domain=.files.example", "'--domain'"),
        ("--bucket=Not_A_Name", "'--bucket'"),
        ("--trusted-proxy=10.0.0.1/8", "'--trusted-proxy'"),
        ("--memory=lots", "'--memory'"),
        ("--grace=0s", "'--grace'"),
        ("--timeout=tea=5s", "'--timeout'"),
        ("--durability=some", "'--durability'"),
        ("--longest-signature=x", "'--longest-signature'"),
        ("--key=a.key", "'--key'"),
        ("--client-ca=a.pem", "'--client-ca'"),
        ("--nothing", "--nothing"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(tmp_path: Path, option: str, named: str) -> None:
    assert named in refused(tmp_path / "d", option, status=2)
    assert not (tmp_path / "d").exists()


def test_what_cannot_be_served_is_one_line_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    missing = refused(tmp_path / "d", f"--certificate={tmp_path / 'none'}")
    assert missing == f"coskit: --certificate {tmp_path / 'none'}: No such file or directory\n"
    assert "cannot listen on nowhere.invalid:" in refused(tmp_path / "d", "--host=nowhere.invalid")
    for workers in ("--workers=1", "--workers=2"):
        for place in (tmp_path / "file" / "d", Path("/proc/d"), tmp_path / "file"):
            assert f"coskit: cannot serve {place}: " in refused(place, workers)


def test_a_directory_with_other_things_in_it_needs_a_flag(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    assert refused(tmp_path) == (
        f"coskit: {tmp_path} is not empty and no directory of a server: it holds 'thesis.txt'; "
        "--allow-nonempty allows that\n"
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]
    with serving(tmp_path, "--allow-nonempty"):
        pass
    with serving(tmp_path):
        pass
    target = tmp_path / "target"
    target.mkdir()
    (target / "x").touch()
    assert "--allow-nonempty" in run("admin", "backup", tmp_path, target)[2]
    assert "--allow-nonempty" in run("admin", "import", target, tmp_path / "x.tar")[2]


@pytest.mark.parametrize("name", ["lost+found", "accounts.json", "lock", "tmp", "master.key.new"])
def test_what_a_server_or_a_file_system_leaves_is_nothing_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    require_room(tmp_path, "--flag")


def test_a_server_beyond_this_machine_without_tls_says_so_once(tmp_path: Path) -> None:
    said = tmp_path / "said"
    for host, times in (("0.0.0.0", 1), ("127.0.0.1", 0)):
        with said.open("w") as err, serving(tmp_path / "d", f"--host={host}", stderr=err) as server:
            assert f" at http://127.0.0.1:{server.port}\n" in server.said
        assert said.read_text().count("without TLS") == times == said.read_text().count("\n")


@pytest.mark.parametrize(
    "words",
    [
        "account ls DIR", "account add DIR 1", "account rm DIR 1", "sts DIR --account 1",
        "env DIR", "fsck DIR", "scrub DIR", "backup DIR other", "export DIR b f.tar",
        "account ls --dir DIR", "account add 1 --dir DIR", "backup other --dir=DIR",
    ],
)  # fmt: skip
def test_every_command_wants_a_servers_directory(tmp_path: Path, words: str) -> None:
    place = tmp_path / "none"
    with pytest.raises(SystemExit) as ended:  # with a text: status 1, and that on standard error
        command(["admin", *words.replace("DIR", str(place)).split()])
    assert ended.value.code == f"coskit: {place} is no directory of a server"
    assert not place.exists()


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        ("a --dir d b", "d a b"),
        ("--dir=d a", "d a"),
        ("a b", "a b"),
        ("a -- --dir d", "a -- --dir d"),
        ("--dir", "--dir"),
    ],
)
def test_the_old_option_is_the_first_argument(words: str, moved: str) -> None:
    assert directory_first(words.split()) == moved.split()


def test_times_are_of_iso_8601() -> None:
    assert moment(0) == "1970-01-01T00:00:00Z"
    assert moment(1_764_408_511.9) == "2025-11-29T09:28:31Z"


@pytest.mark.parametrize(("missing", "extra"), [("typer", "cli"), ("uvicorn", "server")])
def test_a_missing_extra_is_named_in_one_line(tmp_path: Path, missing: str, extra: str) -> None:
    (tmp_path / f"{missing}.py").write_text(
        f"raise ModuleNotFoundError('it is not here', name={missing!r})"
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run_anew(*words: str | Path) -> tuple[int, str, str]:
        command = [*COSKIT, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60)
        return done.returncode, done.stdout, done.stderr

    assert run_anew("serve", tmp_path / "d") == (
        1,
        "",
        f"coskit: this needs {missing}, which pip install 'coskit[{extra}]' brings\n",
    )
    status, said, _ = run_anew("--version")
    assert (status, said.count("\n")) == (0, 1)
