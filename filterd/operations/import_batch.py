"""Writes one chunk of an import: compares it with the store, and writes what differs in one transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from filterd.model.audit_chain import canonical
from filterd.model.bound import Bound, PortsBound, parse_bound
from filterd.model.changelog import BindingChange, LineChange
from filterd.model.line import LineChoices
from filterd.model.subscriber import PendingOptIn, RequestEvidence, SharedEvidence, Subscriber
from filterd.operations import filling, limited_bounds
from filterd.operations.bindings import DAY, PACE, overlap
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.notices.making import made, note_all
from filterd.operations.port_ranges import PortRanges, bound_at
from filterd.policy.documents import ConsentText
from filterd.store import bindings
from filterd.store import consent as consent_rows
from filterd.store import meanings as meaning_rows
from filterd.store import subscribers as rows
from filterd.store.store import Write


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A well-formed row. With an empty ``profile`` the line is registered, and its choices are left alone."""

    line: int
    """its line number in the file"""
    subscriber: str
    profile: str
    zone: str
    prefixes: tuple[str, ...]
    """the canonical texts of what is bound to it"""
    evidence: RequestEvidence | None
    ports: tuple[PortsBound, ...] = ()
    """the ranges of ports among them"""
    shares: int = 0
    """the number of rows that have the same evidence, itself included; 0: it is this row's own"""
    accept_empty: bool = False
    """opt the line in though no list of a category of its profile was ever read"""

    @property
    def weight(self) -> int:
        """The most changes that it can lead to."""
        return 1 + len(self.prefixes)


class ImportTally(Protocol):
    """Counts the outcome of each row."""

    unbound: int
    moving: int
    pending: int
    shared: str

    def count(self, line: int, outcome: str) -> None:
        """Count a row that was taken: added, changed or unchanged."""

    def reject(self, line: int, reason: str) -> None:
        """Count a row that was not imported."""


@dataclass(slots=True)
class Importing:
    """An import under way: the digest of its file, the outcome so far, and the rows that it has had."""

    source: str
    tally: ImportTally
    seen: dict[str, int] = field(default_factory=dict)
    """each subscriber of the file that was not rejected -> its line in it"""
    begins: str = ""
    """the beginning of the ids that errors may name; empty: all"""
    shared_reason: str = ""
    """why rows have no evidence of their own; empty: such rows are rejected"""
    shared: SharedEvidence | None = None
    """once a row of it waits"""
    texts: dict[str, ConsentText] = field(default_factory=dict)
    """the texts of consent that its rows name, by version"""
    unread: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """profile -> its categories of which no list was ever read; such a profile must be accepted"""

    def place(self, subscriber: str) -> str:
        """The subscriber as an error names it, with its line in the file if it stands there."""
        if not subscriber.startswith(self.begins):
            return "another subscriber"
        line = self.seen.get(subscriber)
        return f"subscriber {subscriber!r}" + (f" (line {line})" if line else "")


@dataclass(slots=True)
class _Plan:
    """The writes that a chunk leads to, once compared with the store."""

    settled: set[int]
    """lines whose subscribers asked for something before: their choices are left alone"""
    new: list[tuple[Subscriber, str]] = field(default_factory=list)
    changed: list[LineChoices] = field(default_factory=list)
    bound: list[tuple[str, int]] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    """lines that were there before, and are given bindings"""
    asked: list[tuple[int, str, RequestEvidence]] = field(default_factory=list)
    referred: set[str] = field(default_factory=set)
    """references of the chunk that requests of other lines rest on"""
    pending: list[PendingOptIn] = field(default_factory=list)
    accepted_empty: set[str] = field(default_factory=set)
    """categories of which no list was ever read, of profiles that lines opt in to"""

    @property
    def empty(self) -> bool:
        return not (self.new or self.changed or self.bound or self.pending)

    def opts_in(self, row: ImportRow, before: Subscriber | None) -> bool:
        """True if the row's request counts: the line never made one."""
        return bool(row.profile) and (
            before is None or not (before.choices.opted_in or before.line in self.settled)
        )

    def shares(self, row: ImportRow) -> bool:
        """True if the row has no evidence of its own."""
        return row.evidence is not None and (row.shares > 0 or row.evidence.reference in self.referred)


