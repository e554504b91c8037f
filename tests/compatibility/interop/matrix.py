"""Recorded results of the rounds (matrix.json) and the table in the docs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.compatibility.interop.capabilities import ABILITIES
from tests.compatibility.interop.client_matrix import CLIENTS, RoundResult
from tests.compatibility.interop.venvs import HERE

MATRIX = HERE / "matrix.json"
PAGE = HERE.parents[2] / "docs" / "compatibility.md"
BEGIN = "<!-- written by `make interop` from tests/compatibility/interop/matrix.json -->\n"
END = "<!-- end of what `make interop` writes -->\n"
_SIGNS = {True: "yes", False: "**no**", None: "–"}
_UNTRIED: Mapping[str, Any] = {"ok": False, "note": "not tried"}


def recorded() -> dict[str, Any]:
    """Return the content of matrix.json, by driver."""
    return dict(json.loads(MATRIX.read_text()))


def row(shown: RoundResult) -> dict[str, Any]:
    """Return the entry of a round in matrix.json."""
    return {
        "client": shown.title,
        "version": shown.version,
        "dialect": shown.dialect,
        "abilities": {
            ability: {"ok": result["ok"], "note": result["detail"]}
            for ability, result in shown.results.items()
        },
    }


def differences(name: str, shown: RoundResult) -> list[str]:
    """Return the differences between a round and matrix.json, as sentences."""
    known = recorded().get(name)
    if known is None:
        return [f"{name} is not in matrix.json: run `make interop`"]
    found = []
    for ability, result in shown.results.items():
        was, now = known["abilities"].get(ability, {}).get("ok"), result["ok"]
        if was is now:
            continue
        what = f"{shown.title} {shown.version}, {ability}"
        if now is True:
            found.append(f"{what}: works, unlike in matrix.json: run `make interop`")
        else:
            found.append(f"{what}: {_SIGNS[was]} became {_SIGNS[now]}: {result['detail']}")
    if known["version"] != shown.version and not name.startswith("coskit"):
        found.append(f"{name} is {shown.version}, not {known['version']}: run `make interop`")
    return found


def write(rounds: Mapping[str, RoundResult]) -> None:
    """Write the results of rounds to matrix.json and the table to the docs."""
    known = recorded() if MATRIX.exists() else {}
    known.update({name: row(shown) for name, shown in rounds.items()})
    known = {name: known[name] for name in CLIENTS if name in known}
    MATRIX.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    before, rest = PAGE.read_text().split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + BEGIN + table(known) + END + after)


def table(known: Mapping[str, Any]) -> str:
    """Return the table with its notes, in Markdown."""
    notes: list[str] = []
    columns = [*ABILITIES]
    lines = [
        "",
        f"| Client | Version | Dialect | {' | '.join(columns)} |",
        "| --- | --- | --- | " + " | ".join("---" for _ in columns) + " |",
    ]
    for client in known.values():
        results = {name: client["abilities"].get(name, _UNTRIED) for name in columns}
        title = client["client"]
        said = [f"{name}: {_escaped(row['note'])}" for name, row in results.items() if row["note"]]
        if said:
            notes.append(f"{len(notes) + 1}. {title} – {'; '.join(said)}")
            title += f" [{len(notes)}]"
        cells = [_cell(result) for result in results.values()]
        first = [title, client["version"], client["dialect"]]
        lines.append(f"| {' | '.join([*first, *cells])} |")
    return "\n".join([*lines, "", *notes, ""]) + "\n"


def _cell(result: Mapping[str, Any]) -> str:
    return "yes*" if result["ok"] and result["note"] else _SIGNS[result["ok"]]


def _escaped(text: str) -> str:
    return text[:300].replace("|", "\\|").replace("<", "&lt;")


def page_is_current(page: Path = PAGE) -> bool:
    """Return whether the page has the table of matrix.json."""
    return BEGIN + table(recorded()) + END in page.read_text()
