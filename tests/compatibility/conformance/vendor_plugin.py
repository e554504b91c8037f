"""pytest plugin for the vendor's test file (`-p vendor_plugin`): record each case's result.

With VENDOR_SDK=coskit it replaces `qcloud_cos` and its modules by `coskit.compat`, also in forked
processes.
"""

import importlib
import importlib.abc
import importlib.util
import json
import os
import sys
import time
from collections.abc import Generator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_THEIRS, _OURS = "qcloud_cos", "coskit.compat"
# The file waits for settings to propagate in the cloud; here they apply at once.
_LONGEST_PAUSE = 0.05


class _InPlace(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """An importer that finds `qcloud_cos` in `coskit.compat`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != _THEIRS:
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return importlib.import_module(_OURS + spec.name.removeprefix(_THEIRS))

    def exec_module(self, module: ModuleType) -> None:
        return None


if os.environ.get("VENDOR_SDK") == "coskit":
    sys.meta_path.insert(0, _InPlace())
_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(float(seconds), _LONGEST_PAUSE))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Create the buckets, which the vendor's test runner would do."""
    if session.items:
        session.items[0].module.setUp()  # type: ignore[attr-defined]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    """Write a line after each case."""
    report = yield
    if call.when != "call" and not report.failed:
        return report
    detail = ""
    if report.failed:
        error = call.excinfo.value
        detail = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
    case = {"case": item.name, "status": report.outcome.replace("ed", ""), "detail": detail}
    with Path(os.environ["CONFORMANCE_LOG"]).open("a") as log:
        log.write(json.dumps({**case, "seconds": round(report.duration, 2)}) + "\n")
    return report
