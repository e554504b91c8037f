"""Every failure in the baselines has a reason, and the docs have their totals."""

from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.compatibility.conformance.baseline import (
    KINDS,
    Outcome,
    Reason,
    explain,
    read_baseline,
    read_reasons,
    status_of,
)
from tests.compatibility.conformance.mint import case_name

SUITES = pytest.mark.parametrize("suite", ["s3-tests", "mint", "vendor-tests"])
DOC = Path(__file__).parents[3] / "docs/compatibility.md"
YOUNG_SERVERS = 459  # cases of s3-tests that the best published young server gates


@SUITES
def test_every_failure_has_a_reason_and_none_is_a_defect(suite: str) -> None:
    failures = {
        case: entry
        for case, entry in read_baseline(suite)["cases"].items()
        if status_of(entry) == "fail"
    }
    odd = {case: entry for case, entry in failures.items() if entry["fail"] not in KINDS}
    assert not odd, f"failures without a reason: {odd}"
    assert not [case for case, entry in failures.items() if entry["fail"] == "defect"]


@SUITES
def test_every_reason_has_a_failure(suite: str) -> None:
    output = {
        case: entry["reason"]
        for case, entry in read_baseline(suite)["cases"].items()
        if status_of(entry) == "fail"
    }
    stale = [
        pattern
        for reason in read_reasons(suite)
        for pattern in reason.cases
        if not any(fnmatchcase(case, pattern) and output[case] == reason.text for case in output)
    ]
    assert not stale


@SUITES
def test_the_totals_are_those_of_the_cases(suite: str) -> None:
    baseline = read_baseline(suite)
    counted = Counter(status_of(entry) for entry in baseline["cases"].values())
    reasons = Counter(
        entry["fail"] for entry in baseline["cases"].values() if status_of(entry) == "fail"
    )
    assert baseline["totals"] == {**counted, **reasons}


def test_more_cases_pass_than_of_the_best_young_server() -> None:
    assert read_baseline("s3-tests")["totals"]["pass"] > YOUNG_SERVERS


@SUITES
def test_the_documentation_has_the_totals(suite: str) -> None:
    totals = read_baseline(suite)["totals"]
    output = [line for line in DOC.read_text().splitlines() if line.startswith(f"| {suite}")]
    numbers = [totals.get(name, 0) for name in ("pass", "fail", "skip", *KINDS)]
    assert len(output) == 1, f"docs/compatibility.md has no row for {suite}"
    cells = [cell.strip() for cell in output[0].strip("|").split("|")][1:]
    assert cells == [str(number) for number in numbers]


def test_the_first_reason_that_matches_name_and_message_applies() -> None:
    reasons = [
        Reason("suite", "by its words", ("a::*",), "*500*"),
        Reason("not done", "by its name", ("a::b", "a::c")),
    ]
    assert explain(Outcome("a::b", "fail", "it said 500"), reasons) is reasons[0]
    assert explain(Outcome("a::b", "fail", "it said 400"), reasons) is reasons[1]
    assert explain(Outcome("a::d", "fail", "it said 400"), reasons) is None


def test_cases_of_mint_have_the_same_name_in_every_run() -> None:
    command = "aws --endpoint-url http://127.0.0.1:4711 s3api head-object --bucket mint-{} /d{}/a"
    names = {case_name("awscli", {"function": command.format(n, n)}) for n in (12345, 999)}
    assert names == {"awscli::aws s3api head-object --bucket ... a"}
    assert case_name("minio-py", {"name": "minio-py:test_x"}) == "minio-py::test_x"
