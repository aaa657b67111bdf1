# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Records of sessions and their indexes.

Chains lead from a hash to places: of sessions by fingerprint, of subscribers, and of claims (by 4 * place +
claim). All memory is reserved at the start for ``most`` sessions and given by the system when it is used, so
that nothing ever has to be moved or built anew while events come.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from filterd.accounting.chains cimport link, link_both, unlink, unlink_both
from filterd.accounting.evidence cimport evidence_free, evidence_start, remember, since
from filterd.accounting.message cimport overlap, same
from filterd.accounting.outbox cimport outbox_free, outbox_start
from filterd.accounting.slab cimport (
    count_place,
    give_place,
    head_of,
    record_at,
    slab_free,
    slab_start,
    take_place,
)
from filterd.accounting.subscribers cimport (
    line_of_subscriber,
    set_subscriber,
    subscribers_free,
    subscribers_start,
)
from filterd.disk.session_file cimport (
    ENTRY_BYTES,
    MOST_PREFIXES,
    PORT_RANGE,
    RECORD_CLAIMS,
    clear_floors,
    is_ipv4,
    record_is_whole,
    unsettled_of,
    write_entries,
)

cdef enum:
    FULL_PLACES = 65_536        # places that one part of `full` visits


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
    table.by_session = <uint32_t*>calloc(heads, 4)
    table.next_session = table.slab.links
    table.by_subscriber = <uint32_t*>calloc(heads, 4)
    table.next_subscriber = <uint32_t*>calloc(places, 4)
    table.back_subscriber = <uint32_t*>calloc(places, 4)
    table.by_claim = <uint32_t*>calloc(<size_t>heads * 2, 4)
    table.next_claim = <uint32_t*>calloc(places * RECORD_CLAIMS, 4)
    table.marks = <uint32_t*>calloc(places * RECORD_CLAIMS, 4)
    table.sent = <uint32_t*>calloc(places, 4)
    good = subscribers_start(&table.subscribers, heads) and good
    good = evidence_start(&table.evidence, most) and good
    good = outbox_start(&table.outbox) and good
    return (good and table.by_session != NULL and table.by_subscriber != NULL
            and table.next_subscriber != NULL and table.back_subscriber != NULL and table.by_claim != NULL
            and table.next_claim != NULL and table.marks != NULL and table.sent != NULL)


cdef void table_free(Table* table) noexcept nogil:
    slab_free(&table.slab)
    evidence_free(&table.evidence)
    subscribers_free(&table.subscribers)
    outbox_free(&table.outbox)
    free(table.by_session)
    free(table.by_subscriber)
    free(table.next_subscriber)
    free(table.back_subscriber)
    free(table.by_claim)
    free(table.next_claim)
    free(table.marks)
    free(table.sent)


cdef inline uint32_t* _claim_head(const Table* table, const uint8_t* address, uint8_t length) noexcept nogil:
    """The chain of a claim; all ranges of one address stand in one chain."""
    cdef uint8_t text[16]
    if length != PORT_RANGE:
        return table.by_claim + ((claim_key(table, address, length) >> 20) & table.claim_mask)
    memset(text, 0, 16)
    memcpy(text, address, 4)
    return table.by_claim + ((claim_key(table, text, PORT_RANGE) >> 20) & table.claim_mask)


cdef uint32_t find_session(const Table* table, const uint32_t* session) noexcept nogil:
    cdef uint32_t place = table.by_session[session[0] & table.mask]
    while place != 0 and not same(record_at(&table.slab, place).session, session):
        place = table.next_session[place]
    return place


cdef bint is_live(const Table* table, const Record* record, int64_t now) noexcept nogil:
    return record.until > now and not ended_by_nas(<Table*>table, nas_of(<Table*>table, record), record.stamp)


cdef void tell_all(Table* table, uint32_t place, uint64_t line) noexcept nogil:
    cdef const Record* record = record_at(&table.slab, place)
    cdef int i
    for i in range(record.claim_count):
        tell(table, record, i, line)
    table.sent[place] = record.until


cdef inline void _count_length(Table* table, uint8_t length, int by) noexcept nogil:
    if length == PORT_RANGE:
        table.ranges += by
    else:
        table.lengths[length] += by


cdef void _link_claim(Table* table, uint32_t place, int claim) noexcept nogil:
    cdef const Record* record = record_at(&table.slab, place)
    cdef uint32_t reference = place * RECORD_CLAIMS + claim
    cdef uint32_t* head = _claim_head(table, record.addresses[claim], record.lengths[claim])
    link(head, table.next_claim, reference)
    _count_length(table, record.lengths[claim], 1)


cdef void _unlink_claim(Table* table, uint32_t place, int claim) noexcept nogil:
    cdef const Record* record = record_at(&table.slab, place)
    if not unlink(_claim_head(table, record.addresses[claim], record.lengths[claim]), table.next_claim,
                  place * RECORD_CLAIMS + claim):
        table.disordered = True
    _count_length(table, record.lengths[claim], -1)


