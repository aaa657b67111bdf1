"""The rules that all figures of reports share (``docs/report-record.md``). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from filterd.model.report_record import EffectRow, RecordHead
from filterd.operations.reports.shape import Unit, Value

DAY = 86_400.0


def in_range(head: RecordHead, at: float) -> bool:
    """True for a moment in the range."""
    return head.begins_at <= at < head.ends_at


def now_of(head: RecordHead) -> float:
    """The moment for which the record stands."""
    return min(head.made_at, head.ends_at)


def percentile(values: Iterable[float], percent: int) -> float | None:
    """The nearest rank: of n values in ascending order, the one at place ``ceil(percent * n / 100)``."""
    every = sorted(values)
    if not every:
        return None
    return every[max(1, -(-percent * len(every) // 100)) - 1]


def share(part: float | None, whole: float | None) -> float | None:
    """The part of a whole, to 4 decimals; None of nothing, and of what is not told."""
    return round(part / whole, 4) if whole and part is not None else None


def told(count: int, least: int) -> int | None:
    """A number about people; None for a small one."""
    return None if 0 < count < least else count


def told_part(count: int, whole: int, least: int) -> int | None:
    """A number of those of a whole that is told itself: None where it, or the rest, is small."""
    if told(whole, least) is None or told(whole - count, least) is None:
        return None
    return told(count, least)


def told_apart(counts: dict[str, int], least: int) -> dict[str, int | None]:
    """The counts of parts whose sum is told. Where some are small, the smallest of the others go with them
    until those that are not told are several, and ``least`` together."""
    shown = {name: told(count, least) for name, count in counts.items()}
    others = sorted((name for name, count in shown.items() if count), key=lambda name: counts[name])
    hidden = [name for name, count in shown.items() if count is None]
    while hidden and others and (len(hidden) == 1 or sum(counts[each] for each in hidden) < least):
        hidden.append(others.pop(0))
    return {name: None if name in hidden else count for name, count in shown.items()}


def told_sum(parts: Iterable[int | None]) -> int | None:
    """The sum of numbers about people; None of none, and where one of them is not told."""
    every = list(parts)
    known = [each for each in every if each is not None]
    return sum(known) if known and len(known) == len(every) else None


def spans(times: Sequence[float]) -> list[tuple[str, Value, Unit]]:
    """The rows that tell how long something took."""
    rounded = [round(each, 3) for each in times]
    found: list[tuple[str, Value, Unit]] = [
        (f"p{each}_seconds", percentile(rounded, each), Unit.SECONDS) for each in (50, 90, 99)
    ]
    return [*found, ("max_seconds", max(rounded, default=None), Unit.SECONDS)]


def counting(effects: Iterable[EffectRow], head: RecordHead, kind: str) -> list[EffectRow]:
    """The effects of a kind that were due in the range, and that no other one overtook."""
    now = now_of(head)
    return [
        each
        for each in effects
        if each.kind == kind
        and in_range(head, each.due_at)
        and each.due_at < now
        and each.everywhere_at != -1
    ]


def times_of(effects: Iterable[EffectRow]) -> list[float]:
    """The seconds from the moment when an effect was due until every node had it."""
    return [max(0.0, each.everywhere_at - each.due_at) for each in effects if each.everywhere_at > 0]
