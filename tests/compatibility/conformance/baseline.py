"""Baselines: the recorded result of each case of a conformance suite."""

import fnmatch
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BASELINES = HERE / "baselines"
# Kinds of failures: COS and S3 differ; not implemented; implemented and wrong; the case itself
# cannot pass (another server only, or broken).
KINDS = ("cos difference", "not done", "defect", "suite")


@dataclass(frozen=True)
class Outcome:
    """The result of one case.

    Attributes:
        case: its name within the suite.
        status: `pass`, `fail` or `skip`.
        detail: the failure's message, or the reason for skipping.
        marks: the suite's own marks of the case.
    """

    case: str
    status: str
    detail: str = ""
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reason:
    """The reason of failures.

    Attributes:
        kind: one of KINDS.
        text: the reason, in a sentence.
        cases: patterns of the cases' names.
        detail: a pattern of their messages; "*" matches any.
    """

    kind: str
    text: str
    cases: tuple[str, ...]
    detail: str = "*"

    def covers(self, outcome: Outcome) -> bool:
        """Return whether this is the reason of a failure."""
        named = any(fnmatch.fnmatchcase(outcome.case, pattern) for pattern in self.cases)
        return named and fnmatch.fnmatchcase(outcome.detail, self.detail)


def reasons_file(suite: str) -> Path:
    """Return the path of the hand-written reasons of a suite."""
    return BASELINES / f"{suite}.reasons.json"


def baseline_file(suite: str) -> Path:
    """Return the path of the results of a suite's last full run."""
    return BASELINES / f"{suite}.json"


def read_reasons(suite: str) -> tuple[Reason, ...]:
    """Return the reasons of a suite; the first that covers a failure applies.

    Raises:
        ValueError: a reason has an unknown kind.
    """
    listed = json.loads(reasons_file(suite).read_text())
    reasons = tuple(
        Reason(item["kind"], item["reason"], tuple(item["cases"]), item.get("detail", "*"))
        for item in listed
    )
    for reason in reasons:
        if reason.kind not in KINDS:
            raise ValueError(f"{reason.kind} is not one of {', '.join(KINDS)}")
    return reasons


def explain(outcome: Outcome, reasons: Iterable[Reason]) -> Reason | None:
    """Return the first reason that covers a failure, or None."""
    return next((reason for reason in reasons if reason.covers(outcome)), None)


def unexplained(outcomes: Iterable[Outcome], reasons: Iterable[Reason]) -> list[Outcome]:
    """Return the failures without a reason."""
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
    """Return the counts of statuses by the suite's marks."""
    counted: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        for mark in outcome.marks or ("(none)",):
            counted.setdefault(mark, Counter())[outcome.status] += 1
    return dict(sorted(counted.items()))


def render(
    suite: str, origin: Mapping[str, str], outcomes: Iterable[Outcome], reasons: Iterable[Reason]
) -> str:
    """Return the text of a baseline, with a line for each case so that diffs are readable.

    Args:
        suite: the suite's name.
        origin: the version of the suite and the part that ran.
        outcomes: the results of all cases.
        reasons: the reasons of failures.
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