cdef void add_claim(Table* table, uint32_t place, const Held* claim, uint32_t mark) noexcept nogil:
    cdef Record* record = record_at(&table.slab, place)
    cdef int at = record.claim_count
    memcpy(record.addresses[at], claim.address, 16)
    record.lengths[at] = claim.length
    record.claim_count += 1
    table.marks[place * RECORD_CLAIMS + at] = mark
    _link_claim(table, place, at)
    if line_of(record) != 0:
        tell(table, record, at, line_of(record))
    else:
        tell_nobody(table, claim, record.origin >> 6)


cdef void tell_nobody(Table* table, const Held* claim, uint8_t source) noexcept nogil:
    if unsettled_of(head_of(&table.slab)) != 0 and not table.silent:
        tell_receivers(&table.outbox, claim.address, claim.length, 0, 0, source)


cdef void drop_claim(Table* table, uint32_t place, int claim, uint32_t mark, int how) noexcept nogil:
    """Take a claim from a session; ``mark``, or the claim's own where that is newer, is the evidence
    remembered.

    ``how`` is of TELL and REMEMBER; without them a next owner follows at once. The caller seals the record,
    or drops it when it is empty.
    """
    cdef Record* record = record_at(&table.slab, place)
    cdef int last = record.claim_count - 1
    cdef uint32_t own = table.marks[place * RECORD_CLAIMS + claim]
    if how & REMEMBER:
        remember(&table.evidence, claim_key(table, record.addresses[claim], record.lengths[claim]),
                 mark if since(mark, own) > 0 else own, nas_of(table, record), record.subscriber[2])
    if line_of(record) != 0 and how & TELL:
        tell(table, record, claim, 0)
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


cdef uint32_t new_record(Table* table, const Message* m) noexcept nogil:
    cdef uint32_t place = take_place(&table.slab)
    cdef Record* record
    if place == 0:
        return 0
    record = record_at(&table.slab, place)
    memcpy(record.session, m.session, 12)
    memcpy(record.subscriber, m.subscriber, 12)
    record.nas = m.nas_id
    record.stamp = m.stamp
    record.origin = <uint8_t>(m.source << 6)
    count_place(&table.slab)    # the session's fingerprint is not zero
    link_record(table, place)
    set_line(table, record, line_of_subscriber(&table.subscribers, m.subscriber))
    table.sent[place] = m.until
    return place


cdef void link_record(Table* table, uint32_t place) noexcept nogil:
    cdef const Record* record = record_at(&table.slab, place)
    cdef uint32_t* head = table.by_session + (record.session[0] & table.mask)
    link(head, table.next_session, place)
    link_subscriber(table, place)
    count(table, record, 1)


cdef void link_subscriber(Table* table, uint32_t place) noexcept nogil:
    cdef uint32_t* head = table.by_subscriber + (record_at(&table.slab, place).subscriber[0] & table.mask)
    link_both(head, table.next_subscriber, table.back_subscriber, place)


cdef void unlink_subscriber(Table* table, uint32_t place) noexcept nogil:
    if not unlink_both(table.by_subscriber + (record_at(&table.slab, place).subscriber[0] & table.mask),
                       table.next_subscriber, table.back_subscriber, place):
        table.disordered = True


cdef void _drop_record(Table* table, uint32_t place) noexcept nogil:
    """Take a session that has no claims any more out of the table."""
    cdef Record* record = record_at(&table.slab, place)
    if not unlink(table.by_session + (record.session[0] & table.mask), table.next_session, place):
        table.disordered = True
    unlink_subscriber(table, place)
    if table.disordered:        # its place is in a chain still
        return
    count(table, record, -1)
    give_place(&table.slab, place)


cdef void end_session(Table* table, uint32_t place, uint32_t mark) noexcept nogil:
    """End a session with everything that it has; ``mark`` is newer evidence than its own, or its own."""
    cdef Record* record = record_at(&table.slab, place)
    if record.claim_count > RECORD_CLAIMS:
        table.disordered = True
        return
    while record.claim_count != 0:
        drop_claim(table, place, record.claim_count - 1, mark, TELL | REMEMBER)
    _drop_record(table, place)


cdef void seal_or_drop(Table* table, uint32_t place) noexcept nogil:
    if record_at(&table.slab, place).claim_count == 0:
        _drop_record(table, place)
    else:
        seal(record_at(&table.slab, place))


cdef uint32_t rival(const Table* table, uint32_t place, const Held* claim, uint32_t behind) noexcept nogil:
    """The reference of the next claim of another session that contradicts, behind ``behind`` in the chain."""
    cdef uint32_t at
    cdef const Record* other
    if table.disordered:
        return 0
    if behind == 0:
        at = _claim_head(table, claim.address, claim.length)[0]
    else:
        at = table.next_claim[behind]
    while at != 0:
        other = record_at(&table.slab, at // RECORD_CLAIMS)
        if at // RECORD_CLAIMS != place and overlap(
            claim.address, claim.length,
            other.addresses[at % RECORD_CLAIMS], other.lengths[at % RECORD_CLAIMS]
        ):
            return at
        at = table.next_claim[at]
    return 0


