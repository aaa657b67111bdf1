# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""SipHash: its start, its round, and SipHash-2-4 with a 64-bit result.

Aumasson and Bernstein, "SipHash: a fast short-input PRF". `policy.fingerprint` widens the result to 128 bits,
`dataplane.tables.hashing` takes fewer rounds; both build on the functions here. The bodies stand here so that
every native caller inlines them.
"""

from libc.stdint cimport uint8_t, uint64_t


cdef struct SipState:
    uint64_t v0
    uint64_t v1
    uint64_t v2
    uint64_t v3


cdef inline uint64_t get_little64(const uint8_t* at) noexcept nogil:
    """Read eight bytes, little-endian, one by one; compilers make one load of it."""
    return (<uint64_t>at[0] | <uint64_t>at[1] << 8 | <uint64_t>at[2] << 16 | <uint64_t>at[3] << 24
            | <uint64_t>at[4] << 32 | <uint64_t>at[5] << 40 | <uint64_t>at[6] << 48 | <uint64_t>at[7] << 56)


cdef inline void put_little64(uint8_t* at, uint64_t word) noexcept nogil:
    """Write eight bytes, little-endian."""
    cdef int i
    for i in range(8):
        at[i] = <uint8_t>(word >> (8 * i))


cdef inline uint64_t rotated(uint64_t word, int bits) noexcept nogil:
    """The word with its bits turned left."""
    return word << bits | word >> (64 - bits)


cdef inline void sip_start(SipState* s, uint64_t k0, uint64_t k1) noexcept nogil:
    """The initial state for a key of 128 bits."""
    s.v0 = k0 ^ <uint64_t>0x736f6d6570736575
    s.v1 = k1 ^ <uint64_t>0x646f72616e646f6d
    s.v2 = k0 ^ <uint64_t>0x6c7967656e657261
    s.v3 = k1 ^ <uint64_t>0x7465646279746573


cdef inline void sip_round(SipState* s) noexcept nogil:
    """One SipRound."""
    s.v0 += s.v1
    s.v2 += s.v3
    s.v1 = rotated(s.v1, 13) ^ s.v0
    s.v3 = rotated(s.v3, 16) ^ s.v2
    s.v0 = rotated(s.v0, 32)
    s.v2 += s.v1
    s.v0 += s.v3
    s.v1 = rotated(s.v1, 17) ^ s.v2
    s.v3 = rotated(s.v3, 21) ^ s.v0
    s.v2 = rotated(s.v2, 32)


cdef inline uint64_t sip_result(const SipState* s) noexcept nogil:
    """The four words of the state in one."""
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3


# SipHash-2-4: two rounds for each word, four at the end.

cdef inline void sip_word(SipState* s, uint64_t word) noexcept nogil:
    """Take in one word, by two rounds."""
    s.v3 ^= word
    sip_round(s)
    sip_round(s)
    s.v0 ^= word


cdef inline void sip_text(SipState* s, const uint8_t* text, size_t length) noexcept nogil:
    """Take in a whole text, its length with the last word."""
    cdef uint64_t last = <uint64_t>length << 56
    cdef const uint8_t* end = text + (length & ~<size_t>7)
    cdef size_t i
    while text != end:
        sip_word(s, get_little64(text))
        text += 8
    for i in range(length & 7):
        last |= <uint64_t>text[i] << (8 * i)
    sip_word(s, last)


cdef inline uint64_t sip_end(SipState* s) noexcept nogil:
    """The result after four rounds more; the caller has marked its kind in the state."""
    sip_round(s)
    sip_round(s)
    sip_round(s)
    sip_round(s)
    return sip_result(s)


cdef inline uint64_t sip_hash64(const uint8_t* key, const uint8_t* text, size_t length) noexcept nogil:
    """SipHash-2-4 of ``text`` under the 16 bytes at ``key``; the paper's output bytes, little-endian."""
    cdef SipState s
    sip_start(&s, get_little64(key), get_little64(key + 8))
    sip_text(&s, text, length)
    s.v2 ^= 0xff
    return sip_end(&s)
