"""Results of benchmarks: ratios above 1 favour coskit, plots are valid SVG."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.figures import plot, rows_of

MODES = {
    "1 thread": {
        "coskit": {"operations_per_second": 300.0, "cpu_microseconds": 40.0},
        "other <&>": {"operations_per_second": 100.0, "cpu_microseconds": 60.0, "kib": 1.0},
    }
}


def test_a_ratio_above_one_favours_coskit_for_rates_and_for_costs() -> None:
    rows = {row["metric"]: row for row in rows_of("get_small", MODES)}
    assert rows.keys() == {"operations_per_second", "cpu_microseconds"}
    assert rows["operations_per_second"]["ratio"] == 3.0
    assert rows["cpu_microseconds"]["ratio"] == 1.5
    assert rows["cpu_microseconds"]["scenario"] == "get_small: 1 thread"
    assert rows["cpu_microseconds"]["rival_value"] == 60.0


def test_a_plot_has_a_bar_for_each_contender(tmp_path: Path) -> None:
    plot(tmp_path / "docs" / "get_small.svg", "GET & more.", MODES)
    drawing = ElementTree.parse(tmp_path / "docs" / "get_small.svg")
    widths = [float(bar.get("width", "")) for bar in drawing.findall(".//{*}rect[@x]")]
    assert len(widths) == 2
    assert widths[0] == pytest.approx(3 * widths[1], rel=0.01)


def test_contenders_without_a_common_figure_are_not_plotted(tmp_path: Path) -> None:
    file = tmp_path / "none.svg"
    plot(file, "", {"a": {"coskit": {"spread_percent": 1.0}}})
    assert not file.exists()
