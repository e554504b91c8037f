"""New environments with the wheel of this checkout and the packages that a page installs."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from tests.project.newcomer.pages import ROOT

_PINS_OF_OTHERS = ROOT / "tests" / "compatibility" / "interop" / "requirements" / "clients.txt"


class Environments:
    """Builder of the wheel and of an environment for each set of packages.

    Args:
        directory: the directory for the wheel and the environments.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory), str(ROOT))
        [self.wheel] = directory.glob("coskit-*.whl")

    def commands(self, wanted: tuple[str, ...]) -> Path:
        """Return the directory of an environment's commands, building it if needed.

        Args:
            wanted: the arguments of `pip install`: `coskit`, `coskit[server]`, `boto3`.
        """
        # An extra brings all of the package, so its name alone adds nothing.
        extras = [word for word in wanted if word.startswith("coskit[")]
        wanted = tuple(sorted({word for word in wanted if word != "coskit" or not extras}))
        name = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
        environment = self._directory / name
        if not environment.exists():
            venv.create(environment)
            python = str(environment / "bin" / "python")
            own = any(word.startswith("coskit") for word in wanted)
            pins = ROOT / "constraints.txt" if own else _PINS_OF_OTHERS
            # What is never imported need not be compiled.
            switches = ["--no-compile", "--prefer-binary", "--constraint", str(pins)]
            _pip("--python", python, "install", *switches, *map(self._named, wanted))
        return environment / "bin"

    def _named(self, word: str) -> str:
        """Return the argument for pip: the wheel in place of `coskit`."""
        return f"{self.wheel}{word.removeprefix('coskit')}" if word.startswith("coskit") else word


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise RuntimeError(f"pip {' '.join(words)} failed: {(done.stdout + done.stderr)[-2_000:]}")
