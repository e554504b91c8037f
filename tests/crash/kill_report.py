"""Where a server is to die, and what has come of it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """A step of one of the changes that `Author.each_kind` makes.

    Attributes:
        number: of the change.
        kind: of the change.
        point: where.
        passage: of how many since the change began.
    """

    number: int
    kind: str
    point: str
    passage: int


@dataclass
class Tally:
    """What has happened."""

    kills: int = 0
    manners: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    unheard: Counter[str] = field(default_factory=Counter)
    checked: int = 0

    def report(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kills": self.kills,
            "manners": dict(sorted(self.manners.items())),
            "points": dict(sorted(self.points.items())),
            "changes_cut_short": dict(sorted(self.cut.items())),
            "changes_acknowledged": self.acknowledged,
            "changes_unheard_of": dict(sorted(self.unheard.items())),
            "keys_compared": self.checked,
        }
