"""What a conformance suite said of the server, case by case, as the repository keeps it."""

import fnmatch
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BASELINES = HERE / "baselines"
# Why a case fails: the two services differ and ours is the vendor's; what it asks for is not there;
# it is there and wrong; or the case itself cannot hold (of another server only, or broken).
KINDS = ("cos difference", "not done", "defect", "suite")


@dataclass(frozen=True)
class Outcome:
    """How one case ended.

    Attributes:
        case: its name within the suite.
        status: `pass`, `fail` or `skip`.
        detail: what it said when it failed, or why it was skipped.
        marks: what the suite itself says of the case.
    """

    case: str
    status: str
    detail: str = ""
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reason:
    """Why cases fail.

    Attributes:
        kind: one of KINDS.
        text: the reason, in a sentence.
        cases: patterns of their names.
        detail: a pattern of what they say; "*" is anything.
    """

    kind: str
    text: str
    cases: tuple[str, ...]
    detail: str = "*"

    def covers(self, outcome: Outcome) -> bool:
        """Return whether this explains a failure."""
        named = any(fnmatch.fnmatchcase(outcome.case, pattern) for pattern in self.cases)
        return named and fnmatch.fnmatchcase(outcome.detail, self.detail)


def reasons_file(suite: str) -> Path:
    """Return where the reasons of a suite are written by hand."""
    return BASELINES / f"{suite}.reasons.json"


def baseline_file(suite: str) -> Path:
    """Return where the outcomes of a suite's last full run are kept."""
    return BASELINES / f"{suite}.json"


def read_reasons(suite: str) -> tuple[Reason, ...]:
    """Return the reasons of a suite, the first that covers a failure being the one that counts.

    Raises:
        ValueError: one is of no known kind.
    """
    listed = json.loads(reasons_file(suite).read_text())
    reasons = tuple(
        Reason(item["kind"], item["reason"], tuple(item["cases"]), item.get("detail", "*"))
        for item in listed
    )
    for reason in reasons:
        if reason.kind not in KINDS:
            raise ValueError(f"{reason.kind} is none of {', '.join(KINDS)}")
    return reasons


def explain(outcome: Outcome, reasons: Iterable[Reason]) -> Reason | None:
    """Return the first reason that covers a failure, or None."""
    return next((reason for reason in reasons if reason.covers(outcome)), None)


def unexplained(outcomes: Iterable[Outcome], reasons: Iterable[Reason]) -> list[Outcome]:
    """Return the failures that nobody has given a reason for."""
    known = tuple(reasons)
    return [o for o in outcomes if o.status == "fail" and explain(o, known) is None]


def totals(outcomes: Iterable[Outcome], reasons: Iterable[Reason]) -> dict[str, int]:
    """Return how many cases passed, failed and were skipped, and the failures by kind."""
    known = tuple(reasons)
    counted: Counter[str] = Counter()
    for outcome in outcomes:
        counted[outcome.status] += 1
        if outcome.status == "fail":
            reason = explain(outcome, known)
            counted[reason.kind if reason else "no reason"] += 1
    order = ("pass", "fail", "skip", *KINDS, "no reason")
    return {name: counted[name] for name in order if counted[name]}


def by_mark(outcomes: Iterable[Outcome]) -> dict[str, Counter[str]]:
    """Return how the cases ended, by the marks that the suite gave them."""
    counted: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        for mark in outcome.marks or ("(none)",):
            counted.setdefault(mark, Counter())[outcome.status] += 1
    return dict(sorted(counted.items()))


def render(
    suite: str, origin: Mapping[str, str], outcomes: Iterable[Outcome], reasons: Iterable[Reason]
) -> str:
    """Return the text of a baseline, one line for a case so that changes show.

    Args:
        suite: its name.
        origin: which suite it was, and what of it ran.
        outcomes: of all cases.
        reasons: why they fail.
    """
    found, known = sorted(outcomes, key=lambda outcome: outcome.case), tuple(reasons)
    head = {"suite": suite, **origin, "totals": totals(found, known)}
    lines = [
        f"    {json.dumps(outcome.case)}: {json.dumps(_entry(outcome, known))}" for outcome in found
    ]
    top = json.dumps(head, indent=2).removesuffix("\n}")
    return top + ',\n  "cases": {\n' + ",\n".join(lines) + "\n  }\n}\n"


def _entry(outcome: Outcome, reasons: Iterable[Reason]) -> Any:
    if outcome.status == "pass":
        return "pass"
    if outcome.status == "skip":
        return {"skip": outcome.detail}
    reason = explain(outcome, reasons)
    return {"fail": reason.kind, "reason": reason.text} if reason else {"fail": "no reason"}


def read_baseline(suite: str) -> dict[str, Any]:
    """Return a baseline as `render` wrote it."""
    kept: dict[str, Any] = json.loads(baseline_file(suite).read_text())
    return kept


def status_of(entry: Any) -> str:
    """Return `pass`, `fail` or `skip` of a case in a baseline."""
    return entry if isinstance(entry, str) else next(iter(entry))
