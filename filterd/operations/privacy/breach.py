"""Says at once which lines' data was exposed, and what of each, for the notice to holders (LFPDPPP 19).

An operator knows a place (the store, a backup, a node) or a token. A place exposed all that it holds. A token
exposed what it may read, of every line within its limits: calls that only read leave no trace for each line,
so nobody can say that it did not read one. The reply to a change shows the line too, and leaves none where
nothing changed. Some that read leave a trace, and expose what they show of that line alone: a look at own
names, one at a session, an export, and a link by which whoever has it sees the line in the portal.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.token import Permission, Token
from filterd.operations import nodes
from filterd.operations.backup import STORE, read_manifest
from filterd.operations.consent_report import LEAST
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import UnknownError
from filterd.operations.privacy import made_backups
from filterd.operations.reports.measures import told, told_part
from filterd.store import arco, change_log
from filterd.store import subscribers as subscriber_rows
from filterd.store import tokens as token_rows
from filterd.store.engine import database_path
from filterd.store.exposure import HeldOfLine, lines_in

ACTION, SUBJECT = "breach.report", "breach"
OWN_NAMES_SEEN = ("subscriber.own_names_seen", "subscriber.own_names_shown")
"""with the holder's code, and without"""
SESSION_SEEN = "session.show"
SHOW_ALL = ("subscriber.export", "subscriber.sign_in_link")
_REPLY_WITH_LINES = (
    Permission.LINES_READ,
    Permission.LINES_WRITE,
    Permission.CHOICES_WRITE,
    Permission.OWN_NAMES,
)
"""acts whose replies have the line, be it changed by them or not"""


@dataclass(frozen=True, slots=True)
class Exposure:
    """The thing that was exposed: exactly one of these. ``since`` in Unix seconds, 0 for unknown."""

    store: bool = False
    backup: Path | None = None
    backup_revision: int = 0
    """of a backup on record, instead of its directory"""
    node: str = ""
    credential: str = ""
    """the name of a token, or its number as T-7"""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class ExposedLine:
    """The data of one line that was exposed."""

    id: str
    """the provider's id; a node does not have it, and it is looked up in the store"""
    line: int
    id_exposed: bool
    opted_in: bool
    profile: str
    differences: bool
    own_names: int
    own_names_seen: int
    """looks of the token at them that are on record since the time given; they count as exposed, though the
    line may have none any more"""
    sessions_seen: int
    """looks at the address that the line had at that moment"""
    requests: int
    bindings: int
    authorised: int
    """persons whom the holder authorised, by name"""
    notices: int
    """that the holder was sent, of those that are stored"""
    changed: int
    """acts of the token on this line since the time given"""
    erased_since: bool
    """the backup holds it, and the store does not any more"""


@dataclass(frozen=True, slots=True)
class BreachReport:
    """The lines concerned, and counts by class of data."""

    what: str
    since: float
    lines: tuple[ExposedLine, ...]
    pseudonymous: bool
    """the place holds line numbers, and nothing that leads to a person without the store"""
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Found:
    what: str
    path: Path
    with_ids: bool = True
    with_choices: bool = True
    with_bindings: bool = True
    with_own_names: bool = True
    with_requests: bool = True
    with_authorised: bool = True
    with_notices: bool = True
    begins: str = ""
    """the ids that were within reach"""
    actors: tuple[str, ...] = ()
    asked: frozenset[int] = frozenset()
    """lines whose ids were shown with the requests of their holders"""


async def report(context: Context, exposure: Exposure) -> BreachReport:
    """The lines whose data was exposed. The audit trail keeps that it was asked for, and the counts."""
    found = await _found(context, exposure)
    held = await asyncio.to_thread(lambda: list(lines_in(found.path)))
    acts = await _acts(context, found.actors, exposure.since)
    numbers = [each.line for each in held]
    present = set(numbers)
    if found.path != database_path(context.settings.store.url):
        async with context.store.read() as connection:
            present = await _present(connection, numbers)
    lines = tuple(
        _line(each, _of_line(found, each.line, acts[each.line]), acts[each.line], each.line not in present)
        for each in held
        if each.id.startswith(found.begins) and _concerned(each, found, acts[each.line])
    )
    made = BreachReport(found.what, exposure.since, lines, not found.with_ids, _counts(lines))
    async with context.store.write(context.actor, context.clock()) as write:
        write.audit(ACTION, SUBJECT, after={"what": made.what, "since": int(made.since), **made.counts})
    return made


def within(found: BreachReport, begins: str) -> BreachReport:
    """The same report for the lines whose ids begin like this."""
    if not begins:
        return found
    lines = tuple(each for each in found.lines if each.id.startswith(begins))
    return replace(found, lines=lines, counts=_counts(lines))


def without_small(counts: Mapping[str, int]) -> dict[str, int | None]:
    """The counts for those outside the house: small ones, and those that would tell one, are None."""
    whole = counts["lines"]
    parts = {name: told_part(count, whole, LEAST) for name, count in counts.items()}
    return parts | {"lines": told(whole, LEAST)}


async def _found(context: Context, exposure: Exposure) -> _Found:
    store = database_path(context.settings.store.url)
    given = [
        exposure.store,
        exposure.backup is not None or exposure.backup_revision > 0,
        bool(exposure.node),
        bool(exposure.credential),
    ]
    if sum(given) != 1:
        message = "a breach report is about one thing"
        raise OperationError(message, "name one: the store, a backup, a node or a token")
    if exposure.store:
        return _Found("store", store)
    if exposure.node:
        return await _node(context, exposure.node, store)
    if exposure.credential:
        return await _token(context, exposure.credential, store)
    return _backup(context, exposure)


