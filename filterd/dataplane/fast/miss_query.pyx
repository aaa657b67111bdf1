# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from filterd.wire.codec cimport (
    FLAG_AD,
    FLAG_CD,
    FLAG_QR,
    FLAG_RD,
    FORMERR,
    HEADER_SIZE,
    NOTIMP,
    OK,
    TYPE_OPT,
    Name,
    get16,
    name_from_wire,
    put16,
)

from filterd.dataplane.upstream.message import Check as PyCheck
from filterd.wire import edns

cdef enum:
    OPT_SIZE = 11
    OPCODE_BITS = 0x7800
    DO_HIGH_BYTE = 0x80
    A = 97
    Z = 122
    CASE_BIT = 0x20

cdef uint16_t UDP_SIZE = edns.UDP_SIZE
cdef tuple CHECKS = (PyCheck.OURS, PyCheck.EDNS_REFUSED, PyCheck.CASE_LOST, PyCheck.WRONG_ID,
                     PyCheck.WRONG_QUESTION)


cdef size_t miss_query_write(const MissQuery* query, const Name* name, uint16_t id, const uint64_t* coins,
                             uint8_t* question, uint8_t* out) noexcept nogil:
    cdef size_t length = name.length
    cdef size_t i
    memcpy(question, name.bytes, length)
    if query.mixed_case:
        # A length byte is at most 63 and so never looks like a letter (RFC 1035 2.3.4).
        for i in range(length):
            if A <= question[i] <= Z:
                question[i] ^= <uint8_t>((coins[i >> 6] >> (i & 63) & 1) << 5)
    put16(question + length, query.qtype)
    put16(question + length + 2, query.qclass)
    length += 4
    memset(out, 0, HEADER_SIZE)
    put16(out, id)
    put16(out + 2, FLAG_RD | FLAG_AD | (FLAG_CD if query.checking_disabled else 0))
    out[5] = 1
    memcpy(out + HEADER_SIZE, question, length)
    length += HEADER_SIZE
    if not query.edns:
        return length
    out[11] = 1
    memset(out + length, 0, OPT_SIZE)
    out[length + 2] = TYPE_OPT
    put16(out + length + 3, UDP_SIZE)
    out[length + 7] = DO_HIGH_BYTE if query.dnssec_ok else 0
    return length + OPT_SIZE


cdef int miss_query_check(const MissQuery* query, uint16_t id, const uint8_t* question,
                          size_t question_length, const uint8_t* reply, size_t length) noexcept nogil:
    cdef uint16_t flags, questions
    if length < 2 or get16(reply) != id:
        return CHECK_WRONG_ID
    if length < HEADER_SIZE:
        return CHECK_WRONG_QUESTION
    flags = get16(reply + 2)
    questions = get16(reply + 4)
    if not flags & FLAG_QR or flags & OPCODE_BITS:
        return CHECK_WRONG_QUESTION
    if query.edns and questions == 0 and (flags & 15 == FORMERR or flags & 15 == NOTIMP):
        return CHECK_EDNS_REFUSED
    if questions != 1 or length < HEADER_SIZE + question_length:
        return CHECK_WRONG_QUESTION
    if memcmp(reply + HEADER_SIZE, question, question_length) == 0:
        return CHECK_OURS
    if not same_but_for_case(reply + HEADER_SIZE, question, question_length):
        return CHECK_WRONG_QUESTION
    return CHECK_CASE_LOST if query.mixed_case else CHECK_OURS


cdef inline uint8_t lower(uint8_t byte) noexcept nogil:
    return byte | CASE_BIT if A <= (byte | CASE_BIT) <= Z else byte


cdef bint same_but_for_case(const uint8_t* a, const uint8_t* b, size_t length) noexcept nogil:
    """Two questions; type and class are no letters."""
    cdef size_t i
    for i in range(length - 4):
        if lower(a[i]) != lower(b[i]):
            return False
    return memcmp(a + length - 4, b + length - 4, 4) == 0


# ---- the Python face, for the twin tests ----

cdef int fill(question, form, Name* name, MissQuery* query) except -1:
    cdef bytes wire = question.name
    if name_from_wire(<const uint8_t*><const char*>wire, len(wire), name) != OK:
        raise ValueError("a name in wire form is needed")
    query.qtype = question.qtype
    query.qclass = question.qclass
    query.dnssec_ok = question.dnssec_ok
    query.checking_disabled = question.checking_disabled
    query.mixed_case = form.mixed_case
    query.edns = form.edns
    return 0


def write_query(question, form, uint16_t id, coin):
    """Return the question as it is sent and the whole query; each set bit of ``coin`` turns a byte's case."""
    cdef Name name
    cdef MissQuery query
    cdef uint64_t coins[COINS]
    cdef uint8_t asked[QUESTION_SIZE]
    cdef uint8_t out[MISS_QUERY_SIZE]
    cdef size_t length
    cdef int i
    fill(question, form, &name, &query)
    for i in range(COINS):
        coins[i] = coin >> (64 * i) & 0xFFFFFFFFFFFFFFFF
    length = miss_query_write(&query, &name, id, coins, asked, out)
    return (<const char*>asked)[:name.length + 4], (<const char*>out)[:length]


def check(bytes reply not None, question, form, uint16_t id, bytes asked not None):
    """Return the Check of a datagram for the query with that id, whose question went as ``asked``."""
    cdef Name name
    cdef MissQuery query
    fill(question, form, &name, &query)
    if len(asked) < 5:
        raise ValueError("a question has a name, type and class")
    return CHECKS[miss_query_check(&query, id, <const uint8_t*><const char*>asked, len(asked),
                                   <const uint8_t*><const char*>reply, len(reply))]
