# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Refusal of what an answer has no business to say: records out of the bailiwick of its question.

The readable reference is :mod:`filterd.wire.scrub_reference`, and the two are kept equal by tests.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from filterd.wire.codec cimport (
    BAD_COUNT, END, HEADER_SIZE, NO_SPACE, OK, TRUNCATED, TYPE_A, TYPE_AAAA, TYPE_ANY, TYPE_CNAME, TYPE_DNAME,
    TYPE_HTTPS, TYPE_MX, TYPE_NS, TYPE_RRSIG, TYPE_SOA, TYPE_SVCB,
    Name, Record, Walk,
    copy_record, get16, put16, read_name, walk_next, walk_start,
)
from filterd.wire.record_layout cimport data_layout
from filterd.wire.siphash cimport sip_hash64

from filterd.wire.status import Status as PyStatus

cdef enum:
    MAX_CHAIN = 16              # names of a chain, the question's included
    MAX_TARGETS = 128           # names that kept records name
    QUESTION_POINTER = 0xC00C
    AUTHORITY = 2
    ADDITIONAL = 3

cdef enum:
    TYPE_AFSDB = 18
    TYPE_RT = 21
    TYPE_SRV = 33
    TYPE_NAPTR = 35
    TYPE_KX = 36
    TYPE_DS = 43
    TYPE_NSEC = 47
    TYPE_NSEC3 = 50

cdef const uint8_t* HASH_KEY = b"names in answers"

cdef struct Target:             # a name in the message
    uint64_t hash
    uint32_t offset
    uint32_t end                # of the record that it stands in

cdef struct Question:
    const uint8_t* message
    size_t length
    uint16_t qtype
    uint16_t qclass
    Name chain[MAX_CHAIN]
    int chain_length
    Target targets[MAX_TARGETS]
    int target_count

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
    """Whether the whole labels of ``upper`` end ``name``."""
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
    """Whether the name is at or above one of the chain, or with ``strictly`` above it."""
    cdef int i
    for i in range(asked.chain_length):
        if strictly and name.labels >= asked.chain[i].labels:
            continue
        if is_at_or_above(name, &asked.chain[i]):
            return True
    return False


