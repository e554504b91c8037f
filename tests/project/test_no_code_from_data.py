"""Data never becomes code: no module evaluates it or unpacks a format that can.

Source: moto's report 9941 (`yaml.Loader` on what was sent); Python, `pickle`: "It is possible to
construct malicious pickle data which will execute arbitrary code during unpickling".
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import coskit

ROOT = Path(coskit.__file__).parent
RUNNING = {"eval", "exec", "compile", "__import__", "system", "popen"}
UNPACKING = {"pickle", "marshal", "shelve", "yaml", "dill", "runpy", "code"}
# The workers of one server share numbers in memory that no other process can write.
ALLOWED = {("server/metrics/shared_memory.py", "pickle")}


def found_in(tree: ast.AST) -> Iterator[str]:
    """Yield the names of calls that could execute data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from UNPACKING & {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from UNPACKING & {str(node.module).partition(".")[0]}
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name):
                yield from RUNNING & {called.id}
            elif isinstance(called, ast.Attribute) and called.attr in ("system", "popen"):
                yield called.attr
            yield from {"shell"} & {str(keyword.arg) for keyword in node.keywords}


def test_no_module_runs_what_it_reads() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in ROOT.rglob("*.py")
        for name in found_in(ast.parse(path.read_text()))
    }
    assert found == ALLOWED


def test_each_way_is_noticed() -> None:
    for text in (
        "import pickle",
        "from yaml import load",
        "eval('1')",
        "os.system('x')",
        "run('x', shell=True)",
    ):
        assert list(found_in(ast.parse(text))), text
