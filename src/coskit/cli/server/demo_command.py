"""The command `coskit demo`, without the server, which is slow to load."""

from dataclasses import dataclass
from typing import Annotated

import typer

EXAMPLES = """
Move 256 MiB to a server of its own and back:
  coskit demo
Leave the server running afterwards, to look at it:
  coskit demo --keep --size 16
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """The options of `coskit demo`."""

    keep: Annotated[bool, typer.Option(help="Leave the server running afterwards.")] = False
    size: Annotated[int, typer.Option(help="Size of the large file in MiB.")] = 256


def demo(options: DemoOptions) -> int:
    """Put real files into a server, get them back and compare every byte."""
    from coskit.cli.server.demo import demo as run

    return run(keep=options.keep, size=options.size)
