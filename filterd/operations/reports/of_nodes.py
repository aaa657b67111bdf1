"""Reads the rows of a record that are about nodes and lists, and the counts of days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model import signed_text
from filterd.model.audit_chain import AuditEntry
from filterd.model.mandatory import label_of
from filterd.model.report_record import CountDayRow, ListPeriodRow, ListRow, NodeStateRow
from filterd.model.signed_text import SignedTextError
from filterd.operations.context import Context
from filterd.operations.feeds import listing
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.reports.about_nodes import NAMES, ORDERS
from filterd.operations.reports.about_people import OPT_INS, OPT_OUTS, OPTED_IN, PROFILE
from filterd.operations.reports.measures import told, told_apart
from filterd.operations.trail.node_evidence import STATE
from filterd.policy.documents import Use
from filterd.store import feeds, node_history, statements, take_up, told_rows

DECEMBER = 12


async def states(context: Context, begins_at: float, now: float) -> tuple[NodeStateRow, ...]:
    """The changes of availability in the range, and the newest one of each node before it."""
    async with context.store.read() as connection:
        entries = await told_rows.entries(connection, (STATE,))
    before: dict[str, NodeStateRow] = {}
    found: list[NodeStateRow] = []
    for row in sorted(_states(entries), key=lambda each: each.since):
        if row.since <= begins_at:
            before[row.node] = row
        elif row.since < now:
            found.append(row)
    return (*before.values(), *found)


def _states(entries: Iterable[AuditEntry]) -> Iterator[NodeStateRow]:
    for each in entries:
        after = each.after or {}
        try:
            since = datetime.fromisoformat(str(after.get("since", ""))).timestamp()
        except ValueError:
            since = each.at
        yield NodeStateRow(each.subject.partition(":")[2], str(after.get("state", "")), since)


async def periods(context: Context, begins_at: float, now: float) -> tuple[ListPeriodRow, ...]:
    """The versions of lists that ran on nodes in the range."""
    async with context.store.read() as connection:
        found = await node_history.periods(connection)
    return tuple(
        ListPeriodRow(
            each.node,
            each.label,
            each.version,
            each.digest,
            each.since,
            each.until if each.until < now else 0.0,
        )
        for each in found
        if each.since < now and not 0 < each.until <= begins_at
    )


async def lists(context: Context, now: float) -> tuple[ListRow, ...]:
    """The lists in use that were in force at ``now``, each with its version of then, by the trail."""
    async with context.store.read() as connection:
        versions = await feeds.recorded(connection, before=now)
    return tuple(
        _list(each, versions[each.feed.id])
        for each in await listing.figures(context)
        if each.version is not None and not each.off and not each.feed.observe and versions.get(each.feed.id)
    )


def _list(status: FeedStatus, version: Mapping[str, Any]) -> ListRow:
    feed, terms = status.feed, status.feed.mandatory
    confidential = terms is not None and terms.confidential
    open_terms = None if confidential else terms
    kind = "security" if feed.security else "category" if feed.use is Use.CATEGORY else feed.use.value
    return ListRow(
        label=label_of(feed.id, confidential=confidential),
        kind=kind,
        confidential=confidential,
        authority="" if open_terms is None else open_terms.authority,
        ground="" if open_terms is None else open_terms.ground,
        category=feed.category or "",
        version=int(version["version"]),
        digest=str(version["digest"]),
        names=int(version["names"]),
    )


async def days(context: Context, first: date, until: date, least: int) -> tuple[CountDayRow, ...]:
    """The counts of the days from ``first`` on to before ``until``: of mandatory blocking with the newest day
    before; of take-up by whole months."""
    async with context.store.read() as connection:
        counted = await take_up.between(connection, first.isoformat(), until.isoformat())
    return (*await blocking(context, first, until), *_take_up(counted, first, until, least))


async def blocking(context: Context, first: date, until: date) -> tuple[CountDayRow, ...]:
    """The counts of mandatory blocking, by the statements of these days and of the newest day before."""
    async with context.store.read() as connection:
        return tuple(await _blocking(connection, first.isoformat(), until.isoformat()))


async def _blocking(connection: AsyncConnection, first: str, until: str) -> list[CountDayRow]:
    found: dict[str, dict[str, Any]] = {}
    after = ""
    while some := await statements.page(connection, after=after, limit=200):
        after = some[-1].day
        for each in some:
            if each.day < first:
                found.clear()  # the newest day before the range alone
            if each.day < until:
                found[each.day] = _body(each.text)
    return [row for day in sorted(found) if found[day] for row in _counts(day, found[day])]


def _body(text: str) -> dict[str, Any]:
    try:
        return signed_text.read(text).body
    except SignedTextError:
        return {}  # ``audit verify`` says so


def _counts(day: str, body: dict[str, Any]) -> Iterator[CountDayRow]:
    orders = body["orders"]["in_force"]
    names = sum(each["names"] for each in body["lists"] if each["kind"] == "mandatory")
    yield CountDayRow(day, NAMES, orders["entries"] + names)
    yield CountDayRow(day, ORDERS, orders["orders"])


def _take_up(
    counted: Iterable[tuple[str, str, int]], first: date, until: date, least: int
) -> Iterator[CountDayRow]:
    months: dict[str, dict[str, dict[str, int]]] = {}
    for day, subject, count in counted:
        if _is_whole(day, first, until):
            months.setdefault(day[:7], {}).setdefault(day, {})[subject] = count
    for every in months.values():
        ends = [day for day, found in every.items() if OPTED_IN in found]
        yield from _month(max(ends or every), every, least)


def _is_whole(day: str, first: date, until: date) -> bool:
    """True if the month of a day lies in the range."""
    begins = date.fromisoformat(day).replace(day=1)
    late = begins.month == DECEMBER
    following = date(begins.year + late, 1 if late else begins.month + 1, 1)
    return first <= begins and following <= until


def _month(day: str, every: dict[str, dict[str, int]], least: int) -> Iterator[CountDayRow]:
    """The rows of a month. Where one of the lines that began and those that ended are few, neither is told:
    the difference of two months would tell it."""
    found = every[day]
    flows = {each: sum(some.get(each, 0) for some in every.values()) for each in (OPT_INS, OPT_OUTS)}
    few = any(told(count, least) is None for count in flows.values())
    for subject, count in flows.items():
        yield CountDayRow(day, subject, None if few else count)
    if OPTED_IN in found:
        yield CountDayRow(day, OPTED_IN, told(found[OPTED_IN], least))
    profiles = {subject: count for subject, count in found.items() if subject.startswith(PROFILE)}
    for subject, shown in told_apart(profiles, least).items():
        yield CountDayRow(day, subject, shown)
