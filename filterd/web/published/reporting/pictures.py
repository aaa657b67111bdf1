"""Places the parts of a chart; the template ``report/chart.html`` draws them as SVG. Pure.

Every chart has its table beside it. Parts differ by pattern and by label, never by colour alone; the text is
the page's, and nothing is wider than a telephone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from filterd.operations.reports.shape import ChartKind, Figure, FigureRow, FigureTable

WIDTH = 360
"""units of the drawing; a page shows it as wide as it has room"""
ROW, BAR, LEGEND = 36, 11, 18
"""heights: of a row with its label, of a bar, of a line of the legend"""
LONGEST_BAR, LONGEST_STACK = 250, 290
MOST_ROWS = 24
LONGEST_LABEL = 54
LEAST_POINTS = 2
"""of a line"""
MOST_SAID = 7
"""points of a line that have their number beside them"""
LEFT, RIGHT, TOP, BOTTOM = 14.0, 346.0, 30.0, 130.0
"""of a line's field"""
Say = Callable[[Figure], str]
Name = Callable[[FigureRow], str]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar: its pattern, from 0, and its place."""

    pattern: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar under its label, with its number behind it."""

    label: str
    y: int
    pieces: tuple[Piece, ...]
    said: str
    said_at: float


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a line."""

    x: float
    y: float
    label: str
    said: str
    anchor: str
    """``start``, ``middle``, ``end``"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart, placed."""

    id: str
    kind: str
    height: int
    legend: tuple[str, ...] = ()
    """the name of each pattern"""
    bars: tuple[Bar, ...] = ()
    runs: tuple[tuple[Point, ...], ...] = ()
    """of a line: the points between gaps"""
    left_off: int = 0


def picture(table: FigureTable, columns: Sequence[str], say: Say, name: Name) -> Picture | None:
    """The chart of a table; None: it has none, or nothing to show. ``columns``: the names of its columns."""
    chart = table.chart
    if chart is None or not table.rows:
        return None
    if chart.kind is ChartKind.LINE:
        return _line(table, chart.columns[0], say, name)
    if chart.kind is ChartKind.STACK:
        return _stack(table, chart.columns, columns, (say, name))
    return _bars(table, chart.columns[0], say, name)


def _number(figure: Figure) -> float:
    return float(figure.value) if isinstance(figure.value, int | float) else 0.0


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def _bars(table: FigureTable, column: int, say: Say, name: Name) -> Picture | None:
    rows = table.rows[:MOST_ROWS]
    most = max(_number(each.figures[column]) for each in rows)
    if most <= 0:
        return None
    bars = []
    for place, row in enumerate(rows):
        width = round(LONGEST_BAR * max(0.0, _number(row.figures[column])) / most, 1)
        piece = Piece(0, 0.0, width)
        bars.append(Bar(_cut(name(row)), place * ROW, (piece,), say(row.figures[column]), width + 6))
    return Picture(table.id, "bars", len(rows) * ROW, bars=tuple(bars), left_off=len(table.rows) - len(rows))


def _stack(
    table: FigureTable, chosen: Sequence[int], columns: Sequence[str], told: tuple[Say, Name]
) -> Picture | None:
    say, name = told
    legend = tuple(columns[each] for each in chosen)
    filled = [each for each in table.rows if sum(_number(each.figures[at]) for at in chosen) > 0]
    if not filled:
        return None
    rows, top = filled[:MOST_ROWS], len(legend) * LEGEND + 6
    bars = []
    for place, row in enumerate(rows):
        whole, x, pieces = sum(_number(row.figures[at]) for at in chosen), 0.0, []
        for pattern, at in enumerate(chosen):
            width = round(LONGEST_STACK * _number(row.figures[at]) / whole, 1)
            pieces.append(Piece(pattern, round(x, 1), width))
            x += width
        said = say(row.figures[chosen[0]])
        bars.append(Bar(_cut(name(row)), top + place * ROW, tuple(pieces), said, LONGEST_STACK + 6.0))
    height = top + len(rows) * ROW
    return Picture(table.id, "stack", height, legend, tuple(bars), left_off=len(filled) - len(rows))


def _line(table: FigureTable, column: int, say: Say, name: Name) -> Picture | None:
    told = [each.figures[column] for each in table.rows]
    most = max((_number(each) for each in told), default=0.0)
    if most <= 0 or len(told) < LEAST_POINTS:
        return None
    step = (RIGHT - LEFT) / max(1, len(told) - 1)
    every = len(told) <= MOST_SAID
    runs: list[list[Point]] = [[]]
    for place, (row, figure) in enumerate(zip(table.rows, told, strict=True)):
        if figure.value is None:
            runs.append([])
            continue
        last = place == len(told) - 1
        anchor = "start" if place == 0 else "end" if last else "middle"
        shown = every or place == 0 or last
        y = BOTTOM - (BOTTOM - TOP) * _number(figure) / most
        label = _short(name(row)) if shown else ""
        runs[-1].append(
            Point(round(LEFT + place * step, 1), round(y, 1), label, say(figure) if shown else "", anchor)
        )
    return Picture(table.id, "line", int(BOTTOM) + 26, runs=tuple(tuple(each) for each in runs if each))


def _short(text: str) -> str:
    return text.split(" ")[0][:3] + text[-3:] if len(text) > LONGEST_LABEL else text
