"""Statements about the subscriber's portal: links to sign in with, and sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.portal import (
    CLOCK_STEP,
    LINK_LONGEST,
    SESSION_LONGEST,
    PortalRole,
    PortalSession,
    SignInMethod,
)
from filterd.model.subscriber import MOST_FAILURES
from filterd.store.consent_tables import authorisation
from filterd.store.errors import StoreDamagedError
from filterd.store.lookups import Lookup, Lookups
from filterd.store.portal_tables import (
    portal_session,
    portal_session_line,
    sign_in_link,
    sign_in_link_line,
)
from filterd.store.tables import subscriber


@dataclass(frozen=True, slots=True)
class SignInLink:
    """A link as it is stored, with the numbers of its lines."""

    number: int
    role: PortalRole
    authorisation: int
    """0: not for an authorised person"""
    organisation: str
    made_at: float
    expires_at: float
    lines: tuple[int, ...]

    @property
    def reference(self) -> str:
        """The text by which people name it: ``L-7``."""
        return f"L-{self.number}"


def _in_time(table: Table, now: ColumnElement[float], longest: int) -> ColumnElement[bool]:
    """The condition that what was made for ``longest`` seconds at most has not expired. What has a time to
    come was made before the clock was set back, and does not hold: nobody knows for how long it would."""
    step: ColumnElement[int] = literal_column(str(CLOCK_STEP))
    most: ColumnElement[int] = literal_column(str(longest + CLOCK_STEP))
    return (table.c.expires_at > now) & (table.c.expires_at <= now + most) & (table.c.made_at <= now + step)


_OPEN_LINK = Lookup(
    select(sign_in_link.c.number).where(
        or_(sign_in_link.c.digest == bindparam("digest"), sign_in_link.c.code_digest == bindparam("code")),
        _in_time(sign_in_link, bindparam("now"), LINK_LONGEST),
    )
)


def is_open(lookups: Lookups, digest: str, code: str, now: float) -> bool:
    """True if a link with this digest, or with this digest of its code, can be used."""
    return lookups.row(_OPEN_LINK, digest=digest, code=code, now=now) is not None


async def add_link(connection: AsyncConnection, made: SignInLink, digest: str, code: str) -> None:
    """Add a link under the digests of its secret and of its code."""
    values = {
        **_named(made, "number", "authorisation", "organisation", "made_at", "expires_at"),
        "role": made.role.value,
        "digest": digest,
        "code_digest": code,
    }
    await connection.execute(insert(sign_in_link).values(values))
    rows = [{"link": made.number, "line": line} for line in made.lines]
    await connection.execute(insert(sign_in_link_line), rows)


async def open_links(connection: AsyncConnection, line: int, now: float) -> list[int]:
    """The numbers of a line's links that can be used, oldest first."""
    query = select(sign_in_link.c.number).join(sign_in_link_line)
    query = query.where(sign_in_link_line.c.line == line, sign_in_link.c.expires_at > now)
    return list((await connection.execute(query.order_by(sign_in_link.c.number))).scalars())


