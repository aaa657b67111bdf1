"""The rules of sessions in plain Python: the readable statement of ``rules.pyx``, whose numbers these are.

Nothing here is bounded or on disk. `tests/twins` holds the native table to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from filterd.accounting.evidence_reference import (
    AGREES,
    BEHIND,
    DAY,
    LATE,
    MARGIN,
    RETRIED,
    Contest,
    EventKind,
    Evidence,
    Mark,
    NasClock,
    ReferenceEvent,
    SessionEnd,
    SessionRecord,
    ToldEvent,
    contradicts,
    kind_of,
)
from filterd.accounting.session_view import SessionClaim, SessionView
from filterd.model.session import SessionSource

MOST_CLAIMS = 4
CLIENT = slice(6, 8)  # of a NAS's fingerprint: who speaks for it (`radius_reference.read_event`)


@dataclass(slots=True)
class ReferenceSessions:
    """The table of sessions."""

    stale_after: int
    """seconds"""
    records: dict[object, SessionRecord] = field(default_factory=dict)
    lines: dict[bytes, int] = field(default_factory=dict)
    nases: dict[bytes, NasClock] = field(default_factory=dict)
    remembered: dict[object, Evidence] = field(default_factory=dict)
    """by address, or by session that a Stop ended: how, in place of the subscriber"""
    stamped_ahead: dict[object, ToldEvent] = field(default_factory=dict)
    """messages that were stamped ahead, as they came first"""

    # Asking

    def is_live(self, record: SessionRecord, now: float) -> bool:
        """True unless it is stale or was ended by its NAS."""
        return record.until > int(now) and not self.nas(record.nas).has_ended(record.stamp)

    def live(self, now: float) -> Iterator[tuple[SessionClaim, int]]:
        """Every claim that holds, and its line."""
        for record in self.records.values():
            if self.is_live(record, now):
                for claim in record.claims:
                    yield claim, self.lines.get(record.subscriber, 0)

    def view(self, session: object) -> SessionView:
        """A session as the native table tells it."""
        record = self.records[session]
        return SessionView(
            tuple(record.claims),
            self.lines.get(record.subscriber, 0),
            record.source,
            int(record.kind),
            record.stamp / 1000,
            float(record.confirmed),
            float(record.until),
        )

    # The order of evidence

    def nas(self, name: bytes) -> NasClock:
        """The NAS; without a name one that has no clock."""
        return self.nases.setdefault(name, NasClock()) if any(name) else NasClock()

    def ahead(self, mark: Mark, nas: bytes, other: Mark, other_nas: bytes) -> int:
        """By how much the first evidence is newer, as far as the clocks tell (rule 3)."""
        if nas == other_nas:
            return 2 * (mark.second - other.second) + mark.start - other.start
        return 1000 * (mark.second - other.second) + self.nas(nas).offset - self.nas(other_nas).offset

    def lead(self, mark: Mark, nas: bytes, other: Mark, other_nas: bytes) -> int:
        """Positive where the first evidence is newer, negative where the second is, 0 where neither."""
        found = self.ahead(mark, nas, other, other_nas)
        if nas == other_nas and any(nas):
            if found < -LATE:
                return 0
        elif not (self.is_proven(nas) and self.is_proven(other_nas)) or abs(found) <= MARGIN:
            return 0
        return 0 if (mark if found > 0 else other).doubtful else found

    def sure_lead(self, m: ToldEvent, other: Mark, other_nas: bytes) -> int:
        """By how much a message is newer for sure (rule 2)."""
        found = self.lead(m.mark, m.event.nas, other, other_nas)
        if found == 0 and m.doubtful:
            return max(0, self.lead(m.earliest, m.event.nas, other, other_nas))
        return found

    def is_proven(self, nas: bytes) -> bool:
        """True if the NAS's offset is known, or arrivals stand for all its stamps, since they were ahead."""
        clock = self.nas(nas)
        return any(nas) and (clock.proven or (clock.seen is not None and clock.least is None))

    def remember(self, claim: object, mark: Mark, nas: bytes, subscriber: bytes | None) -> None:
        """Keep the newest evidence about an address, or the end of a session (rules 5 and 6)."""
        known = self.remembered.get(claim)
        if known is not None:
            told = (known.mark, known.nas), (mark, nas)
            unclear = self.lead(*told[0], *told[1]) == 0 == self.lead(*told[1], *told[0])
            ordered = nas == known.nas and self.nas(nas).in_order
            if subscriber != known.subscriber and unclear and not ordered:
                subscriber = None
                known = Evidence(known.mark, known.nas, None)
            if self.ahead(known.mark, known.nas, mark, nas) > 0:
                self.remembered[claim] = known
                return
        self.remembered[claim] = Evidence(mark, nas, subscriber)

    # SessionEnd

    def drop_claim(
        self, session: object, claim: SessionClaim, mark: Mark | None, remember: bool = True
    ) -> None:
        """Take an address from a session."""
        record = self.records[session]
        own = record.claims.pop(claim)
        if remember:
            self.remember(claim, own.or_newer(mark), record.nas, record.subscriber)

    def end(self, session: object, mark: Mark | None = None) -> None:
        """End a session with everything that it has."""
        for claim in list(self.records[session].claims):
            self.drop_claim(session, claim, mark)
        del self.records[session]

    def sweep(self, now: float) -> None:
        """Drop what is stale or ended by its NAS."""
        for session, record in list(self.records.items()):
            if not self.is_live(record, now):
                self.end(session)

    # Who has an address

    def rivals(self, session: object, claim: SessionClaim) -> list[tuple[object, SessionClaim]]:
        """The claims of other sessions that contradict."""
        return [
            (other, theirs)
            for other, record in self.records.items()
            if other != session
            for theirs in record.claims
            if contradicts(claim, theirs)
        ]

    def wins_over_memory(self, m: ToldEvent, claim: SessionClaim) -> bool:
        """True unless what is remembered of the address is as new."""
        known = self.remembered.get(claim)
        if known is None:
            return True
        found = self.sure_lead(m, known.mark, known.nas)
        if found == 0 and m.event.source is SessionSource.COMMAND:
            return True
        ordered = m.event.source is not SessionSource.RADIUS and m.event.nas == known.nas
        if found == 0 and known.subscriber is not None and (known.subscriber == m.subscriber or ordered):
            return True
        return found > 0

    def contest(self, session: object, m: ToldEvent, claim: SessionClaim) -> Contest:
        """The outcome of a claim against its rivals and against what is remembered (rules 3 and 4)."""
        outcome = Contest.WON if self.wins_over_memory(m, claim) else Contest.REFUSED
        for other, theirs in self.rivals(session, claim):
            rival = self.records[other]
            found = self.sure_lead(m, rival.claims[theirs], rival.nas)
            if found < 0:
                return Contest.REFUSED
            if found > 0 or rival.subscriber == m.subscriber or m.event.source is SessionSource.COMMAND:
                continue
            if rival.source is SessionSource.COMMAND:
                return Contest.REFUSED
            if m.event.source is SessionSource.RADIUS or m.event.nas != rival.nas:
                outcome = Contest.CONTRADICTED
        return outcome

    def take_away(self, session: object, claim: SessionClaim, won: bool) -> None:
        """Drop every claim of another session that contradicts."""
        for other, theirs in self.rivals(session, claim):
            same = theirs.ports is None or theirs.ports == claim.ports
            self.drop_claim(other, theirs, None, remember=not (won and same))
            if not self.records[other].claims:
                del self.records[other]

    def claim(self, session: object, m: ToldEvent, claim: SessionClaim) -> None:
        """Give a session one more address, if nothing speaks against it (rule 1)."""
        record = self.records[session]
        if len(record.claims) == MOST_CLAIMS:
            return
        outcome = self.contest(session, m, claim)
        if outcome is Contest.REFUSED:
            return
        self.take_away(session, claim, won=outcome is Contest.WON)
        if outcome is Contest.WON:
            record.claims[claim] = m.mark
        else:
            self.remember(claim, m.mark, m.event.nas, m.subscriber)

    # Events

    def read(self, event: ReferenceEvent) -> ToldEvent:
        """The time that an event tells of (rule 2), and its session."""
        nas, stamp = self.nas(event.nas), min(event.stamp, event.arrival)
        session: object = event.session if any(event.session) else None
        if event.source is not SessionSource.RADIUS:
            nas.proven = nas.in_order = True
            return ToldEvent(event, stamp, stamp, stamp, False, event.subscriber, session)
        if event.stamped:
            return self.read_clock(event, nas, session)
        stamp -= nas.offset
        old = event.arrival - stamp - nas.offset > self.stale_after * 1000
        return ToldEvent(event, stamp, stamp, stamp, old, event.subscriber, session)

    def read_clock(self, event: ReferenceEvent, nas: NasClock, session: object) -> ToldEvent:
        """The time that a stamp tells by the clock of its NAS."""
        waited = event.delay
        if waited > BEHIND and abs(event.arrival - waited - event.stamp) <= MARGIN:
            waited = (
                0  # FreeRADIUS's detail reader writes the difference between its clock and the stamp there
            )
        took = event.arrival - waited - event.stamp
        good = took >= -AGREES
        if any(event.nas):
            good = nas.believe(took, event.arrival, delayed=waited != 0)
        newest = event.stamp >= nas.newest - MARGIN
        nas.newest = max(nas.newest, event.stamp)
        early = stamp = event.stamp + nas.shift
        sent = event.arrival - waited - nas.offset
        oldest = stamp
        latest = stamp if good and (sent - stamp <= BEHIND or not nas.proven) else sent
        if not good:
            early, stamp = min(stamp, sent - RETRIED), sent // 1000 * 1000
        if event.kind in (EventKind.ON, EventKind.OFF):
            stamp = min(stamp, event.arrival)
        ahead = not good
        doubtful = (ahead and not newest) or (good and latest != stamp)
        old = event.arrival - min(oldest, stamp) - nas.offset > self.stale_after * 1000
        return ToldEvent(event, stamp, early, latest, old, event.subscriber, session, doubtful, ahead)

    def apply(self, event: ReferenceEvent) -> None:
        """Apply one event by the rules."""
        if event.source is SessionSource.RADIUS and max(event.arrival - event.stamp, event.delay) > DAY:
            return
        m = self.read(event)
        if m.latest - m.stamp > DAY:
            return
        self.read_ahead(m)
        if event.kind in (EventKind.ON, EventKind.OFF):
            nas = self.nas(event.nas)
            nas.floor = m.stamp if nas.floor is None else max(nas.floor, m.stamp)
        elif event.kind in (EventKind.STOP, EventKind.DISCONNECT):
            if m.session is None:
                self.stop_unnamed(m)
            else:
                self.stop(m)
        else:
            if m.session is None and event.claims:
                m.session = self.name(m)
            self.go_on(m)

    def read_ahead(self, m: ToldEvent) -> None:
        """Give a copy of a message that was stamped ahead, or of an On or Off, the time of the first
        (rule 2)."""
        event = m.event
        key = event.nas, event.session, event.subscriber, event.stamp, event.kind
        first = self.stamped_ahead.get(key)
        if first is None:
            if m.ahead or event.kind in (EventKind.ON, EventKind.OFF):
                self.stamped_ahead[key] = replace(m)
            return
        m.stamp, m.early, m.latest, m.doubtful = first.stamp, first.early, first.latest, first.doubtful
        if not m.doubtful:
            m.early = m.stamp
        m.old = event.arrival // 1000 * 1000 - m.stamp > self.stale_after * 1000

    def name(self, m: ToldEvent) -> object:
        """A session without an id: this subscriber's that has the first address, else one named by that."""
        for other, _ in self.rivals(None, m.event.claims[0]):
            owner = self.records[other]
            if owner.nas == m.event.nas and (not any(m.subscriber) or owner.subscriber == m.subscriber):
                return other
        return m.event.nas, m.event.claims[0]

    def is_over(self, m: ToldEvent, record: SessionRecord, mark: Mark | None = None) -> bool:
        """True unless what is known of the session is newer, or its NAS is another client's (rule 5)."""
        if m.event.source is not SessionSource.RADIUS:
            return True
        if record.nas[CLIENT] != m.event.nas[CLIENT]:
            return False
        mark = mark or Mark(record.stamp // 1000, start=False)
        found = self.sure_lead(m, mark._replace(start=False), record.nas)
        return found > 0 or (found == 0 and not m.doubtful)

    def ends(self, m: ToldEvent, record: SessionRecord | None) -> SessionEnd:
        """How a Stop or Disconnect ends the session of its id (rule 5)."""
        if m.event.source is not SessionSource.RADIUS:
            return SessionEnd.FOR_GOOD
        if m.event.kind is not EventKind.STOP:
            over = record is None or self.is_over(m, record)
            return SessionEnd.FOR_GOOD if over else SessionEnd.NOT_AT_ALL
        ended = self.remembered.get(m.session)
        if record is None:
            again = ended is not None and m.doubtful and ended.subscriber == SessionEnd.UNTIL_MORE.value
            return SessionEnd.UNTIL_MORE if again else SessionEnd.FOR_GOOD
        if ended is not None and (
            (m.earliest.second, True) == ended.mark[:2] or (not m.doubtful and m.mark[:2] < ended.mark[:2])
        ):
            return SessionEnd.NOT_AT_ALL
        if record.stamp // 1000 <= m.stamp // 1000:
            return SessionEnd.FOR_GOOD
        if m.doubtful:
            return SessionEnd.UNTIL_MORE
        sure = record.kind is EventKind.START and not any(mark.doubtful for mark in record.claims.values())
        return SessionEnd.NOT_AT_ALL if sure else SessionEnd.FOR_GOOD

    def stop(self, m: ToldEvent) -> None:
        """Rules 5 and 6."""
        how = self.ends(m, self.records.get(m.session))
        if how is SessionEnd.NOT_AT_ALL:
            return
        if m.session in self.records:
            self.end(m.session, m.mark)
        if m.event.kind is EventKind.STOP:
            self.remember(m.session, m.mark._replace(start=True), m.event.nas, how.value)
        for claim in m.event.claims:
            if not self.rivals(None, claim):
                self.remember(claim, m.mark, m.event.nas, m.subscriber)

    def stop_unnamed(self, m: ToldEvent) -> None:
        """Rule 5: the sessions that have the addresses, else those of the subscriber."""
        for claim in m.event.claims:
            for other, has in self.rivals(None, claim):
                record = self.records.get(other)
                if record is None or (any(m.subscriber) and record.subscriber != m.subscriber):
                    continue
                if self.is_over(m, record, record.claims[has]):
                    self.end(other, m.mark)
        if not m.event.claims and any(m.subscriber):
            of_line = [key for key, each in self.records.items() if each.subscriber == m.subscriber]
            for session in of_line:
                if self.is_over(m, self.records[session]):
                    self.end(session, m.mark)

    def may_begin(self, m: ToldEvent) -> bool:
        """True where a message may begin a session that is not known (rules 5 and 8)."""
        if not any(m.subscriber) or not m.event.claims:
            return False
        if (ended := self.remembered.get(m.session)) is None:
            return True
        begins = m.event.kind is EventKind.START or ended.subscriber == SessionEnd.UNTIL_MORE.value
        if begins and m.earliest[:2] > ended.mark[:2]:
            return True
        for claim in m.event.claims:
            self.give_up(m, claim)
        return False

    def give_up(self, m: ToldEvent, claim: SessionClaim) -> None:
        """The evidence of a message that begins no session: older owners lose its addresses."""
        outcome = self.contest(None, m, claim)
        if outcome is not Contest.REFUSED:
            self.take_away(None, claim, won=False)
            self.remember(claim, m.mark, m.event.nas, m.subscriber)

    def go_on(self, m: ToldEvent) -> None:
        """A Start, Interim or Change."""
        event, now = m.event, m.event.arrival // 1000
        floor = self.nas(event.nas).floor
        follows = floor is not None and m.stamp <= floor and m.stamp // 1000 == floor // 1000
        if event.kind is EventKind.START and follows:  # in the second in which the NAS began
            m.stamp = (floor or 0) + 1
        if m.old or event.lasts == 0 or self.nas(event.nas).has_ended(m.stamp):
            return
        record = self.records.get(m.session)
        if record is not None and not self.is_live(record, now):
            self.end(m.session)
            record = None
        older = False
        if record is None:
            if not self.may_begin(m):
                return
            record = self.records[m.session] = SessionRecord(event.nas, m.subscriber, m.stamp, event.source)
        else:
            older = m.stamp < record.stamp
            if not any(m.subscriber):
                m.subscriber = record.subscriber
            if older and m.subscriber != record.subscriber:
                return
        self.take(record, m, older)
        if not record.claims:
            del self.records[m.session]

    def take(self, record: SessionRecord, m: ToldEvent, older: bool) -> None:
        """Rules 8, 9 and 10."""
        event, now = m.event, m.event.arrival // 1000
        if not older:
            self.replace(m.session, m)
            record.subscriber, record.stamp, record.kind, record.source = (
                m.subscriber,
                m.stamp,
                event.kind,
                event.source,
            )
            record.confirmed, record.until = now, now + event.lasts
        kinds = {kind_of(claim) for claim in record.claims}
        for claim in dict.fromkeys(event.claims):
            if (kind_of(claim) not in kinds) if older else (claim not in record.claims):
                self.claim(m.session, m, claim)

    def replace(self, session: object, m: ToldEvent) -> None:
        """Drop the claims of the kinds that the message names, but for its own (rule 8)."""
        record = self.records[session]
        named = {kind_of(claim) for claim in m.event.claims} | m.event.refused_kinds
        for claim, mark in list(record.claims.items()):
            if claim in m.event.claims:
                record.claims[claim] = mark if m.doubtful else mark.or_newer(m.mark)
            elif kind_of(claim) in named:
                self.drop_claim(session, claim, None)
