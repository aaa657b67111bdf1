# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The stage identify: the line of a query, out of tables that writers may be changing.

In the order of trust (``model.identity.Method``): an EDNS option of a trusted sender, the TLV of a front, a
session of the client's address and port, a static binding. What leads to no line falls through to the next.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from filterd.dataplane.packet.translate cimport Sharing
from filterd.dataplane.tables.addresses cimport AddressTable
from filterd.dataplane.tables.atomics cimport load64
from filterd.dataplane.tables.lines cimport LineTable, line_of
from filterd.dataplane.tables.seqlock cimport LOOKUP_BUSY, LOOKUP_FOUND
from filterd.policy.decide cimport LINE_OPTED_IN, Line, State
from filterd.wire.codec cimport Query


cdef enum:
    WHO_LINE = 0
    WHO_UNKNOWN = 1             # the client of no line: the rules for all hold
    WHO_NOT_READY = 2           # the rules for this client are not known: dns.parental_fail
    WHO_UNREAD = 3              # the tables were being written: ask again

cdef enum Method:               # the places in model.identity.Method
    METHOD_UNKNOWN = 0
    METHOD_EDNS_ID = 1
    METHOD_PROXY_ID = 2
    METHOD_SESSION = 3
    METHOD_BINDING = 4
    METHODS = 5

cdef enum:
    MAX_IDS = 5                 # three options, one of them in two readings, and the TLV

cdef struct Ids:                # the identities that came with a query, in the order of trust
    uint8_t count
    uint8_t from_edns           # so many are options; what follows is the TLV
    uint8_t keys[MAX_IDS][16]   # fingerprints of model.identity.identity_input

cdef struct Unread:             # the lines that the store changed, whose changes the node did not read yet
    const uint8_t* lines                # a bit for each number, in
    uint64_t size                       # so many bytes
    uint64_t highest                    # the highest number that the node knew: greater ones are of new lines
    const AddressTable* addresses       # the bindings that these lines have in the store; without a writer
    const AddressTable* ports
    const AddressTable* identities

cdef struct Known:              # the tables that lead to lines, and the rules for them
    const LineTable* lines
    const AddressTable* addresses       # static bindings: of addresses,
    const AddressTable* ports           # of ports of an address,
    const AddressTable* identities      # and of identities
    const AddressTable* sessions        # NULL where none are used
    const AddressTable* session_ports
    const AddressTable* pools           # networks whose clients come by session; NULL: any client may
    const Sharing* sharing              # NULL: no address is shared by a rule
    const Unread* unread                # NULL: every change of the store was read
    bint by_more                        # sessions are used, addresses are shared by a rule, or changes unread
    bint identity_ready                 # the bindings can be trusted to hold every known line
    bint sessions_used
    bint sessions_ready                 # the sessions are loaded


# ``identify`` where there is more than static bindings of addresses, or their lines are not ready.
cdef int identify_any(const State* state, const Known* known, const uint8_t* client, uint16_t port,
                      const Ids* ids, int64_t ticks, Line* line, uint8_t* method) noexcept nogil

# Adds the identities in the options of a query, and that in a TLV, under the fingerprint key.
cdef void ids_of_query(const uint8_t* key, const Query* query, Ids* out) noexcept nogil
cdef void id_of_front(const uint8_t* key, const uint8_t* text, size_t length, Ids* out) noexcept nogil


cdef inline bint lacks_policy(const State* state, const Line* line) noexcept nogil:
    """True if the line got a policy that the state does not have: a thread that is slow to take up the next
    state would restrict nothing."""
    return line.policy >= state.policy_count and line.flags & LINE_OPTED_IN and not state.parental_fail_open


cdef inline int identify(
    const State* state, const Known* known, const uint8_t* client, uint16_t port, const Ids* ids,
    int64_t ticks, Line* line, uint8_t* method
) noexcept nogil:
    """Copy the line of the query to ``line`` if it has one, and say by what ``method`` it was found: a WHO_*.

    ``client`` has 16 bytes, ``port`` is 0 where it is not known, ``ticks`` is seconds of the monotonic clock.
    """
    cdef int status
    if state == NULL or not state.ready:
        return WHO_NOT_READY
    # One jump for all of it; a table of ports has lengths from 32 to 48.
    if (load64(&known.ports.lengths6[0]) | known.by_more | ids.count | (not state.parental_ready)) != 0:
        return identify_any(state, known, client, port, ids, ticks, line, method)
    status = line_of(known.addresses, known.lines, client, 0, line)
    if status == LOOKUP_FOUND:
        method[0] = METHOD_BINDING
        return WHO_NOT_READY if lacks_policy(state, line) else WHO_LINE
    method[0] = METHOD_UNKNOWN
    return WHO_UNREAD if status == LOOKUP_BUSY else WHO_UNKNOWN
