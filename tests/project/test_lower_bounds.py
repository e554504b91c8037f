"""The oldest versions that pyproject.toml lets in have no known advisory."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "first", "source"),
    [
        ("python-multipart", "0.0.32", "CVE-2024-53981, CVE-2026-40347, CVE-2026-42561, of 0.0.31"),
        ("cryptography", "46.0.7", "CVE-2026-26007, CVE-2026-34073, CVE-2026-39892"),
        ("uvicorn", "0.11.7", "CVE-2020-7694, CVE-2020-7695"),
        ("pytest", "9.0.3", "CVE-2025-71176"),
        ("mkdocs-material", "9.5.32", "release notes of 9.5.32: cross-site scripting"),
    ],
)
def test_versions_with_advisories_are_not_let_in(name: str, first: str, source: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    bounds = [
        hit[1]
        for item in (item for group in groups for item in group)
        if (hit := re.match(rf"{name}>=([0-9.]+)", item))
    ]
    assert bounds, "nobody needs it any more"
    assert all(numbers(bound) >= numbers(first) for bound in bounds), source


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
