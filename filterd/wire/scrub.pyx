# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Refusal of what an answer has no business to say: records out of the bailiwick of its question.

The readable reference is :mod:`filterd.wire.scrub_reference`, and the two are kept equal by tests.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from filterd.wire.codec cimport (
    BAD_COUNT, END, FLAG_AA, HEADER_SIZE, NOERROR, NO_SPACE, NOT_AN_ANSWER, NXDOMAIN, OK, SERVFAIL, TRUNCATED,
    TYPE_ANY, TYPE_CNAME, TYPE_DNAME, TYPE_NS, TYPE_NSEC, TYPE_NSEC3, TYPE_RRSIG, TYPE_SOA, YXDOMAIN,
    Ede, EdeList, MAX_EDES, Name, Record, Walk,
    copy_record, get16, put16, put32, read_name, walk_next, walk_start,
)

from filterd.wire.ede cimport EDE_OTHER

from filterd.wire import ede as extended_errors
from filterd.wire.status import Status as PyStatus

cdef bytes dangling_text = extended_errors.DANGLING_TEXT
cdef const uint8_t* DANGLING = dangling_text
cdef uint8_t DANGLING_LENGTH = len(dangling_text)

cdef enum:
    MAX_CHAIN = 16              # names of a chain, the question's included
    MAX_ALIASES = 32            # that a chain is looked for in
    QUESTION_POINTER = 0xC00C
    ANSWER = 1
    AUTHORITY = 2
    LONGEST_TTL = 0x7FFFFFFF    # one with the top bit set counts as 0 (RFC 2181 8)

cdef struct Question:
    const uint8_t* message
    size_t length
    uint16_t qtype
    uint16_t qclass
    uint16_t rcode
    Name chain[MAX_CHAIN]
    int chain_length

cdef struct Alias:
    Name owner
    size_t data                 # where the target starts, and ends
    size_t end

cdef struct Seen:               # what stands in an answer that belongs there
    bint records                # any in the answer section
    bint aliased                # any of these is an alias
    bint answered               # of the asked type, at the chain's end
    bint claims                 # the same, and not merely aliases and signatures
    bint soa
    bint servers                # NS at or above the query name, in the authority section
    uint32_t longest            # TTL

cdef struct Copy:               # what is written once something was left out
    uint8_t* out
    size_t capacity
    size_t used
    bint begun
    uint16_t counts[4]


# --- the chain ----------------------------------------------------------------------------------------------

cdef inline bint is_same(const Name* a, const Name* b) noexcept nogil:
    return a.length == b.length and memcmp(a.bytes, b.bytes, a.length) == 0


cdef bint is_at_or_above(const Name* upper, const Name* name) noexcept nogil:
    """True if the whole labels of ``upper`` end ``name``."""
    cdef int start = name.length - upper.length
    if upper.labels > name.labels or start < 0:
        return False
    if upper.labels < name.labels and upper.labels > 0 and name.offsets[name.labels - upper.labels] != start:
        return False
    return memcmp(name.bytes + start, upper.bytes, upper.length) == 0


cdef bint is_in_chain(const Question* asked, const Name* name) noexcept nogil:
    cdef int i
    for i in range(asked.chain_length):
        if is_same(&asked.chain[i], name):
            return True
    return False


cdef bint is_over_chain(const Question* asked, const Name* name, bint strictly) noexcept nogil:
    """True if the name is at or above one of the chain, or with ``strictly`` above it."""
    cdef int i
    for i in range(asked.chain_length):
        if strictly and name.labels >= asked.chain[i].labels:
            continue
        if is_at_or_above(name, &asked.chain[i]):
            return True
    return False


cdef int list_aliases(const Question* asked, Alias* found, int* count) noexcept nogil:
    """The first aliases of the answer section, read once however long the chain is."""
    cdef Walk walk
    cdef Record record
    cdef size_t offset
    cdef int status = walk_start(asked.message, asked.length, &walk)
    count[0] = 0
    while status == OK and count[0] < MAX_ALIASES:
        status = walk_next(&walk, &record, NULL)
        if status != OK or record.section != ANSWER:
            break
        if record.type != TYPE_CNAME or record.rclass != asked.qclass:
            continue
        offset = record.owner_offset
        status = read_name(asked.message, asked.length, &offset, &found[count[0]].owner)
        found[count[0]].data = record.data_offset
        found[count[0]].end = record.data_offset + record.data_length
        count[0] += 1
    return OK if status == END else status


cdef int find_alias(const Question* asked, const Alias* aliases, int count, Name* target) noexcept nogil:
    """Follow the chain from its last name: OK, or END where it leads nowhere."""
    cdef size_t offset
    cdef int i
    for i in range(count):
        if is_same(&aliases[i].owner, &asked.chain[asked.chain_length - 1]):
            offset = aliases[i].data
            return read_name(asked.message, aliases[i].end, &offset, target)
    return END


