# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Keyed fingerprints: SipHash-2-4 with 128 bits of output.

Aumasson and Bernstein, "SipHash: a fast short-input PRF", the output widened as in its reference code.

The body stands here so that every native caller inlines it. A fingerprint is the same on every machine.
"""

from libc.stdint cimport uint8_t, uint64_t

from filterd.wire.codec cimport Name
from filterd.wire.siphash cimport SipState, load64, sip_rounds4, sip_word, store64

cdef enum:
    KEY_SIZE = 16
    FINGERPRINT_SIZE = 16
    MAX_SUFFIXES = 128      # 127 labels at most (RFC 1035, 3.1: 255 octets), and the root
    ADDRESS_MARK = 0x40     # first byte of an address input: never a label's length (at most 63)


cdef struct Fingerprint:
    uint64_t high           # output bytes 0 to 7: gives the place in the table
    uint64_t low            # output bytes 8 to 15: compared in full


cdef inline void sip_hash(const uint8_t* key, const uint8_t* text, size_t length,
                          Fingerprint* out) noexcept nogil:
    """SipHash-2-4-128 of ``text`` under the 16 bytes at ``key``."""
    cdef SipState s
    cdef uint64_t k0 = load64(key)
    cdef uint64_t k1 = load64(key + 8)
    cdef uint64_t last = <uint64_t>length << 56
    cdef const uint8_t* end = text + (length & ~<size_t>7)
    cdef size_t i
    s.v0 = k0 ^ <uint64_t>0x736f6d6570736575
    s.v1 = k1 ^ <uint64_t>0x646f72616e646f83    # the paper's constant ^ 0xee: the mark of the 128-bit variant
    s.v2 = k0 ^ <uint64_t>0x6c7967656e657261
    s.v3 = k1 ^ <uint64_t>0x7465646279746573
    while text != end:
        sip_word(&s, load64(text))
        text += 8
    for i in range(length & 7):
        last |= <uint64_t>text[i] << (8 * i)
    sip_word(&s, last)
    s.v2 ^= 0xee
    sip_rounds4(&s)
    out.high = s.v0 ^ s.v1 ^ s.v2 ^ s.v3
    s.v1 ^= 0xdd
    sip_rounds4(&s)
    out.low = s.v0 ^ s.v1 ^ s.v2 ^ s.v3


# The fingerprint of each suffix of a name: out[i] begins at label i (0: the whole name), out[labels] is the
# root. ``out`` has room for MAX_SUFFIXES.
cdef void suffixes(const uint8_t* key, const Name* name, Fingerprint* out) noexcept nogil

# Fill ``name`` from a lower-cased wire name; ValueError when it is none (RFC 1035, 3.1).
cdef int read_wire(bytes wire, Name* name) except -1

# The 16 output bytes in the paper's order, and back (ValueError unless 16 bytes).
cdef bytes packed(const Fingerprint* value)
cdef int unpacked(bytes text, Fingerprint* out) except -1

# The fingerprint of an address prefix: family 4 or 6, ``length`` in bits, ``address`` of 4 or 16 bytes,
# masked here.
cdef void address_fingerprint(const uint8_t* key, uint8_t family, uint8_t length, const uint8_t* address,
                              Fingerprint* out) noexcept nogil
