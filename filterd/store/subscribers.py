"""Statements about subscribers, their lines and own names, and the evidence of their requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.adjustments import Adjustments, AdjustmentsError, from_text, to_text
from filterd.model.line import PAUSE_LIMIT, LineChoices, OwnName
from filterd.model.rule import Action, Scope
from filterd.model.subscriber import AskerRole, RequestEvidence, Subscriber
from filterd.store import portal, preservation
from filterd.store.beginnings import begins_with
from filterd.store.consent_tables import authorisation, pending_opt_in
from filterd.store.errors import StoreDamagedError
from filterd.store.notice_tables import notice, notice_delivery
from filterd.store.portal_tables import line_pin, pin_tries
from filterd.store.prepared import PreparedChange, PreparedQuery
from filterd.store.tables import (
    binding,
    binding_pace,
    changed_line,
    line_state,
    own_name,
    request,
    subscriber,
    view_code,
)

NEIGHBOURS = 200
"""ids on each side of an unknown one that are looked at"""
OPTED_IN, PAUSED, NOT_OPTED_IN, LEFT_SECURITY = "opted-in", "paused", "not-opted-in", "left-security"


@dataclass(frozen=True, slots=True)
class LineFilter:
    """The lines that are wanted; an empty field asks for nothing. Times are Unix seconds."""

    opted_in: bool | None = None
    """paused ones among those who did"""
    state: str = ""
    now: float = 0.0
    """the time for which the state holds"""
    profile: str = ""
    text: str = ""
    """a part of the subscriber's id, without regard to case (of ASCII)"""
    begins: str = ""
    """the beginning of the subscriber's id"""
    prefixes: tuple[str, ...] = ()
    """bound to one of these"""
    span: tuple[str, str] | None = None
    """bound to a prefix whose text is from the first to before the second"""

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """The conditions on a query that joins ``subscriber`` and ``line_state``. Bindings and profiles are
        looked up first, by their own keys, so that the table of subscribers is not read for a few of them."""
        if self.opted_in is not None:
            yield line_state.c.opted_in == self.opted_in
        if self.state:
            yield self._in_state()
        if self.profile:
            yield line_state.c.opted_in & (line_state.c.profile == self.profile)
        if self.text:
            yield subscriber.c.id.icontains(self.text, autoescape=True)
        if self.begins:
            yield begins_with(subscriber.c.id, self.begins)
        if self.prefixes:
            yield subscriber.c.line.in_(select(binding.c.line).where(binding.c.prefix.in_(self.prefixes)))
        if self.span is not None:
            first, end = self.span
            spanned = select(binding.c.line).where((binding.c.prefix >= first) & (binding.c.prefix < end))
            yield subscriber.c.line.in_(spanned)

    def _in_state(self) -> ColumnElement[bool]:
        opted, paused = line_state.c.opted_in, _paused(self.now)
        return {
            OPTED_IN: opted & ~paused,
            PAUSED: opted & paused,
            NOT_OPTED_IN: ~opted,
            LEFT_SECURITY: line_state.c.security_left == true(),
        }[self.state]


ALL = LineFilter()


def _paused(now: float) -> ColumnElement[bool]:
    return line_state.c.paused_until.between(int(now) + 1, int(now) + PAUSE_LIMIT)


def _joined() -> Select[Any]:
    return select(
        subscriber.c.id,
        subscriber.c.added_at,
        line_state.c.line,
        line_state.c.opted_in,
        line_state.c.profile,
        line_state.c.zone,
        line_state.c.paused_until,
        line_state.c.security_left,
        line_state.c.adjustments,
        line_state.c.meaning,
    ).join_from(subscriber, line_state)


