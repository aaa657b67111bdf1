"""The report of a night: build/night/report.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.night.execution import Ending, Outcome, last_lines, log_of
from tests.night.record import Row

LINES = 40
"""of the log of each slice that failed"""


@dataclass(frozen=True, slots=True)
class Heading:
    """The tree that a night began with, and the numbers that repeat it."""

    tree: str
    commit: str
    date: str
    seed: int


def text(
    heading: Heading,
    names: Sequence[str],
    outcomes: Mapping[str, Outcome],
    earlier: Mapping[str, Row],
    folder: Path,
) -> str:
    """The report as Markdown.

    ``names`` are the slices that were asked for, ``outcomes`` those that ran, ``earlier`` the rows of those
    that passed on the same tree before; the logs are in ``folder``.
    """
    rows = [_cells(name, outcomes.get(name), earlier.get(name)) for name in names]
    failed = [name for name, outcome in outcomes.items() if outcome.ending is Ending.FAILED]
    lines = [
        "# Report of the night",
        "",
        f"- tree: `{heading.tree}`",
        f"- commit: `{heading.commit}`",
        f"- date: {heading.date}",
        f"- seed: {heading.seed}",
        f"- failed: {', '.join(failed) or 'none'}",
        "",
        "| slice | result | figure | seconds | processor seconds |",
        "| --- | --- | --- | ---: | ---: |",
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]
    for name in failed:
        lines += _end_of_log(name, log_of(folder, name))
    return "\n".join(lines) + "\n"


def _cells(name: str, outcome: Outcome | None, earlier: Row | None) -> tuple[str, ...]:
    """One row of the table."""
    if outcome is not None:
        times = (f"{outcome.seconds:.0f}", f"{outcome.processor:.0f}")
        return (name, outcome.ending.value, outcome.figure, *times)
    if earlier is not None:
        return (name, f"passed on this tree, {earlier.date}", earlier.figure, str(earlier.seconds), "")
    return (name, "not run", "", "", "")


def _end_of_log(name: str, log: Path) -> Iterator[str]:
    """The last lines of a log. Its fence is longer than any that a log may have in it."""
    yield from ("", f"## {name}", "", f"The end of `{log}`:", "", "~~~~~~~~text")
    yield from last_lines(log, LINES)
    yield "~~~~~~~~"