async def take_link(connection: AsyncConnection, digest: str, code: str, now: float) -> SignInLink | None:
    """Use up the link of a secret or a code: it is there no more afterwards."""
    query = select(sign_in_link).where(
        or_(sign_in_link.c.digest == digest, sign_in_link.c.code_digest == code),
        _in_time(sign_in_link, literal(now), LINK_LONGEST),
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    of_link = select(sign_in_link_line.c.line).where(sign_in_link_line.c.link == row.number)
    lines = tuple((await connection.execute(of_link.order_by(sign_in_link_line.c.line))).scalars())
    await drop_links(connection, (row.number,))
    values = (row.number, _role(row.role), row.authorisation, row.organisation, row.made_at, row.expires_at)
    return SignInLink(*values, lines)


async def drop_links(connection: AsyncConnection, numbers: Sequence[int]) -> None:
    """Delete links, and which lines they were for."""
    await connection.execute(delete(sign_in_link).where(sign_in_link.c.number.in_(numbers)))


def _holds(now: ColumnElement[float], idle: ColumnElement[float]) -> ColumnElement[bool]:
    """The condition that a session, and the authorisation that it rests on, holds at a time. Its numbers are
    written out, since a lookup has no values of its own."""
    none: ColumnElement[int] = literal_column("0")
    most: ColumnElement[int] = literal_column(str(MOST_FAILURES))
    person = (
        (authorisation.c.revoked_at == none)
        & (authorisation.c.expires_at > now)
        & (authorisation.c.failures < most)
    )
    step: ColumnElement[int] = literal_column(str(CLOCK_STEP))
    used = (portal_session.c.used_at + idle > now) & (portal_session.c.used_at <= now + step)
    return (
        used
        & _in_time(portal_session, now, SESSION_LONGEST)
        & or_(portal_session.c.authorisation == none, person)
    )


def _sessions(now: ColumnElement[float], idle: ColumnElement[float]) -> Any:
    """Sessions that hold, each with the ids of its lines."""
    ids = func.json_group_array(subscriber.c.id).label("ids")
    joined = portal_session.join(portal_session_line).join(subscriber)
    joined = joined.outerjoin(authorisation, authorisation.c.number == portal_session.c.authorisation)
    found = select(portal_session, ids).select_from(joined).where(_holds(now, idle))
    return found.group_by(portal_session.c.number)


_SESSION = Lookup(
    _sessions(bindparam("now"), bindparam("idle")).where(portal_session.c.digest == bindparam("digest"))
)


def session_of(lookups: Lookups, digest: str, now: float, idle: float) -> PortalSession | None:
    """The session whose secret has this digest and that holds; ``idle``: seconds without use that end one."""
    row = lookups.row(_SESSION, digest=digest, now=now, idle=idle)
    return None if row is None else _session(row)


async def add_session(
    connection: AsyncConnection, made: PortalSession, digest: str, lines: Sequence[int]
) -> None:
    """Add a session for lines, under the digest of its secret."""
    names = ("number", "authorisation", "organisation", "made_at", "used_at", "expires_at")
    values = {
        **_named(made, *names),
        "role": made.role.value,
        "method": made.method.value,
        "digest": digest,
    }
    await connection.execute(insert(portal_session).values(values))
    rows = [{"session": made.number, "line": line} for line in lines]
    await connection.execute(insert(portal_session_line), rows)


async def note_use(connection: AsyncConnection, number: int, at: float) -> None:
    """Note when a session was used last."""
    await connection.execute(
        update(portal_session).where(portal_session.c.number == number).values(used_at=at)
    )


async def end_session(connection: AsyncConnection, digest: str) -> int:
    """Delete the session whose secret has this digest; return how many that were."""
    query = delete(portal_session).where(portal_session.c.digest == digest)
    return (await connection.execute(query)).rowcount


async def end_sessions(connection: AsyncConnection, numbers: Sequence[int]) -> int:
    """Delete sessions; return how many that were."""
    query = delete(portal_session).where(portal_session.c.number.in_(numbers))
    return (await connection.execute(query)).rowcount


async def sessions_on(
    connection: AsyncConnection, line: int, *, method: SignInMethod | None = None, authorisation: int = 0
) -> list[int]:
    """The numbers of the sessions of a line, oldest first; those by one method alone, and those of one
    authorisation."""
    query = select(portal_session.c.number).join(portal_session_line)
    query = query.where(portal_session_line.c.line == line)
    if method is not None:
        query = query.where(portal_session.c.method == method.value)
    if authorisation:
        query = query.where(portal_session.c.authorisation == authorisation)
    return list((await connection.execute(query.order_by(portal_session.c.number))).scalars())


async def sessions_of(connection: AsyncConnection, line: int) -> list[dict[str, Any]]:
    """The sessions of a line that are stored, oldest first, as plain values."""
    names = ("number", "role", "method", "made_at", "used_at", "expires_at")
    query = select(*(portal_session.c[name] for name in names)).join(portal_session_line)
    query = query.where(portal_session_line.c.line == line).order_by(portal_session.c.number)
    return [dict(row._mapping) for row in await connection.execute(query)]


async def end_line(connection: AsyncConnection, line: int) -> None:
    """Take a line out of every link and session; those that were for it alone are deleted."""
    for table, of_lines, column in (
        (sign_in_link, sign_in_link_line, sign_in_link_line.c.link),
        (portal_session, portal_session_line, portal_session_line.c.session),
    ):
        numbers = list((await connection.execute(select(column).where(of_lines.c.line == line))).scalars())
        await connection.execute(delete(of_lines).where(of_lines.c.line == line))
        kept = select(column).where(column == table.c.number)
        await connection.execute(delete(table).where(table.c.number.in_(numbers), ~kept.exists()))


async def end_all(connection: AsyncConnection) -> None:
    """Delete every link and every session."""
    tables: tuple[Table, ...] = (sign_in_link_line, sign_in_link, portal_session_line, portal_session)
    for table in tables:
        await connection.execute(delete(table))


def _named(found: object, *names: str) -> dict[str, Any]:
    return {name: getattr(found, name) for name in names}


def _role(text: str) -> PortalRole:
    try:
        return PortalRole(text)
    except ValueError:
        message = f"a role of the portal is damaged: {text[:16]!r}"
        raise StoreDamagedError(message) from None


def _session(row: Mapping[str, Any]) -> PortalSession:
    try:
        method = SignInMethod(row["method"])
        ids = tuple(sorted(json.loads(row["ids"])))
    except ValueError:
        message = f"the record of the session S-{row['number']} of the portal is damaged"
        raise StoreDamagedError(message) from None
    names = ("authorisation", "organisation", "made_at", "used_at", "expires_at")
    return PortalSession(row["number"], _role(row["role"]), method, ids, *(row[name] for name in names))
