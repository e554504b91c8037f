"""Docstrings are statements in plain English: the first line says what the thing is or does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "coskit"
TESTS = ROOT / "tests"
QUESTION = re.compile(
    r"(What|How|Which|Whether|Where|Who|Whom|Whose|When|Whoever|Whatever|Why|That|Those|All that)\b"
)
NO_VERB = re.compile(r"(A|An|The|It|Its|This|These|There|Each|Every|No|Not|If|One|Some)\b")
# Words that make a reader stop, with what is said instead.
AVOID = {
    "answer": "response, or return",
    "answers": "responses, or returns",
    "answered": "responded, or returned",
    "anybody": "any client",
    "caller": "the program, or name the parameter",
    "callers": "programs",
    "everybody": "everyone, all clients",
    "goodbye": "clean close",
    "heed": "apply, obey",
    "heeded": "applied, obeyed",
    "heeds": "applies, obeys",
    "lest": "so that ... not",
    "likewise": "repeat the noun",
    "meanwhile": "while ...",
    "nobody": "no client, no thread",
    "so many": "the number",
    "somebody": "another client, another process",
    "stranger": "anonymous client, unknown sender",
    "strangers": "anonymous clients, unknown senders",
    "tell": "return, report, raise",
    "tells": "returns, reports, raises",
    "those of": "name the noun again",
    "told": "returned, reported, given",
    "whatever": "any",
    "whoever": "a client that",
    "whom": "name the party",
}
WORDS = re.compile(rf"\b({'|'.join(AVOID)})\b", re.IGNORECASE)
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
    ROOT / "tests" / "compatibility" / "conformance" / "README.md",
]
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


# The tests of the command line are not held to this.
MODULES = [
    *(path for path in sorted(SOURCE.rglob("*.py")) if "_sync" not in path.parts),
    *(path for path in sorted(TESTS.rglob("*.py")) if path.relative_to(TESTS).parts[0] != "cli"),
]


def documented(path: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield the name and docstring of a module and all in it, and whether it is a function."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, Documented) and (text := ast.get_docstring(node)):
            name = getattr(node, "name", "module")
            acts = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            is_property = acts and bool(getattr(node, "decorator_list", ()))
            # The docstring of a test says more than its name and need not begin with a verb.
            yield name, text, acts and not is_property and not name.startswith("test_")


def complaints(text: str, acts: bool) -> Iterator[str]:
    """Yield what is wrong with a docstring.

    Args:
        text: the docstring.
        acts: whether it is a function's, which begins with a verb.
    """
    first = text.partition("\n")[0]
    if QUESTION.match(first):
        yield f"begins as a question: {first}"
    if acts and NO_VERB.match(first):
        yield f"begins without a verb: {first}"
    for word in WORDS.findall(text):
        yield f"{word}: say {AVOID[word.lower()]}"


@pytest.mark.parametrize(
    "path",
    MODULES,
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_docstrings_are_plain_statements(path: Path) -> None:
    wrong = [
        f"{name}: {complaint}"
        for name, text, acts in documented(path)
        for complaint in complaints(text, acts)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "page",
    PAGES,
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_pages_use_plain_terms(page: Path) -> None:
    lines = page.read_text().splitlines()
    assert [
        f"line {number}: {word}: say {AVOID[word.lower()]}"
        for number, line in enumerate(lines, 1)
        for word in WORDS.findall(re.sub(r"`[^`]*`", "", line))
    ] == []


@pytest.mark.parametrize(
    ("text", "acts", "count"),
    [
        ("Return the key.", True, 0),
        ("The key of an object.", False, 0),
        ("The key of an object.", True, 1),
        ("What is missing of a body.", False, 1),
        ("Whether a call is retried.", False, 1),
        ("Whole objects are compared.", False, 0),
        ("Lock the file, lest somebody take it.", True, 2),
    ],
)
def test_a_riddle_is_noticed(text: str, acts: bool, count: int) -> None:
    assert len([*complaints(text, acts)]) == count
