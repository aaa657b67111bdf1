"""The table of a campaign: what each case brought, and what was said side by side at its worst."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.chaos.case import AGREEMENT, ENFORCEMENT, Outcome

COLUMNS = (
    *("case", "rounds", "bad", "questions", "unfiltered", "blocked without right", "lost"),
    *("worst disagreement", "seconds"),
)


def rows_of(outcomes: Iterable[Outcome]) -> list[tuple[str, ...]]:
    """A row for each case, and one for all."""
    by_case: defaultdict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        by_case[each.case].append(each)
    rows = [_row(case, by_case[case]) for case in sorted(by_case)]
    every = [each for some in by_case.values() for each in some]
    return [*rows, _row("all", every)] if every else []


def _row(case: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    return (
        case,
        str(len(outcomes)),
        str(sum(not each.good for each in outcomes)),
        str(sum(each.questions for each in outcomes)),
        str(sum(each.unfiltered for each in outcomes)),
        str(sum(each.without_right for each in outcomes)),
        str(sum(each.lost for each in outcomes)),
        f"{max(each.worst for each in outcomes):.1f} s",
        f"{sum(each.seconds for each in outcomes) / len(outcomes):.1f}",
    )


def plain(outcomes: Sequence[Outcome]) -> str:
    """The table for a terminal."""
    rows = [COLUMNS, *rows_of(outcomes)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width)
                  for at, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )  # fmt: skip


def write_report(path: Path, outcomes: Sequence[Outcome], seed: int) -> None:
    """Write the table, and what was said side by side, as Markdown."""
    lines = [
        "# Fault campaign",
        "",
        f"{len(outcomes)} rounds, seed {seed}. *Unfiltered* counts answers with the upstream's address for a",
        f"name whose order had been acknowledged {ENFORCEMENT:.0f} s before, or before the resolver started.",
        "*Blocked without right* counts blocks of a name whose order was withdrawn, or of a line that had",
        "opted out, a second after that was acknowledged. *Lost* counts acknowledged changes that did not",
        "hold in the end, and of which nothing said that they were lost. *Worst disagreement* is the",
        "longest time for which a part called in force what DNS served, or after the recovery two parts said",
        f"different things; the bound is {AGREEMENT:.0f} s.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "| --- |" + " ---: |" * (len(COLUMNS) - 1),
        *("| " + " | ".join(row) + " |" for row in rows_of(outcomes)),
        "",
        "## Side by side",
        "",
        "The longest contradiction of each case, also during the fault, and what each part said at its end.",
        "",
        "| case | for | contradiction and what was said |",
        "| --- | ---: | --- |",
    ]
    for case in sorted({each.case for each in outcomes}):
        worst = max((each for each in outcomes if each.case == case), key=lambda each: each.longest)
        told = worst.longest_what.replace("|", "/") or "none"
        lines.append(f"| {case} | {worst.longest:.1f} s | {told} |")
    bad = [each for each in outcomes if not each.good]
    if bad:
        lines += ["", "## Rounds that were bad", "", "| round | case | what |", "| ---: | --- | --- |"]
        lines += [f"| {each.round} | {each.case} | {in_a_line(each)} |" for each in bad]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def sums(outcomes: Sequence[Outcome]) -> str:
    """The figures of all rounds in a line."""
    return (
        f"{sum(each.questions for each in outcomes):,} questions,"
        f" {sum(each.unfiltered for each in outcomes)} unfiltered,"
        f" {sum(each.without_right for each in outcomes)} blocked without right,"
        f" {sum(each.lost for each in outcomes)} lost without being said,"
        f" longest contradiction {max((each.worst for each in outcomes), default=0.0):.1f} s"
    )


def in_a_line(outcome: Outcome) -> str:
    """Why a round was bad."""
    told = list(dict.fromkeys(outcome.failures))
    if outcome.worst > outcome.agreement:
        told.append(f"for {outcome.worst:.1f} s {outcome.what}")
    return "; ".join(" ".join(each.split())[:300] for each in told[:5]).replace("|", "/")
