"""The list of failures at the end of a command."""

import pytest

from coskit.cli.terminal.failures import FailureList
from coskit.errors import NoSuchKey


def test_each_failure_is_a_line_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    failures = FailureList()
    assert failures.report() == 0
    failures.add("cos://b/a b", NoSuchKey("gone"))
    failures.add("cos://b/z\nz", "too late")
    assert failures.report() == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("coskit: 'cos://b/a b': NoSuchKey: gone")
    assert lines[1:] == ["coskit: $'cos://b/z\\nz': too late", "coskit: 2 failed"]


def test_a_million_failures_are_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    failures = FailureList()
    for number in range(1005):
        failures.add(f"k{number}", "no")
    failures.report()
    lines = capsys.readouterr().err.splitlines()
    assert lines[999:] == ["coskit: k999: no", "coskit: and 5 more", "coskit: 1005 failed"]


def test_a_defect_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        FailureList().add("k", ZeroDivisionError())
