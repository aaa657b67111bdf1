# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The rules of sessions. ``sessions_reference`` says the same in plain Python.

1. An address (a prefix, or some ports of an address) has one owner at most, the session with the newest evidence
   about it. Newer evidence of another session takes it away; a session without an address is removed.
2. A message's time is the stamp of its NAS. An unstamped one, one more than a day away from its arrival, and one
   more than 5 minutes behind its arrival by the NAS's known offset, have the time of arrival instead.
3. Within one NAS the newer second wins; in one second a Start beats an Interim. Between two NASes the stamps are
   corrected by the NAS's offset: the least (arrival - stamp) of the last 10 to 20 minutes.
4. Where that tells nothing (the same second and kind, or 2 seconds between NASes) and the subscribers differ, the
   address is nobody's until newer evidence comes. With one subscriber, or within one lease file or the commands,
   which come in order, the later arrival wins.
5. A Stop ends its own session and no other, whatever its stamp. The session stays ended: only a Start with a newer
   stamp begins it anew. A Disconnect ends it until newer evidence comes. One without a session's id means the
   sessions that have its addresses, or else those of its subscriber.
6. What is known of an address outlives its session: evidence older than the newest claims nothing. Of a NAS, the
   address of an ended session goes to a Start of the same second, not to an Interim.
7. On and Off end the NAS's sessions up to their stamp, at once; the sweep takes the records away.
8. A message without a line confirms a known session alone. A kind of address (IPv4; IPv6 prefixes up to 63 bits;
   64 to 127; 128) that it does not name stays as it was; one that it names is replaced as a whole.
9. An older message of a known session adds addresses of kinds that are not known, and changes nothing else.
10. A session is good until arrival + ``lasts`` of its newest message. RADIUS evidence that is older than
    ``stale_after`` at its arrival claims nothing.
11. A full table refuses new sessions. It never drops one for another.
12. Receivers are told of changes, and of a confirmation when they have less than half of the time left.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memset

from filterd.accounting.event cimport (
    EVENT_DISCONNECT,
    EVENT_OFF,
    EVENT_ON,
    EVENT_START,
    EVENT_STOP,
    Claim,
    Event,
)
from filterd.accounting.evidence cimport (
    Remembered,
    evidence_free,
    evidence_start,
    knows_offset,
    lead,
    mark_of,
    nas_place,
    offset_of,
    recall,
    remember,
    sample,
)
from filterd.accounting.outbox cimport outbox_free, outbox_start, tell
from filterd.accounting.slab cimport give_place, head_of, record_at, slab_free, slab_start, take_place
from filterd.disk.session_file cimport (
    ENTRY_BYTES,
    MOST_FLOORS,
    MOST_PREFIXES,
    PORT_RANGE,
    RECORD_CLAIMS,
    NasFloor,
    first_port,
    is_ipv4,
    last_port,
    line_of,
    record_checksum,
    record_is_whole,
    record_is_zero,
    write_entries,
)
from filterd.wire.siphash cimport sip_hash64

cdef enum:
    DAY = 86_400_000            # milliseconds
    FUTURE = 300_000
    FULL_PLACES = 65_536        # places that one part of `full` visits
    SUBSCRIBER_SESSIONS = 64    # sessions that one Disconnect without an id ends
    TELL = 1
    REMEMBER = 2

cdef enum Contest:
    WON
    REFUSED
    CONTRADICTED


cdef struct Held:               # a claim as a record has it
    uint8_t address[16]
    uint8_t length


cdef struct Message:            # an event, checked
    uint8_t kind
    uint8_t source
    uint8_t claim_count
    bint old                    # RADIUS evidence older than stale_after
    Held claims[RECORD_CLAIMS]
    uint32_t session[3]
    uint32_t subscriber[3]
    uint64_t nas_id
    uint32_t nas
    uint32_t mark
    int64_t stamp               # by the NAS's clock
    uint32_t now                # seconds
    uint32_t until


# Memory

cdef bint table_start(Table* table, int file, uint32_t there, uint32_t most) noexcept nogil:
    """Reserve memory for ``most`` sessions: the system gives it when it is used. False: it has none."""
    cdef uint32_t heads = 1024
    cdef size_t places
    cdef bint good = slab_start(&table.slab, file, there, most)
    most = table.slab.most
    places = <size_t>most + 1
    while heads < most:
        heads *= 2
    table.mask = heads - 1
    table.claim_mask = heads * 2 - 1
    table.subscriber_size = heads
    table.by_session = <uint32_t*>calloc(heads, 4)
    table.next_session = <uint32_t*>calloc(places, 4)
    table.by_subscriber = <uint32_t*>calloc(heads, 4)
    table.next_subscriber = <uint32_t*>calloc(places, 4)
    table.by_claim = <uint32_t*>calloc(<size_t>heads * 2, 4)
    table.next_claim = <uint32_t*>calloc(places * RECORD_CLAIMS, 4)
    table.marks = <uint32_t*>calloc(places * RECORD_CLAIMS, 4)
    table.sent = <uint32_t*>calloc(places, 4)
    table.subscribers = <Subscriber*>calloc(<size_t>heads + 1, sizeof(Subscriber))
    table.subscriber_heads = <uint32_t*>calloc(heads, 4)
    good = evidence_start(&table.evidence, most) and good
    good = outbox_start(&table.outbox) and good
    return (good and table.by_session != NULL and table.next_session != NULL and table.by_subscriber != NULL
            and table.next_subscriber != NULL and table.by_claim != NULL and table.next_claim != NULL
            and table.marks != NULL and table.sent != NULL and table.subscribers != NULL
            and table.subscriber_heads != NULL)


