# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The stage identify: the line of the client, out of tables that a writer may be changing."""

from libc.stdint cimport uint8_t, uint64_t

from filterd.dataplane.tables.addresses cimport AddressTable, address_search
from filterd.dataplane.tables.lines cimport LineTable, line_of
from filterd.dataplane.tables.seqlock cimport LOOKUP_ABSENT, LOOKUP_BUSY, LOOKUP_FOUND
from filterd.policy.decide cimport Line, State


cdef enum:
    WHO_LINE = 0
    WHO_UNKNOWN = 1             # the address of no line: the rules for all hold
    WHO_NOT_READY = 2           # the rules for this client are not known
    WHO_UNREAD = 3              # the tables were being written: ask again


cdef inline int identify(
    const State* state, const AddressTable* addresses, const LineTable* lines, bint identity_ready,
    const uint8_t* client, Line* line
) noexcept nogil:
    """Copy the line of ``client`` (16 bytes) to ``line`` if it has one: a WHO_*.

    ``identity_ready``: the bindings can be trusted to hold every known line.
    """
    cdef uint64_t number
    cdef int status
    if state == NULL or not state.ready:
        return WHO_NOT_READY
    if state.parental_ready:
        status = line_of(addresses, lines, client, line)
        if status == LOOKUP_BUSY:
            return WHO_UNREAD
        return WHO_LINE if status == LOOKUP_FOUND else WHO_UNKNOWN
    if state.parental_fail_open:
        return WHO_UNKNOWN
    # Closed: an address that belongs to a line, or may do so, gets nothing until its choices are known.
    if not identity_ready:
        return WHO_NOT_READY
    status = address_search(addresses, client, &number)
    if status == LOOKUP_BUSY:
        return WHO_UNREAD
    return WHO_UNKNOWN if status == LOOKUP_ABSENT else WHO_NOT_READY
