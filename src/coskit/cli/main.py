"""The command `coskit`; a missing package is one line on standard error."""

import gc
import os
import sys

from coskit._version import __version__

# The extra that installs a package; every other package belongs to the extra `server`.
_EXTRAS = {"rich": "cli", "typer": "cli", "textual": "browse", "keyring": "keyring"}
_INTERRUPTED = 130
# Python's garbage collector would run hundreds of times while a command is imported, and find
# nothing: a seventh of the CPU of a short command.
_OBJECTS_PER_COLLECTION = 50_000


def main() -> None:
    """Run the command; the exit status is 0, 1 (failed), 2 (usage) or 130 (Ctrl-C)."""
    if sys.argv[1:] == ["--version"]:  # works without any extra
        print(__version__)
        return
    if sys.argv[1:2] != ["serve"]:
        gc.set_threshold(_OBJECTS_PER_COLLECTION)
    try:
        if "_COSKIT_COMPLETE" in os.environ:  # set by the scripts of coskit completion
            from coskit.cli.setup.completion.protocol import complete_for_shell

            complete_for_shell(sys.argv[1:])
            return
        from coskit.cli.commands import run

        sys.exit(run(sys.argv[1:] or ["--help"]))
    except ModuleNotFoundError as cause:
        missing = (cause.name or "").partition(".")[0]
        if missing in ("", "coskit"):
            raise
        extra = _EXTRAS.get(missing, "server")
        sys.exit(f"coskit: this needs {missing}, which pip install 'coskit[{extra}]' brings")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