cdef void table_free(Table* table) noexcept nogil:
    slab_free(&table.slab)
    evidence_free(&table.evidence)
    outbox_free(&table.outbox)
    free(table.by_session)
    free(table.next_session)
    free(table.by_subscriber)
    free(table.next_subscriber)
    free(table.by_claim)
    free(table.next_claim)
    free(table.marks)
    free(table.sent)
    free(table.subscribers)
    free(table.subscriber_heads)


# Keys and chains

cdef inline uint64_t _claim_key(const Table* table, const uint8_t* address, uint8_t length) noexcept nogil:
    """The keyed hash of a claim; never 0."""
    cdef uint8_t text[17]
    memcpy(text, address, 16)
    text[16] = length
    return sip_hash64(table.key, text, 17) | 1


cdef inline uint32_t* _claim_head(const Table* table, const uint8_t* address, uint8_t length) noexcept nogil:
    """The chain of a claim; all ranges of one address stand in one chain."""
    cdef uint8_t text[16]
    if length != PORT_RANGE:
        return table.by_claim + ((_claim_key(table, address, length) >> 20) & table.claim_mask)
    memset(text, 0, 16)
    memcpy(text, address, 4)
    return table.by_claim + ((_claim_key(table, text, PORT_RANGE) >> 20) & table.claim_mask)


cdef inline uint64_t _session_key(const Table* table, const uint32_t* session) noexcept nogil:
    """The key of an ended session."""
    return sip_hash64(table.key, <const uint8_t*>session, 12) | 1


cdef inline bint _same(const uint32_t* one, const uint32_t* other) noexcept nogil:
    """True for the same fingerprint."""
    return one[0] == other[0] and one[1] == other[1] and one[2] == other[2]


cdef inline bint _is_zero(const uint32_t* fingerprint) noexcept nogil:
    return (fingerprint[0] | fingerprint[1] | fingerprint[2]) == 0


cdef inline bint _overlap(const uint8_t* address, uint8_t length, const uint8_t* other,
                          uint8_t other_length) noexcept nogil:
    """True where two claims cannot both hold: the same prefix, or ports of one address in common."""
    if length != other_length:
        return False
    if length != PORT_RANGE:
        return memcmp(address, other, 16) == 0
    return (memcmp(address, other, 4) == 0 and first_port(address) <= last_port(other)
            and first_port(other) <= last_port(address))


cdef inline int _kind_of(const uint8_t* address, uint8_t length) noexcept nogil:
    """The kind of address, by rule 8."""
    if length == PORT_RANGE or (length >= 96 and is_ipv4(address)):
        return 0
    if length == 128:
        return 1
    return 2 if length >= 64 else 3


cdef inline void _unlink(uint32_t* head, uint32_t* links, uint32_t wanted) noexcept nogil:
    """Take ``wanted`` out of a chain that holds it."""
    while head[0] != wanted:
        head = links + head[0]
    head[0] = links[wanted]


cdef uint32_t _find_session(const Table* table, const uint32_t* session) noexcept nogil:
    cdef uint32_t place = table.by_session[session[0] & table.mask]
    while place != 0 and not _same(record_at(&table.slab, place).session, session):
        place = table.next_session[place]
    return place


cdef inline uint32_t _nas_of(Table* table, const Record* record) noexcept nogil:
    return 0 if record.nas == 0 else nas_place(&table.evidence, record.nas)


cdef inline bint _ended_by_nas(Table* table, uint32_t nas, int64_t stamp) noexcept nogil:
    """True for evidence of before the NAS began anew."""
    return nas != 0 and table.evidence.nases[nas].has_floor and stamp <= table.evidence.nases[nas].floor


cdef bint is_live(const Table* table, const Record* record, int64_t now) noexcept nogil:
    return record.until > now and not _ended_by_nas(<Table*>table, _nas_of(<Table*>table, record), record.stamp)


cdef inline void _seal(Record* record) noexcept nogil:
    record.checksum = record_checksum(record)


cdef inline void _set_line(Table* table, Record* record, uint64_t line) noexcept nogil:
    table.tally.registered += (line != 0)
    table.tally.registered -= (line_of(record) != 0)
    record.line_high = <uint16_t>(line >> 32)
    record.line_low = <uint32_t>line


cdef inline void _tell(Table* table, const Record* record, int claim, uint64_t line) noexcept nogil:
    if not table.silent:
        tell(&table.outbox, record.addresses[claim], record.lengths[claim], line, record.until,
             record.origin >> 6)


