# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Keyed fingerprints: SipHash-2-4 with 128 bits of output.

Aumasson and Bernstein, "SipHash: a fast short-input PRF", the output widened as in its reference code.

The body stands here so that every native caller inlines it. A fingerprint is the same on every machine.
"""

from libc.stdint cimport uint8_t, uint64_t

from filterd.wire.codec cimport Name
from filterd.wire.siphash cimport SipState, get_little64, put_little64, sip_end, sip_start, sip_text

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
    sip_start(&s, get_little64(key), get_little64(key + 8))
    s.v1 ^= 0xee        # this and the two below mark the 128-bit variant
    sip_text(&s, text, length)
    s.v2 ^= 0xee
    out.high = sip_end(&s)
    s.v1 ^= 0xdd
    out.low = sip_end(&s)


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
