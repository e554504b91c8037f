"""What an interrupted transfer leaves for the next one: a file that is replaced, never edited."""

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
    """Return where journals are kept unless the caller names a directory; None if nowhere."""
    base = environ.get("XDG_STATE_HOME")
    try:
        state = Path(base) if base else Path.home() / ".local" / "state"
    except RuntimeError:  # a user without a home, as in some containers
        return None
    return state / "coskit" / "transfers"


class Journal:
    """The journal of one transfer, held by one process and one transfer at a time.

    What it says holds only for the transfer that it is bound to: same source, destination and
    options. Anything else that is found in its place, damaged files included, is thrown away.
    All methods block. A journal that cannot be written costs the resumption, not the transfer.

    Attributes:
        state: what an earlier transfer of the same identity left, or {}.
        stale: what one of the same place left whose content or options were others, or {}; it is
            to be cleaned up.
    """

    _lock: int | None = None

    def __init__(self, directory: Path, identity: Mapping[str, Any]) -> None:
        """Take the journal of a transfer, unless somebody holds it: then keep none.

        Args:
            directory: where journals are kept; it is made if it is missing.
            identity: source, destination and options, as JSON can write them; `kind`, `bucket`,
                `key` and `path` name the journal, all of them bind it.
        """
        self._identity = dict(identity)
        self._path = directory / _name(identity)
        self.state: dict[str, Any] = {}
        self.stale: dict[str, Any] = {}
        # A cancelled task lets go of the journal while a thread may still write it.
        self._use = threading.Lock()
        self._lock = _lock(self._path.with_suffix(".lock"))
        if self._lock is not None:
            self._load()

    @property
    def held(self) -> bool:
        """Whether this transfer's progress is kept."""
        return self._lock is not None

    def _load(self) -> None:
        try:
            sum_, _, text = self._path.read_bytes().partition(b"\n")
            record = json.loads(text)
            if int(sum_) != crc64(text) or record["format"] != _FORMAT:
                raise ValueError("its sum is wrong")
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
        """Replace what the journal says; after a crash the old state is there or the new one.

        Returns:
            Whether the new state is there.
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
        """Forget the transfer, which has ended."""
        with self._use:
            self.state = {}
            if self._lock is not None:
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the journal; what it says stays."""
        with self._use:
            lock, self._lock = self._lock, None
            if lock is not None:
                with contextlib.suppress(OSError):
                    self._path.with_suffix(".lock").unlink(missing_ok=True)
                os.close(lock)

    def __del__(self) -> None:
        # It may have been taken for a task that was cancelled meanwhile.
        if self._lock is not None:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def is_left(directory: Path, identity: Mapping[str, Any]) -> bool:
    """Return whether a transfer to or from this place has left a journal; nothing is held."""
    # A text, as this is on the way of every small download.
    return os.path.exists(f"{directory}/{_name(identity)}")  # noqa: PTH110


def _name(identity: Mapping[str, Any]) -> str:
    named = [str(identity.get(name, "")) for name in _PLACE]
    return sha256("\0".join(named).encode(errors="surrogateescape")).hexdigest()[:32] + ".json"


def _lock(path: Path) -> int | None:
    """Return the descriptor of a lock that is now ours, or None if it cannot be had."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its holder may have unlinked it between the two calls above.
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
