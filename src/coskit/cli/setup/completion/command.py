"""The command `coskit completion`: the script that makes a shell complete commands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

EXAMPLES = """
Complete in bash; put the line into ~/.bashrc to keep it:
  source <(coskit completion bash)
Complete in zsh; put the line into ~/.zshrc to keep it:
  source <(coskit completion zsh)
Complete in fish:
  coskit completion fish > ~/.config/fish/completions/coskit.fish
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionOptions:
    """The options of `coskit completion`."""

    shell: Annotated[
        Literal["bash", "zsh", "fish"], typer.Argument(metavar="SHELL", help="The shell.")
    ]


def completion(options: CompletionOptions) -> int:
    """Print the script that completes commands in a shell.

    It completes verbs, options, their values, profiles, buckets and keys. Buckets and keys come
    from the service, one page of a listing at most; they are kept for ten seconds in
    ~/.cache/coskit.
    """
    script = Path(__file__).with_name("scripts") / f"coskit.{options.shell}"
    print(script.read_text("utf-8"), end="")
    return 0
