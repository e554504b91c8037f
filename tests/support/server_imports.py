"""All imports of `coskit serve` and `coskit admin`, made when this module is imported."""

import io
from contextlib import redirect_stderr

import uvicorn.lifespan.on
import uvicorn.loops.uvloop  # noqa: F401

import coskit.cli.server.serve  # noqa: F401
from coskit.cli.commands import run

# typer imports what it reads options with when it reads the first.
with redirect_stderr(io.StringIO()):
    run(["serve", "--fd=none"])
