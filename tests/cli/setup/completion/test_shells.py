"""Completion in real shells: a line is typed up to the Tab, and the shell runs what came of it."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from coskit import Client
from tests.cli.conftest import Coskit
from tests.cli.setup.terminal_session import TerminalSession

KEYS = (
    "docs/one.txt",
    "docs/two words.txt",
    "docs/x:y@z.txt",
    "docs/it's $5 (a).txt",
    "中文/一.txt",
)
# How each shell starts, loads the script, and prints the words instead of running coskit.
SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "source <(coskit completion bash)",
        "coskit() { printf '<%s>' \"$@\"; echo ' end'; }",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -Uz compinit; compinit -D -u; source <(coskit completion zsh)",
        "coskit() { printf '<%s>' \"$@\"; echo ' end'; }",
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        "coskit completion fish | source",
        "function coskit; printf '<%s>' $argv; echo ' end'; end",
    ),
}
# What is typed before the Tab, and the words that the shell then runs; {b} is the bucket.
LINES = [
    ("compl", ["completion"]),
    ("ls --recurs", ["ls", "--recursive"]),
    ("ls --dialect=c", ["ls", "--dialect=cos"]),
    ("ls cos://{most}", ["ls", "cos://{b}/"]),
    ("ls cos://{b}/docs/two", ["ls", "cos://{b}/docs/two words.txt"]),
    ("ls 'cos://{b}/docs/two w", ["ls", "cos://{b}/docs/two words.txt"]),
    ('ls "cos://{b}/docs/two', ["ls", "cos://{b}/docs/two words.txt"]),
    ("ls cos://{b}/docs/x:y@", ["ls", "cos://{b}/docs/x:y@z.txt"]),
    ("ls cos://{b}/docs/it", ["ls", "cos://{b}/docs/it's $5 (a).txt"]),
    ("ls cos://{b}/中", ["ls", "cos://{b}/中文/"]),
    ("ls cos://{b}/no", ["ls", "cos://{b}/no"]),
    ("serve a_fold", ["serve", "a_folder/"]),
]


@pytest.fixture
def environ(coskit: Coskit, tmp_path: Path) -> dict[str, str]:
    """The environment of a shell in a directory of its own."""
    (tmp_path / "a_folder").mkdir()
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("COSKIT_", "HOME"))}
    return {**kept, "PATH": programs, "TERM": "dumb", "LC_ALL": "C.UTF-8", "PS1": "$ "}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_lines(
    client: Client, bucket: str, environ: dict[str, str], tmp_path: Path, shell: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    for key in KEYS:
        client.put_object(bucket, b"", key)
    command, load, replace = SHELLS[shell]
    with TerminalSession(command, environ, columns=400) as session:
        session.type(f"cd {tmp_path}\n{load}\n{replace}\n echo rea''dy\n")
        session.wait_for("ready")
        for typed, words in LINES:
            line = typed.format(b=bucket, most=bucket[:-2])
            session.type(f"coskit {line}\t\n")
            shown = session.wait_for(" end")
            wanted = "".join(f"<{word.format(b=bucket)}>" for word in words)
            if shell == "zsh":  # it drops the slash of a directory's name
                wanted = wanted.replace("a_folder/", "a_folder")
            assert wanted in shown, f"{line}: {shown!r}"


def test_a_service_that_does_not_respond_completes_nothing(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        words = ["--endpoint", endpoint, "ls", "cos://a"]
        for _ in range(2):  # the second time without a connection
            done = subprocess.run(
                [sys.executable, "-m", "coskit", *words],
                env={**environ, "_COSKIT_COMPLETE": "zsh"},
                capture_output=True,
                check=True,
            )
            assert (done.stdout.replace(b"words\0", b""), done.stderr) == (b"", b"")
        listener.setblocking(False)
        listener.accept()[0].close()
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_verbs_are_completed_without_the_packages_of_commands(environ: dict[str, str]) -> None:
    """Typer, rich and the client take longer to import than a user waits for."""
    program = (
        "import sys; sys.argv = ['coskit', 'd']; from coskit.cli.main import main; main(); "
        "print({'typer', 'rich', 'pycurl', 'tomlkit'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environ, "_COSKIT_COMPLETE": "fish"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.splitlines()[0] == "words"
    assert done.stdout.splitlines()[-1] == "set()"
