# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""An event, checked: what the rules of sessions work on."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp

from filterd.accounting.event cimport Claim, Event
from filterd.accounting.evidence cimport Evidence
from filterd.disk.session_file cimport PORT_RANGE, RECORD_CLAIMS, first_port, is_ipv4, last_port

cdef enum:
    SOURCE_RADIUS = 1           # model.session.SessionSource
    SOURCE_COMMAND = 3


cdef struct Held:               # a claim as a record has it
    uint8_t address[16]
    uint8_t length


cdef struct Message:
    uint8_t kind
    uint8_t source
    uint8_t claim_count
    uint8_t refused_kinds       # a set: kinds of addresses that it names in vain
    bint old                    # RADIUS evidence older than stale_after
    bint out_of_time            # stamped, or held back, more than a day before its arrival: it says nothing
    bint ahead                  # its arrival, less its delay, stands for a stamp that was ahead
    bint maybe_copy             # of a message that was stamped ahead
    Held claims[RECORD_CLAIMS]
    uint32_t session[3]
    uint32_t subscriber[3]
    uint64_t nas_id
    uint32_t nas                # its place in `evidence`
    uint32_t mark
    uint32_t early              # the earliest mark that it can have; of one that is not doubtful the same
    int64_t stamp               # milliseconds by the NAS's clock, shifted (evidence.pxd)
    uint32_t now                # seconds
    uint32_t until


cdef inline bint same(const uint32_t* one, const uint32_t* other) noexcept nogil:
    """True for the same fingerprint."""
    return one[0] == other[0] and one[1] == other[1] and one[2] == other[2]


cdef inline bint is_zero(const uint32_t* fingerprint) noexcept nogil:
    return (fingerprint[0] | fingerprint[1] | fingerprint[2]) == 0


cdef inline bint overlap(const uint8_t* address, uint8_t length, const uint8_t* other,
                         uint8_t other_length) noexcept nogil:
    """True where two claims cannot both hold: the same prefix, or ports of one address in common."""
    if length != other_length:
        return False
    if length != PORT_RANGE:
        return memcmp(address, other, 16) == 0
    return (memcmp(address, other, 4) == 0 and first_port(address) <= last_port(other)
            and first_port(other) <= last_port(address))


cdef inline int kind_of(const uint8_t* address, uint8_t length) noexcept nogil:
    """The kind of address, by rule 8."""
    if length == PORT_RANGE or (length >= 96 and is_ipv4(address)):
        return 0
    if length == 128:
        return 1
    return 2 if length >= 64 else 3


cdef bint hold(const Claim* claim, Held* held) noexcept nogil

# Check an event, and sample its NAS's clock. `stale_after` is in milliseconds.
cdef void read_message(Evidence* evidence, int64_t stale_after, const Event* event, Message* m) noexcept nogil