cdef int follow(Question* asked) noexcept nogil:
    """Read the question and the chain that starts there."""
    cdef Alias aliases[MAX_ALIASES]
    cdef size_t offset = HEADER_SIZE
    cdef Name target
    cdef int count, status
    if asked.length < HEADER_SIZE:
        return TRUNCATED
    if get16(asked.message + 4) != 1:
        return BAD_COUNT
    status = read_name(asked.message, asked.length, &offset, &asked.chain[0])
    if status != OK:
        return status
    if asked.length - offset < 4:
        return TRUNCATED
    asked.qtype = get16(asked.message + offset)
    asked.qclass = get16(asked.message + offset + 2)
    asked.rcode = get16(asked.message + 2) & 15
    asked.chain_length = 1
    if asked.qtype == TYPE_CNAME or asked.qtype == TYPE_ANY:
        return OK
    status = list_aliases(asked, aliases, &count)
    if status != OK:
        return status
    while asked.chain_length < MAX_CHAIN:
        status = find_alias(asked, aliases, count, &target)
        if status == END or (status == OK and is_in_chain(asked, &target)):
            return OK
        if status != OK:
            return status
        asked.chain[asked.chain_length] = target
        asked.chain_length += 1
    return OK


# --- what belongs -------------------------------------------------------------------------------------------

cdef uint16_t type_of(const Question* asked, const Record* record) noexcept nogil:
    """The record's type, or that which a signature covers (RFC 4034 3.1.1)."""
    if record.type == TYPE_RRSIG and record.data_length >= 2:
        return get16(asked.message + record.data_offset)
    return record.type


cdef bint belongs_to_answer(const Question* asked, const Record* record, const Name* owner) noexcept nogil:
    cdef uint16_t kind = type_of(asked, record)
    if is_same(owner, &asked.chain[asked.chain_length - 1]):
        if asked.qtype in (TYPE_ANY, record.type, kind):
            return True
    if kind == TYPE_CNAME:
        return is_in_chain(asked, owner)
    return kind == TYPE_DNAME and is_over_chain(asked, owner, True)


cdef bint belongs(const Question* asked, const Record* record, const Name* owner,
                  const Seen* seen) noexcept nogil:
    """True if the record is one that this answer may hold, behind those that were seen."""
    cdef uint16_t kind = type_of(asked, record)
    if record.rclass != asked.qclass:
        return False
    if record.section == ANSWER:
        return belongs_to_answer(asked, record, owner)
    if record.section != AUTHORITY:
        return False
    if kind == TYPE_NSEC or kind == TYPE_NSEC3:
        return True
    return (kind == TYPE_SOA and (asked.rcode == NXDOMAIN or not seen.answered)
            and is_over_chain(asked, owner, False))


cdef void note(const Question* asked, const Record* record, const Name* owner, Seen* seen) noexcept nogil:
    """Note a record that belongs to the answer."""
    if record.ttl <= LONGEST_TTL:
        seen.longest = max(seen.longest, record.ttl)
    if record.section != ANSWER:
        seen.soa = seen.soa or record.type == TYPE_SOA
        return
    seen.records = True
    seen.aliased = seen.aliased or record.type in (TYPE_CNAME, TYPE_DNAME)
    if asked.qtype not in (TYPE_ANY, record.type) or not is_same(owner, &asked.chain[asked.chain_length - 1]):
        return
    seen.answered = True
    seen.claims = seen.claims or record.type not in (TYPE_CNAME, TYPE_DNAME, TYPE_RRSIG)


# --- what is no answer --------------------------------------------------------------------------------------

