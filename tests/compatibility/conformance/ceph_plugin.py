"""pytest plugin for the Ceph suite (`-p ceph_plugin`): record each case's result.

It runs in the suite's own environment, without coskit.
"""

import importlib
import json
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

_ended: dict[str, dict[str, Any]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Set a bucket prefix for each case."""
    suite: Any = importlib.import_module("s3tests.functional")
    if suite.prefix is not None:
        suite.prefix = suite.choose_bucket_prefix("case-{random}-", 25)
    yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    """Write a line after each case."""
    report = yield
    case = _ended.setdefault(
        item.nodeid,
        {
            "case": item.nodeid.removeprefix("s3tests/functional/"),
            "status": "pass",
            "detail": "",
            "marks": sorted({mark.name for mark in item.iter_markers()} - {"parametrize"}),
            "seconds": 0.0,
        },
    )
    case["seconds"] = round(case["seconds"] + report.duration, 2)
    if report.failed and case["status"] != "fail":
        case["status"], case["detail"] = "fail", _said(call, report)
    elif report.skipped and case["status"] == "pass":
        case["status"], case["detail"] = "skip", str(report.longrepr[2]).removeprefix("Skipped: ")
    if report.when == "teardown":
        with Path(os.environ["CONFORMANCE_LOG"]).open("a") as log:
            log.write(json.dumps(case) + "\n")
    return report


def _said(call: Any, report: Any) -> str:
    error = call.excinfo.value
    crash = getattr(getattr(report, "longrepr", None), "reprcrash", None)
    place = f"{report.when}: " if report.when != "call" else ""
    line = f" (line {crash.lineno})" if crash else ""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{place}{type(error).__name__}: {first[:300]}{line}"
