"""One name means one thing: class names are unique in the package."""

import ast
from collections import defaultdict
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "coskit"


def classes() -> dict[str, list[str]]:
    """Return the modules of each module-level class, with worlds and dialects taken as one.

    `_sync` is written from `_async`; `AsyncX` and `X` are a pair, and so are `S3X` and `X`.
    """
    homes: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        name = str(path.relative_to(SOURCE))
        if "_sync" in name or name.startswith("compat/") or name == "protocol/types.py":
            continue  # twins, the vendor's names, and documents named as their elements
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)
    return homes


def test_a_class_name_stands_for_one_class() -> None:
    assert {name: homes for name, homes in classes().items() if len(homes) > 1} == {}
