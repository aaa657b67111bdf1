"""The bench as a chart: a few of its figures for each system, as SVG.

``python -m bench.chart build/bench.json >bench.svg`` draws any run. The chart of the README is that of the
last run in docs/benchmarks.md, which ``make bench BENCH=--write`` writes from the same figures.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bench.report import BEGIN, END

MEGABYTE = 1e6
WIDTH = 480
LEFT = 88
ROOM = 80
"""for the figure behind the longest bar"""
ROW = 22
HEAD = 48
OURS = "filterd"
BASE = "bare"
"""the responder that decides nothing: what it costs is the kernel's"""


class NoFiguresError(ValueError):
    """A run or page without what the chart shows."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One comparison: a title, what is better, and a figure for each system."""

    title: str
    better: str
    figures: Mapping[str, float]
    digits: int


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one run that are drawn, and which run that was."""

    about: str
    panels: Sequence[Panel]


def of_run(run: Mapping[str, Any]) -> Run:
    """The chart's figures of build/bench.json. Raises NoFiguresError."""
    try:
        medians = {
            workload: {name: each["median"] for name, each in systems.items()}
            for workload, systems in run["workloads"].items()
        }
        floor = medians["mix"][BASE]["cpu"]
        memory = run["loaded"]["names"]
        empty = run["loaded"]["empty"]
        return _run(
            run["machine"],
            {name: each["cpu"] - floor for name, each in medians["mix"].items() if name != BASE},
            {name: each["rate"] for name, each in medians["misses"].items()},
            {name: each["rate"] for name, each in medians["lines"].items() if name != BASE},
            {
                name: (each["bytes"] - empty[name]["bytes"]) / each["names"]
                for name, each in memory.items()
                if name != BASE
            },
        )
    except KeyError as error:
        message = f"the run has no {error}: a full run has it (make bench)"
        raise NoFiguresError(message) from error


def of_page(text: str) -> Run:
    """The chart's figures of the last run in docs/benchmarks.md. Raises NoFiguresError."""
    part = text.partition(BEGIN)[2].partition(END)[0]
    machine = dict(re.findall(r"^- (run|processors|filterd): ([^\n]+(?:\n  [^\n]+)*)", part, re.MULTILINE))
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    if not machine or not rows:
        message = "the page has no last run: make bench BENCH=--write"
        raise NoFiguresError(message)
    return _run(
        machine,
        _column(rows, "mix", 5),
        _column(rows, "misses", 2),
        {name: rate for name, rate in _column(rows, "lines", 2).items() if name != BASE},
        _column(rows, "names (", 4),
    )


def _column(rows: Sequence[Sequence[str]], first: str, index: int) -> dict[str, float]:
    """A column of the rows of one workload or list, by system; ``-`` is left out."""
    chosen = [row for row in rows if row[0] == first or (first.endswith("(") and row[0].startswith(first))]
    return {row[1]: float(row[index].replace(",", "")) for row in chosen if row[index] != "-"}


def _run(
    machine: Mapping[str, str],
    above: Mapping[str, float],
    misses: Mapping[str, float],
    lines: Mapping[str, float],
    memory: Mapping[str, float],
) -> Run:
    about = " ".join(f"{machine['run']}; {machine['processors']}; filterd {machine['filterd']}".split())
    return Run(
        about,
        (
            Panel("Processor time for a query, µs", "above a bare responder; less is better", above, 2),
            Panel("Answers a second, 100,000 lines", "one processor; more is better", lines, 0),
            Panel("Cache misses forwarded a second", "one processor; more is better", misses, 0),
            Panel("Memory for a million names, MB", "of a list of five million; less is better", memory, 1),
        ),
    )


def drawing(run: Run) -> str:
    """The chart as SVG. The text of each bar says what it shows: colour never does alone."""
    parts: list[str] = []
    y = 16
    for panel in run.panels:
        parts += _panel(panel, y)
        y += HEAD + ROW * len(panel.figures) + 10
    for line in _filled(run.about):
        parts.append(f'<text class="small" x="16" y="{y + 8}">{escape(line)}</text>')
        y += 15
    height = y + 10
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img">',
            "<title>filterd and its peers, measured in one run</title>",
            "<style>",
            "text { font: 13px system-ui, sans-serif; fill: #1f2328 }",
            ".title { font-weight: 600; font-size: 15px } .small { font-size: 11px; fill: #59636e }",
            ".ours { font-weight: 700 } .card { fill: #fff; stroke: #d1d9e0 }",
            ".bar { fill: #9aa5b1 } .bar.ours { fill: #1a7f37 }",
            "@media (prefers-color-scheme: dark) {",
            "text { fill: #e6edf3 } .small { fill: #9198a1 } .card { fill: #0d1117; stroke: #3d444d }",
            ".bar { fill: #656c76 } .bar.ours { fill: #3fb950 } }",
            "</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _panel(panel: Panel, y: int) -> list[str]:
    if OURS not in panel.figures:
        message = f"{panel.title}: nothing was measured of filterd"
        raise NoFiguresError(message)
    parts = [
        f'<text class="title" x="16" y="{y + 14}">{escape(panel.title)}</text>',
        f'<text class="small" x="16" y="{y + 30}">{escape(panel.better)}</text>',
    ]
    most = max(panel.figures.values())
    names = sorted(panel.figures, key=lambda name: (name != OURS, name))
    for row, name in enumerate(names):
        value = panel.figures[name]
        top = y + HEAD - 10 + ROW * row
        long = max(1.0, (WIDTH - LEFT - ROOM) * value / most) if most > 0 else 1.0
        kind = " ours" if name == OURS else ""
        parts += [
            f'<text class="name{kind}" x="16" y="{top + 13}">{escape(name)}</text>',
            f'<rect class="bar{kind}" x="{LEFT}" y="{top + 2}" width="{long:.1f}" height="15" rx="2"/>',
            f'<text class="name{kind}" x="{LEFT + long + 6:.1f}" y="{top + 13}">'
            f"{value:,.{panel.digits}f}</text>",
        ]
    return parts


def _filled(text: str, width: int = 78) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def main() -> int:
    """Draw the run whose file is named; the exit status."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m bench.chart build/bench.json >bench.svg\n")
        return 2
    try:
        run = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        sys.stdout.write(drawing(of_run(run)))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"no chart: {error}\nnext: make bench writes build/bench.json\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
