# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Lines behind shared addresses: the inside address, or the prefix, that an outside address and a port tell.

Rules of carrier-grade NATs (RFC 7422) and mapping rules of MAP-E and MAP-T (RFC 7597 section 5).
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from filterd.dataplane.tables.addresses cimport AddressTable, Addresses


cdef enum Translated:
    TRANSLATED_NOT = 0          # no rule is for the address: it is the line's own
    TRANSLATED = 1
    TRANSLATED_NOBODY = 2       # a rule is for the address, and the port belongs to no line

cdef enum RuleKind:
    RULE_SEQUENTIAL = 0         # the lines fill one outside address after the other
    RULE_INTERLEAVED = 1        # they take the outside addresses in turn
    RULE_MAP = 2


cdef struct SharingRule:
    uint8_t kind                # a RuleKind
    int32_t following           # the next rule with the same outside addresses; -1: none
    uint32_t outside            # the first of the outside addresses
    uint64_t outside_count
    # of a carrier-grade NAT
    uint32_t first_port
    uint32_t ports              # of each line
    uint32_t places             # lines on one outside address
    uint32_t inside             # the first of the inside addresses
    uint64_t inside_count
    # of MAP
    uint64_t ipv6               # the upper half of the rule's prefix
    uint8_t ipv6_length
    uint8_t ea_bits
    uint8_t suffix_bits         # of the outside address, behind the rule's prefix
    uint8_t psid_bits
    uint8_t psid_offset

cdef struct Sharing:
    const AddressTable* prefixes        # of outside addresses: the place of the first rule
    const SharingRule* rules


# A Translated; ``out`` is the address of 16 bytes to look up where it is TRANSLATED. Port 0: not known.
cdef int translate(const Sharing* sharing, const uint8_t* client, uint16_t port, uint8_t* out) noexcept nogil


cdef class SharedAddresses:
    cdef Sharing sharing
    cdef SharingRule* rules
    cdef int count
    cdef Addresses prefixes
    cdef int add(self, network, SharingRule* rule) except -1
