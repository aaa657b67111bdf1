"""Statements about what is past its term, class by class; none of them knows why it is kept so long.

Every statement deletes a bounded number of rows, so that a write that waits behind it is not late.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    String,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.store import change_log, preservation
from filterd.store.portal_tables import pin_tries, portal_session, sign_in_link
from filterd.store.preservation_tables import preservation_hold
from filterd.store.review_tables import review, review_request
from filterd.store.tables import (
    answered_request,
    arco_request,
    audit,
    change,
    head,
    line_state,
    own_name,
    request,
    token,
    view_code,
)

ROWS_AT_ONCE = 1_000


Key = int | str
_Terms = tuple[Table, ColumnElement[float], ColumnElement[bool]]
_LINES: dict[str, ColumnElement[int]] = {"consent": request.c.line, "arco": arco_request.c.line}
"""the line that a row of a class belongs to"""


@dataclass(frozen=True, slots=True)
class HeldRows:
    """The rows of a class: how many there are, how many are past the term, and the time that the oldest of
    them counts from (Unix seconds; 0: none counts). ``on_hold``: those past the term that a preservation hold
    keeps; they are not among ``due``."""

    rows: int
    due: int
    oldest: float
    on_hold: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """The condition that a row of the class ``name`` is past its term at ``now``, and nothing holds it. Times
    are Unix seconds."""

    name: str
    now: float
    before: float
    """rows that count from an earlier time are past the term"""
    ends: Sequence[str] = ()
    """kinds of requests that end consent"""


async def kept(connection: AsyncConnection, past: Past) -> HeldRows:
    """The rows of a class."""
    table, since, over = _class(past.name, past.ends)
    query = select(func.count(), func.coalesce(func.min(since).filter(over), 0.0)).select_from(table)
    rows, oldest = (await connection.execute(query)).one()
    on_hold = await _count(connection, past, _held(past))
    return HeldRows(int(rows), await count_due(connection, past), float(oldest), on_hold)


async def count_due(connection: AsyncConnection, past: Past) -> int:
    """The number of rows of a class that are past the term, and not held."""
    return await _count(connection, past, ~_held(past))


async def _count(connection: AsyncConnection, past: Past, condition: ColumnElement[bool]) -> int:
    table, _, _ = _class(past.name, past.ends)
    query = select(func.count()).select_from(table).where(_due(past.name, past.before, past.ends), condition)
    return int((await connection.execute(query)).scalar_one())


def _held(past: Past) -> ColumnElement[bool]:
    """The condition that a preservation hold keeps a row."""
    table, _, _ = _class(past.name, past.ends)
    return preservation.held(past.name, past.now, _LINES.get(past.name), table)


async def due_keys(
    connection: AsyncConnection, past: Past, after: Key | None
) -> tuple[list[Key], Key | None]:
    """The keys of the rows past the term among the next :data:`ROWS_AT_ONCE` rows behind ``after``, and the
    key to go on behind; None: that was the end."""
    table, _, _ = _class(past.name, past.ends)
    key = next(iter(table.primary_key.columns))
    window = select(key).order_by(key).limit(ROWS_AT_ONCE)
    if after is not None:
        window = window.where(key > after)
    looked_at = list((await connection.execute(window)).scalars())
    if not looked_at:
        return [], None
    inside = key.between(looked_at[0], looked_at[-1])
    due = _due(past.name, past.before, past.ends)
    found = list((await connection.execute(select(key).where(inside, due, ~_held(past)))).scalars())
    return found, looked_at[-1] if len(looked_at) == ROWS_AT_ONCE else None


async def delete_keys(connection: AsyncConnection, past: Past, keys: Sequence[Key]) -> int:
    """Delete rows that are past the term, which they stay whatever happens meanwhile, but those that somebody
    has come to hold; return how many."""
    table, _, _ = _class(past.name, ())
    key = next(iter(table.primary_key.columns))
    return int((await connection.execute(delete(table).where(key.in_(keys), ~_held(past)))).rowcount)


def _due(name: str, before: float, ends: Sequence[str]) -> ColumnElement[bool]:
    """The condition that a row is past the term. No consent ends before its request: that is looked at first,
    and is no for nearly all rows."""
    _, since, over = _class(name, ends)
    if name == "consent":
        return and_(request.c.at < before, over, since < before)
    return and_(over, since < before)


def _class(name: str, ends: Sequence[str]) -> _Terms:
    """The table of a class, the time that a row's term counts from, and the condition that it counts."""
    if name == "consent":
        return request, _consent_ended(ends), _consent_ended(ends).is_not(None)
    if name == "changes":
        # The newest change stays: it is where every node stands.
        return change, change.c.at, change.c.revision < select(head.c.revision).scalar_subquery()
    if name == "arco":
        return arco_request, arco_request.c.closed_at, arco_request.c.closed_at > 0
    if name == "tokens":
        ended = case((token.c.revoked_at > 0, token.c.revoked_at), else_=token.c.expires_at)
        return token, ended, true()
    if name == "codes":
        return view_code, view_code.c.expires_at, true()
    if name == "reviews":
        closed = _closed_review(review.c.closed_at)
        return review_request, closed, closed > 0
    if name == "review_outcomes":
        return review, review.c.closed_at, review.c.closed_at > 0
    if name == "repeats":
        return answered_request, answered_request.c.at, true()
    if name == "pin_tries":
        return pin_tries, pin_tries.c.at, true()
    return _with_lines(name)