cdef void _tell_all(Table* table, uint32_t place, uint64_t line) noexcept nogil:
    cdef const Record* record = record_at(&table.slab, place)
    cdef int i
    for i in range(record.claim_count):
        _tell(table, record, i, line)
    table.sent[place] = record.until


# Claims of a record

cdef inline void _count_length(Table* table, uint8_t length, int by) noexcept nogil:
    if length == PORT_RANGE:
        table.ranges += by
    else:
        table.lengths[length] += by


cdef void _link_claim(Table* table, uint32_t place, int claim) noexcept nogil:
    cdef const Record* record = record_at(&table.slab, place)
    cdef uint32_t reference = place * RECORD_CLAIMS + claim
    cdef uint32_t* head = _claim_head(table, record.addresses[claim], record.lengths[claim])
    table.next_claim[reference] = head[0]
    head[0] = reference
    _count_length(table, record.lengths[claim], 1)


cdef void _unlink_claim(Table* table, uint32_t place, int claim) noexcept nogil:
    cdef const Record* record = record_at(&table.slab, place)
    _unlink(_claim_head(table, record.addresses[claim], record.lengths[claim]), table.next_claim,
            place * RECORD_CLAIMS + claim)
    _count_length(table, record.lengths[claim], -1)


cdef void _drop_claim(Table* table, uint32_t place, int claim, uint32_t mark, int how) noexcept nogil:
    """Take a claim from a session; ``mark``, or the claim's own where that is newer, is the evidence remembered.

    ``how`` is of TELL and REMEMBER; without them a next owner follows at once. The caller seals the record, or
    drops it when it is empty.
    """
    cdef Record* record = record_at(&table.slab, place)
    cdef int last = record.claim_count - 1
    cdef uint32_t own = table.marks[place * RECORD_CLAIMS + claim]
    if how & REMEMBER:
        remember(&table.evidence, _claim_key(table, record.addresses[claim], record.lengths[claim]),
                 mark if <int32_t>(mark - own) > 0 else own, _nas_of(table, record), record.subscriber[2])
    if line_of(record) != 0 and how & TELL:
        _tell(table, record, claim, 0)
    _unlink_claim(table, place, claim)
    if claim != last:
        _unlink_claim(table, place, last)
        memcpy(record.addresses[claim], record.addresses[last], 16)
        record.lengths[claim] = record.lengths[last]
        table.marks[place * RECORD_CLAIMS + claim] = table.marks[place * RECORD_CLAIMS + last]
        _link_claim(table, place, claim)
    memset(record.addresses[last], 0, 16)
    record.lengths[last] = 0
    record.claim_count = <uint8_t>last


cdef void _drop_record(Table* table, uint32_t place) noexcept nogil:
    """Take a session that has no claims any more out of the table."""
    cdef Record* record = record_at(&table.slab, place)
    _unlink(table.by_session + (record.session[0] & table.mask), table.next_session, place)
    _unlink(table.by_subscriber + (record.subscriber[0] & table.mask), table.next_subscriber, place)
    _set_line(table, record, 0)
    table.tally.live -= 1
    give_place(&table.slab, place)


cdef void _end(Table* table, uint32_t place, uint32_t mark) noexcept nogil:
    """End a session with everything that it has; ``mark`` is newer evidence than its own, or its own."""
    cdef Record* record = record_at(&table.slab, place)
    while record.claim_count != 0:
        _drop_claim(table, place, record.claim_count - 1, mark, TELL | REMEMBER)
    _drop_record(table, place)


cdef inline void _seal_or_drop(Table* table, uint32_t place) noexcept nogil:
    if record_at(&table.slab, place).claim_count == 0:
        _drop_record(table, place)
    else:
        _seal(record_at(&table.slab, place))


# Who has an address

cdef uint32_t _rival(const Table* table, uint32_t place, const Held* claim, uint32_t behind) noexcept nogil:
    """The reference of the next claim of another session that contradicts, behind ``behind`` in the chain."""
    cdef uint32_t at
    cdef const Record* other
    if behind == 0:
        at = _claim_head(table, claim.address, claim.length)[0]
    else:
        at = table.next_claim[behind]
    while at != 0:
        other = record_at(&table.slab, at // RECORD_CLAIMS)
        if at // RECORD_CLAIMS != place and _overlap(
            claim.address, claim.length, other.addresses[at % RECORD_CLAIMS], other.lengths[at % RECORD_CLAIMS]
        ):
            return at
        at = table.next_claim[at]
    return 0


cdef int _against_memory(Table* table, const Message* m, const Held* claim) noexcept nogil:
    """The contest with what is remembered of the address."""
    cdef const Remembered* known = recall(&table.evidence, _claim_key(table, claim.address, claim.length))
    cdef int64_t found
    if known == NULL:
        return WON
    found = lead(&table.evidence, m.mark, m.nas, known.mark, known.nas)
    if found == 0 and known.subscriber != 0 and (
        known.subscriber == m.subscriber[2] or (m.source != SOURCE_RADIUS and m.nas == known.nas)
    ):
        return WON
    return WON if found > 0 else REFUSED


