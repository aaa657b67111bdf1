# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Keyed fingerprints: SipHash-2-4 with 128 bits of output.

Aumasson and Bernstein, "SipHash: a fast short-input PRF", the output widened as in its reference code.

The body stands here so that every native caller inlines it. A fingerprint is the same on every machine.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from filterd.wire.codec cimport Name, get32
from filterd.wire.siphash cimport SipState, get_little64, put_little64, sip_end, sip_start, sip_text, sip_word

cdef extern from *:
    uint64_t turned "__builtin_bswap64"(uint64_t word) noexcept nogil

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

cdef inline uint64_t first_bits(unsigned int count) noexcept nogil:
    """The first ``count`` bits of a word set; all from 64 on."""
    return ~<uint64_t>0 if count >= 64 else ~(~<uint64_t>0 >> count)


cdef struct Prefixed:       # an address of ``family`` 4 or 6 as numbers, ready for its prefixes
    uint64_t k0             # the key
    uint64_t k1
    uint64_t high           # of IPv4 the address in the upper half
    uint64_t low
    uint8_t family


cdef inline void prefixed(const uint8_t* key, uint8_t family, const uint8_t* address,
                          Prefixed* out) noexcept nogil:
    """Read key and address once for all prefix lengths."""
    out.k0 = get_little64(key)
    out.k1 = get_little64(key + 8)
    out.family = family
    if family == 4:
        out.high = <uint64_t>get32(address) << 32
        out.low = 0
    else:
        out.high = <uint64_t>get32(address) << 32 | get32(address + 4)
        out.low = <uint64_t>get32(address + 8) << 32 | get32(address + 12)


cdef inline void prefix_value(const Prefixed* address, uint8_t length, Fingerprint* out) noexcept nogil:
    """The fingerprint of the address's prefix of ``length`` bits.

    The hash's words are put together as numbers: byte by byte would cost as much as the hash itself.
    """
    cdef SipState s
    cdef uint64_t start = ADDRESS_MARK | <uint64_t>address.family << 8 | <uint64_t>length << 16
    cdef uint64_t first = turned(address.high & first_bits(length))
    cdef uint64_t second
    sip_start(&s, address.k0, address.k1)
    s.v1 ^= 0xee
    if address.family == 4:
        sip_word(&s, start | first << 24 | <uint64_t>7 << 56)
    else:
        second = turned(address.low & first_bits(length - 64)) if length > 64 else 0
        sip_word(&s, start | first << 24)
        sip_word(&s, first >> 40 | second << 24)
        sip_word(&s, second >> 40 | <uint64_t>19 << 56)
    s.v2 ^= 0xee
    out.high = sip_end(&s)
    s.v1 ^= 0xdd
    out.low = sip_end(&s)


# The fingerprint of an address prefix: family 4 or 6, ``length`` in bits, ``address`` of 4 or 16 bytes,
# masked here.
cdef void address_fingerprint(const uint8_t* key, uint8_t family, uint8_t length, const uint8_t* address,
                              Fingerprint* out) noexcept nogil
