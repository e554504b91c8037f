"""The lines of a transfer: one for each action, failure and total, as text or JSON."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.terminal.errors import describe
from coskit.cli.terminal.lines import human_size, is_terminal, print_json, quoted, shown_name
from coskit.cli.transfers.plan import Place, Task

if TYPE_CHECKING:
    from coskit import DirectoryResult, FileAction

_PAST = {"upload": "uploaded", "download": "downloaded", "copy": "copied", "delete": "deleted"}


def full_name(place: Place, name: str) -> str:
    """Return the path or the location of a name below a place."""
    if isinstance(place, CosLocation):
        return str(place.with_key(f"{place.key}{name}"))
    return name if place == Path() else os.path.join(place, name)  # noqa: PTH118 - not normalised


def facts_of(task: Task, action: "FileAction", *, move: bool, dry_run: bool) -> dict[str, Any]:
    """Return what an action did, for JSON and for a line."""
    if action.kind == "delete":
        facts: dict[str, Any] = {"type": "delete"}
        facts["target"] = full_name(task.destination, action.name)
        if action.version:
            facts["version_id"] = action.version
    else:
        facts = {"type": "move" if move else action.kind}
        facts["source"] = full_name(task.source, action.name)
        facts["target"] = full_name(task.destination, action.new_name or action.name)
        facts["size"] = action.size
    return facts | ({"dry_run": True} if dry_run else {})


def action_line(facts: dict[str, Any]) -> str:
    """Return the line of an action: `upload: a.txt to cos://b/a.txt`."""
    begin = f"{'(dry run) ' if facts.get('dry_run') else ''}{facts['type']}: "
    if facts["type"] == "delete":
        version = f" {facts['version_id']}" if "version_id" in facts else ""
        return f"{begin}{on_line(facts['target'])}{version}"
    return f"{begin}{on_line(facts['source'])} to {on_line(facts['target'])}"


def on_line(name: str) -> str:
    """Return a name for a line with other words: one with a line break is quoted in a pipe too."""
    return shown_name(name) if name.isprintable() else quoted(name)


class Display:
    """Prints what the files of a command became.

    Args:
        as_json: print JSON lines.
        quiet: print errors only.
        dry_run: nothing is done.
        move: sources are deleted.
        plain: print a line for each action even on a terminal, as there is no bar.
    """

    def __init__(
        self, *, as_json: bool, quiet: bool, dry_run: bool, move: bool, plain: bool
    ) -> None:
        self._as_json = as_json
        self._with_lines = as_json or (not quiet and (dry_run or plain or not is_terminal()))
        self._quiet = quiet
        self._dry_run = dry_run
        self._move = move

    def action(self, task: Task, action: "FileAction") -> None:
        """Print one action."""
        if not self._with_lines:
            return
        facts = facts_of(task, action, move=self._move, dry_run=self._dry_run)
        if self._as_json:
            print_json(facts)
        else:
            print(action_line(facts))

    def failure(self, name: str, error: Exception) -> None:
        """Print one failure, for JSON; the text is printed at the end."""
        if self._as_json:
            code = getattr(error, "code", "") or type(error).__name__
            text = describe(error) or str(error)
            print_json({"type": "failure", "source": name, "code": code, "message": text})

    def total(
        self, result: "DirectoryResult", seconds: float, *, kind: str, resumed: int = 0
    ) -> None:
        """Print the numbers of the whole command: as JSON, or as a line on a terminal.

        Args:
            result: the numbers.
            seconds: the seconds that the command took.
            kind: the direction of the transfer, or `delete`.
            resumed: the bytes that an earlier, interrupted command had transferred.
        """
        if self._as_json:
            print_json(
                {
                    "type": "total",
                    "transferred": result.transferred,
                    "bytes": result.transferred_bytes,
                    "unchanged": result.unchanged,
                    "deleted": result.deleted,
                    "failed": result.failed,
                    **({"dry_run": True} if self._dry_run else {}),
                }
            )
        elif not self._quiet and not self._dry_run and is_terminal():
            kind = "move" if self._move else kind
            print(total_line(result, seconds, kind=kind, resumed=resumed))
            sys.stdout.flush()


def total_line(result: "DirectoryResult", seconds: float, *, kind: str, resumed: int = 0) -> str:
    """Return a line such as `12 files uploaded, 3.0 MiB in 1.2 s, 2.5 MiB/s`."""
    past = {**_PAST, "move": "moved"}[kind]
    parts = []
    if kind != "delete":
        size = result.transferred_bytes
        parts.append(f"{_files(result.transferred)} {past}")
        if result.transferred:
            rate = human_size(int((size - resumed) / max(seconds, 0.001)))
            kept = f" ({human_size(resumed)} resumed)" if resumed else ""
            parts.append(f"{human_size(size)}{kept} in {_duration(seconds)}, {rate}/s")
    if result.unchanged:
        parts.append(f"{result.unchanged} unchanged")
    if result.deleted or kind == "delete":
        parts.append(f"{result.deleted} deleted" if parts else f"{_files(result.deleted)} deleted")
    if result.failed:
        parts.append(f"{result.failed} failed")
    return ", ".join(parts)


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"