def _with_lines(name: str) -> _Terms:
    """The table of a class whose rows take those of their lines with them."""
    if name == "holds":
        ended = preservation_hold.c.ended_at
        return preservation_hold, case((ended > 0, ended), else_=preservation_hold.c.until), true()
    table: Table = {"links": sign_in_link, "portal_sessions": portal_session}[name]
    return table, table.c.expires_at, true()


def _closed_review(closed_at: ColumnElement[float]) -> ColumnElement[float]:
    """The time at which the review of a request was closed."""
    return select(closed_at).where(review.c.number == review_request.c.review).scalar_subquery()


def _consent_ended(ends: Sequence[str]) -> ColumnElement[float]:
    """The time at which the consent ended that a request is evidence of; null while it lasts.

    It is the first end after the request: one that is on record as a request, or an entry of the audit trail.
    The newest opt-in of a line that is opted in, and what came after it, is evidence of the present consent.
    """
    other, opted = request.alias("other"), request.alias("opted")
    by_request = (
        select(func.min(other.c.at))
        .where(other.c.line == request.c.line, other.c.kind.in_(ends), other.c.id >= request.c.id)
        .scalar_subquery()
    )
    by_trail = (
        select(func.min(audit.c.at))
        .where(
            audit.c.subject == literal("line:").concat(cast(request.c.line, String)),
            audit.c.action.in_([f"subscriber.{each}" for each in ends]),
            audit.c.at >= request.c.at,
        )
        .scalar_subquery()
    )
    newest = (
        select(func.max(opted.c.id))
        .where(opted.c.line == request.c.line, opted.c.kind == "opt_in")
        .scalar_subquery()
    )
    is_in = select(line_state.c.opted_in).where(line_state.c.line == request.c.line).scalar_subquery()
    lasts = and_(is_in, request.c.id >= newest)
    return case((lasts, None), else_=func.coalesce(by_trail, by_request))


async def prune_changes(connection: AsyncConnection, before: float, now: float) -> int:
    """Raise the floor of the change log over what came before a time, by at most
    :data:`~filterd.store.change_log.PRUNE_ROWS` rows; return how many went: none while the class is held."""
    if await preservation.is_held(connection, "changes", now):
        return 0
    newest = await change_log.revision(connection)
    query = select(func.max(change.c.revision)).where(change.c.at < before, change.c.revision < newest)
    last = (await connection.execute(query)).scalar_one()
    if last is None:
        return 0
    had = (await connection.execute(select(func.count()).select_from(change))).scalar_one()
    await change_log.prune(connection, newest - last)
    left = (await connection.execute(select(func.count()).select_from(change))).scalar_one()
    return int(had - left)


async def prune_beyond(connection: AsyncConnection, keep: int, now: float) -> bool:
    """Raise the floor of the change log by some rows towards the ``keep`` newest revisions, unless the class
    is held; return whether more is left."""
    return not await preservation.is_held(connection, "changes", now) and await change_log.prune(
        connection, keep
    )


async def prune_all(
    report: Callable[[], AbstractAsyncContextManager[AsyncConnection]], keep: int, now: float
) -> None:
    """Do so until nothing is left; ``report`` opens a short write for each step."""
    more = True
    while more:
        async with report() as connection:
            more = await prune_beyond(connection, keep, now)


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """The rows of the classes that have no term."""
    states = select(
        func.count(),
        func.count().filter(or_(line_state.c.opted_in, line_state.c.adjustments != "")),
    ).select_from(line_state)
    lines, choosing = (await connection.execute(states)).one()
    own = (await connection.execute(select(func.count(own_name.c.line.distinct())))).scalar_one()
    trail = (await connection.execute(select(func.count()).select_from(audit))).scalar_one()
    return {"registration": int(lines), "choices": max(int(choosing), int(own)), "audit": int(trail)}
