"""The chart of the bench: the figures of a run, and those of the page that the run wrote, are the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bench import chart
from bench.comparison import Found
from bench.figures import Figures
from bench.report import BEGIN, END, Report

SYSTEMS = ("bare", "filterd", "dnsdist", "unbound")
MACHINE = {"run": "5 rounds of 3 s", "processors": "2 x a processor", "filterd": "abc1234"}
PANELS = 4


def figures(rate: float, cpu: float) -> Figures:
    return Figures(rate, cpu, 1.0, 0, 0.1, 0, 0.9, 0.0)


def report() -> Report:
    """A run in which each system is another power of two."""
    made = Report(MACHINE)
    for workload in ("mix", "misses", "lines"):
        systems = SYSTEMS if workload != "misses" else SYSTEMS[1:]
        made.found.rounds[workload] = {
            name: [figures(1000.0 * 2**index, 0.25 * 2**index)] for index, name in enumerate(systems)
        }
    for task, names, each in (("empty", 0.0, 0.0), ("names", 5_000_000.0, 1e6)):
        made.found.loaded[task] = {
            name: {"seconds": 1.0, "bytes": 1e6 + names / 1e6 * each * (index + 1), "names": names}
            for index, name in enumerate(SYSTEMS)
        }
    made.found = Found(made.found.rounds, {}, made.found.loaded)
    return made


def page(made: Report) -> str:
    return f"# Benchmarks\n\n{BEGIN}\n\n{made.page()}\n{END}\n"


def shown(run: chart.Run) -> list[dict[str, str]]:
    """The texts of the bars."""
    return [
        {name: f"{value:,.{panel.digits}f}" for name, value in panel.figures.items() if name != "bare"}
        for panel in run.panels
    ]


def test_a_run_and_the_page_that_it_wrote_make_the_same_chart() -> None:
    made = report()
    run = json.loads(json.dumps(made.as_dict()))
    assert shown(chart.of_run(run)) == shown(chart.of_page(page(made)))
    assert shown(chart.of_run(run))[0] == {"filterd": "0.25", "dnsdist": "0.75", "unbound": "1.75"}


def test_the_longest_bar_is_that_of_the_largest_figure_and_all_say_their_figure() -> None:
    drawn = chart.drawing(chart.of_page(page(report())))
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawn)
    assert texts.count("filterd") == PANELS
    assert "1.75" in texts
    widths = [
        float(width) for width in re.findall(r'class="bar[^"]*" x="88" y="\d+" width="([\d.]+)"', drawn)
    ]
    assert max(widths[:3]) == widths[2]


def without(run: dict[str, Any], *keys: str) -> dict[str, Any]:
    for key in keys[:-1]:
        run = run[key]
    del run[keys[-1]]
    return run


@pytest.mark.parametrize("keys", [("workloads", "lines"), ("loaded", "names"), ("machine", "run")])
def test_a_part_of_a_run_makes_no_chart(keys: tuple[str, ...]) -> None:
    run = json.loads(json.dumps(report().as_dict()))
    without(run, *keys)
    with pytest.raises(chart.NoFiguresError):
        chart.of_run(run)


def test_a_page_without_a_run_makes_no_chart() -> None:
    with pytest.raises(chart.NoFiguresError):
        chart.of_page("# Benchmarks\n")


def test_the_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["chart", str(tmp_path / "bench.json")])
    assert chart.main() == 1
    assert "make bench" in capsys.readouterr().err
    (tmp_path / "bench.json").write_text(json.dumps(report().as_dict()))
    assert chart.main() == 0
    assert capsys.readouterr().out.startswith("<svg")
    monkeypatch.setattr("sys.argv", ["chart"])
    assert chart.main() == 2
