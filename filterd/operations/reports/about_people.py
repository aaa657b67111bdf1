"""Figures about people: take-up, consent, complaints, privacy, and the answers to authorities. Pure; the
definitions stand in ``docs/report-record.md``. A small number is never told."""

from __future__ import annotations

from collections import Counter

from filterd.model.report_record import AnswerRow, ReportRecord, RetentionRow
from filterd.operations.reports.measures import percentile, share
from filterd.operations.reports.shape import (
    Chart,
    ChartKind,
    FigureTable,
    Grid,
    Label,
    LabelKind,
    Unit,
    facts,
    key,
)

COUNT, SECONDS, SHARE, MOMENT, DAYS = Unit.COUNT, Unit.SECONDS, Unit.SHARE, Unit.MOMENT, Unit.DAYS
OPTED_IN, OPT_INS, OPT_OUTS, PROFILE = "take-up.opted-in", "opt-ins", "opt-outs", "take-up.profile:"
EVIDENCE = ("own", "shared", "repeated", "none")
_COMPLAINTS = (
    *("opened", "requests", "decided", "in_time", "upheld", "upheld_share", "median_days", "appealed"),
    *("appeals_decided", "effective"),
)
KINDS = ("mandatory", "parental", "security", "unknown")
_RETENTION = (("runs", COUNT), ("deleted", COUNT), ("untold", COUNT), ("last_at", MOMENT))
_CAPACITY = (("declared", COUNT), ("used", COUNT), ("share", SHARE))


def take_up(record: ReportRecord) -> tuple[FigureTable, FigureTable]:
    """The lines that opted in, month by month; and those of each profile at the end."""
    columns = {"opted_in": OPTED_IN, "opt_ins": OPT_INS, "opt_outs": OPT_OUTS}
    grid = Grid("take_up", tuple((name, COUNT) for name in columns))
    by = {(each.day[:7], each.subject): each.count for each in record.days}
    months = sorted({month for month, subject in by if subject in columns.values()})
    rows = [
        grid.row(
            month, Label(LabelKind.MONTH, month), tuple(by.get((month, each)) for each in columns.values())
        )
        for month in months
    ]
    last = max((each.day for each in record.days if each.subject == OPTED_IN), default="")
    profiles = Grid("profiles", (("lines", COUNT),))
    found = sorted(
        (each.subject.removeprefix(PROFILE), each.count)
        for each in record.days
        if each.day == last and each.subject.startswith(PROFILE)
    )
    shown = [profiles.row(key(name), Label(LabelKind.PROFILE, name), (count,)) for name, count in found]
    line = Chart(ChartKind.LINE, (0,))
    return grid.table(tuple(rows), line), profiles.table(tuple(shown), Chart(ChartKind.BARS, (0,)))


def consent(record: ReportRecord) -> FigureTable:
    """The evidence that the consent of lines rests on."""
    found = {each.subject: each.count for each in record.privacy}
    counts = [found.get(f"consent.{each}") for each in EVIDENCE]
    known = [each for each in counts if each is not None]
    whole = sum(known) if len(known) == len(counts) else None
    parts = ((name, count, COUNT) for name, count in zip(EVIDENCE, counts, strict=True))
    return facts("consent", *parts, ("shared_share", share(counts[1], whole), SHARE))


def complaints(record: ReportRecord) -> tuple[FigureTable, FigureTable]:
    """The requests to look at a block again, and their kinds."""
    found = {each.subject: each.count for each in record.complaints}
    units = {"median_days": DAYS, "upheld_share": SHARE}
    told = found | {"upheld_share": share(found.get("upheld"), found.get("decided"))}
    whole = facts("complaints", *((each, told.get(each), units.get(each, COUNT)) for each in _COMPLAINTS))
    grid = Grid("complaints_by", (("opened", COUNT),))
    rows = [
        grid.row(kind, Label(LabelKind.WORD, f"complaints_by.{kind}"), (found.get(f"kind.{kind}"),))
        for kind in KINDS
    ]
    return whole, grid.table(tuple(rows), Chart(ChartKind.BARS, (0,)))


def privacy(record: ReportRecord) -> FigureTable:
    """How the data of people were handled."""
    shown = [each for each in record.privacy if not each.subject.startswith("consent.")]
    parts = (
        (each.subject.replace(".", "-"), each.count, DAYS if each.subject.endswith("-days") else COUNT)
        for each in shown
    )
    return facts("privacy", *parts)


def retention(record: ReportRecord) -> FigureTable:
    """The deletions of what was past its term, by class of data."""
    grid, by = Grid("retention", _RETENTION), dict[str, list[RetentionRow]]()
    for each in record.retention:
        by.setdefault(each.data_class, []).append(each)
    rows = []
    for name in sorted(by):
        deleted = [each.deleted for each in by[name] if each.deleted is not None]
        values = (
            len(by[name]),
            sum(deleted),
            len(by[name]) - len(deleted),
            max(each.ran_at for each in by[name]),
        )
        rows.append(grid.row(key(name), Label(LabelKind.WORD, f"retention.{name}"), values))
    return grid.table(tuple(rows))


def answers(record: ReportRecord) -> FigureTable:
    """The answers to items of registers and platforms."""
    given = [each for each in record.answers if each.answered_at > 0]
    times = [round(max(0.0, each.answered_at - each.received_at), 3) for each in given]
    return facts(
        "answers",
        ("items", len(record.answers), COUNT),
        ("processed", sum(each.answer == "processed" for each in record.answers), COUNT),
        ("unprocessed", len(_refused(record)), COUNT),
        ("in_time", sum(not each.due_at or each.answered_at < each.due_at + 1 for each in given), COUNT),
        ("p50_seconds", percentile(times, 50), SECONDS),
        ("max_seconds", max(times, default=None), SECONDS),
    )


def _refused(record: ReportRecord) -> list[AnswerRow]:
    return [each for each in record.answers if each.answer == "unprocessed"]


def answers_by(record: ReportRecord, name: str) -> FigureTable:
    """The items that were not processed, by reason."""
    grid, found = Grid(name, (("items", COUNT),)), Counter(each.reason for each in _refused(record))
    rows = [
        grid.row(key(reason), Label(LabelKind.WORD, f"reason.{key(reason)}"), (found[reason],))
        for reason in sorted(found)
    ]
    return grid.table(tuple(rows), Chart(ChartKind.BARS, (0,)))


def refusals(record: ReportRecord) -> FigureTable:
    """The number of items that were not processed."""
    return facts("refusals", ("unprocessed", len(_refused(record)), COUNT))


def capacity(record: ReportRecord) -> FigureTable:
    """The room for the entries of each authority."""
    grid = Grid("capacity", _CAPACITY)
    rows = [
        grid.row(
            f"{key(each.authority)}.{key(each.kind)}",
            Label(LabelKind.AUTHORITY, each.authority, each.kind),
            (each.declared, each.used, share(each.used, each.declared)),
        )
        for each in sorted(record.capacity, key=lambda row: (row.authority, row.kind))
    ]
    return grid.table(tuple(rows), Chart(ChartKind.BARS, (2,)))
