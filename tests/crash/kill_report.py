"""The points at which servers are killed, and the report of the results."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class KillTarget:
    """A step of one of the changes that `Workload.each_kind` makes.

    Attributes:
        number: the change's number.
        kind: the change's kind.
        point: the point, a moment and a step.
        occurrence: the count of the point since the change began.
    """

    number: int
    kind: str
    point: str
    occurrence: int


@dataclass
class KillReport:
    """Counts of kills and of what was compared afterwards."""

    kills: int = 0
    manners: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    unheard: Counter[str] = field(default_factory=Counter)
    checked: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON."""
        return {
            "kills": self.kills,
            "manners": dict(sorted(self.manners.items())),
            "points": dict(sorted(self.points.items())),
            "changes_cut_short": dict(sorted(self.cut.items())),
            "changes_acknowledged": self.acknowledged,
            "changes_unheard_of": dict(sorted(self.unheard.items())),
            "keys_compared": self.checked,
        }