def _backup(context: Context, exposure: Exposure) -> _Found:
    directory = exposure.backup
    if directory is None:
        noted = made_backups.noted(context.settings.state_dir)
        places = [each.directory for each in noted if each.revision == exposure.backup_revision]
        if not places:
            message = f"there is no backup on record at revision {exposure.backup_revision}"
            raise UnknownError(message, "name its directory: filterd breach report --backup DIRECTORY")
        directory = Path(places[-1])
    manifest = read_manifest(directory)
    return _Found(f"backup:{manifest.revision}", directory / STORE)


async def _node(context: Context, name: str, store: Path) -> _Found:
    """A node follows every line; it has neither ids nor evidence."""
    known = await nodes.show(context, name)
    return _Found(
        f"node:{known.report.name}",
        store,
        with_ids=False,
        with_requests=False,
        with_authorised=False,
        with_notices=False,
    )


async def _token(context: Context, name: str, store: Path) -> _Found:
    async with context.store.read() as connection:
        every = await token_rows.all_tokens(connection)
    named = [each for each in every if name.strip() in (f"T-{each.number}", each.name)]
    if not named:
        message = f"there is no token {name.strip()[:64]!r}"
        raise UnknownError(message, "see those that exist: filterd token list")
    may = _any_of(named)
    reads, shows = may(Permission.LINES_READ), any(map(may, _REPLY_WITH_LINES))
    begins = {each.lines for each in named}
    return _Found(
        f"token:{named[0].name}",
        store,
        with_ids=shows or may(Permission.NOTICES_READ),
        with_choices=shows or may(Permission.CHECK_LINES),
        with_bindings=shows,
        with_own_names=may(Permission.OWN_NAMES),
        with_requests=reads,
        with_authorised=reads,
        with_notices=may(Permission.NOTICES_READ),
        begins=begins.pop() if len(begins) == 1 else "",
        actors=(named[0].name,),
        asked=await _asked(context) if may(Permission.RIGHTS) else frozenset(),
    )


async def _asked(context: Context) -> frozenset[int]:
    """The lines whose holders have a request on record."""
    async with context.store.read() as connection:
        return frozenset(each.line for each in await arco.every(connection))


def _any_of(found: list[Token]) -> Callable[[Permission], bool]:
    return lambda permission: any(permission in each.permissions for each in found)


async def _acts(context: Context, actors: tuple[str, ...], since: float) -> defaultdict[int, Counter[str]]:
    """By line, how often the actor did each action."""
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    if actors:
        async with context.store.read() as connection:
            for line, action in await change_log.lines_of_actor(connection, actors[0], since):
                found[line][action] += 1
    return found


def _concerned(held: HeldOfLine, found: _Found, acts: Counter[str]) -> bool:
    noticed = found.with_notices and held.notices > 0
    return found.with_choices or bool(acts) or noticed or held.line in found.asked


def _of_line(found: _Found, line: int, acts: Counter[str]) -> _Found:
    """The thing that was exposed, with what it showed of one line by an act that is on record."""
    if any(acts[each] for each in SHOW_ALL):
        return _Found(found.what, found.path)
    own_names = found.with_own_names or any(acts[each] for each in OWN_NAMES_SEEN)
    named = own_names or acts[SESSION_SEEN] > 0 or line in found.asked
    return replace(found, with_ids=found.with_ids or named, with_own_names=own_names)


async def _present(connection: AsyncConnection, lines: list[int]) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(lines), 1_000):
        found |= (await subscriber_rows.names(connection, lines[start : start + 1_000])).keys()
    return found


def _line(held: HeldOfLine, found: _Found, acts: Counter[str], erased: bool) -> ExposedLine:
    return ExposedLine(
        id=held.id,
        line=held.line,
        id_exposed=found.with_ids,
        opted_in=held.opted_in if found.with_choices else False,
        profile=held.profile if found.with_choices else "",
        differences=held.differences and found.with_choices,
        own_names=held.own_names if found.with_own_names else 0,
        own_names_seen=sum(acts[each] for each in OWN_NAMES_SEEN),
        sessions_seen=acts[SESSION_SEEN],
        requests=held.requests if found.with_requests else 0,
        bindings=held.bindings if found.with_bindings else 0,
        authorised=held.authorised if found.with_authorised else 0,
        notices=held.notices if found.with_notices else 0,
        changed=acts.total(),
        erased_since=erased,
    )


def _counts(lines: tuple[ExposedLine, ...]) -> dict[str, int]:
    """The number of lines of which each class of data was exposed."""
    return {
        "lines": len(lines),
        "ids": sum(each.id_exposed for each in lines),
        "choices": sum(each.opted_in or each.differences for each in lines),
        "own_names": sum(each.own_names + each.own_names_seen > 0 for each in lines),
        "evidence": sum(each.requests > 0 for each in lines),
        "addresses": sum(each.bindings + each.sessions_seen > 0 for each in lines),
        "authorised": sum(each.authorised > 0 for each in lines),
        "notices": sum(each.notices > 0 for each in lines),
        "changed": sum(each.changed > 0 for each in lines),
        "erased_since": sum(each.erased_since for each in lines),
    }
