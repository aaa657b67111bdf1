"""Statements about the duty desk: requests of authorities with their steps, and hand-overs."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.duty import (
    AskedKind,
    AskedStep,
    AskedWay,
    AuthorityRequest,
    HandOver,
    RequestStep,
    paper_key,
)
from filterd.store.duty_tables import duty_handover as handover
from filterd.store.duty_tables import duty_handover_seen as seen
from filterd.store.duty_tables import duty_request as request
from filterd.store.duty_tables import duty_request_step as step


async def add_request(connection: AsyncConnection, new: AuthorityRequest, salt: str) -> None:
    """Add a request of an authority. ``salt`` is that of the digest of its words."""
    values = {
        "number": new.number,
        "authority": new.authority,
        "official": new.official,
        "document": new.document,
        "paper": paper_key(new.document),
        "kind": new.kind.value,
        "way": new.way.value,
        "asked": new.asked,
        "salt": salt,
        "received_at": new.received_at,
        "due_at": new.due_at,
        "noted_by": new.noted_by,
        "noted_at": new.noted_at,
        "closed_at": 0.0,
    }
    await connection.execute(insert(request).values(values))


async def add_step(
    connection: AsyncConnection, number: int, new: RequestStep, salt: str, *, closes: bool
) -> None:
    """Add a step to a request."""
    values = {
        "request": number,
        "number": new.number,
        "step": new.step.value,
        "at": new.at,
        "actor": new.actor,
        "reason": new.reason,
        "reference": new.reference,
        "text": new.text,
        "salt": salt,
    }
    await connection.execute(insert(step).values(values))
    if closes:
        await connection.execute(update(request).where(request.c.number == number).values(closed_at=new.at))


async def find_request(connection: AsyncConnection, number: int) -> AuthorityRequest | None:
    """The request with this number."""
    found = await _read(connection, select(request).where(request.c.number == number))
    return found[0] if found else None


async def open_requests(connection: AsyncConnection) -> list[AuthorityRequest]:
    """The requests without an outcome, the soonest due first."""
    query = select(request).where(request.c.closed_at == 0).order_by(request.c.due_at, request.c.number)
    return await _read(connection, query)


async def requests(
    connection: AsyncConnection,
    *,
    document: str = "",
    authority: Collection[str] = (),
    begins_at: float = 0.0,
    ends_at: float = 0.0,
    most: int = 200,
) -> list[AuthorityRequest]:
    """The newest requests: of a document number, of an authority in any of these words, or that came between
    two moments."""
    query = select(request).order_by(request.c.received_at.desc(), request.c.number.desc()).limit(most)
    if document:
        query = query.where(request.c.paper == paper_key(document))
    if authority:
        query = query.where(func.lower(request.c.authority).in_([each.lower() for each in authority]))
    if begins_at:
        query = query.where(request.c.received_at >= begins_at)
    if ends_at:
        query = query.where(request.c.received_at < ends_at)
    return await _read(connection, query)


async def same_request(connection: AsyncConnection, authority: str, document: str) -> AuthorityRequest | None:
    """An open request with this document number of the same authority."""
    query = select(request).where(
        request.c.paper == paper_key(document), request.c.authority == authority, request.c.closed_at == 0
    )
    found = await _read(connection, query)
    return found[0] if found else None


async def _read(connection: AsyncConnection, query: Select[Any]) -> list[AuthorityRequest]:
    rows = (await connection.execute(query)).all()
    steps: dict[int, list[RequestStep]] = {}
    wanted = select(step).where(step.c.request.in_([row.number for row in rows]))
    for each in await connection.execute(wanted.order_by(step.c.request, step.c.number)):
        steps.setdefault(each.request, []).append(_step(each))
    return [_request(row, steps.get(row.number, ())) for row in rows]


def _step(row: Any) -> RequestStep:
    return RequestStep(
        row.number, AskedStep(row.step), row.at, row.actor, row.reason, row.reference, row.text
    )


def _request(row: Any, steps: Sequence[RequestStep]) -> AuthorityRequest:
    return AuthorityRequest(
        number=row.number,
        authority=row.authority,
        official=row.official,
        document=row.document,
        kind=AskedKind(row.kind),
        way=AskedWay(row.way),
        asked=row.asked,
        received_at=row.received_at,
        due_at=row.due_at,
        noted_by=row.noted_by,
        noted_at=row.noted_at,
        steps=tuple(steps),
    )


async def add_handover(connection: AsyncConnection, new: HandOver, salt: str) -> None:
    """Add a hand-over."""
    values = {
        "number": new.number,
        "written_at": new.written_at,
        "actor": new.actor,
        "text": new.text,
        "salt": salt,
        "open_items": json.dumps(new.open_items),
    }
    await connection.execute(insert(handover).values(values))


async def see_handover(connection: AsyncConnection, number: int, actor: str, at: float) -> None:
    """Note that somebody read a hand-over."""
    await connection.execute(insert(seen).values(handover=number, actor=actor, at=at))


async def find_handover(connection: AsyncConnection, number: int) -> HandOver | None:
    """The hand-over with this number."""
    found = await _handovers(connection, select(handover).where(handover.c.number == number))
    return found[0] if found else None


async def handovers(connection: AsyncConnection, most: int) -> list[HandOver]:
    """The newest hand-overs, newest first."""
    query = select(handover).order_by(handover.c.written_at.desc(), handover.c.number.desc()).limit(most)
    return await _handovers(connection, query)


async def _handovers(connection: AsyncConnection, query: Select[Any]) -> list[HandOver]:
    rows = (await connection.execute(query)).all()
    read: dict[int, list[tuple[str, float]]] = {}
    wanted = select(seen).where(seen.c.handover.in_([row.number for row in rows])).order_by(seen.c.at)
    for each in await connection.execute(wanted):
        read.setdefault(each.handover, []).append((each.actor, each.at))
    return [
        HandOver(
            row.number,
            row.written_at,
            row.actor,
            row.text,
            tuple(json.loads(row.open_items)),
            tuple(read.get(row.number, ())),
        )
        for row in rows
    ]