async def write_chunk(context: Context, chunk: Sequence[ImportRow], importing: Importing) -> None:
    """Write what differs, with one audit entry."""
    source = importing.source
    async with context.store.write(context.actor, context.clock()) as write:
        plan = await _compare(write, chunk, importing)
        if plan.empty:
            return
        await _take_meanings(write, plan)
        await rows.add(write.connection, plan.new)
        for choices in plan.changed:
            await rows.save(write.connection, choices)
        await bindings.add(write.connection, plan.bound)
        paced = await bindings.count_changes(write.connection, plan.moved, write.now, DAY)
        importing.tally.moving += sum(changes > PACE for changes in paced.values())
        await rows.add_requests(write.connection, plan.asked)
        await consent_rows.keep_texts(write.connection, importing.texts.values(), write.now)
        await _keep_pending(write, plan, importing)
        write.change(*(LineChange(each.choices) for each, _ in plan.new))
        write.change(*(LineChange(choices) for choices in plan.changed))
        write.change(*(BindingChange(prefix, line) for prefix, line in plan.bound))
        write.audit("subscriber.import", f"file:{source[:16]}", after=_audited(plan, chunk, source))
        chosen = [each for each in (*(new.choices for new, _ in plan.new), *plan.changed) if each.opted_in]
        told = [made("opt_in", LineChoices(each.line), each) for each in chosen]
        await note_all(write, context.settings, told)


async def _take_meanings(write: Write, plan: _Plan) -> None:
    """Give lines that opt in the newest meaning of their profile."""
    known = await meaning_rows.known(write.connection)
    newest = {profile: meanings.to_accept(write.now) for profile, meanings in known.items()}
    if any(newest.values()):
        plan.changed = [replace(each, meaning=newest.get(each.profile, 0)) for each in plan.changed]
        plan.new = [
            (replace(each, choices=replace(each.choices, meaning=newest.get(each.choices.profile, 0))), seal)
            for each, seal in plan.new
        ]


async def _compare(write: Write, chunk: Sequence[ImportRow], importing: Importing) -> _Plan:
    known = await rows.find_many(write.connection, [row.subscriber for row in chunk])
    owners = await bindings.owners(write.connection, [prefix for row in chunk for prefix in row.prefixes])
    ranges = await bound_at(write.connection, [each.address for row in chunk for each in row.ports])
    names = await rows.names(write.connection, sorted({*owners.values(), *ranges.lines()}))
    numbers = [each.line for each in known.values()]
    settled = await rows.that_asked(write.connection, numbers)
    plan = _Plan(settled | await consent_rows.waiting(write.connection, numbers))
    references = {row.evidence.reference for row in chunk if row.evidence is not None}
    plan.referred = await consent_rows.referred_to(write.connection, sorted(references))
    foreign = await _foreign(write, chunk, owners, importing.begins)
    for row in chunk:
        before = known.get(row.subscriber)
        numbered = before.line if before else 0
        refusal = next((foreign[each] for each in row.prefixes if each in foreign), "")
        refusal = refusal or _refusal(row, numbered, owners, names, ranges, importing)
        if not importing.shared_reason and plan.opts_in(row, before) and plan.shares(row):
            refusal = refusal or _not_its_own(row)
        unread = importing.unread.get(row.profile, ()) if plan.opts_in(row, before) else ()
        if unread and not row.accept_empty:
            refusal = refusal or f"{filling.refusal(row.profile, unread)}; {filling.REMEDY}"
        if refusal:
            importing.tally.reject(row.line, refusal)
            continue
        plan.accepted_empty.update(unread)
        line = _plan_row(write, row, before, owners, plan, importing.tally)
        for each in row.ports:
            ranges.add(each, line)
        importing.tally.unbound += not row.prefixes and not (before and before.bindings)
        owners.update(dict.fromkeys(row.prefixes, line))
        names[line] = row.subscriber
        importing.seen[row.subscriber] = row.line
    return plan


async def _foreign(
    write: Write, chunk: Sequence[ImportRow], owners: dict[str, int], begins: str
) -> dict[str, str]:
    """The bounds that a limited token may not bind, each with the reason; an unlimited one may bind all."""
    refused: dict[str, str] = {}
    wanted: list[Bound] = []
    texts = dict.fromkeys(text for row in chunk for text in row.prefixes if text not in owners)
    for bound in map(parse_bound, texts if begins else ()):
        try:
            limited_bounds.require_narrow(bound)
            wanted.append(bound)
        except OperationError as error:
            refused[str(bound)] = f"{error}; {error.remedy}"
    met = await limited_bounds.foreign(write.connection, wanted, begins) if wanted else set()
    return refused | {str(each): "; ".join(limited_bounds.meets(each)) for each in wanted if str(each) in met}


