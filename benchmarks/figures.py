"""Convert the figures of a run to comparable rows and to plots."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
Row = dict[str, str | float]

# The unit of each compared figure, and whether more is better.
_COMPARED = {
    "operations_per_second": ("op/s", True),
    "requests_per_second": ("req/s", True),
    "mb_per_second": ("MB/s", True),
    "mib_per_second": ("MiB/s", True),
    "files_per_second": ("files/s", True),
    "keys_per_second": ("keys/s", True),
    "cpu_microseconds": ("µs/op", False),
    "cpu_seconds_per_gb": ("s/GB", False),
    "milliseconds": ("ms", False),
    "seconds": ("s", False),
    "cpu_seconds": ("s", False),
    "peak_mib": ("MiB", False),
    "kib": ("KiB", False),
}
_PLOTTED = tuple(name for name in _COMPARED if name != "peak_mib")
_COLOURS = {"coskit": "#0b6bcb"}
_OTHERS = "#9aa5b1"
_BAR, _GAP, _LEFT, _WIDTH = 16, 6, 190, 720


def rows_of(scenario: str, modes: Figures) -> list[Row]:
    """Return a row for each figure and rival; a ratio above 1 means that coskit does better."""
    rows: list[Row] = []
    for mode, contenders in modes.items():
        own = contenders.get("coskit", {})
        for rival, theirs in contenders.items():
            for metric, (unit, more_is_better) in _COMPARED.items():
                if rival == "coskit" or not own.get(metric) or not theirs.get(metric):
                    continue
                ratio = own[metric] / theirs[metric]
                rows.append(
                    {
                        "scenario": f"{scenario}: {mode}",
                        "metric": metric,
                        "unit": unit,
                        "coskit": round(own[metric], 3),
                        "rival": rival,
                        "rival_value": round(theirs[metric], 3),
                        "ratio": round(ratio if more_is_better else 1 / ratio, 3),
                    }
                )
    return rows


def plot(file: Path, title: str | None, modes: Figures) -> None:
    """Write a bar chart as SVG: the first figure that all contenders have, for each mode."""
    metric = _common(modes)
    if metric is None:
        return
    bars, y = [], 34
    for mode, contenders in modes.items():
        bars.append(f'<text x="8" y="{y + 12}" class="mode">{escape(mode)}</text>')
        y += _BAR + _GAP
        most = max(figures[metric] for figures in contenders.values())
        for who, figures in contenders.items():
            length = round((_WIDTH - _LEFT - 90) * figures[metric] / most, 1)
            colour = _COLOURS.get(who, _OTHERS)
            value = figures[metric]
            bars.append(
                f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(who)}</text>'
                f'<rect x="{_LEFT}" y="{y}" width="{length}" height="{_BAR}" fill="{colour}"/>'
                f'<text x="{_LEFT + length + 6}" y="{y + 12}">'
                f"{value:,.{0 if value >= 100 else 1}f}</text>"
            )
            y += _BAR + _GAP
        y += _GAP
    unit, more_is_better = _COMPARED[metric]
    words = f"{(title or '').strip()} {unit}, {'more' if more_is_better else 'less'} is better."
    style = "text{font:12px sans-serif;fill:#52606d}.mode,.title{font-weight:bold;fill:#1f2933}"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" role="img" '
        f'viewBox="0 0 {_WIDTH} {y}"><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>'
        f'<text x="8" y="20" class="title">{escape(words)}</text>\n'
        + "\n".join(bars)
        + "\n</svg>\n"
    )


def _common(modes: Figures) -> str | None:
    for metric in _PLOTTED:
        if all(metric in row for contenders in modes.values() for row in contenders.values()):
            return metric
    return None