_LINE: BindParameter[int] = bindparam("of_line")
"""the line, in statements that are made once: making one takes longer than SQLite does with it"""
_FIND = PreparedQuery(_joined().add_columns(subscriber.c.seal).where(subscriber.c.id == bindparam("id")))
_OF_LINE = PreparedQuery(_joined().where(subscriber.c.line == _LINE))
_OWN_NAMES = PreparedQuery(select(own_name).where(own_name.c.line == _LINE).order_by(own_name.c.name))
_BINDINGS = PreparedQuery(select(binding).where(binding.c.line == _LINE).order_by(binding.c.prefix))
_DROP_OWN_NAMES = PreparedChange(delete(own_name).where(own_name.c.line == _LINE))
_ADD_OWN_NAMES = PreparedChange(insert(own_name), own_name.c.keys())
_SAVE = PreparedChange(
    update(line_state).where(line_state.c.line == _LINE),
    [each for each in line_state.c.keys() if each != "line"],  # noqa: SIM118 - a collection of columns
)


async def find(connection: AsyncConnection, identifier: str) -> Subscriber | None:
    """The subscriber with the operator's id."""
    found = await find_sealed(connection, identifier)
    return None if found is None else found[0]


async def find_sealed(connection: AsyncConnection, identifier: str) -> tuple[Subscriber, str] | None:
    """The same with the line's seal."""
    found = await _FIND.rows(connection, {"id": identifier})
    if not found:
        return None
    return await _whole(connection, found[0]), found[0].seal


async def _whole(connection: AsyncConnection, row: Any) -> Subscriber:
    line = {"of_line": row.line}
    own = await _OWN_NAMES.rows(connection, line)
    bound = await _BINDINGS.rows(connection, line)
    return _subscriber(row, map(_own_name, own), (each.prefix for each in bound))


async def find_many(connection: AsyncConnection, identifiers: Sequence[str]) -> dict[str, Subscriber]:
    """The subscribers with these ids, by id; unknown ids are left out."""
    rows = await connection.execute(_joined().where(subscriber.c.id.in_(identifiers)))
    return {each.id: each for each in await _complete(connection, rows.all())}


async def find_line(connection: AsyncConnection, line: int) -> Subscriber | None:
    """The subscriber of a line."""
    rows = await _OF_LINE.rows(connection, {"of_line": line})
    return await _whole(connection, rows[0]) if rows else None


async def page(
    connection: AsyncConnection, *, after: str = "", limit: int = 1000, wanted: LineFilter = ALL
) -> list[Subscriber]:
    """A page of the wanted subscribers in the order of their ids, after the id ``after``."""
    query = _joined().where(subscriber.c.id > after, *wanted.conditions())
    query = query.order_by(subscriber.c.id).limit(limit)
    return await _complete(connection, (await connection.execute(query)).all())


async def count(connection: AsyncConnection, now: float, wanted: LineFilter = ALL) -> dict[str, int]:
    """The number of the wanted subscribers in each state; ``not_opted_in`` includes those who opted out."""
    opted, paused = line_state.c.opted_in, _paused(now)
    counts = select(
        func.count(), func.count().filter(opted & ~paused), func.count().filter(opted & paused)
    ).select_from(line_state)
    conditions = tuple(wanted.conditions())
    if conditions:
        counts = counts.join(subscriber).where(*conditions)
    row = (await connection.execute(counts)).one()
    return {"opted_in": row[1], "paused": row[2], "not_opted_in": row[0] - row[1] - row[2]}


async def profiles_in_use(connection: AsyncConnection) -> list[str]:
    """The profiles that lines have, sorted."""
    asked = select(line_state.c.profile).where(line_state.c.opted_in).distinct()
    return sorted(each for each in (await connection.execute(asked)).scalars() if each)


async def _complete(connection: AsyncConnection, rows: Sequence[Any]) -> list[Subscriber]:
    """Subscribers with their own names and bindings, in the order of the rows."""
    lines = [row.line for row in rows]
    own: dict[int, list[OwnName]] = {}
    for name in await _of_lines(connection, lines, own_name.c.line, own_name.c.name):
        own.setdefault(name.line, []).append(_own_name(name))
    prefixes: dict[int, list[str]] = {}
    for bound in await _of_lines(connection, lines, binding.c.line, binding.c.prefix):
        prefixes.setdefault(bound.line, []).append(bound.prefix)
    return [_subscriber(row, own.get(row.line, ()), prefixes.get(row.line, ())) for row in rows]


