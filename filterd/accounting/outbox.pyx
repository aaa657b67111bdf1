# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The ring of changes."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from filterd.disk.session_file cimport ENTRY_BYTES, MOST_PREFIXES, write_entries


cdef bint outbox_start(Outbox* outbox) noexcept nogil:
    outbox.sequence = 0
    outbox.ring = <Change*>calloc(OUTBOX_SIZE, sizeof(Change))
    return outbox.ring != NULL


cdef void outbox_free(Outbox* outbox) noexcept nogil:
    free(outbox.ring)
    outbox.ring = NULL


cdef void tell(Outbox* outbox, const uint8_t* address, uint8_t length, uint64_t line, uint32_t until,
               uint8_t source) noexcept nogil:
    cdef uint8_t entries[MOST_PREFIXES * ENTRY_BYTES]
    cdef int count = write_entries(address, length, line, 0, source, entries)
    cdef const uint8_t* entry
    cdef Change* change
    cdef int i
    for i in range(count):
        entry = entries + i * ENTRY_BYTES
        outbox.sequence += 1
        change = outbox.ring + (outbox.sequence & (OUTBOX_SIZE - 1))
        memcpy(change.address, entry, 16)
        change.line = line
        change.until = until
        change.length = entry[28]
        change.table = entry[29]
        change.source = source


cdef int64_t entries_after(const Outbox* outbox, uint64_t after, uint32_t most, int64_t now,
                           uint8_t* out) noexcept nogil:
    cdef const Change* change
    cdef uint64_t number = after
    cdef uint32_t left
    if after > outbox.sequence or outbox.sequence - after > OUTBOX_SIZE:
        return -1
    while number < outbox.sequence and number - after < most:
        number += 1
        change = outbox.ring + (number & (OUTBOX_SIZE - 1))
        left = <uint32_t>(change.until - now) if change.until > now else 0
        memcpy(out, change.address, 16)
        memcpy(out + 16, &change.line, 8)
        memcpy(out + 24, &left, 4)
        if left == 0:  # its time is over, so nobody has it
            memset(out + 16, 0, 8)
        out[28] = change.length
        out[29] = change.table
        out[30] = change.source
        out[31] = 0
        out += ENTRY_BYTES
    return <int64_t>(number - after)
