"""The order of the house: which part of the package may import which."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src"
HANDED_OUT = ("client", "protocol")  # what `coskit` itself names
# Each part, with what it may import besides itself; the longest name that fits a module counts.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "": ("errors", "types", *HANDED_OUT),
    "errors": HANDED_OUT,
    "types": HANDED_OUT,
    "__main__": ("cli",),
    "_version": (),
    "protocol": (),
    "client": ("client.credentials.system_keyring", "client.credentials.vendor_files", "protocol"),
    "client.credentials.system_keyring": ("protocol",),
    "client.credentials.vendor_files": ("protocol",),
    "encryption": ("client", "protocol"),
    "compat": ("", *HANDED_OUT),
    "testing": ("", "server", *HANDED_OUT),
    "cli": ("", "testing", "server", *HANDED_OUT),
    "server": (),
    "server.trusted_proxies": (),
    "server.settings": (
        "server.store.disk.durability",
        "server.trusted_proxies",
        "protocol",
    ),
    "server.metrics": ("server.store",),
    "server.store": ("protocol.errors", "protocol.codec.checksums"),
    "server.handlers": ("server.store", "protocol"),
    "server.auth": ("server.handlers", "server.settings", "server.store", "protocol"),
    "server.dialects": ("server.auth", "server.handlers", "server.store", "protocol"),
    "server.http.connections": (
        "server.settings",
        "protocol.codec.xml.error_document",
        "protocol.errors",
        "protocol.messages",
    ),
    "server.http": (
        "server.auth",
        "server.dialects",
        "server.handlers",
        "server.http.connections",
        "server.metrics",
        "server.settings",
        "server.store",
        "protocol",
    ),
    "server.workers": (
        "server.auth",
        "server.handlers",
        "server.metrics",
        "server.settings",
        "server.store",
        "protocol",
    ),
    "server.app": ("server", "protocol"),
    "server.run": ("server",),
}
MAY_NEED = {
    "protocol": {"fastcrc", "anycrc"},  # the latter for CRC64NVME, where there is a server
    "client": {"pycurl", "certifi"},
    "client.credentials.system_keyring": {"keyring"},  # if there: the extra of the same name
    "client.credentials.vendor_files": {
        "cryptography"
    },  # if there: a foreign file may be encrypted
    "encryption": {"cryptography"},
    "server.store": {"apsw"},
}
INPUT_OUTPUT = {"asyncio", "os", "pathlib", "random", "secrets", "socket", "subprocess", "time"}
MEETING_PLACES = {"cli", "testing", "__main__"}

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "coskit").rglob("*.py"))
}


def part_of(module: str) -> str:
    """Return the longest name in the table that a module's name starts with."""
    inner = module.removeprefix("coskit").removeprefix(".")
    names = [part for part in MAY_IMPORT if part and f"{inner}.".startswith(f"{part}.")]
    assert names or not inner, f"{module} has no place in the order of the house"
    return max(names, key=len, default="")


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the modules that a file imports, also inside functions and for type checking."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path} imports by dots"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if alias.name == "__version__":
                    continue  # a number, which is on no side
                yield name if name in MODULES else node.module


def ours(module: str) -> set[str]:
    """Return the modules of this package that a module imports."""
    return {name for name in imports(MODULES[module]) if name.split(".")[0] == "coskit"}


def may_import(part: str, imported: str) -> bool:
    if part_of(imported) == part or imported == "coskit":
        return part_of(imported) == part or "" in MAY_IMPORT[part]
    allowed = [f"coskit.{other}." for other in MAY_IMPORT[part] if other]
    return f"{imported}.".startswith(tuple(allowed))


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    wrong = {name for name in ours(module) if not may_import(part_of(module), name)}
    assert not wrong


@pytest.mark.parametrize("module", MODULES)
def test_client_and_server_meet_only_where_they_are_put_together(module: str) -> None:
    if part_of(module) in MEETING_PLACES:
        return
    reached, new = set[str](), {module}
    while new:
        reached |= new
        new = {name for found in new for name in ours(found)} - reached
    sides = {name.split(".")[1] for name in reached if "." in name}
    assert not {"client", "server"} <= sides


@pytest.mark.parametrize("module", MODULES)
def test_a_part_needs_no_packages_but_its_own(module: str) -> None:
    part = part_of(module)
    if part not in MAY_NEED:
        return
    packages = {name.split(".")[0] for name in imports(MODULES[module])}
    assert packages <= {"coskit", *sys.stdlib_module_names, *MAY_NEED[part]}
    if part == "protocol":
        assert not packages & INPUT_OUTPUT


def test_the_rule_can_be_broken() -> None:
    broken = [
        ("protocol", "coskit.client.config"),
        ("client", "coskit.server.app"),
        ("client", "coskit"),
        ("client", "coskit.encryption.master_keys"),
        ("server.store", "coskit.protocol.codec.encode_request"),
        ("server.store", "coskit.server.handlers.objects.get"),
        ("server.auth", "coskit.server.http.gateway"),
        ("server.http", "coskit.client.transport.curl.curl_easy"),
        ("compat", "coskit.server.app"),
    ]
    assert not [pair for pair in broken if may_import(*pair)]
    assert {
        "coskit.protocol.codec.encode_request",
        "coskit.client.config",
        "coskit.server.http.gateway",
    } <= set(MODULES)
