"""The report: lines as they come, build/bench.json, and the table of docs/benchmarks.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from textwrap import wrap
from typing import Any

from bench import flood
from bench.bars import Row, Swap, above_bare
from bench.comparison import Found, per_million
from bench.figures import Figures, median
from bench.rounds import describe
from bench.worst_report import Worst

BEGIN = "<!-- written by make bench BENCH=--write -->"
END = "<!-- end -->"
WORST_BEGIN = '<!-- written by make bench BENCH="--only worst --write" -->'
WORST_END = "<!-- end of the worst answers -->"
ABOUT_WORST = ("processors", "kernel", "filterd")


def say(text: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Report:
    """Everything that a run found."""

    machine: dict[str, str]
    found: Found = field(default_factory=Found)
    alone: dict[str, Any] = field(default_factory=dict)
    """what was measured of filterd alone"""
    swap: Swap | None = None
    worst: Worst | None = None
    bars: Sequence[Row] = ()
    not_run: list[tuple[str, str]] = field(default_factory=list)

    def skip(self, what: str, why: str) -> None:
        """Note what could not be run."""
        self.not_run.append((what, why))
        say(f"not run: {what}: {why}")

    def note(self, what: str, values: dict[str, float]) -> None:
        """Take and print what was measured of filterd alone."""
        self.alone[what] = values
        say(f"  {what}: {_plain(values)}")

    def finish(self, path: Path) -> None:
        """Print the medians, the bars and what was not run, and write all of it as JSON."""
        for workload, systems in self.found.rounds.items():
            say(f"medians, {workload}:")
            for name, rounds in systems.items():
                say("  " + describe(name, median(rounds)))
        if self.found.floods:
            say("medians, flood:")
        for name, floods in self.found.floods.items():
            say("  " + flood.describe(name, flood.middle(floods)))
        say(f"bars ({self.machine.get('run', '')}):")
        for row in self.bars:
            say(f"  {row.what:<52} {row.bar:<44} {row.measured:<64} {row.verdict}")
        for what, why in self.not_run:
            say(f"not run: {what}: {why}")
        path.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        say(f"all of it: {path}")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "machine": self.machine,
            **self.found.as_dict(),
            "filterd": self._alone(),
            **({} if self.worst is None else {"worst": self.worst.as_dict()}),
            "bars": [{**asdict(row), "verdict": row.verdict} for row in self.bars],
            "not_run": [{"what": what, "why": why} for what, why in self.not_run],
        }

    def _alone(self) -> dict[str, Any]:
        return {**self.alone, **({} if self.swap is None else {"swap": self.swap.as_dict()})}

    def page(self) -> str:
        """The part of docs/benchmarks.md that a run writes."""
        lines = _items(f"{name}: {value}" for name, value in self.machine.items())
        lines += ["", "| bar | wanted | measured | |", "| --- | --- | --- | --- |"]
        lines += [f"| {row.what} | {row.bar} | {row.measured} | {row.verdict} |" for row in self.bars]
        lines += [
            "",
            "Medians of the rounds:",
            "",
            "| workload | system | answers/s | answers per CPU s | CPU µs, user + system | above bare "
            "| p50, p99 ms at half load | lost | batch | generator | others |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for workload in self.found.rounds:
            medians = self.found.medians(workload)
            lines += [_line(workload, name, medians) for name in medians]
        lines += ["", "| list | system | first answer after | memory | MB per million names |"]
        lines += ["| --- | --- | --- | --- | --- |", *self._loads()]
        lines += ["", "| others during a flood | lost | p50, p99 ms | worst ms | answered of the flood |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        lines += [_flood_line(name, flood.middle(rounds)) for name, rounds in self.found.floods.items()]
        lines += ["", *_items(f"{name}: {_plain(value)}" for name, value in self._alone().items())]
        lines += ["", *_items(f"not run: {what}: {why}" for what, why in self.not_run), ""]
        return "\n".join(lines)

    def _loads(self) -> list[str]:
        lines = []
        for task, systems in self.found.loaded.items():
            names = per_million(self.found, task)
            for name, each in systems.items():
                million = f"{names[name] / 1e6:.1f}" if name in names else "-"
                lines.append(
                    f"| {task} ({each['names']:,.0f}) | {name} | {each['seconds']:.2f} s "
                    f"| {each['bytes'] / 1e6:.0f} MB | {million} |"
                )
        return lines

    def write(self, page: Path) -> None:
        """Put what was measured into the page: the systems and filterd alone, and the worst answers."""
        text = page.read_text(encoding="utf-8")
        if self.found.rounds or self._alone():
            text = _replaced(text, BEGIN, END, self.page())
        if self.worst is not None:
            lines = _items(f"{name}: {self.machine[name]}" for name in ABOUT_WORST if name in self.machine)
            lines += ["", *self.worst.lines(), ""]
            text = _replaced(text, WORST_BEGIN, WORST_END, "\n".join(lines))
        page.write_text(text, encoding="utf-8")


def _replaced(text: str, begin: str, end: str, content: str) -> str:
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n\n{content}\n{end}{tail}"


def _line(workload: str, name: str, medians: dict[str, Figures]) -> str:
    each = medians[name]
    above = above_bare(medians, name)
    cells = [
        workload,
        name,
        f"{each.rate:,.0f}",
        "-" if each.per_processor is None else f"{each.per_processor:,.0f}",
        f"{each.user:.2f} + {each.system:.2f}",
        "-" if above is None or name == "bare" else f"{above:.2f}",
        "-" if each.p50 is None or each.p99 is None else f"{each.p50:.3f}, {each.p99:.3f}",
        f"{each.lost:.0f}",
        "not reported" if each.batch is None else f"{each.batch:.1f}",
        f"{each.generator:.0%}",
        f"{each.others:.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _flood_line(name: str, each: flood.Flooded) -> str:
    latency = "-, - | -"
    if each.p50 is not None and each.p99 is not None and each.worst is not None:
        latency = f"{each.p50:.3f}, {each.p99:.3f} | {each.worst:.1f}"
    return f"| {name} | {each.lost:.2%} | {latency} | {each.flood_answered:.1%} |"


def _items(texts: Iterable[str]) -> list[str]:
    """The lines of a list, none longer than a document may have."""
    return [
        line
        for text in texts
        for line in wrap(
            f"- {text}", 100, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    ]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)