def _not_its_own(row: ImportRow) -> str:
    """The reason why a row without evidence of its own is not imported, and what to do."""
    others = f"{row.shares} rows of the file" if row.shares else "the request of another line"
    return (
        f"this evidence is that of {others} too, and says of no single line that it asked; give the row its "
        "own who, at and reference; or, for a second person to approve, import it with --shared REASON"
    )


async def _keep_pending(write: Write, plan: _Plan, importing: Importing) -> None:
    """Keep what waits for a second person."""
    if not plan.pending:
        return
    if importing.shared is None:
        made = SharedEvidence(
            number=write.before.revision + 1,
            source=importing.source,
            asked_by=write.actor,
            asked_at=write.now,
            reason=importing.shared_reason,
        )
        await consent_rows.share(write.connection, made)
        importing.shared = made
        importing.tally.shared = made.reference
        after = {"source": made.source[:16], "asked_by": made.asked_by}
        write.audit("evidence.share", f"evidence:{made.number}", reason=made.reason, after=after)
    await consent_rows.add_pending(write.connection, importing.shared.number, plan.pending)


def _refusal(
    row: ImportRow,
    line: int,
    owners: dict[str, int],
    names: dict[int, str],
    ranges: PortRanges,
    importing: Importing,
) -> str:
    """The reason why a row cannot be imported, and what to do; empty: it can. ``line`` 0: the subscriber
    has none yet."""
    if row.subscriber in importing.seen:
        first = importing.seen[row.subscriber]
        subscriber = f"subscriber {row.subscriber!r}"
        return (
            f"{subscriber} stands in line {first} already; one row for each subscriber, with all its prefixes"
        )
    taken = [prefix for prefix in row.prefixes if owners.get(prefix, line) != line]
    if taken:
        owner = importing.place(names[owners[taken[0]]])
        return f"{taken[0]} is bound to {owner}; end that with: filterd binding remove {taken[0]}"
    for each in row.ports:
        clash = ranges.clash(each)
        if clash is not None:
            return "; ".join(overlap(each, clash[0], importing.place(names[clash[1]])))
    return ""


def _plan_row(
    write: Write,
    row: ImportRow,
    before: Subscriber | None,
    owners: dict[str, int],
    plan: _Plan,
    tally: ImportTally,
) -> int:
    """Add a row to the plan; returns its line's number."""
    choices = before.choices if before else LineChoices(write.take_lines(1), zone=row.zone)
    wanted = choices
    opts_in, shares = plan.opts_in(row, before), plan.shares(row)
    if opts_in and not shares:
        wanted = replace(choices, opted_in=True, profile=row.profile, zone=row.zone)
    if opts_in and shares and row.evidence is not None:
        plan.pending.append(PendingOptIn(choices.line, row.profile, row.evidence))
        tally.pending += 1
    free = [prefix for prefix in row.prefixes if prefix not in owners]
    if before is None:
        subscriber = Subscriber(row.subscriber, wanted, (), write.now)
        plan.new.append((subscriber, secrets.token_hex(32)))
        tally.count(row.line, "added")
    elif wanted != choices or free or (opts_in and shares):
        if wanted != choices:
            plan.changed.append(wanted)
        tally.count(row.line, "changed")
    else:
        tally.count(row.line, "unchanged")
    plan.bound += [(prefix, wanted.line) for prefix in free]
    if before is not None and free:
        plan.moved.append(wanted.line)
    if row.evidence is not None and opts_in and not shares:
        recorded = replace(row.evidence, recorded_by=write.actor, recorded_at=write.now)
        plan.asked.append((wanted.line, "opt_in", recorded))
        plan.referred.add(recorded.reference)
    return wanted.line


def _audited(plan: _Plan, chunk: Sequence[ImportRow], source: str) -> dict[str, object]:
    """The chunk as the audit trail shows it: numbers of lines and counts, nothing personal."""
    numbers = sorted({each.line for each, _ in plan.new} | {each.line for each in plan.changed})
    numbers = sorted({*numbers, *(line for _, line in plan.bound)})
    return {
        "source": source,
        "rows": [chunk[0].line, chunk[-1].line],
        "added": len(plan.new),
        "changed": len(plan.changed),
        "bindings": len(plan.bound),
        "opted_in": len(plan.asked),
        **({"pending": len(plan.pending)} if plan.pending else {}),
        **({filling.ACCEPTED: sorted(plan.accepted_empty)} if plan.accepted_empty else {}),
        "lines": [numbers[0], numbers[-1]],
        "lines_digest": hashlib.sha256(canonical(numbers).encode()).hexdigest(),
    }
