"""Statements about authorised persons, evidence that lines share, and the texts that were shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import CTE, Integer, Select, case, cast, delete, func, insert, literal, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.subscriber import Authorisation, PendingOptIn, RequestEvidence, SharedEvidence
from filterd.policy.documents import ConsentText, Text
from filterd.store.consent_tables import authorisation, consent_text, pending_opt_in, shared_evidence
from filterd.store.tables import line_state, request

_KEPT = ("who", "channel", "at", "text_version", "text_digest", "reference")
_OPT_INS = request.c.kind == "opt_in"


async def authorise(connection: AsyncConnection, made: Authorisation, digest: str) -> None:
    """Add an authorisation under the digest of its credential."""
    await connection.execute(insert(authorisation).values(asdict(made) | {"digest": digest}))


async def authorisations(connection: AsyncConnection, line: int) -> list[Authorisation]:
    """Every authorisation of a line by number, those among them that hold no longer."""
    query = select(authorisation).where(authorisation.c.line == line).order_by(authorisation.c.number)
    return [_authorisation(row) for row in await connection.execute(query)]


async def authorisation_at(connection: AsyncConnection, number: int) -> tuple[Authorisation, str] | None:
    """The authorisation with this number, and the digest of its credential."""
    query = select(authorisation).where(authorisation.c.number == number)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else (_authorisation(row), row.digest)


async def revoke(connection: AsyncConnection, number: int, actor: str, at: float) -> None:
    """Note that somebody ended an authorisation."""
    query = update(authorisation).where(authorisation.c.number == number)
    await connection.execute(query.values(revoked_by=actor, revoked_at=at))


async def note_failures(connection: AsyncConnection, number: int, failures: int) -> None:
    """Note the wrong tries in a row."""
    query = update(authorisation).where(authorisation.c.number == number)
    await connection.execute(query.values(failures=failures))


def _authorisation(row: Any) -> Authorisation:
    values = dict(row._mapping)
    del values["digest"]
    return Authorisation(**values)


async def keep_texts(connection: AsyncConnection, used: Iterable[ConsentText], now: float) -> None:
    """Keep the texts that are not kept yet."""
    rows = [
        {
            "digest": each.digest,
            "version": each.id,
            "since": each.since,
            "es": each.text.es,
            "en": each.text.en,
            "first_used": now,
        }
        for each in used
    ]
    if rows:
        await connection.execute(insert_or(consent_text).on_conflict_do_nothing(), rows)


async def texts(connection: AsyncConnection, version: str = "") -> list[tuple[ConsentText, float]]:
    """The kept texts with the time of their first use (Unix seconds), oldest first; of one version alone."""
    query = select(consent_text).order_by(consent_text.c.first_used, consent_text.c.digest)
    if version:
        query = query.where(consent_text.c.version == version)
    return [
        (ConsentText(row.version, row.since, Text(es=row.es, en=row.en)), row.first_used)
        for row in await connection.execute(query)
    ]


async def share(connection: AsyncConnection, made: SharedEvidence) -> None:
    """Add shared evidence that nobody has approved yet."""
    await connection.execute(insert(shared_evidence).values(asdict(made)))


async def all_shared(connection: AsyncConnection) -> list[SharedEvidence]:
    """Every shared evidence, by number."""
    rows = await connection.execute(select(shared_evidence).order_by(shared_evidence.c.number))
    return [SharedEvidence(**row._mapping) for row in rows]


async def decide(connection: AsyncConnection, number: int, act: str, actor: str, at: float) -> None:
    """Note that somebody ``approved`` or ``rejected`` shared evidence."""
    query = update(shared_evidence).where(shared_evidence.c.number == number)
    await connection.execute(query.values({f"{act}_by": actor, f"{act}_at": at}))


async def add_pending(connection: AsyncConnection, number: int, rows: Iterable[PendingOptIn]) -> None:
    """Add rows that wait; a line that waits already goes with the newer evidence."""
    values = [
        {
            "line": each.line,
            "shared": number,
            "profile": each.profile,
            **{name: getattr(each.evidence, name) for name in _KEPT},
        }
        for each in rows
    ]
    if values:
        await drop_pending(connection, [value["line"] for value in values])
        await connection.execute(insert(pending_opt_in), values)


async def drop_pending(connection: AsyncConnection, lines: Sequence[int]) -> int:
    """Delete what waits for these lines; the number of rows."""
    query = delete(pending_opt_in).where(pending_opt_in.c.line.in_(lines))
    return (await connection.execute(query)).rowcount


async def drop_shared(connection: AsyncConnection, number: int) -> int:
    """Delete all that waits under shared evidence; the number of rows."""
    query = delete(pending_opt_in).where(pending_opt_in.c.shared == number)
    return (await connection.execute(query)).rowcount


async def pending(connection: AsyncConnection, number: int, limit: int) -> list[PendingOptIn]:
    """The next rows that wait under shared evidence."""
    query = select(pending_opt_in).where(pending_opt_in.c.shared == number)
    rows = await connection.execute(query.order_by(pending_opt_in.c.line).limit(limit))
    return [_pending(row) for row in rows]


async def pending_of(connection: AsyncConnection, line: int) -> tuple[int, PendingOptIn] | None:
    """The shared evidence that waits for a line."""
    query = select(pending_opt_in).where(pending_opt_in.c.line == line)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else (row.shared, _pending(row))


def _pending(row: Any) -> PendingOptIn:
    evidence = RequestEvidence(**{name: getattr(row, name) for name in _KEPT}, shared=row.shared)
    return PendingOptIn(row.line, row.profile, evidence)


async def count_pending(connection: AsyncConnection) -> dict[int, int]:
    """The number of rows that wait, by shared evidence."""
    query = select(pending_opt_in.c.shared, func.count().label("waiting")).group_by(pending_opt_in.c.shared)
    return {row.shared: row.waiting for row in await connection.execute(query)}


async def referred_to(connection: AsyncConnection, references: Sequence[str]) -> set[str]:
    """The references among these that an opt-in rests on already, be it in small or capital letters."""
    forms = {form: each for each in references for form in _forms(each)}
    query = select(request.c.reference).where(_OPT_INS, request.c.reference.in_(forms)).distinct()
    return {forms[found] for found in (await connection.execute(query)).scalars()}


def _forms(reference: str) -> set[str]:
    """The ways in which people write one reference; each is looked up by the index."""
    return {reference, reference.lower(), reference.upper(), reference.capitalize(), reference.title()}


async def waiting(connection: AsyncConnection, lines: Sequence[int]) -> set[int]:
    """The lines among these for which shared evidence waits."""
    query = select(pending_opt_in.c.line).where(pending_opt_in.c.line.in_(lines))
    return set((await connection.execute(query)).scalars())


@dataclass(frozen=True, slots=True)
class Alike:
    """Lines that opted in on evidence that agrees in a way in which evidence of their own rarely does."""

    by: str
    """``moment``: one minute and channel; ``person``: one person and channel"""
    channel: str
    at: int
    """Unix seconds of the minute; 0: at several times"""
    lines: int
    recorded_by: str
    """empty: several, or not known"""


async def evidence_counts(connection: AsyncConnection) -> dict[str, int]:
    """The lines that have opted in by their evidence: ``own``, ``shared`` (approved by a second person),
    ``repeated`` (a reference that others have too, approved by nobody) and ``none``."""
    latest = _latest()
    shared = func.coalesce(func.sum(cast(latest.c.shared > 0, Integer)), 0)
    counted = select(func.count(), func.count(latest.c.id), shared).select_from(latest)
    lines, asked, approved = (await connection.execute(counted)).one()
    repeated = (await connection.execute(_repeated())).scalar_one()
    return {
        "own": asked - approved - repeated,
        "shared": approved,
        "repeated": repeated,
        "none": lines - asked,
    }


def _repeated() -> Select[int]:
    """The number of lines that have opted in, last on a reference that another line's request has too."""
    reference = request.c.reference
    several = func.min(request.c.line) != func.max(request.c.line)
    of_several = select(reference).group_by(reference).having(several)
    each, newer = request.alias("each"), request.alias("newer")
    last = select(func.max(newer.c.id)).where(newer.c.line == each.c.line, newer.c.kind == "opt_in")
    found = select(func.count()).select_from(each.join(line_state, line_state.c.line == each.c.line))
    found = found.where(each.c.reference.in_(of_several), each.c.shared == 0, line_state.c.opted_in)
    return found.where(each.c.id == last.scalar_subquery())


