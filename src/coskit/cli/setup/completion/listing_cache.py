"""Names of buckets and keys that were listed a moment ago, in files that only their owner reads."""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10.0
_FORGET_SECONDS = 60.0
_VARIABLES = ("COSKIT_", "TENCENTCLOUD_", "AWS_")


@dataclass(frozen=True, slots=True)
class ListedNames:
    """One page of a listing.

    Attributes:
        names: the names of buckets, or keys and folders.
        is_complete: whether there are no further ones.
    """

    names: tuple[str, ...] = ()
    is_complete: bool = True


class ListingCache:
    """The listings of one profile.

    Args:
        settings: the options on the command line.
        environ: the environment, whose settings and keys choose the profile as well.
        config: the configuration file.
    """

    def __init__(
        self, settings: Mapping[str, str], environ: Mapping[str, str], config: Path
    ) -> None:
        base = environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
        self._folder = Path(base) / "coskit" / "completion"
        chosen = {name: value for name, value in environ.items() if name.startswith(_VARIABLES)}
        with suppress(OSError):
            chosen["changed"] = str(config.stat().st_mtime_ns)
        self._profile = json.dumps([str(config), sorted(settings.items()), sorted(chosen.items())])

    def read(self, *place: str) -> ListedNames | None:
        """Return the names at a place, None if they were not listed in the last seconds."""
        file = self._file(place)
        try:
            if not 0 <= time.time() - file.stat().st_mtime < _SECONDS:
                return None
            names, is_complete = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return ListedNames(tuple(names), is_complete)

    def write(self, listed: ListedNames, *place: str) -> None:
        """Keep the names at a place, if the directory can be written."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._forget()
            file = self._file(place)
            beside = file.with_suffix(f".{os.getpid()}")
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as written:
                json.dump([listed.names, listed.is_complete], written)
            beside.replace(file)

    def _forget(self) -> None:
        """Remove the listings that are no longer of use."""
        now = time.time()
        for file in self._folder.iterdir():
            if now - file.stat().st_mtime > _FORGET_SECONDS:
                file.unlink(missing_ok=True)

    def _file(self, place: Sequence[str]) -> Path:
        text = json.dumps([self._profile, list(place)])
        return self._folder / hashlib.sha256(text.encode()).hexdigest()
