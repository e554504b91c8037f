"""The command `coskit`: runs it, and says in one line what it lacks."""

import sys

from coskit._version import __version__

# The extra of this package that brings a module; what is not here belongs to the server.
_EXTRAS = {"rich": "cli"}
_USAGE = 2
_INTERRUPTED = 130


def main() -> None:
    """Run the command; the exit status is 0, 1 (failed), 2 (usage) or 130 (Ctrl-C)."""
    if sys.argv[1:] == ["--version"]:  # needs nothing that is not always there
        print(__version__)
        return
    try:
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