cdef int survey(const Question* asked, Seen* seen) noexcept nogil:
    """Note the records of the whole message: END where it can be read."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef int status = walk_start(asked.message, asked.length, &walk)
    memset(seen, 0, sizeof(Seen))
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status != OK:
            break
        if belongs(asked, &record, &owner, seen):
            note(asked, &record, &owner, seen)
        elif record.section == AUTHORITY and record.type == TYPE_NS and record.rclass == asked.qclass:
            seen.servers = seen.servers or is_at_or_above(&owner, &asked.chain[0])
    return status


cdef int check_answer(const Question* asked) noexcept nogil:
    """OK, or NOT_AN_ANSWER; most messages need no look at their records."""
    cdef Seen seen
    cdef int status
    if asked.rcode not in (NOERROR, SERVFAIL, NXDOMAIN, YXDOMAIN):
        return NOT_AN_ANSWER
    if asked.rcode == NOERROR:
        if get16(asked.message + 8) == 0 or get16(asked.message + 2) & FLAG_AA:
            return OK
    elif get16(asked.message + 6) == 0:
        return OK
    status = survey(asked, &seen)
    if status != END:
        return status
    if asked.rcode != NOERROR:
        return NOT_AN_ANSWER if seen.claims else OK
    return NOT_AN_ANSWER if seen.servers and not seen.records and not seen.soa else OK


cdef int answer_status(const uint8_t* message, size_t length) noexcept nogil:
    cdef Question asked
    cdef int status
    asked.message = message
    asked.length = length
    status = follow(&asked)
    return check_answer(&asked) if status == OK else status


# --- leaving out --------------------------------------------------------------------------------------------

cdef int keep(const Question* asked, const Record* record, const Name* owner, Copy* copy) noexcept nogil:
    """Count the record, and once something before it was left out, write it with its names uncompressed."""
    cdef size_t written = 0
    cdef int status = OK
    if copy.begun:
        status = copy_record(
            asked.message, asked.length, record, QUESTION_POINTER if is_same(owner, &asked.chain[0]) else 0,
            copy.out + copy.used, copy.capacity - copy.used, &written)
        copy.used += written
    copy.counts[record.section] += status == OK
    return status


cdef int leave_out(const Question* asked, const Record* record, Copy* copy) noexcept nogil:
    """From the first record that is left out on, what is kept is written anew."""
    if copy.begun:
        return OK
    if record.owner_offset > copy.capacity:
        return NO_SPACE
    memcpy(copy.out, asked.message, record.owner_offset)
    copy.used = record.owner_offset
    copy.begun = True
    return OK


cdef int sort_out(const Question* asked, Copy* copy, Seen* seen) noexcept nogil:
    """Keep or leave out each record: END when all were seen."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef int status = walk_start(asked.message, asked.length, &walk)
    memset(seen, 0, sizeof(Seen))
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status != OK:
            break
        if not belongs(asked, &record, &owner, seen):
            status = leave_out(asked, &record, copy)
            continue
        note(asked, &record, &owner, seen)
        status = keep(asked, &record, &owner, copy)
    return status


cdef bint ends_nowhere(const Question* asked, const Seen* seen) noexcept nogil:
    """True if aliases lead to neither records nor a denial."""
    return asked.rcode == NOERROR and seen.aliased and not seen.answered and not seen.soa


cdef int shorten(const Question* asked, Copy* copy) noexcept nogil:
    """Cap the TTLs of all that is kept at DANGLING_TTL."""
    cdef Walk walk
    cdef Record record
    cdef int status
    if not copy.begun:
        if asked.length > copy.capacity:
            return NO_SPACE
        memcpy(copy.out, asked.message, asked.length)
        copy.used = asked.length
        copy.begun = True
    status = walk_start(copy.out, copy.used, &walk)
    while status == OK:
        status = walk_next(&walk, &record, NULL)
        if status == OK and DANGLING_TTL < record.ttl <= LONGEST_TTL:
            put32(copy.out + record.ttl_offset, DANGLING_TTL)
    return status


cdef void say_it_dangles(EdeList* edes) noexcept nogil:
    cdef Ede* ede
    if edes.count < MAX_EDES:
        ede = &edes.items[edes.count]
        ede.code = EDE_OTHER
        ede.text = DANGLING
        ede.text_length = DANGLING_LENGTH
        edes.count += 1


cdef int scrub(const uint8_t* message, size_t length, uint8_t* out, size_t capacity,
               size_t* kept, EdeList* edes) noexcept nogil:
    cdef Question asked
    cdef Seen seen
    cdef Copy copy
    cdef int i, status
    asked.message = message
    asked.length = length
    memset(&copy, 0, sizeof(Copy))
    copy.out = out
    copy.capacity = capacity
    kept[0] = 0
    status = follow(&asked)
    if status == OK:
        status = check_answer(&asked)
    if status == OK:
        status = sort_out(&asked, &copy, &seen)
    if status != END:
        return status
    if copy.begun:
        for i in range(1, 4):
            put16(out + 4 + 2 * i, copy.counts[i])
    if ends_nowhere(&asked, &seen):
        if seen.longest > DANGLING_TTL:
            status = shorten(&asked, &copy)
        if status != END:
            return status
        say_it_dangles(edes)
    if copy.begun:
        kept[0] = copy.used
    return OK


# --- the Python face ----------------------------------------------------------------------------------------

def scrubbed(bytes message):
    """Return the part of an answer without OPT that is about its question, or a status."""
    cdef uint8_t out[65535]
    cdef size_t kept = 0
    cdef EdeList edes
    edes.count = 0
    cdef int status = scrub(message, len(message), out, sizeof(out), &kept, &edes)
    if status != OK:
        return PyStatus(status)
    return out[:kept] if kept else message


def errors_of(bytes message):
    """Return the extended errors (code and text) that go with the part of an answer that is kept."""
    cdef uint8_t out[65535]
    cdef size_t kept = 0
    cdef EdeList edes
    edes.count = 0
    scrub(message, len(message), out, sizeof(out), &kept, &edes)
    return tuple([(edes.items[i].code, edes.items[i].text[:edes.items[i].text_length])
                  for i in range(edes.count)])


def status_of(bytes message):
    """Return OK for an answer without OPT, NOT_AN_ANSWER for a message that is none, or what is wrong."""
    return PyStatus(answer_status(message, len(message)))
