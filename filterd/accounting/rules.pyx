# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The rules of sessions. ``sessions_reference`` says the same in plain Python.

1. An address (a prefix, or some ports of an address) has one owner at most, the session with the newest
   evidence about it. Newer evidence of another session takes it away; a session without an address is
   removed.
2. A message's time is the stamp of its NAS, shifted to our clock. One that is stamped more than a day before
   its arrival, or says that it waited for so long, says nothing at all. An unstamped one has our clock's
   time.
   A NAS's clock is proven by a message within 5 seconds of ours, or by two, 10 seconds apart, that agree on
   (arrival - delay - stamp) within 2 seconds, with none between them that fits the clock that is known: a
   step of it is believed then, and evidence goes on over the step. Before that, a message that is stamped
   ahead by more than 5 seconds counts as sent at its arrival less its delay, and a copy of it (of the same
   NAS, session, line, kind and stamp) as sent then as well. It is *doubtful* where a stamp that is newer by
   more than 2 seconds has come from the NAS before, since it is late or a replay: it was sent by that time,
   and 2 minutes before at the earliest. Doubtful is also one that is behind by more than 30 seconds: it is
   late, or the clock was set back. Between its earliest time and its latest it is not newer than others, nor
   they than it. A delay of more than 30 seconds that is but the difference to the stamp says nothing of the
   clock, and does not count.
3. Within one NAS the newer second wins; in one second a Start beats an Interim. Between two NASes the
   stamps are corrected by the NAS's offset: the least (arrival - delay - stamp) of the last 10 to 20
   minutes.
4. Where that tells nothing and the subscribers differ, the address is nobody's until newer evidence comes:
   the same second and kind; 2 seconds between NASes, or one whose clock is not proven; a doubtful message;
   and one of a NAS that is 30 seconds older than what the NAS has said. With one subscriber, or within one
   lease file or the commands, which come in order, the later arrival wins. A command beats NASes and leases
   there: a person says so.
5. A Stop ends its own session and no other. A replay, of the second of a Stop that is known, or in order
   and before the session's Start, ends nothing. One that is behind (rule 2) and older than what is known of
   its session ends it until evidence is newer than its arrival. Else the session stays ended: only a Start
   with a newer stamp begins it anew, though a late message of it is evidence against older owners. A
   Disconnect ends it until newer evidence comes, and only where what is known is not newer. One without a
   session's id means the sessions that have its addresses, or else those of its subscriber: of the same
   client alone, and only where what is known of them is not newer.
6. What is known of an address outlives its session: evidence older than the newest claims nothing. Of a
   NAS, the address of an ended session goes to a Start of the same second, not to an Interim.
7. On and Off end the NAS's sessions up to their stamp, or arrival where that is earlier, at once; the sweep
   takes the records away. A Start of the same second that arrives later counts. The file's head has room for
   MOST_FLOORS of them until then; when it is full all records are visited before one more is taken.
8. A message without a line confirms a known session alone. A kind of address (IPv4; IPv6 prefixes up to 63
   bits; 64 to 127; 128) that it does not name stays as it was; one that it names is replaced as a whole,
   also where its sender may not claim the address that it names.
9. An older message of a known session adds addresses of kinds that are not known, and changes nothing else.
10. A session is good until arrival + ``lasts`` of its newest message. RADIUS evidence that is older than
    ``stale_after`` at its arrival claims nothing.
11. A full table refuses new sessions and drops none to make room. The refused message is evidence still:
    whoever had its addresses loses them, and where that ends a session there is room.
12. Receivers are told of changes, and of a confirmation when they have less than three quarters of the time
    left: with three messages in ``lasts``, one that is lost costs nothing. While sessions of before are lost
    they are told of ends, and of lines that nobody has registered, also where the table knows of no owner.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from filterd.accounting.event cimport EVENT_DISCONNECT, EVENT_OFF, EVENT_ON, EVENT_START, EVENT_STOP, Event
