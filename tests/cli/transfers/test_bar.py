"""The bar of a terminal: its lines at several widths, its speed, the files in flight."""

import io

import pytest
from rich.console import Console

from coskit import DirectoryResult, FileInFlight
from coskit.cli.transfers.run.bar import Speed, TransferBar, can_move
from coskit.cli.transfers.run.display import total_line
from coskit.client.settings.progress import Consumed

MIB = 1 << 20


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(bar: TransferBar, width: int, patch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines of a bar on a terminal of this width."""
    patch.setenv("COLUMNS", str(width))
    patch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=True, legacy_windows=False).print(bar.render())
    return [line.rstrip() for line in file.getvalue().splitlines()]


def filled_bar() -> TransferBar:
    """Return a bar after two seconds: 30 of 100 MiB, two files in flight, one done."""
    clock = Clock()
    bar = TransferBar(is_shown=True, clock=clock)
    files = [FileInFlight("upload", name, size) for name, size in FLIGHTS]
    for file in files:
        bar.start(file)
    files[0].report(Consumed(20 * MIB), 80 * MIB)
    bar.end("done")
    bar.progress(Consumed(30 * MIB, resumed=10 * MIB), 100 * MIB)
    clock.now = 2.0
    return bar


FLIGHTS = [("big\n" + "中" * 40, 80 * MIB), ("unknown", -1), ("done", 5)]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_line_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.cells import cell_len

    lines = shown(filled_bar(), width, monkeypatch)
    assert len(lines) == 3
    assert all(cell_len(line) <= width for line in lines)
    assert lines[1].startswith(r" 25% $'big\n中")
    assert lines[2] == "   ? unknown"


def test_the_total_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    line = shown(filled_bar(), 80, monkeypatch)[0]
    assert line.startswith("━")
    assert line.endswith(" 30% 30.0 MiB of 100.0 MiB  10.0 MiB/s  0:08 left  1 done")


def test_the_total_of_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(filled_bar(), 40, monkeypatch)[0] == "30% of 100.0 MiB  10.0 MiB/s  0:08 left"


def test_a_stream_of_unknown_length_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    bar = TransferBar(is_shown=True, clock=clock)
    bar.progress(5 * MIB, None)
    clock.now = 1.0
    assert shown(bar, 80, monkeypatch) == ["5.0 MiB  5.0 MiB/s"]


def test_the_speed_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    speed = Speed(clock)
    speeds = []
    for moved in (0, 100, 200, 300, 300, 300, 300, 300, 300, 300):
        clock.now += 1
        speeds.append(round(speed.add(moved)))
    assert speeds[3] == 75
    assert speeds[-1] == 0


@pytest.mark.parametrize(
    ("term", "is_terminal", "quiet", "moves"),
    [
        ("xterm", True, False, True),
        ("dumb", True, False, False),
        ("", True, False, False),
        ("xterm", False, False, False),
        ("xterm", True, True, False),
    ],
)
def test_where_lines_may_move(
    term: str, is_terminal: bool, quiet: bool, moves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal, raising=False)
    assert can_move(quiet=quiet) is moves


TOTALS = [
    (DirectoryResult(1, 3), 2.0, "upload", 0, "1 file uploaded, 3 B in 2.0 s, 1 B/s"),
    (
        DirectoryResult(2, 300 * MIB, 5, 1, 3),
        75.0,
        "copy",
        0,
        "2 files copied, 300.0 MiB in 1:15 min, 4.0 MiB/s, 5 unchanged, 1 deleted, 3 failed",
    ),
    (
        DirectoryResult(1, 30 * MIB),
        4000.0,
        "download",
        29 * MIB,
        "1 file downloaded, 30.0 MiB (29.0 MiB resumed) in 1:06:40, 262 B/s",
    ),
    (DirectoryResult(0, 0, 7), 1.0, "upload", 0, "0 files uploaded, 7 unchanged"),
    (DirectoryResult(deleted=1), 1.0, "delete", 0, "1 file deleted"),
]


@pytest.mark.parametrize(("result", "seconds", "kind", "resumed", "line"), TOTALS)
def test_the_last_line_has_the_numbers(
    result: DirectoryResult, seconds: float, kind: str, resumed: int, line: str
) -> None:
    assert total_line(result, seconds, kind=kind, resumed=resumed) == line
