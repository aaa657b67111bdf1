# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""SipHash-2-4: its rounds, and the 64-bit result.

Aumasson and Bernstein, "SipHash: a fast short-input PRF". The bodies stand here so that every native caller
inlines them. Words are read byte by byte in little-endian order (compilers make one load of it), so a result
is the same on every machine.
"""

from libc.stdint cimport uint8_t, uint64_t


cdef struct SipState:
    uint64_t v0
    uint64_t v1
    uint64_t v2
    uint64_t v3


cdef inline uint64_t load64(const uint8_t* p) noexcept nogil:
    """Eight bytes, little-endian."""
    return (<uint64_t>p[0] | <uint64_t>p[1] << 8 | <uint64_t>p[2] << 16 | <uint64_t>p[3] << 24
            | <uint64_t>p[4] << 32 | <uint64_t>p[5] << 40 | <uint64_t>p[6] << 48 | <uint64_t>p[7] << 56)


cdef inline void store64(uint8_t* p, uint64_t word) noexcept nogil:
    """Eight bytes, little-endian."""
    cdef int i
    for i in range(8):
        p[i] = <uint8_t>(word >> (8 * i))


cdef inline uint64_t rotated(uint64_t word, int bits) noexcept nogil:
    return word << bits | word >> (64 - bits)


cdef inline void sip_round(SipState* s) noexcept nogil:
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


cdef inline void sip_word(SipState* s, uint64_t word) noexcept nogil:
    s.v3 ^= word
    sip_round(s)
    sip_round(s)
    s.v0 ^= word


cdef inline void sip_rounds4(SipState* s) noexcept nogil:
    sip_round(s)
    sip_round(s)
    sip_round(s)
    sip_round(s)


cdef inline uint64_t sip_hash64(const uint8_t* key, const uint8_t* text, size_t length) noexcept nogil:
    """SipHash-2-4 of ``text`` under the 16 bytes at ``key``; the paper's output bytes, little-endian."""
    cdef SipState s
    cdef uint64_t k0 = load64(key)
    cdef uint64_t k1 = load64(key + 8)
    cdef uint64_t last = <uint64_t>length << 56
    cdef const uint8_t* end = text + (length & ~<size_t>7)
    cdef size_t i
    s.v0 = k0 ^ <uint64_t>0x736f6d6570736575
    s.v1 = k1 ^ <uint64_t>0x646f72616e646f6d
    s.v2 = k0 ^ <uint64_t>0x6c7967656e657261
    s.v3 = k1 ^ <uint64_t>0x7465646279746573
    while text != end:
        sip_word(&s, load64(text))
        text += 8
    for i in range(length & 7):
        last |= <uint64_t>text[i] << (8 * i)
    sip_word(&s, last)
    s.v2 ^= 0xff
    sip_rounds4(&s)
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