from filterd.accounting.evidence cimport (
    RETRIED,
    Nas,
    Remembered,
    client_of,
    is_doubtful,
    lead,
    mark_of,
    nas_place,
    recall,
    remember,
    since,
)
from filterd.accounting.message cimport (
    SOURCE_COMMAND,
    SOURCE_RADIUS,
    Held,
    Message,
    is_zero,
    kind_of,
    read_message,
    same,
)
from filterd.accounting.slab cimport free_place, give_place, head_of, record_at
from filterd.accounting.subscribers cimport line_of_subscriber
from filterd.accounting.table cimport (
    REMEMBER,
    TELL,
    Table,
    add_claim,
    claim_key,
    count,
    drop_claim,
    end_session,
    ended_by_nas,
    find_session,
    is_live,
    link_record,
    link_subscriber,
    nas_of,
    new_record,
    rival,
    seal_or_drop,
    session_key,
    set_line,
    table_sweep,
    tell_all,
    tell_nobody,
    unlink_subscriber,
)
from filterd.disk.session_file cimport (
    MOST_FLOORS,
    RECORD_CLAIMS,
    NasFloor,
    Record,
    clear_floors,
    line_of,
    record_is_whole,
    record_is_zero,
    write_floor,
)
from filterd.wire.siphash cimport sip_hash64

cdef enum:
    AHEAD = 60                  # seconds by which the clock may have been ahead of what it is
    SUBSCRIBER_SESSIONS = 64    # sessions that one Disconnect without an id ends


cdef enum Contest:
    WON
    REFUSED
    CONTRADICTED


cdef enum:                      # how a session is ended
    NOT_AT_ALL
    FOR_GOOD
    UNTIL_MORE                  # until evidence that is newer than its arrival


cdef int64_t _lead(Table* table, const Message* m, uint32_t other, uint32_t nas) noexcept nogil:
    """By how much a message is newer for sure, as `lead` has it."""
    cdef int64_t found = lead(&table.evidence, m.mark, m.nas, other, nas)
    if found == 0 and is_doubtful(m.mark):
        found = lead(&table.evidence, m.early, m.nas, other, nas)
        return found if found > 0 else 0
    return found


cdef int _against_memory(Table* table, const Message* m, const Held* claim) noexcept nogil:
    """The contest with what is remembered of the address."""
    cdef const Remembered* known = recall(&table.evidence, claim_key(table, claim.address, claim.length))
    cdef int64_t found
    if known == NULL:
        return WON
    found = _lead(table, m, known.mark, known.nas)
    if found == 0 and m.source == SOURCE_COMMAND:
        return WON
    if found == 0 and known.subscriber != 0 and (
        known.subscriber == m.subscriber[2] or (m.source != SOURCE_RADIUS and m.nas == known.nas)
    ):
        return WON
    return WON if found > 0 else REFUSED


