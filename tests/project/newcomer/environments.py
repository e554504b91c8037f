"""Fresh environments with the wheel of this checkout and what a page has its reader install."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from tests.project.newcomer.pages import ROOT

_PINS_OF_OTHERS = ROOT / "tests" / "compatibility" / "interop" / "requirements" / "clients.txt"


class Environments:
    """Builds the wheel once, and an environment for each set of packages that is asked for.

    Args:
        directory: where all of that is kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory), str(ROOT))
        [self.wheel] = directory.glob("coskit-*.whl")

    def commands(self, wanted: tuple[str, ...]) -> Path:
        """Return the directory of an environment's commands.

        Args:
            wanted: as a reader gives it to `pip install`: `coskit`, `coskit[server]`, `boto3`.
        """
        name = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
        environment = self._directory / name
        if not environment.exists():
            venv.create(environment)
            python = str(environment / "bin" / "python")
            own = any(word.startswith("coskit") for word in wanted)
            pins = ROOT / "constraints.txt" if own else _PINS_OF_OTHERS
            switches = ["--prefer-binary", "--constraint", str(pins)]
            _pip("--python", python, "install", *switches, *map(self._named, wanted))
        return environment / "bin"

    def _named(self, word: str) -> str:
        """Return what pip is given: the wheel where a page says `coskit`."""
        return f"{self.wheel}{word.removeprefix('coskit')}" if word.startswith("coskit") else word


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise RuntimeError(f"pip {' '.join(words)} failed: {(done.stdout + done.stderr)[-2_000:]}")
