"""The result of a check, and its line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

CheckStatus = Literal["ok", "FAILED", "skipped"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check.

    Attributes:
        name: the name of the check.
        status: `ok`, `FAILED`, or `skipped` because an earlier check failed.
        detail: what was found.
        advice: what to do about it, "" for nothing.
    """

    name: str
    status: CheckStatus
    detail: str
    advice: str = ""

    def line(self) -> str:
        """Return the result as a line."""
        text = f"{self.detail}; {self.advice}" if self.advice else self.detail
        return f"{self.status:7}  {self.name:8}  {' '.join(text.split())}"

    def facts(self) -> dict[str, Any]:
        """Return the result for JSON."""
        facts = {"check": self.name, "status": self.status.lower(), "detail": self.detail}
        return {**facts, "advice": self.advice} if self.advice else facts


class CheckFailure(Exception):
    """A check failed.

    Attributes:
        detail: what was found.
        advice: what to do about it.
    """

    def __init__(self, detail: str, advice: str = "") -> None:
        self.detail = detail
        self.advice = advice
        super().__init__(detail)


def checked(name: str, check: Callable[[], str]) -> CheckResult:
    """Run a check that returns what it found or raises `CheckFailure`."""
    try:
        return CheckResult(name, "ok", check())
    except CheckFailure as failure:
        return CheckResult(name, "FAILED", failure.detail, failure.advice)


def skipped(name: str, reason: str) -> CheckResult:
    """Return the result of a check that was not run."""
    return CheckResult(name, "skipped", reason)