def _own_name(row: Any) -> OwnName:
    return OwnName(row.name, Action(row.action), Scope(row.scope), row.ends_at)


def _subscriber(row: Any, own_names: Iterable[OwnName], prefixes: Iterable[str]) -> Subscriber:
    return Subscriber(
        id=row.id,
        choices=LineChoices(
            line=row.line,
            opted_in=row.opted_in,
            profile=row.profile,
            zone=row.zone,
            paused_until=row.paused_until,
            security_left=row.security_left,
            own_names=tuple(own_names),
            adjustments=_adjustments(row.line, row.adjustments),
            meaning=row.meaning,
        ),
        bindings=tuple(prefixes),
        added_at=row.added_at,
    )


def _adjustments(line: int, text: str) -> Adjustments:
    try:
        return from_text(text)
    except AdjustmentsError as error:
        # The text is a subscriber's choices: it stays out of the message.
        message = f"the adjustments of line {line} cannot be read: {error}"
        raise StoreDamagedError(message) from None


async def _of_lines(
    connection: AsyncConnection, lines: Sequence[int], key: ColumnElement[int], order: ColumnElement[str]
) -> Sequence[Any]:
    if not lines:
        return ()
    query = select(key.table).where(key.in_(lines)).order_by(key, order)
    return (await connection.execute(query)).all()


async def alike(connection: AsyncConnection, identifier: str) -> list[str]:
    """Ids that may have been meant by an unknown one: its neighbours in their order, and the first ones. In a
    small store these are all."""
    ids = subscriber.c.id
    queries = (
        select(ids).where(ids < identifier).order_by(ids.desc()).limit(NEIGHBOURS),
        select(ids).where(ids > identifier).order_by(ids).limit(NEIGHBOURS),
        select(ids).order_by(ids).limit(NEIGHBOURS),
    )
    found: dict[str, None] = {}
    for query in queries:
        found |= dict.fromkeys((await connection.execute(query)).scalars())
    return list(found)


async def lines_beginning(
    connection: AsyncConnection, begins: str, *, after: str, limit: int
) -> tuple[str, str] | None:
    """The lines of the subscribers whose ids begin so, behind the id ``after``, ``limit`` at most: an array
    of JSON, which SQLite makes on the connection's thread, and the last of their ids. None: there are no
    more."""
    query = select(subscriber.c.id, subscriber.c.line).where(
        subscriber.c.id > after, begins_with(subscriber.c.id, begins)
    )
    part = query.order_by(subscriber.c.id).limit(limit).subquery()
    found = select(func.json_group_array(part.c.line), func.max(part.c.id))
    lines, last = (await connection.execute(found)).one()
    return None if last is None else (lines, last)


async def names(connection: AsyncConnection, lines: Sequence[int]) -> dict[int, str]:
    """The subscriber's id of each line."""
    query = select(subscriber.c.line, subscriber.c.id).where(subscriber.c.line.in_(lines))
    return {row.line: row.id for row in await connection.execute(query)}


async def ids_above(connection: AsyncConnection, line: int, limit: int) -> list[tuple[int, str]]:
    """Line and id of the next subscribers above a line, in the order of the lines."""
    query = select(subscriber.c.line, subscriber.c.id).where(subscriber.c.line > line)
    rows = await connection.execute(query.order_by(subscriber.c.line).limit(limit))
    return [(row.line, row.id) for row in rows]


async def seals(connection: AsyncConnection, lines: Sequence[int]) -> dict[int, str]:
    """The seal of each line: the key under which the audit trail digests its personal values."""
    query = select(subscriber.c.line, subscriber.c.seal).where(subscriber.c.line.in_(lines))
    return {row.line: row.seal for row in await connection.execute(query)}


async def add(connection: AsyncConnection, new: Iterable[tuple[Subscriber, str]]) -> None:
    """Add subscribers, each with its seal, without bindings and own names."""
    pairs = list(new)
    if not pairs:
        return
    await connection.execute(
        insert(subscriber),
        [{"line": each.line, "id": each.id, "added_at": each.added_at, "seal": seal} for each, seal in pairs],
    )
    await connection.execute(insert(line_state), [_state(each.choices) for each, _ in pairs])