cdef int _contest(Table* table, uint32_t place, const Message* m, const Held* claim) noexcept nogil:
    """The outcome of a claim against its rivals and against what is remembered."""
    cdef int outcome = _against_memory(table, m, claim)
    cdef uint32_t rival = _rival(table, place, claim, 0)
    cdef const Record* other
    cdef int64_t found
    while rival != 0:
        other = record_at(&table.slab, rival // RECORD_CLAIMS)
        found = lead(&table.evidence, m.mark, m.nas, table.marks[rival], _nas_of(table, other))
        if found < 0:
            return REFUSED
        if found == 0 and not _same(other.subscriber, m.subscriber) and (
            m.source == SOURCE_RADIUS or other.nas != m.nas_id
        ):
            outcome = CONTRADICTED
        rival = _rival(table, place, claim, rival)
    return outcome


cdef void _take_away(Table* table, uint32_t place, const Held* claim, bint won, uint64_t line) noexcept nogil:
    """Drop every claim of another session that contradicts. ``won``: the address goes to ``line`` now."""
    cdef uint32_t rival = _rival(table, place, claim, 0)
    cdef uint32_t other
    cdef int how
    while rival != 0:
        other = rival // RECORD_CLAIMS
        how = TELL | REMEMBER
        if won and memcmp(record_at(&table.slab, other).addresses[rival % RECORD_CLAIMS], claim.address, 16) == 0:
            how = 0 if line != 0 else TELL
        _drop_claim(table, other, rival % RECORD_CLAIMS, table.marks[rival], how)
        _seal_or_drop(table, other)
        rival = _rival(table, place, claim, 0)


cdef void _claim(Table* table, uint32_t place, const Message* m, const Held* claim) noexcept nogil:
    """Give a session one more address, if nothing speaks against it."""
    cdef Record* record = record_at(&table.slab, place)
    cdef uint32_t at = record.claim_count
    cdef int outcome
    if at == RECORD_CLAIMS:
        return
    outcome = _contest(table, place, m, claim)
    if outcome == REFUSED:
        table.tally.lost += 1
        return
    if outcome == CONTRADICTED:
        table.tally.ambiguous += 1
        _take_away(table, place, claim, False, 0)
        remember(&table.evidence, _claim_key(table, claim.address, claim.length), m.mark, m.nas,
                 m.subscriber[2])
        return
    if _rival(table, place, claim, 0) != 0:
        table.tally.taken += 1
        _take_away(table, place, claim, True, line_of(record))
    memcpy(record.addresses[at], claim.address, 16)
    record.lengths[at] = claim.length
    record.claim_count += 1
    table.marks[place * RECORD_CLAIMS + at] = m.mark
    _link_claim(table, place, at)
    if line_of(record) != 0:
        _tell(table, record, at, line_of(record))


# Subscribers

cdef Subscriber* _subscriber(const Table* table, const uint32_t* fingerprint) noexcept nogil:
    cdef uint32_t at = table.subscriber_heads[fingerprint[0] & (table.subscriber_size - 1)]
    while at != 0:
        if _same(table.subscribers[at].fingerprint, fingerprint):
            return table.subscribers + at
        at = table.subscribers[at].next
    return NULL


cdef inline uint64_t _line_of_subscriber(const Table* table, const uint32_t* fingerprint) noexcept nogil:
    cdef const Subscriber* found = _subscriber(table, fingerprint)
    return 0 if found == NULL else found.line


cdef bint _double_subscribers(Table* table) noexcept nogil:
    """Twice the room; False where there is no memory. More subscribers than ``most`` sessions come here alone."""
    cdef size_t size = <size_t>table.subscriber_size * 2
    cdef uint32_t* heads = <uint32_t*>calloc(size, 4)
    cdef Subscriber* grown = NULL
    cdef uint32_t at
    cdef uint32_t* head
    if heads != NULL:
        grown = <Subscriber*>realloc(table.subscribers, (size + 1) * sizeof(Subscriber))
    if grown == NULL:
        free(heads)
        return False
    for at in range(1, table.subscriber_used + 1):
        head = heads + (grown[at].fingerprint[0] & (size - 1))
        grown[at].next = head[0]
        head[0] = at
    free(table.subscriber_heads)
    table.subscriber_heads = heads
    table.subscribers = grown
    table.subscriber_size = <uint32_t>size
    return True


cdef bint _add_subscriber(Table* table, const uint32_t* fingerprint, uint64_t line) noexcept nogil:
    cdef uint32_t at = table.subscriber_free
    cdef uint32_t* head
    if at != 0:
        table.subscriber_free = table.subscribers[at].next
    else:
        if table.subscriber_used == table.subscriber_size and not _double_subscribers(table):
            return False
        table.subscriber_used += 1
        at = table.subscriber_used
    head = table.subscriber_heads + (fingerprint[0] & (table.subscriber_size - 1))
    memcpy(table.subscribers[at].fingerprint, fingerprint, 12)
    table.subscribers[at].line = line
    table.subscribers[at].next = head[0]
    head[0] = at
    table.tally.subscribers += 1
    return True


cdef void _remove_subscriber(Table* table, const uint32_t* fingerprint) noexcept nogil:
    cdef uint32_t* link = table.subscriber_heads + (fingerprint[0] & (table.subscriber_size - 1))
    cdef uint32_t at
    while link[0] != 0 and not _same(table.subscribers[link[0]].fingerprint, fingerprint):
        link = &table.subscribers[link[0]].next
    at = link[0]
    if at == 0:
        return
    link[0] = table.subscribers[at].next
    memset(table.subscribers + at, 0, sizeof(Subscriber))
    table.subscribers[at].next = table.subscriber_free
    table.subscriber_free = at
    table.tally.subscribers -= 1


cdef bint table_register(Table* table, const uint32_t* subscriber, uint64_t line, int64_t now) noexcept nogil:
    """Set the line of a subscriber (0: none) and of all its sessions. False: no memory."""
    cdef Subscriber* known = _subscriber(table, subscriber)
    cdef uint32_t place = table.by_subscriber[subscriber[0] & table.mask]
    cdef uint32_t following
    cdef Record* record
    if line == 0:
        _remove_subscriber(table, subscriber)
    elif known != NULL:
        known.line = line
    elif not _add_subscriber(table, subscriber, line):
        return False
    while place != 0:
        following = table.next_subscriber[place]
        record = record_at(&table.slab, place)
        if _same(record.subscriber, subscriber) and line_of(record) != line:
            if is_live(table, record, now):
                _set_line(table, record, line)
                _seal(record)
                _tell_all(table, place, line)
            else:
                _end(table, place, table.marks[place * RECORD_CLAIMS])
        place = following
    return True


# Events

cdef void _read_claims(const Event* event, Message* m) noexcept nogil:
    """The claims that are within bounds, each once, masked to their prefix."""
    cdef const Claim* claim
    cdef Held* held
    cdef int i
    cdef int bit
    for i in range(event.claim_count if event.claim_count < RECORD_CLAIMS else RECORD_CLAIMS):
        claim = event.claims + i
        held = m.claims + m.claim_count
        memset(held, 0, sizeof(Held))
        if claim.has_ports:
            if claim.first_port > claim.last_port or not is_ipv4(claim.address):
                continue
            memcpy(held.address, claim.address + 12, 4)
            held.address[4] = <uint8_t>(claim.first_port >> 8)
            held.address[5] = <uint8_t>claim.first_port
            held.address[6] = <uint8_t>(claim.last_port >> 8)
            held.address[7] = <uint8_t>claim.last_port
            held.length = PORT_RANGE
        else:
            if claim.length > 128:
                continue
            memcpy(held.address, claim.address, 16)
            for bit in range(claim.length, 128):
                held.address[bit >> 3] &= <uint8_t>~(0x80 >> (bit & 7))
            held.length = claim.length
        if not _is_repeated(m):
            m.claim_count += 1


cdef bint _is_repeated(const Message* m) noexcept nogil:
    """True where the claim behind the last one overlaps with one before."""
    cdef const Held* claim = m.claims + m.claim_count
    cdef int i
    for i in range(m.claim_count):
        if _overlap(claim.address, claim.length, m.claims[i].address, m.claims[i].length):
            return True
    return False


cdef void _read_stamp(Table* table, const Event* event, Message* m) noexcept nogil:
    """Rule 2, and the age of the evidence."""
    cdef int64_t took = event.arrival - event.stamp
    m.stamp = event.stamp
    if event.source != SOURCE_RADIUS:
        if took < 0:
            m.stamp = event.arrival
        return
    if took > DAY or took < -DAY or (
        knows_offset(&table.evidence, m.nas, event.arrival)
        and event.stamped and offset_of(&table.evidence, m.nas) - took > FUTURE
    ) or (took < 0 and not event.stamped):
        m.stamp = event.arrival - offset_of(&table.evidence, m.nas)
    elif event.stamped:
        sample(&table.evidence, m.nas, event.arrival, event.stamp)
    else:
        m.stamp = event.stamp - offset_of(&table.evidence, m.nas)
    m.old = event.arrival - m.stamp - offset_of(&table.evidence, m.nas) > table.stale_after


cdef void _read(Table* table, const Event* event, Message* m) noexcept nogil:
    cdef uint64_t until
    memset(m, 0, sizeof(Message))
    m.kind = event.kind
    m.source = event.source & 3
    m.nas_id = event.nas.high
    m.nas = 0 if m.nas_id == 0 else nas_place(&table.evidence, m.nas_id)
    memcpy(m.session, &event.session, 12)
    memcpy(m.subscriber, &event.line, 12)
    m.now = <uint32_t>(event.arrival // 1000)
    until = <uint64_t>m.now + event.lasts
    m.until = <uint32_t>until if until < <uint64_t>0xFFFFFFFF else <uint32_t>0xFFFFFFFF
    _read_claims(event, m)
    _read_stamp(table, event, m)
    m.mark = mark_of(m.stamp, event.kind == EVENT_START)
    if _is_zero(m.session) and m.kind != EVENT_STOP and m.kind != EVENT_DISCONNECT:
        _name_session(table, m)


cdef void _name_session(Table* table, Message* m) noexcept nogil:
    """A session without an id of its own: the one of this subscriber that has the first address, else one named
    by NAS and address."""
    cdef uint8_t text[32]
    cdef uint64_t high
    cdef uint64_t low
    cdef uint32_t rival
    cdef const Record* owner
    if m.claim_count == 0:
        return
    rival = _rival(table, 0, m.claims, 0)
    if rival != 0:
        owner = record_at(&table.slab, rival // RECORD_CLAIMS)
        if owner.nas == m.nas_id and (_is_zero(m.subscriber) or _same(owner.subscriber, m.subscriber)):
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


cdef void _begin_nas(Table* table, const Message* m) noexcept nogil:
    """Rule 7. The file's head keeps the stamp until the sweep is through."""
    cdef NasFloor* floors = head_of(&table.slab).floors
    cdef int64_t* floor
    cdef int i
    if m.nas == 0:
        return
    floor = &table.evidence.nases[m.nas].floor
    if table.evidence.nases[m.nas].has_floor and floor[0] >= m.stamp:
        return
    floor[0] = m.stamp
    table.evidence.nases[m.nas].has_floor = True
    table.urgent = table.slab.used
    for i in range(MOST_FLOORS):
        if floors[i].nas == 0 or floors[i].nas == m.nas_id:
            floors[i].stamp = m.stamp
            floors[i].nas = m.nas_id
            return


cdef void _stop(Table* table, const Message* m) noexcept nogil:
    """A Stop or Disconnect of a session that is named."""
    cdef uint32_t place = _find_session(table, m.session)
    cdef int i
    if place != 0:
        _end(table, place, m.mark)
    if m.kind == EVENT_STOP:
        remember(&table.evidence, _session_key(table, m.session), m.mark | 1, m.nas, 1)
    for i in range(m.claim_count):  # it had them until then, also where its Start is still on the way
        if _rival(table, 0, m.claims + i, 0) == 0:
            remember(&table.evidence, _claim_key(table, m.claims[i].address, m.claims[i].length), m.mark,
                     m.nas, m.subscriber[2])


cdef void _stop_unnamed(Table* table, const Message* m) noexcept nogil:
    """Rule 5: the sessions that have the addresses, else those of the subscriber; of a line that is named alone."""
    cdef uint32_t place
    cdef uint32_t following
    cdef uint32_t rival
    cdef int ended = 0
    cdef int i
    for i in range(m.claim_count):
        rival = _rival(table, 0, m.claims + i, 0)
        while rival != 0:
            place = rival // RECORD_CLAIMS
            if not _is_zero(m.subscriber) and not _same(record_at(&table.slab, place).subscriber, m.subscriber):
                rival = _rival(table, 0, m.claims + i, rival)
                continue
            _end(table, place, m.mark)
            rival = _rival(table, 0, m.claims + i, 0)
    if m.claim_count != 0 or _is_zero(m.subscriber):
        return
    place = table.by_subscriber[m.subscriber[0] & table.mask]
    while place != 0 and ended < SUBSCRIBER_SESSIONS:
        following = table.next_subscriber[place]
        if _same(record_at(&table.slab, place).subscriber, m.subscriber):
            _end(table, place, m.mark)
            ended += 1
        place = following


cdef uint32_t _new_record(Table* table, const Message* m) noexcept nogil:
    """A record without claims; 0: there is no room."""
    cdef uint32_t place = take_place(&table.slab)
    cdef Record* record
    cdef uint32_t* head
    if place == 0:
        table.tally.refused_full += 1
        return 0
    record = record_at(&table.slab, place)
    memcpy(record.session, m.session, 12)
    memcpy(record.subscriber, m.subscriber, 12)
    record.nas = m.nas_id
    record.stamp = m.stamp
    head = table.by_session + (m.session[0] & table.mask)
    table.next_session[place] = head[0]
    head[0] = place
    head = table.by_subscriber + (m.subscriber[0] & table.mask)
    table.next_subscriber[place] = head[0]
    head[0] = place
    table.tally.live += 1
    _set_line(table, record, _line_of_subscriber(table, m.subscriber))
    table.sent[place] = m.until
    return place


cdef bint _may_begin(Table* table, const Message* m) noexcept nogil:
    """True where a message may begin a session that is not known."""
    cdef const Remembered* ended
    if _is_zero(m.subscriber) or m.claim_count == 0 or _is_zero(m.session):
        table.tally.unknown += 1
        return False
    ended = recall(&table.evidence, _session_key(table, m.session))
    if ended != NULL and (m.kind != EVENT_START or <int32_t>(m.mark - ended.mark) <= 0):
        table.tally.late += 1
        return False
    return True


cdef void _change_subscriber(Table* table, uint32_t place, const Message* m) noexcept nogil:
    """The session goes on as another line's."""
    cdef Record* record = record_at(&table.slab, place)
    cdef uint32_t* head
    cdef uint64_t before = line_of(record)
    cdef uint64_t line = _line_of_subscriber(table, m.subscriber)
    _unlink(table.by_subscriber + (record.subscriber[0] & table.mask), table.next_subscriber, place)
    memcpy(record.subscriber, m.subscriber, 12)
    head = table.by_subscriber + (m.subscriber[0] & table.mask)
    table.next_subscriber[place] = head[0]
    head[0] = place
    _set_line(table, record, line)
    if before != line:
        record.until = m.until
        _tell_all(table, place, line)


cdef void _replace(Table* table, uint32_t place, const Message* m) noexcept nogil:
    """Rule 8: drop the claims of the kinds that the message names, but for those that it names itself."""
    cdef Record* record = record_at(&table.slab, place)
    cdef int i = record.claim_count - 1
    cdef int j
    cdef bint named
    cdef bint kept
    while i >= 0:
        named = False
        kept = False
        for j in range(m.claim_count):
            if _kind_of(m.claims[j].address, m.claims[j].length) == _kind_of(record.addresses[i],
                                                                            record.lengths[i]):
                named = True
                if m.claims[j].length == record.lengths[i] and memcmp(
                    m.claims[j].address, record.addresses[i], 16
                ) == 0:
                    kept = True
        if kept:
            if <int32_t>(m.mark - table.marks[place * RECORD_CLAIMS + i]) > 0:
                table.marks[place * RECORD_CLAIMS + i] = m.mark
        elif named:
            _drop_claim(table, place, i, table.marks[place * RECORD_CLAIMS + i], TELL | REMEMBER)
        i -= 1


cdef bint _has_kind(const Record* record, const Held* claim, bint exactly) noexcept nogil:
    """True where the record has a claim of this kind, or this very one."""
    cdef int i
    for i in range(record.claim_count):
        if exactly:
            if record.lengths[i] == claim.length and memcmp(record.addresses[i], claim.address, 16) == 0:
                return True
        elif _kind_of(record.addresses[i], record.lengths[i]) == _kind_of(claim.address, claim.length):
            return True
    return False


cdef void _confirm(Table* table, uint32_t place, const Message* m) noexcept nogil:
    """The newest evidence of a session is this message."""
    cdef Record* record = record_at(&table.slab, place)
    record.stamp = m.stamp
    record.origin = <uint8_t>((m.kind & 63) | m.source << 6)
    record.confirmed = m.now
    record.until = m.until


cdef void _refresh(Table* table, uint32_t place, uint32_t now) noexcept nogil:
    """Rule 12."""
    cdef const Record* record = record_at(&table.slab, place)
    cdef uint32_t sent = table.sent[place]
    if line_of(record) != 0 and (
        record.until < sent or sent <= now or <uint64_t>(sent - now) * 2 < record.until - now
    ):
        _tell_all(table, place, line_of(record))


cdef void _go_on(Table* table, const Message* given) noexcept nogil:
    """A Start, Interim or Change."""
    cdef Message m = given[0]
    cdef uint32_t place = _find_session(table, m.session)
    cdef Record* record
    cdef bint fresh
    cdef bint older = False
    cdef int i
    if m.old or m.until <= m.now or _ended_by_nas(table, m.nas, m.stamp):
        table.tally.late += 1
        return
    if place != 0 and not is_live(table, record_at(&table.slab, place), m.now):
        _end(table, place, table.marks[place * RECORD_CLAIMS])
        place = 0
    fresh = place == 0
    if fresh:
        place = _new_record(table, &m) if _may_begin(table, &m) else 0
        if place == 0:
            return
    record = record_at(&table.slab, place)
    if not fresh:
        older = m.stamp < record.stamp
        if _is_zero(m.subscriber):
            memcpy(m.subscriber, record.subscriber, 12)
        if older and not _same(m.subscriber, record.subscriber):
            table.tally.late += 1
            return
    if older:
        table.tally.late += 1
    else:
        if not fresh:
            _replace(table, place, &m)
        if not _same(m.subscriber, record.subscriber):
            _change_subscriber(table, place, &m)
        _confirm(table, place, &m)
        if not fresh:
            _refresh(table, place, m.now)
    _add_claims(table, place, &m, older)
    _seal_or_drop(table, place)


cdef void _add_claims(Table* table, uint32_t place, const Message* m, bint older) noexcept nogil:
    """Claim the addresses that the session does not have yet; of an older message those of new kinds alone."""
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
    _read(table, event, &m)
    if m.kind == EVENT_ON or m.kind == EVENT_OFF:
        _begin_nas(table, &m)
    elif m.kind == EVENT_STOP or m.kind == EVENT_DISCONNECT:
        if _is_zero(m.session):
            _stop_unnamed(table, &m)
        else:
            _stop(table, &m)
    else:
        _go_on(table, &m)


# Reading the table

cdef uint32_t table_find(Table* table, const uint8_t* address, uint32_t port, int64_t now) noexcept nogil:
    cdef Held claim
    cdef uint32_t rival
    cdef int length
    cdef int bit = 128
    if port != 0 and table.ranges != 0 and is_ipv4(address):
        memset(&claim, 0, sizeof(Held))
        memcpy(claim.address, address + 12, 4)
        claim.address[4] = claim.address[6] = <uint8_t>(port >> 8)
        claim.address[5] = claim.address[7] = <uint8_t>port
        claim.length = PORT_RANGE
        rival = _rival(table, 0, &claim, 0)
        if rival != 0 and is_live(table, record_at(&table.slab, rival // RECORD_CLAIMS), now):
            return rival // RECORD_CLAIMS
    memcpy(claim.address, address, 16)
    for length in range(128, -1, -1):
        while bit > length:
            bit -= 1
            claim.address[bit >> 3] &= <uint8_t>~(0x80 >> (bit & 7))
        if table.lengths[length] == 0:
            continue
        claim.length = <uint8_t>length
        rival = _rival(table, 0, &claim, 0)
        if rival != 0 and is_live(table, record_at(&table.slab, rival // RECORD_CLAIMS), now):
            return rival // RECORD_CLAIMS
    return 0


cdef uint32_t table_full(Table* table, uint32_t* cursor, uint32_t most, int64_t now, uint8_t* out) noexcept nogil:
    cdef uint32_t place = cursor[0] + 1
    cdef uint32_t end = place + FULL_PLACES
    cdef uint32_t count = 0
    cdef const Record* record
    cdef int i
    while place <= table.slab.used and place < end and count + RECORD_CLAIMS * MOST_PREFIXES <= most:
        record = record_at(&table.slab, place)
        if record.claim_count != 0 and line_of(record) != 0 and is_live(table, record, now):
            for i in range(record.claim_count):
                count += write_entries(record.addresses[i], record.lengths[i], line_of(record),
                                       <uint32_t>(record.until - now), record.origin >> 6,
                                       out + count * ENTRY_BYTES)
        place += 1
    cursor[0] = 0 if place > table.slab.used else place - 1
    return count


cdef uint32_t table_sweep(Table* table, uint32_t most, int64_t now) noexcept nogil:
    cdef uint32_t visited
    cdef const Record* record
    for visited in range(most if most < table.slab.used else table.slab.used):
        table.cursor = table.cursor % table.slab.used + 1
        record = record_at(&table.slab, table.cursor)
        if record.claim_count != 0 and not is_live(table, record, now):
            _end(table, table.cursor, table.marks[table.cursor * RECORD_CLAIMS])
    if table.urgent > most:
        table.urgent -= most
    elif table.urgent != 0:
        table.urgent = 0
        memset(head_of(&table.slab).floors, 0, MOST_FLOORS * sizeof(NasFloor))
    return table.urgent


# The file at the start

cdef void _load_record(Table* table, uint32_t place, int64_t now) noexcept nogil:
    """Index a record that is whole, claim by claim: what the newer of two says of one address holds."""
    cdef Record* record = record_at(&table.slab, place)
    cdef Record before = record[0]
    cdef Message m
    cdef uint32_t* head
    cdef int i
    memset(&m, 0, sizeof(Message))
    memcpy(m.subscriber, before.subscriber, 12)
    m.source = before.origin >> 6
    m.nas_id = before.nas
    m.nas = _nas_of(table, record)
    m.mark = mark_of(before.stamp, before.origin & 63 == EVENT_START)
    record.claim_count = 0
    memset(record.addresses, 0, sizeof(record.addresses))
    memset(record.lengths, 0, sizeof(record.lengths))
    head = table.by_session + (record.session[0] & table.mask)
    table.next_session[place] = head[0]
    head[0] = place
    head = table.by_subscriber + (record.subscriber[0] & table.mask)
    table.next_subscriber[place] = head[0]
    head[0] = place
    table.sent[place] = record.until
    table.tally.live += 1
    table.tally.registered += (line_of(record) != 0)
    for i in range(before.claim_count):
        memcpy(m.claims[0].address, before.addresses[i], 16)
        m.claims[0].length = before.lengths[i]
        _claim(table, place, &m, m.claims)
    _seal_or_drop(table, place)


cdef bint _is_usable(Table* table, const Record* record, int64_t now) noexcept nogil:
    """True for a record to keep: whole, not stale, not ended by its NAS, the only one of its session."""
    if not record_is_whole(record):
        table.tally.damaged += 1
        return False
    return is_live(table, record, now) and _find_session(table, record.session) == 0


cdef void table_load(Table* table, int64_t now) noexcept nogil:
    cdef NasFloor* floors = head_of(&table.slab).floors
    cdef uint32_t nas
    cdef uint32_t place
    cdef int i
    table.silent = True
    for i in range(MOST_FLOORS):
        nas = 0 if floors[i].nas == 0 else nas_place(&table.evidence, floors[i].nas)
        if nas != 0:
            table.evidence.nases[nas].floor = floors[i].stamp
            table.evidence.nases[nas].has_floor = True
    for place in range(1, table.slab.there + 1):
        if not record_is_zero(record_at(&table.slab, place)):
            table.slab.used = place
    for place in range(1, table.slab.used + 1):
        if record_is_zero(record_at(&table.slab, place)):
            give_place(&table.slab, place)
        elif _is_usable(table, record_at(&table.slab, place), now):
            _load_record(table, place, now)
        else:
            give_place(&table.slab, place)
    memset(floors, 0, MOST_FLOORS * sizeof(NasFloor))
    table.silent = False
    table.tally.taken = 0
    table.tally.ambiguous = 0
    table.tally.lost = 0