cdef int _contest(Table* table, uint32_t place, const Message* m, const Held* claim) noexcept nogil:
    """The outcome of a claim against its rivals and against what is remembered."""
    cdef int outcome = _against_memory(table, m, claim)
    cdef uint32_t at = rival(table, place, claim, 0)
    cdef const Record* other
    cdef int64_t found
    while at != 0:
        other = record_at(&table.slab, at // RECORD_CLAIMS)
        found = _lead(table, m, table.marks[at], nas_of(table, other))
        if found < 0:
            return REFUSED
        if found == 0 and not same(other.subscriber, m.subscriber) and m.source != SOURCE_COMMAND:
            if other.origin >> 6 == SOURCE_COMMAND:
                return REFUSED
            if m.source == SOURCE_RADIUS or other.nas != m.nas_id:
                outcome = CONTRADICTED
        at = rival(table, place, claim, at)
    return outcome


cdef void _take_away(Table* table, uint32_t place, const Held* claim, bint won, uint64_t line) noexcept nogil:
    """Drop every claim of another session that contradicts. ``won``: the address goes to ``line`` now."""
    cdef uint32_t at = rival(table, place, claim, 0)
    cdef uint32_t other
    cdef int how
    while at != 0:
        other = at // RECORD_CLAIMS
        how = TELL | REMEMBER
        if won and memcmp(
            record_at(&table.slab, other).addresses[at % RECORD_CLAIMS], claim.address, 16
        ) == 0:
            how = 0 if line != 0 else TELL
        drop_claim(table, other, at % RECORD_CLAIMS, table.marks[at], how)
        seal_or_drop(table, other)
        at = rival(table, place, claim, 0)


cdef void _claim(Table* table, uint32_t place, const Message* m, const Held* claim) noexcept nogil:
    """Give a session one more address, if nothing speaks against it."""
    cdef Record* record = record_at(&table.slab, place)
    cdef int outcome
    if record.claim_count == RECORD_CLAIMS:
        return
    outcome = _contest(table, place, m, claim)
    if outcome == REFUSED:
        table.tally.lost += 1
        return
    if outcome == CONTRADICTED:
        table.tally.ambiguous += 1
        _take_away(table, place, claim, False, 0)
        tell_nobody(table, claim, m.source)
        remember(&table.evidence, claim_key(table, claim.address, claim.length), m.mark, m.nas,
                 m.subscriber[2])
        return
    if rival(table, place, claim, 0) != 0:
        table.tally.taken += 1
        _take_away(table, place, claim, True, line_of(record))
    add_claim(table, place, claim, m.mark)


cdef void _name_session(Table* table, Message* m) noexcept nogil:
    """A session without an id of its own: the one of this subscriber that has the first address, else one
    named by NAS and address."""
    cdef uint8_t text[32]
    cdef uint64_t high
    cdef uint64_t low
    cdef uint32_t at
    cdef const Record* owner
    if m.claim_count == 0:
        return
    at = rival(table, 0, m.claims, 0)
    if at != 0:
        owner = record_at(&table.slab, at // RECORD_CLAIMS)
        if owner.nas == m.nas_id and (is_zero(m.subscriber) or same(owner.subscriber, m.subscriber)):
            memcpy(m.session, owner.session, 12)
            return
    memset(text, 0, 32)
    memcpy(text, m.claims[0].address, 16)
    text[16] = m.claims[0].length
    memcpy(text + 17, &m.nas_id, 8)
    high = sip_hash64(table.key, text, 25)
    text[31] = 1
    low = sip_hash64(table.key, text, 32)
    memcpy(m.session, &high, 8)
    memcpy(m.session + 2, &low, 4)


cdef void _read_ahead(Table* table, Message* m, int64_t stamp) noexcept nogil:
    """Count a message that was stamped ahead, and give a copy of one, or of an On or Off, the time of the
    first."""
    cdef uint8_t text[41]
    cdef uint64_t key
    cdef const Remembered* first
    cdef int64_t apart
    memcpy(text, &m.nas_id, 8)
    memcpy(text + 8, m.session, 12)
    memcpy(text + 20, m.subscriber, 12)
    memcpy(text + 32, &stamp, 8)
    text[40] = m.kind
    key = sip_hash64(table.key, text, 41) | 1
    first = recall(&table.evidence, key)
    table.tally.ahead[m.kind & 63] += m.ahead
    if first == NULL:
        if m.ahead or m.kind == EVENT_ON or m.kind == EVENT_OFF:
            remember(&table.evidence, key, m.mark, m.nas, 1)
        return
    apart = <int64_t>since(first.mark, mark_of(m.stamp, m.kind == EVENT_START))
    m.stamp = m.stamp // 1000 * 1000 + apart * 500
    m.mark = first.mark
    m.early = mark_of(m.stamp - RETRIED if is_doubtful(m.mark) else m.stamp, m.kind == EVENT_START)
    m.old = 1000 * <int64_t>m.now - m.stamp > table.stale_after


cdef void _begin_nas(Table* table, const Message* m) noexcept nogil:
    """Rule 7. The file's head keeps the stamp until the sweep is through."""
    cdef int64_t* floor
    if m.nas == 0:
        return
    floor = &table.evidence.nases[m.nas].floor
    if table.evidence.nases[m.nas].has_floor and floor[0] >= m.stamp:
        return
    floor[0] = m.stamp
    table.evidence.nases[m.nas].has_floor = True
    if not write_floor(head_of(&table.slab), m.nas_id, m.stamp):
        while table_sweep(table, table.slab.used, m.now) != 0:
            pass
        write_floor(head_of(&table.slab), m.nas_id, m.stamp)
    table.urgent = table.slab.used


cdef bint _is_over(Table* table, const Message* m, const Record* record, uint32_t mark) noexcept nogil:
    """True unless what is known of the session is newer, or its NAS is another client's: of a Disconnect, and
    of a Stop that does not name its session. One that may be older, and late, is a replay."""
    cdef int64_t found
    if m.source != SOURCE_RADIUS:
        return True
    if client_of(record.nas) != client_of(m.nas_id):
        return False
    found = _lead(table, m, mark & ~<uint32_t>1, nas_of(table, record))     # a Start is over in its second
    return found > 0 or found == 0 and not is_doubtful(m.mark)


cdef int _ends(Table* table, uint32_t place, const Message* m) noexcept nogil:
    """How a Stop or Disconnect ends the session of its id; ``place`` 0: none is known."""
    cdef const Record* record = record_at(&table.slab, place)
    cdef const Remembered* ended
    cdef bint sure = not is_doubtful(m.mark)
    cdef int i
    if m.source != SOURCE_RADIUS:
        return FOR_GOOD
    if m.kind != EVENT_STOP:
        if place == 0 or _is_over(table, m, record, mark_of(record.stamp, False)):
            return FOR_GOOD
        return NOT_AT_ALL
    ended = recall(&table.evidence, session_key(table, m.session))
    if place == 0:
        if ended != NULL and ended.subscriber == UNTIL_MORE and not sure:
            return UNTIL_MORE   # it may be the same one, once more
        return FOR_GOOD
    if ended != NULL and (since(m.early | 1, ended.mark) == 0 or sure and since(m.mark, ended.mark) < 0):
        return NOT_AT_ALL
    if record.stamp // 1000 <= m.stamp // 1000:
        return FOR_GOOD
    if not sure:
        return UNTIL_MORE
    for i in range(record.claim_count):
        if is_doubtful(table.marks[place * RECORD_CLAIMS + i]):
            return FOR_GOOD
    return NOT_AT_ALL if record.origin & 63 == EVENT_START else FOR_GOOD


cdef void _stop(Table* table, const Message* m) noexcept nogil:
    """A Stop or Disconnect of a session that is named."""
    cdef uint32_t place = find_session(table, m.session)
    cdef int how = _ends(table, place, m)
    cdef int i
    if how == NOT_AT_ALL:
        table.tally.late += 1
        return
    if place != 0:
        end_session(table, place, m.mark)
    if m.kind == EVENT_STOP:
        remember(&table.evidence, session_key(table, m.session), m.mark | 1, m.nas, how)
    for i in range(m.claim_count):  # it had them until then, also where its Start is still on the way
        if rival(table, 0, m.claims + i, 0) == 0:
            remember(&table.evidence, claim_key(table, m.claims[i].address, m.claims[i].length), m.mark,
                     m.nas, m.subscriber[2])
            tell_nobody(table, m.claims + i, m.source)


cdef void _stop_unnamed(Table* table, const Message* m) noexcept nogil:
    """Rule 5: the sessions that have the addresses, else those of the subscriber; of a line that is named
    alone."""
    cdef const Record* record
    cdef uint32_t place
    cdef uint32_t following
    cdef uint32_t at
    cdef int ended = 0
    cdef int i
    for i in range(m.claim_count):
        at = rival(table, 0, m.claims + i, 0)
        while at != 0:
            place = at // RECORD_CLAIMS
            record = record_at(&table.slab, place)
            if not is_zero(m.subscriber) and not same(record.subscriber, m.subscriber) or not _is_over(
                table, m, record, table.marks[at]
            ):
                at = rival(table, 0, m.claims + i, at)
                continue
            end_session(table, place, m.mark)
            at = rival(table, 0, m.claims + i, 0)
        if rival(table, 0, m.claims + i, 0) == 0:
            tell_nobody(table, m.claims + i, m.source)
    if m.claim_count != 0 or is_zero(m.subscriber):
        return
    place = table.by_subscriber[m.subscriber[0] & table.mask]
    while place != 0 and ended < SUBSCRIBER_SESSIONS:
        following = table.next_subscriber[place]
        record = record_at(&table.slab, place)
        if same(record.subscriber, m.subscriber) and _is_over(table, m, record, mark_of(record.stamp, False)):
            end_session(table, place, m.mark)
            ended += 1
        place = following


cdef void _give_up(Table* table, const Message* m) noexcept nogil:
    """The evidence of a message that begins no session: older owners lose its addresses."""
    cdef int i
    for i in range(m.claim_count):
        if _contest(table, 0, m, m.claims + i) == REFUSED:
            continue
        _take_away(table, 0, m.claims + i, False, 0)
        tell_nobody(table, m.claims + i, m.source)
        remember(&table.evidence, claim_key(table, m.claims[i].address, m.claims[i].length), m.mark, m.nas,
                 m.subscriber[2])


cdef bint _may_begin(Table* table, const Message* m) noexcept nogil:
    """True where a message may begin a session that is not known."""
    cdef const Remembered* ended
    if is_zero(m.subscriber) or m.claim_count == 0 or is_zero(m.session):
        table.tally.unknown += 1
        return False
    ended = recall(&table.evidence, session_key(table, m.session))
    if ended != NULL and (
        m.kind != EVENT_START and ended.subscriber != UNTIL_MORE or since(m.early, ended.mark) <= 0
    ):
        table.tally.late += 1
        _give_up(table, m)
        return False
    return True


cdef void _change_subscriber(Table* table, uint32_t place, const Message* m) noexcept nogil:
    """The session goes on as another line's."""
    cdef Record* record = record_at(&table.slab, place)
    cdef uint64_t before = line_of(record)
    cdef uint64_t line = line_of_subscriber(&table.subscribers, m.subscriber)
    unlink_subscriber(table, place)
    memcpy(record.subscriber, m.subscriber, 12)
    link_subscriber(table, place)
    set_line(table, record, line)
    if before != line:
        record.until = m.until
        tell_all(table, place, line)


cdef void _replace(Table* table, uint32_t place, const Message* m) noexcept nogil:
    """Rule 8: drop the claims of the kinds that the message names, but for those that it names itself."""
    cdef Record* record = record_at(&table.slab, place)
    cdef int i = record.claim_count - 1
    cdef int j
    cdef bint named
    cdef bint kept
    cdef int kind
    while i >= 0:
        kept = False
        kind = kind_of(record.addresses[i], record.lengths[i])
        named = m.refused_kinds >> kind & 1
        for j in range(m.claim_count):
            if kind == kind_of(m.claims[j].address, m.claims[j].length):
                named = True
                if m.claims[j].length == record.lengths[i] and memcmp(
                    m.claims[j].address, record.addresses[i], 16
                ) == 0:
                    kept = True
        if kept:
            if not is_doubtful(m.mark) and since(m.mark, table.marks[place * RECORD_CLAIMS + i]) > 0:
                table.marks[place * RECORD_CLAIMS + i] = m.mark
        elif named:
            drop_claim(table, place, i, table.marks[place * RECORD_CLAIMS + i], TELL | REMEMBER)
        i -= 1


cdef bint _has_kind(const Record* record, const Held* claim, bint exactly) noexcept nogil:
    """True where the record has a claim of this kind, or this very one."""
    cdef int i
    for i in range(record.claim_count):
        if exactly:
            if record.lengths[i] == claim.length and memcmp(record.addresses[i], claim.address, 16) == 0:
                return True
        elif kind_of(record.addresses[i], record.lengths[i]) == kind_of(claim.address, claim.length):
            return True
    return False


cdef void _confirm(Table* table, uint32_t place, const Message* m) noexcept nogil:
    """The newest evidence of a session is this message."""
    cdef Record* record = record_at(&table.slab, place)
    count(table, record, -1)
    record.stamp = m.stamp
    record.origin = <uint8_t>((m.kind & 63) | m.source << 6)
    count(table, record, 1)
    record.confirmed = m.now
    record.until = m.until


cdef void _refresh(Table* table, uint32_t place, uint32_t now) noexcept nogil:
    """Rule 12."""
    cdef const Record* record = record_at(&table.slab, place)
    cdef uint32_t sent = table.sent[place]
    if line_of(record) != 0 and (
        record.until < sent or sent <= now or <uint64_t>(sent - now) * 4 < <uint64_t>(record.until - now) * 3
    ):
        tell_all(table, place, line_of(record))


cdef bint _follows_floor(const Nas* nas, int64_t stamp) noexcept nogil:
    """True for the second in which the NAS began: stamps have whole seconds."""
    return nas.has_floor and stamp <= nas.floor and stamp // 1000 == nas.floor // 1000


cdef void _go_on(Table* table, const Message* given) noexcept nogil:
    """A Start, Interim or Change."""
    cdef Message m = given[0]
    cdef uint32_t place = find_session(table, m.session)
    cdef Record* record
    cdef bint fresh
    cdef bint older = False
    if m.kind == EVENT_START and m.nas != 0 and _follows_floor(&table.evidence.nases[m.nas], m.stamp):
        m.stamp = table.evidence.nases[m.nas].floor + 1
    if m.old or m.until <= m.now or ended_by_nas(table, m.nas, m.stamp):
        table.tally.late += 1
        return
    if place != 0 and not is_live(table, record_at(&table.slab, place), m.now):
        end_session(table, place, table.marks[place * RECORD_CLAIMS])
        place = 0
    fresh = place == 0
    if fresh:
        if not _may_begin(table, &m):
            return
        place = new_record(table, &m)
        if place == 0:
            _give_up(table, &m)
            place = new_record(table, &m)
        if place == 0:
            table.tally.refused_full += 1
            return
    record = record_at(&table.slab, place)
    if not fresh:
        older = m.stamp < record.stamp
        if is_zero(m.subscriber):
            memcpy(m.subscriber, record.subscriber, 12)
        if older and not same(m.subscriber, record.subscriber):
            table.tally.late += 1
            return
    if older:
        table.tally.late += 1
    else:
        if not fresh:
            _replace(table, place, &m)
        if not same(m.subscriber, record.subscriber):
            _change_subscriber(table, place, &m)
        _confirm(table, place, &m)
        if not fresh:
            _refresh(table, place, m.now)
    _add_claims(table, place, &m, older)
    seal_or_drop(table, place)


cdef void _add_claims(Table* table, uint32_t place, const Message* m, bint older) noexcept nogil:
    """Claim the addresses that the session does not have yet; of an older message those of new kinds
    alone."""
    cdef Record* record = record_at(&table.slab, place)
    cdef bint known[RECORD_CLAIMS]
    cdef int i
    for i in range(m.claim_count):
        known[i] = _has_kind(record, m.claims + i, not older)
    for i in range(m.claim_count):
        if not known[i]:
            _claim(table, place, m, m.claims + i)


cdef void table_apply(Table* table, const Event* event) noexcept nogil:
    """Apply one event by the rules."""
    cdef Message m
    table.tally.events += 1
    if table.disordered:
        return
    read_message(&table.evidence, table.stale_after, event, &m)
    if m.out_of_time:
        table.tally.late += 1
        return
    if m.ahead or m.maybe_copy:
        _read_ahead(table, &m, event.stamp)
    if m.kind == EVENT_ON or m.kind == EVENT_OFF:
        _begin_nas(table, &m)
    elif m.kind == EVENT_STOP or m.kind == EVENT_DISCONNECT:
        if is_zero(m.session):
            _stop_unnamed(table, &m)
        else:
            _stop(table, &m)
    else:
        if is_zero(m.session):
            _name_session(table, &m)
        _go_on(table, &m)


cdef void _load_record(Table* table, uint32_t place, int64_t now) noexcept nogil:
    """Index a record that is whole, claim by claim: what the newer of two says of one address holds."""
    cdef Record* record = record_at(&table.slab, place)
    cdef Record before = record[0]
    cdef Message m
    cdef int i
    memset(&m, 0, sizeof(Message))
    memcpy(m.subscriber, before.subscriber, 12)
    m.source = before.origin >> 6
    m.nas_id = before.nas
    m.nas = nas_of(table, record)
    if before.stamp > 1000 * now:
        before.stamp = 1000 * now   # by a clock that was ahead, and is not known yet
        record.stamp = before.stamp
    if m.source == SOURCE_RADIUS and before.stamp > table.evidence.nases[m.nas].loaded:
        table.evidence.nases[m.nas].loaded = before.stamp
    m.mark = mark_of(before.stamp, before.origin & 63 == EVENT_START)
    m.early = m.mark
    record.claim_count = 0
    memset(record.addresses, 0, sizeof(record.addresses))
    memset(record.lengths, 0, sizeof(record.lengths))
    link_record(table, place)
    table.sent[place] = record.until
    for i in range(before.claim_count):
        memcpy(m.claims[0].address, before.addresses[i], 16)
        m.claims[0].length = before.lengths[i]
        _claim(table, place, &m, m.claims)
    seal_or_drop(table, place)


cdef bint _is_usable(Table* table, const Record* record, int64_t now) noexcept nogil:
    """True for a record to keep: whole, not stale, not ended by its NAS, the only one of its session."""
    if not record_is_whole(record):
        table.tally.damaged += 1
        return False
    if record.confirmed > now + AHEAD:
        return False    # the clock was ahead when it came, and its deadline is as well
    return is_live(table, record, now) and find_session(table, record.session) == 0


cdef void count_records(Table* table, uint64_t* good, uint64_t* damaged) noexcept nogil:
    """Count the records of the file, and find the last of them."""
    cdef uint32_t place
    cdef const Record* record
    for place in range(1, table.slab.there + 1):
        record = record_at(&table.slab, place)
        if record_is_zero(record):
            continue
        table.slab.used = place
        if record_is_whole(record):
            good[0] += 1
        else:
            damaged[0] += 1


cdef void table_load(Table* table, int64_t now) noexcept nogil:
    cdef NasFloor* floors = head_of(&table.slab).floors
    cdef int64_t stamp
    cdef uint32_t nas
    cdef uint32_t place
    cdef int i
    table.silent = True
    for i in range(MOST_FLOORS):
        nas = 0 if floors[i].nas == 0 else nas_place(&table.evidence, floors[i].nas)
        stamp = floors[i].stamp if floors[i].stamp < 1000 * now else 1000 * now
        # A kill leaves two floors of a NAS, where the first was to make room for the second.
        if nas == 0:
            continue
        if not table.evidence.nases[nas].has_floor or table.evidence.nases[nas].floor < stamp:
            table.evidence.nases[nas].floor = stamp
            table.evidence.nases[nas].has_floor = True
    for place in range(1, table.slab.used + 1):
        if record_is_zero(record_at(&table.slab, place)):
            free_place(&table.slab, place)
        elif _is_usable(table, record_at(&table.slab, place), now):
            _load_record(table, place, now)
        else:
            give_place(&table.slab, place)
    clear_floors(head_of(&table.slab))
    table.silent = False
    table.tally.taken = 0
    table.tally.ambiguous = 0
    table.tally.lost = 0