async def alike(connection: AsyncConnection, least: int, limit: int) -> list[Alike]:
    """Groups of at least so many lines whose own evidence agrees, the largest first. Evidence of sessions of
    the portal is no part of them: whoever asked signed in for the line."""
    latest = _latest()
    minute = cast(latest.c.at / 60, Integer) * 60
    found = []
    for by, keys, at in (
        ("moment", (latest.c.channel, minute), func.min(minute)),
        ("person", (latest.c.channel, func.lower(latest.c.who)), literal(0)),
    ):
        recorded = latest.c.recorded_by
        one = case((func.min(recorded) == func.max(recorded), func.min(recorded)), else_="")
        query = select(latest.c.channel, at, func.count(), one).where(latest.c.shared == 0)
        query = query.where(latest.c.id.is_not(None), ~latest.c.recorded_by.startswith("portal:"))
        query = query.group_by(*keys).having(func.count() >= least)
        rows = await connection.execute(query.order_by(func.count().desc()).limit(limit))
        found += [Alike(by, channel, at, count, recorder) for channel, at, count, recorder in rows]
    return sorted(found, key=lambda each: -each.lines)[:limit]


def _latest() -> CTE:
    """The newest opt-in of each line that has opted in now; null where it has none."""
    newest = (
        select(func.max(request.c.id).label("id"), request.c.line).where(_OPT_INS).group_by(request.c.line)
    )
    last = newest.cte("last")
    joined = line_state.outerjoin(last, last.c.line == line_state.c.line)
    joined = joined.outerjoin(request, request.c.id == last.c.id)
    names = ("id", "who", "channel", "at", "reference", "shared", "recorded_by")
    query = select(*(request.c[name] for name in names)).select_from(joined)
    return query.where(line_state.c.opted_in).cte("latest")


async def pending_profiles(connection: AsyncConnection, number: int) -> list[str]:
    """The profiles that wait under shared evidence, each once."""
    query = select(pending_opt_in.c.profile).where(pending_opt_in.c.shared == number).distinct()
    return sorted((await connection.execute(query)).scalars())
