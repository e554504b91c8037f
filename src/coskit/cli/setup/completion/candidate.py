"""A word that the shell may insert."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that completes what is typed.

    Attributes:
        value: the whole word.
        help: a short text about it.
        is_part: whether more is to be typed, as after a folder; no space follows then.
    """

    value: str
    help: str = ""
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """The words that complete what is typed.

    Attributes:
        candidates: the words.
        files: whether the shell completes names of local files.
    """

    candidates: tuple[Candidate, ...] = ()
    files: bool = False


def matching(typed: str, candidates: list[Candidate]) -> Completion:
    """Return the candidates that begin with what is typed."""
    return Completion(tuple(each for each in candidates if each.value.startswith(typed)))