def _state(choices: LineChoices) -> dict[str, Any]:
    return {
        "line": choices.line,
        "opted_in": choices.opted_in,
        "profile": choices.profile,
        "zone": choices.zone,
        "paused_until": choices.paused_until,
        "security_left": choices.security_left,
        "adjustments": to_text(choices.adjustments),
        "meaning": choices.meaning,
    }


async def save(connection: AsyncConnection, choices: LineChoices, before: LineChoices | None = None) -> None:
    """Replace a line's choices and own names; with ``before``, which it had, own names that differ."""
    line = {"of_line": choices.line}
    state = _state(choices) | line
    del state["line"]
    await _SAVE.run(connection, [state])
    if before is not None and choices.own_names == before.own_names:
        return
    await _DROP_OWN_NAMES.run(connection, [line])
    names = [
        {
            "line": choices.line,
            "name": own.name,
            "action": int(own.action),
            "scope": int(own.scope),
            "ends_at": own.until,
        }
        for own in choices.own_names
    ]
    await _ADD_OWN_NAMES.run(connection, names)


async def with_ended_names(connection: AsyncConnection, now: float, limit: int) -> list[str]:
    """The ids of the subscribers that have an own name whose end has passed, the earliest end first."""
    # Literally as in the index, which has few rows; that of a bound parameter would not be seen.
    ends = own_name.c.ends_at
    query = (
        select(subscriber.c.id).join(own_name).where(literal_column("own_name.ends_at") > literal_column("0"))
    )
    query = query.where(ends <= int(now)).group_by(subscriber.c.id).order_by(func.min(ends)).limit(limit)
    return list((await connection.execute(query)).scalars())


async def add_requests(
    connection: AsyncConnection, asked: Iterable[tuple[int, str, RequestEvidence]]
) -> None:
    """Add evidence: line, kind of request (``opt_in`` ...), and the request."""
    rows = [
        {
            "line": line,
            "kind": kind,
            "who": evidence.who,
            "channel": evidence.channel,
            "at": evidence.at,
            "text_version": evidence.text_version,
            "reference": evidence.reference,
            "role": evidence.role.value,
            "text_digest": evidence.text_digest,
            "authorisation": evidence.authorisation,
            "shared": evidence.shared,
            "recorded_by": evidence.recorded_by,
            "recorded_at": evidence.recorded_at,
            "source": evidence.source,
        }
        for line, kind, evidence in asked
    ]
    if rows:
        await connection.execute(insert(request), rows)


async def requests(connection: AsyncConnection, line: int) -> list[tuple[str, RequestEvidence]]:
    """The evidence kept for a line, oldest first."""
    rows = await connection.execute(select(request).where(request.c.line == line).order_by(request.c.id))
    return [(row.kind, _evidence(row)) for row in rows]


def _evidence(row: Any) -> RequestEvidence:
    kept = ("authorisation", "shared", "recorded_by", "recorded_at", "source")
    return RequestEvidence(
        *(row.who, row.channel, row.at, row.text_version, row.reference),
        *(AskerRole(row.role), row.text_digest),
        **{name: getattr(row, name) for name in kept},
    )


async def that_asked(connection: AsyncConnection, lines: Sequence[int]) -> set[int]:
    """The lines among these that ever made a request."""
    rows = await connection.execute(select(request.c.line).where(request.c.line.in_(lines)).distinct())
    return set(rows.scalars())


async def remove(connection: AsyncConnection, line: int) -> None:
    """Delete everything that the store holds of a line, except log and audit."""
    of_consent = (request, authorisation, pending_opt_in)
    of_notices = (notice_delivery, notice)
    of_choices = (own_name, binding, binding_pace, view_code, line_pin, pin_tries, line_state, changed_line)
    await portal.end_line(connection, line)
    await preservation.forget_line(connection, line)
    for table in (*of_notices, *of_consent, *of_choices, subscriber):
        await connection.execute(delete(table).where(table.c.line == line))
