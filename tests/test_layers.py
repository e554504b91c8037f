"""The order of the house: which part of the package may import which."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src"
HANDED_OUT = ("client", "protocol")  # what `coskit` itself names
# Each part, with what it may import besides itself; the longest name that fits a module counts.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "": ("errors", "types", *HANDED_OUT),
    "errors": HANDED_OUT,
    "types": HANDED_OUT,
    "__main__": ("cli",),
    "protocol": (),
    "client": ("client.profiles", "protocol"),
    "client.profiles": ("protocol",),
    "encryption": ("client", "protocol"),
    "compat": ("", *HANDED_OUT),
    "fs": ("", *HANDED_OUT),
    "testing": ("", "server", *HANDED_OUT),
    "cli": ("", "testing", "fs", "server", *HANDED_OUT),
    "server": (),
    "server.spelling": (),
    "server.limits": ("protocol.errors",),
    "server.watch": ("server.limits",),
    "server.cycle": (),
    "server.connection": ("server.cycle", "server.watch", "protocol.errors"),
    "server.store": ("protocol.errors", "protocol.checksums"),
    "server.certificates": (),
    "server.proxies": (),
    "server.reasons": (),
    "server.directory": ("server.accounts", "server.settings", "server.store"),
    "server.settings": ("server.limits", "server.proxies", "server.store.durability", "protocol"),
    "server.jobs": ("server.handlers", "server.settings", "server.store", "protocol"),
    "server.handlers": ("server.store", "protocol"),
    "server.accounts": ("server.settings", "protocol"),
    "server.keyring": ("server.accounts", "server.settings"),
    "server.tokens": ("protocol",),
    "server.auth": (
        "server.handlers",
        "server.keyring",
        "server.store",
        "server.tokens",
        "protocol",
    ),
    "server.formdata": ("protocol",),
    "server.form": (
        "server.auth",
        "server.formdata",
        "server.handlers",
        "server.keyring",
        "protocol",
    ),
    "server.strangers": ("protocol",),
    "server.s3": (
        "server.auth",
        "server.form",
        "server.formdata",
        "server.handlers",
        "server.keyring",
        "server.store",
        "server.strangers",
        "protocol",
    ),
    "server.dialect": (
        "server.auth",
        "server.form",
        "server.formdata",
        "server.handlers",
        "server.keyring",
        "server.s3",
        "protocol",
    ),
    "server.exchange": (
        "server.connection",
        "server.cycle",
        "server.dialect",
        "server.handlers",
        "server.limits",
        "server.spelling",
        "protocol",
    ),
    "server.accesslog": ("server.exchange",),
    "server.metrics": ("server.store",),
    "server.exposition": ("server.metrics", "server.store"),
    "server.board": ("server.metrics", "server.store"),
    "server.crew": ("server.board", "server.store"),
    "server.supervisor": (),
    "server.process": ("server",),
    "server.health": (
        "server.accesslog",
        "server.board",
        "server.exposition",
        "server.limits",
        "server.metrics",
        "server.settings",
        "server.store",
        "protocol",
    ),
    "server.http": (
        "server.accesslog",
        "server.auth",
        "server.board",
        "server.dialect",
        "server.exchange",
        "server.form",
        "server.handlers",
        "server.health",
        "server.keyring",
        "server.limits",
        "server.metrics",
        "server.settings",
        "server.store",
        "server.strangers",
        "protocol",
    ),
    "server.console": ("server.http", "server.store", "protocol"),
    "server.app": ("server", "protocol"),
}
MAY_NEED = {
    "protocol": {"fastcrc", "anycrc"},  # the latter for CRC64NVME, where there is a server
    "client": {"pycurl", "certifi"},
    "client.profiles": {"cryptography"},  # if it is there: a foreign file may be encrypted
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


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path} imports by dots"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name == "coskit.__version__":
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
        ("client", "coskit.encryption.keys"),
        ("server.store", "coskit.protocol.codec"),
        ("server.store", "coskit.server.handlers.objects"),
        ("server.auth", "coskit.server.http"),
        ("server.http", "coskit.client.curl"),
        ("compat", "coskit.server.app"),
    ]
    assert not [pair for pair in broken if may_import(*pair)]
    assert {"coskit.protocol.codec", "coskit.client.config", "coskit.server.http"} <= set(MODULES)
