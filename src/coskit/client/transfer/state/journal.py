"""Journals: the saved state of interrupted transfers, in files that are replaced atomically."""

import contextlib
import fcntl
import json
import logging
import os
import threading
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from coskit.protocol.codec.checksums.md5_crc64 import crc64

_log = logging.getLogger("coskit")
_FORMAT = 1
_PLACE = ("kind", "endpoint", "bucket", "key", "path")
_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


def journal_directory(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the default directory of journals, or None if the user has no home directory."""
    base = environ.get("XDG_STATE_HOME")
    try:
        state = Path(base) if base else Path.home() / ".local" / "state"
    except RuntimeError:  # a user without a home, as in some containers
        return None
    return state / "coskit" / "transfers"


class Journal:
    """The journal of one transfer, locked by one transfer of one process at a time.

    Its state is valid only for the transfer it is bound to: the same source, destination and
    options. Other files in its place, including damaged ones, are ignored and replaced. All
    methods block. If a journal cannot be written, the transfer succeeds but cannot be resumed.

    Attributes:
        state: the state that an earlier transfer of the same identity left, or {}.
        stale: the state that a transfer from or to the same place left with other content or
            options, or {}; its parts have to be removed.
    """

    _lock: int | None = None

    def __init__(self, directory: Path, identity: Mapping[str, Any]) -> None:
        """Open and lock the journal of a transfer.

        If another transfer has it locked, progress is not saved.

        Args:
            directory: the directory of journals; it is created if it is missing.
            identity: the source, destination and options, as JSON values; `kind`, `bucket`, `key`
                and `path` name the journal, all values bind it.
        """
        self._identity = dict(identity)
        self._path = directory / _name(identity)
        self.state: dict[str, Any] = {}
        self.stale: dict[str, Any] = {}
        # A cancelled task closes the journal while a thread may still write it.
        self._use = threading.Lock()
        self._lock = _lock(self._path.with_suffix(".lock"))
        if self._lock is not None:
            self._load()

    @property
    def held(self) -> bool:
        """True if this transfer has locked the journal, so that its progress is saved."""
        return self._lock is not None

    def _load(self) -> None:
        try:
            sum_, _, text = self._path.read_bytes().partition(b"\n")
            record = json.loads(text)
            if int(sum_) != crc64(text) or record["format"] != _FORMAT:
                raise ValueError("its checksum is wrong")
            identity, state = dict(record["identity"]), dict(record["state"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.debug("the journal %s is discarded: %s", self._path, error)
            return
        if identity == self._identity:
            self.state = state
        elif all(identity.get(name) == self._identity.get(name) for name in _PLACE):
            self.stale = state

    def save(self, state: Mapping[str, Any]) -> bool:
        """Replace the state; after a crash the journal has the old state or the new one.

        Returns:
            True if the new state is saved.
        """
        with self._use:
            return self._lock is not None and self._save(state)

    def _save(self, state: Mapping[str, Any]) -> bool:
        self.state = dict(state)
        record = {"format": _FORMAT, "identity": self._identity, "state": self.state}
        text = json.dumps(record, separators=(",", ":")).encode()
        draft = self._path.with_suffix(".new")
        try:
            with os.fdopen(os.open(draft, _DRAFT, 0o600), "wb") as file:
                file.write(b"%d\n%b" % (crc64(text), text))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            _log.debug("the journal %s cannot be written: %s", self._path, error)
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            return False
        return True

    def remove(self) -> None:
        """Remove the state of the transfer, which has ended."""
        with self._use:
            self.state = {}
            if self._lock is not None:
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Unlock the journal; its state stays."""
        with self._use:
            lock, self._lock = self._lock, None
            if lock is not None:
                with contextlib.suppress(OSError):
                    self._path.with_suffix(".lock").unlink(missing_ok=True)
                os.close(lock)

    def __del__(self) -> None:
        # The task that opened the journal may have been cancelled before it got it.
        if self._lock is not None:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def is_left(directory: Path, identity: Mapping[str, Any]) -> bool:
    """Return whether a transfer from or to this place has left a journal; nothing is locked."""
    # A text instead of a Path, because every small download runs this.
    return os.path.exists(f"{directory}/{_name(identity)}")  # noqa: PTH110


def has_journals(directory: Path) -> bool:
    """Return whether a directory holds a journal of any transfer."""
    try:
        with os.scandir(directory) as entries:
            return any(entry.name.endswith(".json") for entry in entries)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # `is_left` decides


def _name(identity: Mapping[str, Any]) -> str:
    named = [str(identity.get(name, "")) for name in _PLACE]
    return sha256("\0".join(named).encode(errors="surrogateescape")).hexdigest()[:32] + ".json"


def _lock(path: Path) -> int | None:
    """Lock a file and return its descriptor, or None if it cannot be locked."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The last owner may have unlinked the file between the two calls above.
                if os.fstat(lock).st_ino == path.stat().st_ino:
                    return lock
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)
    except OSError as error:
        _log.debug("no journal is kept in %s: %s", path.parent, error)
        return None