cdef bint table_register(Table* table, const uint32_t* subscriber, uint64_t line, int64_t now) noexcept nogil:
    """Set the line of a subscriber (0: none) and of all its live sessions. False: no memory."""
    cdef uint32_t place = table.by_subscriber[subscriber[0] & table.mask]
    cdef uint32_t following
    cdef Record* record
    if not set_subscriber(&table.subscribers, subscriber, line):
        return False
    while place != 0 and not table.disordered:
        following = table.next_subscriber[place]
        record = record_at(&table.slab, place)
        if same(record.subscriber, subscriber) and line_of(record) != line and is_live(table, record, now):
            set_line(table, record, line)
            seal(record)
            tell_all(table, place, line)
        place = following
    return True


cdef uint32_t table_find(Table* table, const uint8_t* address, uint32_t port, int64_t now) noexcept nogil:
    cdef Held claim
    cdef uint32_t at
    cdef int length
    cdef int bit = 128
    if table.disordered:
        return 0
    if port != 0 and table.ranges != 0 and is_ipv4(address):
        memset(&claim, 0, sizeof(Held))
        memcpy(claim.address, address + 12, 4)
        claim.address[4] = claim.address[6] = <uint8_t>(port >> 8)
        claim.address[5] = claim.address[7] = <uint8_t>port
        claim.length = PORT_RANGE
        at = rival(table, 0, &claim, 0)
        if at != 0 and is_live(table, record_at(&table.slab, at // RECORD_CLAIMS), now):
            return at // RECORD_CLAIMS
    memcpy(claim.address, address, 16)
    for length in range(128, -1, -1):
        while bit > length:
            bit -= 1
            claim.address[bit >> 3] &= <uint8_t>~(0x80 >> (bit & 7))
        if table.lengths[length] == 0:
            continue
        claim.length = <uint8_t>length
        at = rival(table, 0, &claim, 0)
        if at != 0 and is_live(table, record_at(&table.slab, at // RECORD_CLAIMS), now):
            return at // RECORD_CLAIMS
    return 0


cdef uint32_t table_full(Table* table, uint32_t* cursor, uint32_t most, int64_t now, bint unregistered,
                         uint8_t* out) noexcept nogil:
    cdef uint32_t place = cursor[0] + 1
    cdef uint32_t end = place + FULL_PLACES
    cdef uint32_t written = 0
    cdef const Record* record
    cdef int i
    while place <= table.slab.used and place < end and written + RECORD_CLAIMS * MOST_PREFIXES <= most:
        record = record_at(&table.slab, place)
        if not _is_in_order(table, record):
            cursor[0] = 0
            return written
        if record.claim_count != 0 and (line_of(record) != 0 or unregistered) and is_live(table, record, now):
            for i in range(record.claim_count):
                written += write_entries(record.addresses[i], record.lengths[i], line_of(record),
                                         <uint32_t>(record.until - now), record.origin >> 6,
                                         out + written * ENTRY_BYTES)
        place += 1
    cursor[0] = 0 if place > table.slab.used else place - 1
    return written


cdef bint _is_in_order(Table* table, const Record* record) noexcept nogil:
    """False from the first record on that is neither empty nor as it was sealed."""
    if record.claim_count != 0 and not record_is_whole(record):
        table.disordered = True
    return not table.disordered


cdef uint32_t sweep_some(Table* table, uint32_t most, uint32_t ended, int64_t now) noexcept nogil:
    cdef uint32_t visited = 0
    cdef const Record* record
    if most > table.slab.used:
        most = table.slab.used
    while visited < most and ended != 0:
        visited += 1
        table.cursor = table.cursor % table.slab.used + 1
        if table.cursor == 1:
            table.oldest = table.oldest_yet
            table.oldest_yet = 0
        record = record_at(&table.slab, table.cursor)
        if not _is_in_order(table, record):
            table.urgent = 0
            return 0
        if record.claim_count == 0:
            continue
        if not is_live(table, record, now):
            table.tally.stale += record.until <= now
            end_session(table, table.cursor, table.marks[table.cursor * RECORD_CLAIMS])
            ended -= 1
        elif table.oldest_yet == 0 or record.confirmed < table.oldest_yet:
            table.oldest_yet = record.confirmed
    _count_urgent(table, visited)
    return visited


cdef void _count_urgent(Table* table, uint32_t visited) noexcept nogil:
    """So many places were visited: when it was all of them, no NAS has sessions that it ended."""
    if table.urgent > visited:
        table.urgent -= visited
    elif table.urgent != 0:
        table.urgent = 0
        clear_floors(head_of(&table.slab))


cdef uint32_t table_sweep(Table* table, uint32_t most, int64_t now) noexcept nogil:
    sweep_some(table, most, table.slab.used, now)
    return table.urgent
