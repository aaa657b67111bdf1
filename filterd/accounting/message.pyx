# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Reading an event: bounds of its claims, and the time that it tells of."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from filterd.accounting.event cimport EVENT_OFF, EVENT_ON, EVENT_START, Claim, Event
from filterd.accounting.evidence cimport (
    AHEAD,
    BEHIND,
    FITS,
    MARGIN,
    RETRIED,
    Evidence,
    Nas,
    believe,
    doubtful,
    mark_of,
    nas_place,
    offset_of,
)
from filterd.disk.session_file cimport PORT_RANGE, RECORD_CLAIMS, is_ipv4

cdef enum:
    DAY = 86_400_000            # milliseconds


cdef bint hold(const Claim* claim, Held* held) noexcept nogil:
    """The claim in the form of a record, masked to its prefix; False for ports or a length out of bounds."""
    cdef int bit
    memset(held, 0, sizeof(Held))
    if claim.has_ports:
        if claim.first_port > claim.last_port or not is_ipv4(claim.address):
            return False
        memcpy(held.address, claim.address + 12, 4)
        held.address[4] = <uint8_t>(claim.first_port >> 8)
        held.address[5] = <uint8_t>claim.first_port
        held.address[6] = <uint8_t>(claim.last_port >> 8)
        held.address[7] = <uint8_t>claim.last_port
        held.length = PORT_RANGE
        return True
    if claim.length > 128:
        return False
    memcpy(held.address, claim.address, 16)
    for bit in range(claim.length, 128):
        held.address[bit >> 3] &= <uint8_t>~(0x80 >> (bit & 7))
    held.length = claim.length
    return True


cdef void _read_claims(const Event* event, Message* m) noexcept nogil:
    """The claims that are within bounds, each once."""
    cdef int i
    for i in range(event.claim_count if event.claim_count < RECORD_CLAIMS else RECORD_CLAIMS):
        if hold(event.claims + i, m.claims + m.claim_count) and not _is_repeated(m):
            m.claim_count += 1


cdef bint _is_repeated(const Message* m) noexcept nogil:
    """True where the claim behind the last one overlaps with one before."""
    cdef const Held* claim = m.claims + m.claim_count
    cdef int i
    for i in range(m.claim_count):
        if overlap(claim.address, claim.length, m.claims[i].address, m.claims[i].length):
            return True
    return False


cdef inline int64_t _waited(const Event* event) noexcept nogil:
    """The delay, as far as it is one. FreeRADIUS's detail reader writes the difference between its clock and
    the stamp there, which says nothing of the NAS's clock."""
    cdef int64_t rest = event.arrival - event.delay - event.stamp
    return 0 if event.delay > BEHIND and -MARGIN <= rest <= MARGIN else event.delay


cdef void _read_clock(Evidence* evidence, int64_t stale_after, const Event* event, Message* m) noexcept nogil:
    """The stamp of an event by the clock of its NAS, and its marks."""
    cdef int64_t waited = _waited(event)
    cdef int64_t sent = event.arrival - waited
    cdef bint start = event.kind == EVENT_START
    cdef int believed = believe(evidence, m.nas, event.arrival, sent - event.stamp, waited != 0)
    cdef Nas* nas = evidence.nases + m.nas
    cdef bint newest = event.stamp >= nas.newest - MARGIN   # else it is late, or was recorded
    if m.nas != 0 and event.stamp > nas.newest:
        nas.newest = event.stamp
    if m.nas != 0 and believed == AHEAD and event.stamp > nas.ahead_to:
        nas.ahead_to = event.stamp
    m.maybe_copy = event.stamp <= nas.ahead_to
    m.stamp = event.stamp + nas.shift
    m.mark = mark_of(m.stamp, start)
    m.early = m.mark
    sent -= offset_of(evidence, m.nas)
    if believed == FITS and (sent - m.stamp <= BEHIND or not nas.proven):
        return
    m.out_of_time = believed == FITS and sent - m.stamp > DAY
    m.ahead = believed == AHEAD
    m.mark = mark_of(sent, start)
    if not (m.ahead and newest):
        m.mark = doubtful(m.mark)
    if believed != FITS:
        m.early = mark_of(m.stamp if m.stamp < sent - RETRIED else sent - RETRIED, start)
        m.old = event.arrival - m.stamp - offset_of(evidence, m.nas) > stale_after
        m.stamp = sent // 1000 * 1000


cdef void _read_stamp(Evidence* evidence, int64_t stale_after, const Event* event, Message* m) noexcept nogil:
    """Rules 2 and 3, and the age of the evidence."""
    cdef int64_t took = event.arrival - event.stamp
    m.stamp = event.stamp
    m.out_of_time = event.source == SOURCE_RADIUS and (took > DAY or event.delay > DAY)
    if event.source == SOURCE_RADIUS and m.nas != 0:
        evidence.nases[m.nas].far = m.out_of_time
    if m.out_of_time:
        return
    if event.source == SOURCE_RADIUS and event.stamped:
        _read_clock(evidence, stale_after, event, m)
        if m.kind == EVENT_ON or m.kind == EVENT_OFF:
            m.maybe_copy = True         # a copy that arrives later must not end what has begun since
            if m.stamp > event.arrival:
                m.stamp = event.arrival     # what begins later is newer, also if the clock is set back then
                m.mark = mark_of(m.stamp, False)
                m.early = m.mark
    else:
        if took < 0:
            m.stamp = event.arrival
        if event.source == SOURCE_RADIUS:
            m.stamp -= offset_of(evidence, m.nas)
        elif m.nas != 0:
            evidence.nases[m.nas].proven = True  # it goes by our clock
            evidence.nases[m.nas].in_order = True
        m.mark = mark_of(m.stamp, event.kind == EVENT_START)
        m.early = m.mark
    if event.source == SOURCE_RADIUS and event.arrival - m.stamp - offset_of(evidence, m.nas) > stale_after:
        m.old = True


cdef void read_message(Evidence* evidence, int64_t stale_after, const Event* event,
                       Message* m) noexcept nogil:
    cdef uint64_t until
    memset(m, 0, sizeof(Message))
    m.kind = event.kind
    m.refused_kinds = event.refused_kinds
    m.source = event.source & 3
    m.nas_id = event.nas.high
    m.nas = 0 if m.nas_id == 0 else nas_place(evidence, m.nas_id)
    evidence.without_place += m.nas_id != 0 and m.nas == 0
    memcpy(m.session, &event.session, 12)
    memcpy(m.subscriber, &event.line, 12)
    m.now = <uint32_t>(event.arrival // 1000)
    until = <uint64_t>m.now + event.lasts
    m.until = <uint32_t>until if until < <uint64_t>0xFFFFFFFF else <uint32_t>0xFFFFFFFF
    _read_claims(event, m)
    _read_stamp(evidence, stale_after, event, m)
