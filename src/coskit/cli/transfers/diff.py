"""The command `coskit diff`: what differs between two trees."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coskit.cli.terminal.errors import describe
from coskit.cli.terminal.failures import FailureList
from coskit.cli.terminal.lines import print_json
from coskit.cli.transfers.run.display import full_name, on_line
from coskit.cli.transfers.run.runner import reason_of
from coskit.cli.transfers.sync import ComparingOptions, side

if TYPE_CHECKING:
    from coskit import FileAction, FileFailure

EXAMPLES = """
Compare a directory with a folder of a bucket:
  coskit diff site cos://photos-1250000000/www/
Compare the contents, by checksums:
  coskit diff --checksum site cos://photos-1250000000/www/
Say only by the exit status whether two folders are equal:
  coskit diff --quiet cos://photos-1250000000/www/ cos://backup-1250000000/www/
"""
_EQUAL, _DIFFERENT, _TROUBLE = 0, 1, 2
_WORDS = {"only-source": "new", "different": "changed", "only-destination": "extra"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOptions(ComparingOptions):
    """The options of `coskit diff`."""


def diff(options: DiffOptions) -> int:
    """Print what differs between two trees.

    Each file takes a line. Its first word is new for a file that only the source has, changed for
    one that differs, and extra for one that only the destination has. Nothing is transferred: these
    are the files that coskit sync --delete would transfer or delete.

    The exit status is 0 if the trees are equal, 1 if they differ, and 2 if they could not be
    compared.
    """
    from coskit import CosException, DirectoryTransferError

    task, failures, count = options.task(), FailureList(), 0

    def print_action(action: "FileAction") -> None:
        nonlocal count
        count += 1
        if not options.quiet:
            _print(action, options)

    def note(failure: "FileFailure") -> None:
        name = full_name(task.source, failure.name)
        failures.add(name, reason_of(failure.error, name, task.destination))

    arguments: dict[str, Any] = {"Filters": options.filters, "Compare": options.comparison}
    with options.transfer_client() as client:
        try:
            client.sync(
                side(task.source),
                side(task.destination),
                Delete=True,
                DryRun=True,
                OnError="continue",
                FollowSymlinks=options.follow_symlinks,
                action_callback=print_action,
                failure_callback=note,
                **arguments,
            )
        except DirectoryTransferError:
            failures.report()
            return _TROUBLE
        except (CosException, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            print(f"coskit: {describe(error)}", file=sys.stderr)
            return _TROUBLE
    return _DIFFERENT if count else _EQUAL


def _print(action: "FileAction", options: DiffOptions) -> None:
    state = "only-source"
    if action.kind == "delete":
        state = "only-destination"
    elif action.replaces:
        state = "different"
    if options.as_json:
        print_json({"type": "difference", "state": state, "name": action.name})
    else:
        print(f"{_WORDS[state]:8}{on_line(action.name)}")
