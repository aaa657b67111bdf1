# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The IPv4 address inside one of IPv6: where a client that connects to the outer one arrives.

``inner_reference`` is the plain-Python twin, and says which forms there are.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcmp, memcpy

cdef enum:
    MAX_NAT64 = 8           # prefixes of a state; `policy.published` has the same number
    NAT64_OCTETS = 12       # of the longest prefix, a /96
    RESERVED_OCTET = 8      # between the parts of the IPv4 address (RFC 6052, 2.2)


cdef struct Nat64:
    uint8_t prefix[NAT64_OCTETS]
    uint8_t octets          # 4, 5, 6, 7, 8 or 12


cdef inline void behind_prefix(const uint8_t* address, uint8_t octets, uint8_t* out) noexcept nogil:
    """The four octets behind a prefix of RFC 6052; the reserved one is passed over, whatever it holds."""
    cdef int at = octets
    cdef int i
    for i in range(4):
        if at == RESERVED_OCTET:
            at += 1
        out[i] = address[at]
        at += 1


cdef inline bint in_zeros(const uint8_t* address, uint8_t* out) noexcept nogil:
    """The forms whose first eight octets are zero: mapped, translated (SIIT) and compatible ones."""
    cdef bint compatible = memcmp(address + 8, b"\x00\x00\x00\x00", 4) == 0
    if (
        not compatible
        and memcmp(address + 8, b"\x00\x00\xff\xff", 4) != 0
        and memcmp(address + 8, b"\xff\xff\x00\x00", 4) != 0
    ):
        return False
    memcpy(out, address + 12, 4)
    return not compatible or memcmp(out, b"\x00\x00\x00", 3) != 0 or out[3] > 1


cdef inline bint inner_address(const Nat64* prefixes, int count, const uint8_t* address,
                               uint8_t* out) noexcept nogil:
    """True if the IPv6 address holds one of IPv4, written to ``out``. ``prefixes``: the longest one first."""
    cdef int i
    for i in range(count):
        if memcmp(address, prefixes[i].prefix, prefixes[i].octets) == 0:
            behind_prefix(address, prefixes[i].octets, out)
            return True
    if memcmp(address, b"\x20\x02", 2) == 0:
        memcpy(out, address + 2, 4)
        return True
    if memcmp(address, b"\x20\x01\x00\x00", 4) == 0:
        for i in range(4):
            out[i] = address[12 + i] ^ 0xFF
        return True
    return memcmp(address, b"\x00\x00\x00\x00\x00\x00\x00\x00", 8) == 0 and in_zeros(address, out)
