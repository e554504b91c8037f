"""Options that need no conversion load no converter; the others are converted."""

from typing import Any

import pytest
import typer.core

from coskit.cli.command_table import ENTRIES
from coskit.cli.commands import load
from tests.cli.conftest import Coskit


def refuse(*_: Any) -> None:
    """Stand for typer's converters, which load pydantic."""
    raise AssertionError("a converter was made")


WORDS = [
    ["cos://b/k"],
    ["-r", "--json", "-vv", "--dialect", "s3", "--endpoint", "http://127.0.0.1:9", "s3://b"],
]


@pytest.mark.parametrize("words", WORDS)
def test_texts_flags_and_defaults_need_no_converter(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(typer.core, "build_runtime_param", refuse, raising=False)
    parsed = load(ENTRIES["ls"]).make_context("ls", [*words]).params
    assert parsed["location"] == words[-1]
    assert parsed["verbose"] == words.count("-vv") * 2
    assert parsed["dialect"] == ("s3" if "s3" in words else None)
    assert parsed["recursive"] == ("-r" in words)


def test_numbers_and_lists_need_no_converter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer.core, "build_runtime_param", refuse, raising=False)
    words = ["--depth", "3", "cos://a", "cos://b"]
    parsed = load(ENTRIES["du"]).make_context("du", words).params
    assert parsed["depth"] == 3
    assert list(parsed["locations"]) == ["cos://a", "cos://b"]


def test_numbers_and_lists_are_converted() -> None:
    words = ["--port", "0", "--bucket", "a", "--bucket", "b", "directory"]
    parsed = load(ENTRIES["serve"]).make_context("serve", words).params
    assert parsed["port"] == 0
    assert list(parsed["bucket"]) == ["a", "b"]


@pytest.mark.parametrize(
    "words", ["serve --port x", "serve --port 65536", "du --depth -1 cos://b", "ls --dialect s4"]
)
def test_a_wrong_value_is_a_usage_error(coskit: Coskit, words: str) -> None:
    done = coskit(*words.split())
    assert done.status == 2
    assert "Invalid value for" in done.error