cdef int find_alias(const Question* asked, Name* target) noexcept nogil:
    """Follow the chain from its last name: OK, or END where it leads nowhere."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef size_t offset
    cdef int status = walk_start(asked.message, asked.length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, NULL)
        if status != OK or record.section != 1:
            break
        if record.type != TYPE_CNAME or record.rclass != asked.qclass:
            continue
        offset = record.owner_offset
        status = read_name(asked.message, asked.length, &offset, &owner)
        if status == OK and is_same(&owner, &asked.chain[asked.chain_length - 1]):
            offset = record.data_offset
            return read_name(asked.message, offset + record.data_length, &offset, target)
    return END if status == OK else status


cdef int follow(Question* asked) noexcept nogil:
    """Read the question and the chain that starts there."""
    cdef size_t offset = HEADER_SIZE
    cdef Name target
    cdef int status
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
    asked.chain_length = 1
    asked.target_count = 0
    if asked.qtype == TYPE_CNAME or asked.qtype == TYPE_ANY:
        return OK
    while asked.chain_length < MAX_CHAIN:
        status = find_alias(asked, &target)
        if status == END or (status == OK and is_in_chain(asked, &target)):
            return OK
        if status != OK:
            return status
        asked.chain[asked.chain_length] = target
        asked.chain_length += 1
    return OK


# --- what belongs -------------------------------------------------------------------------------------------

cdef uint64_t hash_of(const Name* name) noexcept nogil:
    """It spares comparisons, and proves nothing. The key is no secret: nobody can make 128 names with one
    value of 64 bits, which would cost as many comparisons for each record."""
    return sip_hash64(HASH_KEY, name.bytes, name.length)


cdef bint is_target(const Question* asked, const Name* name) noexcept nogil:
    """Whether a kept record names the name."""
    cdef uint64_t value = hash_of(name)
    cdef size_t offset
    cdef Name other
    cdef int i
    for i in range(asked.target_count):
        if asked.targets[i].hash != value:
            continue
        offset = asked.targets[i].offset
        if read_name(asked.message, asked.targets[i].end, &offset, &other) == OK and is_same(&other, name):
            return True
    return is_same(&asked.chain[asked.chain_length - 1], name)


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


cdef bint belongs(const Question* asked, const Record* record, const Name* owner) noexcept nogil:
    """Whether the record is one that this answer may hold."""
    cdef uint16_t kind = type_of(asked, record)
    if record.rclass != asked.qclass:
        return False
    if record.section == AUTHORITY:
        if kind == TYPE_NSEC or kind == TYPE_NSEC3:
            return True
        return kind in (TYPE_SOA, TYPE_NS, TYPE_DS) and is_over_chain(asked, owner, False)
    if record.section == ADDITIONAL:
        return kind in (TYPE_A, TYPE_AAAA, TYPE_SVCB, TYPE_HTTPS) and is_target(asked, owner)
    return belongs_to_answer(asked, record, owner)


cdef inline bint names_a_host(uint16_t kind) noexcept nogil:
    """Types whose names get addresses in the additional section."""
    return kind in (TYPE_NS, TYPE_MX, TYPE_AFSDB, TYPE_RT, TYPE_SRV, TYPE_NAPTR, TYPE_KX, TYPE_SVCB,
                    TYPE_HTTPS)


cdef int note_target(Question* asked, const Record* record) noexcept nogil:
    """Remember the name in a kept record's data; "." in a service is its owner (RFC 9460 2.5.2)."""
    cdef size_t prefix = 0, offset, end = record.data_offset + record.data_length
    cdef int names = 0, rest = 0, status
    cdef Target* target = &asked.targets[asked.target_count]
    cdef Name name
    if not names_a_host(record.type) or asked.target_count == MAX_TARGETS:
        return OK
    if not data_layout(record.type, asked.message + record.data_offset, record.data_length, &prefix, &names,
                       &rest) or prefix > record.data_length:
        return TRUNCATED
    offset = record.data_offset + prefix
    if record.type in (TYPE_SVCB, TYPE_HTTPS) and offset < end and asked.message[offset] == 0:
        offset, end = record.owner_offset, asked.length
    target.offset, target.end = <uint32_t>offset, <uint32_t>end
    status = read_name(asked.message, end, &offset, &name)
    if status == OK:
        target.hash = hash_of(&name)
        asked.target_count += 1
    return status


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


cdef int sort_out(Question* asked, Copy* copy) noexcept nogil:
    """Keep or leave out each record: END when all were seen."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef int status = walk_start(asked.message, asked.length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status != OK:
            break
        if not belongs(asked, &record, &owner):
            status = leave_out(asked, &record, copy)
            continue
        status = keep(asked, &record, &owner, copy)
        if status == NO_SPACE and record.section == ADDITIONAL:
            return END          # nobody needs what is there
        if status == OK:
            status = note_target(asked, &record)
    return status


cdef int scrub(const uint8_t* message, size_t length, uint8_t* out, size_t capacity,
               size_t* kept) noexcept nogil:
    cdef Question asked
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
        status = sort_out(&asked, &copy)
    if status != END:
        return status
    if copy.begun:
        for i in range(1, 4):
            put16(out + 4 + 2 * i, copy.counts[i])
        kept[0] = copy.used
    return OK


# --- the Python face ----------------------------------------------------------------------------------------

def scrubbed(bytes message):
    """Return the part of an answer without OPT that is about its question, or a status."""
    cdef uint8_t out[65535]
    cdef size_t kept = 0
    cdef int status = scrub(message, len(message), out, sizeof(out), &kept)
    if status != OK:
        return PyStatus(status)
    return out[:kept] if kept else message
