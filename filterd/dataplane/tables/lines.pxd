# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Lines by number, and the line that an address belongs to.

A ``Line`` never moves while it exists and its own names are replaced whole. Readers beside the writer take a
copy (docs/decisions/0050-line-tables.md).
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from filterd.dataplane.tables.addresses cimport AddressTable, address_attempt, is_mapped
from filterd.dataplane.tables.atomics cimport load32, load64, load_pointer
from filterd.dataplane.tables.hashing cimport Seed, home_of, keyed_hash
from filterd.dataplane.tables.seqlock cimport (
    LOOKUP_ABSENT,
    LOOKUP_BUSY,
    LOOKUP_FOUND,
    READ_ATTEMPTS,
    pause_before,
    read_words,
)
from filterd.policy.decide cimport Line


cdef struct LineTable:
    uint64_t sequence           # see seqlock.pxd
    uint32_t* slots             # index of the line + 1, 0: empty; linear probing, round the end
    uint64_t size
    Line** pages                # PAGES of them, each of PAGE_LINES lines once needed
    Seed seed
    # below: the writer's alone
    uint32_t carved             # lines handed out of the pages so far, free ones included
    uint32_t free               # index + 1 of the first free line, chained through Line.policy; 0: none
    uint64_t used
    uint64_t own_names


cdef enum:
    PAGE_LINES = 4096
    PAGES = 4096
    FREE = 0x80                 # Line.flags: not a line; Line.policy leads to the next free one


cdef inline uint64_t line_hash(const LineTable* table, uint64_t number) noexcept nogil:
    return keyed_hash(&table.seed, NULL, 0, number)


cdef inline Line* line_at(const LineTable* table, uint32_t index) noexcept nogil:
    """The line (or free place) with this index, which must have been carved."""
    return <Line*>load_pointer(table.pages + index // PAGE_LINES) + index % PAGE_LINES


cdef inline Line* line_find(const LineTable* table, uint64_t number) noexcept nogil:
    """The line with this number, or NULL; valid until the line is removed. With the GIL."""
    cdef uint64_t slot = home_of(line_hash(table, number), table.size)
    cdef Line* line
    while table.slots[slot] != 0:
        line = line_at(table, table.slots[slot] - 1)
        if line.number == number:
            return line
        slot += 1
        if slot == table.size:
            slot = 0
    return NULL


cdef inline int line_attempt(const LineTable* table, uint64_t number, Line* out) noexcept nogil:
    """Copy the line with this number, beside a writer: a LookupStatus, BUSY where that was at work."""
    cdef uint64_t sequence = load64(&table.sequence)
    cdef const uint32_t* slots = <const uint32_t*>load_pointer(&table.slots)
    cdef uint64_t size = load64(&table.size)
    cdef uint64_t slot
    cdef uint64_t _step
    cdef uint32_t place
    cdef const Line* line
    cdef int status = LOOKUP_ABSENT
    if sequence & 1 or load64(&table.sequence) != sequence:  # slots and size belong together
        return LOOKUP_BUSY
    slot = home_of(line_hash(table, number), size)
    for _step in range(size):    # there is an empty slot, but the writer might move it round and round
        place = load32(slots + slot)
        if place == 0:
            break
        line = line_at(table, place - 1)
        if load64(&line.number) == number:
            read_words(out, line, sizeof(Line))
            status = LOOKUP_FOUND
            break
        slot += 1
        if slot == size:
            slot = 0
    return status if load64(&table.sequence) == sequence else LOOKUP_BUSY


cdef inline int line_of(
    const AddressTable* addresses, const LineTable* lines, const uint8_t* address, uint32_t ticks, Line* out
) noexcept nogil:
    """Copy the line that ``address`` (16 bytes) belongs to at ``ticks``, beside a writer: a LookupStatus.
    ``out.own`` is good until the reader passes (epoch.pxd).

    ABSENT: no prefix covers it, or its line is not known here. The address led to the line at the moment that
    the line was read: one that goes over to another line, whose own is then removed, is never ABSENT.
    """
    cdef bint ipv4 = is_mapped(address)
    cdef uint64_t sequence
    cdef uint64_t number
    cdef int attempt
    cdef int status
    for attempt in range(READ_ATTEMPTS):
        sequence = load64(&addresses.sequence)
        status = address_attempt(addresses, sequence, address, ipv4, ticks, &number, NULL)
        if status == LOOKUP_FOUND:
            status = line_attempt(lines, number, out)
            if load64(&addresses.sequence) != sequence:
                status = LOOKUP_BUSY
        if status != LOOKUP_BUSY:
            return status
        pause_before(attempt)
    return LOOKUP_BUSY


cdef class Lines:
    cdef LineTable table
    cdef object grow(self)
