# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy, memset

cdef enum:
    HEADER = 12
    LARGEST = 512               # bytes of a plain query: more than a name and an OPT need
    LONGEST_NAME = 255
    LONGEST_LABEL = 63
    OPT_SIZE = 11
    TYPE_OPT = 41
    CLIENT_SUBNET = 8
    NOTIMP = 4
    REFUSED = 5
    OPCODE = 0x78               # of the third byte; what is not a QUERY has other sections


cdef inline uint16_t word(const uint8_t* at) noexcept nogil:
    return <uint16_t> ((at[0] << 8) | at[1])


cdef inline bint is_usual(uint16_t qtype) noexcept nogil:
    """A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR, DS, DNSKEY, TLSA, SVCB, HTTPS, CAA."""
    return qtype in (1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 48, 52, 64, 65, 257)


cdef size_t question_end(const uint8_t* packet, size_t length) noexcept nogil:
    """The end of the one question; 0 where it cannot be read or has a pointer."""
    cdef size_t at = HEADER
    if word(packet + 4) != 1 or packet[2] & OPCODE:
        return 0
    while at < length and packet[at] != 0:
        if packet[at] > LONGEST_LABEL:
            return 0
        at += 1 + <size_t> packet[at]
        if at - HEADER >= LONGEST_NAME:
            return 0
    return at + 5 if at + 5 <= length else 0


cdef bint options_are_left_out(const uint8_t* options, size_t length) noexcept nogil:
    """True if the options are whole and none of them names another client."""
    cdef size_t at = 0, size
    while at < length:
        if length - at < 4:
            return False
        size = word(options + at + 2)
        if word(options + at) == CLIENT_SUBNET or length - at - 4 < size:
            return False
        at += 4 + size
    return True


cdef bint opt_is_plain(const uint8_t* opt, size_t length) noexcept nogil:
    """One OPT of version 0 and nothing behind it (RFC 6891 6.1.2)."""
    if length < OPT_SIZE or opt[0] != 0 or word(opt + 1) != TYPE_OPT or opt[5] != 0 or opt[6] != 0:
        return False
    return word(opt + 9) == length - OPT_SIZE and options_are_left_out(opt + OPT_SIZE, length - OPT_SIZE)


cdef bint is_plain(const uint8_t* packet, size_t length, size_t end) noexcept nogil:
    """True if the rest of a packet whose question ends there is plain too."""
    if length > LARGEST or word(packet + 6) or word(packet + 8):
        return False
    if not is_usual(word(packet + end - 4)) or word(packet + end - 2) != 1:
        return False
    if word(packet + 10) == 0:
        return length == end
    return word(packet + 10) == 1 and opt_is_plain(packet + end, length - end)


cdef int plain_query(const uint8_t* packet, size_t length, uint8_t* out, size_t* written,
                     size_t* question) noexcept nogil:
    cdef size_t end
    if length < HEADER:
        return PLAIN_SHORT
    if packet[2] & 0x80:
        return PLAIN_ANSWER
    end = question_end(packet, length)
    question[0] = end - HEADER if end else 0
    written[0] = end if end else <size_t> HEADER
    memcpy(out, packet, written[0])
    memset(out + 6, 0, 6)
    if end and is_plain(packet, length, end):
        if packet[11]:
            memcpy(out + end, packet + end, OPT_SIZE)
            out[end + 7] &= 0x80
            out[end + 8] = out[end + 9] = out[end + 10] = 0
            out[11] = 1
            written[0] = end + OPT_SIZE
        return PLAIN_QUERY
    out[2] = 0x80 | (packet[2] & 0x79)
    out[3] = (NOTIMP if packet[2] & OPCODE else REFUSED) | 0x80 | (packet[3] & 0x10)     # RA, CD
    out[4] = 0
    out[5] = 1 if end else 0
    return PLAIN_REFUSED


def plain_of(bytes packet not None):
    """Return the status, the bytes in the buffer, and the length of the question."""
    cdef uint8_t out[PLAIN_SIZE]
    cdef size_t written = 0, question = 0
    cdef int status = plain_query(packet, len(packet), out, &written, &question)
    return status, out[:written], question
