"""The public modules import, and every name in their `__all__` resolves."""

from importlib import import_module

import pytest

PATHS = (
    "coskit",
    "coskit.compat",
    "coskit.encryption",
    "coskit.errors",
    "coskit.protocol.errors",
    "coskit.testing",
    "coskit.types",
)


@pytest.mark.parametrize("path", PATHS)
def test_every_public_name_resolves(path: str) -> None:
    module = import_module(path)
    names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
    assert names
    assert [name for name in names if getattr(module, name, None) is None] == []
    assert list(names) == sorted(names) or not hasattr(module, "__all__")
