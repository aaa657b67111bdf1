"""The worst answers in the report: the cost of each, before and now, and what a flood of it costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import worst, worst_floods
from bench.rounds import Bench
from bench.shapes import SHAPES

KEPT = Path(__file__).parents[1] / "worst-before.json"
"""the figures of an older tree, kept to be compared with"""


@dataclass(frozen=True, slots=True)
class Worst:
    """Costs in process, and floods."""

    rows: Sequence[worst.Row]
    floods: Sequence[worst_floods.Flood]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rows": [each.as_dict() for each in self.rows],
            "floods": [each.as_dict() for each in self.floods],
        }

    def lines(self) -> list[str]:
        """Both tables in Markdown."""
        before = kept(KEPT)
        rows, floods = worst.table(self.rows, before.rows), worst_floods.table(self.floods, before.floods)
        return [*rows, "", *floods]


def kept(path: Path) -> Worst:
    """The figures of a report that was kept, none where there is no such file."""
    if not path.exists():
        return Worst((), ())
    value = json.loads(path.read_text(encoding="utf-8"))["worst"]
    rows = [worst.from_dict(each) for each in value["rows"]]
    return Worst(rows, [worst_floods.from_dict(each) for each in value["floods"]])


def measure_worst(bench: Bench, tell: Callable[[str], None]) -> Worst:
    """All of them, each told when it is known."""
    rows, floods = [], []
    for shape in SHAPES:
        rows += worst.measure([shape])
        tell("  " + worst.table(rows[-1:])[-1])
    for each in worst_floods.measure(bench.generator, bench.work, bench.seconds):
        floods.append(each)
        tell("  " + worst_floods.table([each])[-1])
    return Worst(rows, floods)
