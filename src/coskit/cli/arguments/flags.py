"""Options that several commands have, each with its one help text."""

from typing import Annotated

import typer

Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Include everything below the folder.")
]
AsJsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Human = Annotated[bool, typer.Option("--human-readable", "-h", help="Print sizes such as 1.5 MiB.")]
NulTerminated = Annotated[
    bool, typer.Option("--null", "-0", help="Names end with NUL instead of a line break.")
]
Raw = Annotated[
    bool, typer.Option("--raw", help="Take * ? [ in keys as they are, not as a pattern.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Print what would happen.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
VersionId = Annotated[str | None, typer.Option(help="Id of the version.")]
