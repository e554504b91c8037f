"""Run the blocks of a page in order and unchanged, in a directory and a network of their own.

Port 9000 of the documentation is that of a network namespace if one can be created, else this
machine's. The keys of every server are `...` as in the documentation, so that blocks run unchanged.
`coskit serve`, which the pages run in a second terminal, runs in the background.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.project.newcomer.pages import Block, blocks

LIMIT = 100  # seconds for a page
BUCKET = "examplebucket-1250000000"
ENDPOINT = "http://127.0.0.1:9000"
KEYS = {"COSKIT_SECRET_ID": "...", "COSKIT_SECRET_KEY": "..."}
_AWAY = ("pip install ", "make ")  # done by the environments and by the test run itself
# A new network namespace has its loopback device down.
_LO_UP = (
    "import fcntl, os, socket, struct, sys;"
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 1));"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
# The interpreter of all Python blocks: it reads file names, and the shell's exported variables.
_INTERPRETER = """
import os, sys, traceback
typed = {"__name__": "__main__"}
for line in sys.stdin:
    with open("environment", "rb") as exported:
        pairs = exported.read().split(b"\\0")[:-1]
    os.environb.update(pair.split(b"=", 1) for pair in pairs)
    try:
        with open(line.strip()) as block:
            exec(compile(block.read(), line.strip(), "exec"), typed)
        print("done", file=sys.__stderr__, flush=True)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        print("failed", file=sys.__stderr__, flush=True)
"""
_PRELUDE = """
set -eEuo pipefail
trap 'status=$?; echo "the block at line $at failed" >&2; exit $status' ERR
at=0
server=
stop() { [ -z "$server" ] || { kill -INT "$server"; wait "$server" || true; }; server=; }
trap stop EXIT
exec 3>&1
coproc python interpreter.py 2>&1 >&3
typed() {
  env -0 > environment
  echo "$1" >&"${COPROC[1]}"
  read -r answer <&"${COPROC[0]}"
  [ "$answer" = done ]
}
serve() {
  stop
  setsid "$@" >> served.txt 2>&1 &
  server=$!
  python - "$server" <<'WAIT'
import itertools, os, ssl, sys, time, urllib.request
trusting = ssl._create_unverified_context()
for scheme in itertools.islice(itertools.cycle(("http", "https")), 1200):
    os.kill(int(sys.argv[1]), 0)
    try:
        urllib.request.urlopen(f"{scheme}://127.0.0.1:9000/-/ready", context=trusting).close()
        break
    except OSError:
        time.sleep(0.03)
else:
    sys.exit("the server does not answer")
WAIT
}
"""


def run(page: Path, commands: Path, server: Path, directory: Path, given: Mapping[str, str]) -> str:
    """Run a page's blocks and return what they print.

    Args:
        page: the page.
        commands: the directory of an environment's commands.
        server: the `coskit` that serves a page until its own `coskit serve`.
        directory: the working directory.
        given: the contents of files to create, by path.

    Raises:
        AssertionError: a block failed.
    """
    for name, text in given.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    (directory / "interpreter.py").write_text(_INTERPRETER)
    (directory / "page.sh").write_text(_script(blocks(page), server))
    done = subprocess.run(
        [*_own_network(), "bash", "page.sh"],
        cwd=directory,
        env={**_plain_environment(), **KEYS, "PATH": f"{commands}:{os.environ['PATH']}"},
        capture_output=True,
        timeout=LIMIT,
        check=False,
        text=True,
    )
    assert not done.returncode, f"{page.name}: {done.stdout[-1500:]}{done.stderr[-3000:]}"
    return done.stdout


def _script(read: list[Block], server: Path) -> str:
    """Return a page as one shell script, with one interpreter for all Python blocks."""
    serves = f"serve {shlex.quote(str(server))} serve ../served --bucket {BUCKET} --quiet"
    lines = [_PRELUDE, f"export COSKIT_ENDPOINT={ENDPOINT}", serves]
    for block in read:
        lines.append(f"at={block.line}")
        if block.language == "sh":
            lines += [_line(line) for line in block.text.splitlines() if not line.startswith(_AWAY)]
        elif block.language == "python":
            name = f"line_{block.line}.py"
            lines += [f"cat > {name} <<'TYPED'", block.text + "TYPED", f"typed {name}"]
    return "\n".join(lines) + "\n"


def _line(line: str) -> str:
    return f"serve {line}" if line.startswith("coskit serve") else line


def _plain_environment() -> dict[str, str]:
    """Return the environment variables without keys and endpoints of stores."""
    named = ("COSKIT_", "AWS_", "TENCENTCLOUD_", "PYTHON")
    return {name: text for name, text in os.environ.items() if not name.startswith(named)}


def _own_network() -> list[str]:
    """Return the command prefix for a new network namespace, empty if there is none."""
    words = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", _LO_UP]
    if shutil.which("unshare") and not subprocess.run([*words, "true"], check=False).returncode:
        return words
    return []
