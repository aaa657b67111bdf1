# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Lines by address and sets of prefixes: the tables behind ``identify`` and ``admit``.

Slots are kept in the order of their homes (Robin Hood order without wrapping): a search ends at the first
slot that is nearer to its home than the search is. A table grows by a quarter and is rebuilt front to back;
nothing else moves a slot far.
"""
from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.tables.atomics cimport store64, store_pointer
from filterd.dataplane.tables.epoch cimport retire_memory
from filterd.dataplane.tables.hashing cimport home_of, keyed_hash, seed_from
from filterd.dataplane.tables.seqlock cimport (
    ADDED,
    CHANGED,
    FIRST_SIZE,
    FULL,
    NO_MEMORY,
    begin_change,
    end_change,
    write_words,
)

import ipaddress

from filterd.dataplane.tables.dump import DamagedDumpError, TableKind, TableError, envelope, unseal

cdef extern from *:
    """
    #include <sched.h>
    static inline uint32_t filterd_little_endian32(uint32_t word) {
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap32(word);
    #endif
        return word;
    }
    """
    uint32_t little_endian32 "filterd_little_endian32"(uint32_t word) noexcept nogil

cdef enum:
    LENGTHS = 129               # prefix lengths of the 16-byte form, 0 to 128
    APPLIED_AT_ONCE = 256       # entries of the stream under one hold of the GIL: well below 100 microseconds

cdef packed struct StreamEntry:  # see wire/session_stream.py; its numbers are little-endian
    uint8_t address[16]
    uint64_t line
    uint32_t left
    uint8_t length
    uint8_t table
    uint8_t source
    uint8_t spare

cdef void let_others_run():
    """Give the GIL up for whoever waits for it."""
    with nogil:
        pass


cdef bint _addresses_allocate(AddressTable* table, uint64_t size) noexcept nogil:
    """An empty slot array of this size; the old one is the caller's to free. False: no memory."""
    cdef AddressSlot* slots = <AddressSlot*>calloc(size + SPARE, sizeof(AddressSlot))
    if slots == NULL:
        return False
    table.slots = slots
    table.size = size
    table.used = 0
    return True


cdef void _move_slot(AddressSlot* to, const AddressSlot* origin, int by) noexcept nogil:
    """Copy a slot ``by`` places further from its home."""
    cdef AddressSlot moved = origin[0]
    moved.displacement = <uint8_t>(moved.displacement + by)
    write_words(to, &moved, sizeof(AddressSlot))


cdef int _addresses_put(AddressTable* table, const AddressSlot* entry) noexcept nogil:
    """Put ``entry`` in its place. FULL leaves the table as it was."""
    cdef uint64_t home = home_of(keyed_hash(&table.seed, entry.address, 16, entry.length - 1), table.size)
    cdef uint64_t end = table.size + SPARE
    cdef uint64_t at = home
    cdef uint64_t last
    cdef AddressSlot* slot
    cdef AddressSlot fresh = entry[0]
    fresh.spare = 0
    while True:
        if at + 1 >= end or at - home > 255:
            return FULL
        slot = table.slots + at
        if slot.length == 0 or slot.displacement < at - home:
            break
        if slot.length == entry.length and memcmp(slot.address, entry.address, 16) == 0:
            fresh.displacement = slot.displacement
            begin_change(&table.sequence)
            write_words(slot, &fresh, sizeof(AddressSlot))
            end_change(&table.sequence)
            return CHANGED
        at += 1
    last = at
    while table.slots[last].length != 0:  # the run behind moves one slot on
        if last + 2 >= end or table.slots[last].displacement == 255:
            return FULL
        last += 1
    fresh.displacement = <uint8_t>(at - home)
    begin_change(&table.sequence)
    while last > at:
        _move_slot(table.slots + last, table.slots + last - 1, 1)
        last -= 1
    write_words(table.slots + at, &fresh, sizeof(AddressSlot))
    end_change(&table.sequence)
    table.used += 1
    return ADDED


cdef bint _addresses_rebuild(const AddressTable* table, uint64_t size, AddressTable* out) noexcept nogil:
    """The same entries in new slots, at least ``size`` homes; ``table`` is only read. False: no memory."""
    cdef uint64_t at
    cdef bint complete = False
    out[0] = table[0]
    while not complete:
        if not _addresses_allocate(out, size):
            return False
        complete = True
        for at in range(table.size + SPARE):
            if table.slots[at].length != 0 and _addresses_put(out, table.slots + at) == FULL:
                complete = False
                break
        if not complete:
            free(out.slots)
            size += size // 4 + 1
    return True


cdef AddressSlot* _addresses_adopt(AddressTable* table, const AddressTable* fresh) noexcept nogil:
    """Go over to the slots of ``fresh``; the old ones."""
    cdef AddressSlot* old = table.slots
    begin_change(&table.sequence)
    store_pointer(&table.slots, fresh.slots)
    store64(&table.size, fresh.size)
    end_change(&table.sequence)
    return old


cdef bint _addresses_resize(AddressTable* table, uint64_t size) noexcept nogil:
    """Rebuild a table that has no readers yet, with at least ``size`` homes. False: no memory, as it was."""
    cdef AddressTable fresh
    if not _addresses_rebuild(table, size, &fresh):
        return False
    free(_addresses_adopt(table, &fresh))
    return True


cdef bint _addresses_crowded(const AddressTable* table) noexcept nogil:
    """True if the table should grow before the next new entry."""
    return table.used * 5 >= table.size * 4


cdef void _count_length(AddressTable* table, const AddressSlot* entry, int by) noexcept nogil:
    """One prefix more (1) or less (-1) of this entry's length in its family."""
    cdef int length = entry.length - 1
    cdef uint32_t* count = &table.counts6[length]
    cdef uint64_t* lengths = &table.lengths6[length // 64]
    cdef uint64_t bit = <uint64_t>1 << (length % 64)
    if length >= MAPPED and is_mapped(entry.address):
        count = &table.counts4[length - MAPPED]
        lengths = &table.lengths4
        bit = <uint64_t>1 << (length - MAPPED)
    count[0] += by
    if (count[0] != 0) != (lengths[0] & bit != 0):
        begin_change(&table.sequence)
        store64(lengths, lengths[0] ^ bit)
        end_change(&table.sequence)


cdef int _addresses_enter(AddressTable* table, const AddressSlot* entry) noexcept nogil:
    """Add the prefix or change its value: ADDED, CHANGED, or FULL and the table as it was."""
    cdef int outcome = FULL
    if not _addresses_crowded(table):
        outcome = _addresses_put(table, entry)
    if outcome == ADDED:
        _count_length(table, entry, 1)
    return outcome


cdef int _addresses_set(AddressTable* table, const AddressSlot* entry) noexcept nogil:
    """The same in a table that has no readers yet, which grows where needed: ADDED, CHANGED or NO_MEMORY."""
    cdef int outcome = _addresses_enter(table, entry)
    while outcome == FULL:
        if not _addresses_resize(table, table.size + table.size // 4):
            return NO_MEMORY
        outcome = _addresses_enter(table, entry)
    return outcome


cdef bint _addresses_remove(AddressTable* table, const AddressSlot* entry) noexcept nogil:
    """Take the prefix away; what stands behind it moves back. False: it was not there."""
    cdef const AddressSlot* found = prefix_get(table, entry.address, entry.length - 1)
    cdef AddressSlot* slot
    cdef AddressSlot empty
    if found == NULL:
        return False
    memset(&empty, 0, sizeof(AddressSlot))
    slot = table.slots + (found - table.slots)
    begin_change(&table.sequence)
    while slot[1].length != 0 and slot[1].displacement > 0:
        _move_slot(slot, slot + 1, -1)
        slot += 1
    write_words(slot, &empty, sizeof(AddressSlot))
    end_change(&table.sequence)
    table.used -= 1
    _count_length(table, entry, -1)
    return True


cdef int _addresses_load(AddressTable* table, const AddressSlot* entries, uint64_t count) noexcept nogil:
    """Set all entries of a dump into an empty table: ADDED, NO_MEMORY, or FULL for a damaged entry."""
    cdef uint64_t i
    cdef uint8_t masked[16]
    cdef int outcome
    for i in range(count):
        if entries[i].length == 0 or entries[i].length > LENGTHS or entries[i].deadline != 0:
            return FULL
        memcpy(masked, entries[i].address, 16)
        mask(masked, entries[i].length - 1)
        if memcmp(masked, entries[i].address, 16) != 0:
            return FULL
        outcome = _addresses_set(table, entries + i)
        if outcome != ADDED:
            return NO_MEMORY if outcome == NO_MEMORY else FULL
    return ADDED


cdef inline bint _is_lasting(const AddressSlot* slot) noexcept nogil:
    """True if a dump has the slot: the clock of its deadline does not outlive the process."""
    return slot.length != 0 and slot.deadline == 0


cdef uint64_t _count_lasting(const AddressTable* table) noexcept nogil:
    cdef uint64_t at
    cdef uint64_t count = 0
    for at in range(table.size + SPARE):
        count += _is_lasting(table.slots + at)
    return count


cdef void _addresses_collect(const AddressTable* table, AddressSlot* out) noexcept nogil:
    """Copy the slots that last, in table order, as a dump has them."""
    cdef uint64_t at
    for at in range(table.size + SPARE):
        if _is_lasting(table.slots + at):
            out[0] = table.slots[at]
            out.displacement = 0
            out += 1


cdef uint64_t _count_live(const AddressTable* table, uint32_t ticks) noexcept nogil:
    """Entries that have not ended."""
    cdef uint64_t at
    cdef uint64_t count = 0
    for at in range(table.size + SPARE):
        if table.slots[at].length == 0:
            continue
        if table.slots[at].deadline == 0 or table.slots[at].deadline > ticks:
            count += 1
    return count


cdef object _fill_entry(AddressSlot* entry, bytes address, int length):
    """Check a prefix given as 4 or 16 bytes and a length of its family, and bring it to the 16-byte form."""
    cdef uint8_t masked[16]
    cdef bint ipv4 = len(address) == 4
    if not ipv4 and len(address) != 16:
        raise TableError(f"take an address of {len(address)} bytes: it has 4 or 16")
    if not 0 <= length <= (32 if ipv4 else 128):
        raise TableError(f"take the prefix length {length}: out of range for {len(address)} bytes")
    memset(entry, 0, sizeof(AddressSlot))
    widen(<const uint8_t*>PyBytes_AS_STRING(address), ipv4, entry.address)
    entry.length = <uint8_t>(length + (MAPPED if ipv4 else 0) + 1)
    memcpy(masked, entry.address, 16)
    mask(masked, entry.length - 1)
    if memcmp(masked, entry.address, 16) != 0:
        text = f"{ipaddress.ip_address(address)}/{length}"
        raise TableError(f"take the prefix {text}: it has bits behind its length")


cdef object aligned(payload):
    cdef const uint8_t[::1] view = payload
    if view.shape[0] > 0 and <uintptr_t>&view[0] % 8:
        return bytes(payload)
    return payload


cdef tuple _prefix_of(const AddressSlot* slot):
    """The prefix as callers write it: (4 or 16 bytes, length of that family)."""
    if slot.length > MAPPED and is_mapped(slot.address):
        return (<bytes>slot.address[12:16], slot.length - 1 - MAPPED)
    return (<bytes>slot.address[:16], slot.length - 1)


cdef uint32_t _deadline(int64_t seconds) noexcept nogil:
    """A time of the monotonic clock as slots have it; what is too far away is the last one there is."""
    return <uint32_t>min(max(seconds, <int64_t>0), <int64_t>0xFFFFFFFF)


cdef int _read_entry(const StreamEntry* given, int64_t ticks, AddressSlot* out) noexcept nogil:
    """An entry of the stream of sessions as a slot. CHANGED, or FULL where it has bits behind its length."""
    cdef uint64_t line
    memset(out, 0, sizeof(AddressSlot))
    memcpy(out.address, given.address, 16)
    if given.length >= LENGTHS:
        return FULL
    mask(out.address, given.length)
    out.length = <uint8_t>(given.length + 1)
    memcpy(&line, &given.line, 8)
    out.value = little_endian(line)
    out.source = given.source
    out.deadline = _deadline(ticks + little_endian32(given.left))
    return CHANGED if memcmp(out.address, given.address, 16) == 0 else FULL


cdef const AddressSlot* _find(const AddressTable* table, bytes address, int64_t ticks=0) except? NULL:
    """The longest prefix that covers an address of 4 or 16 bytes and has not ended at ``ticks``."""
    if len(address) != 4 and len(address) != 16:
        raise TableError(f"find an address of {len(address)} bytes: it has 4 or 16")
    return address_find_at(table, <const uint8_t*>PyBytes_AS_STRING(address), len(address) == 4,
                           _deadline(ticks))


cdef object _start_addresses(AddressTable* table, bytes seed, uint64_t size):
    """An empty table with this seed."""
    if len(seed) != 16:
        raise TableError(f"take a seed of {len(seed)} bytes: it has 16")
    memset(table, 0, sizeof(AddressTable))
    table.seed = seed_from(<const uint8_t*>PyBytes_AS_STRING(seed))
    if not _addresses_allocate(table, size):
        raise MemoryError


cdef class Addresses:
    """Prefixes with a line's number each: bindings or sessions. ``seed`` is 16 secret bytes."""

    def __cinit__(self, bytes seed not None):
        _start_addresses(&self.table, seed, FIRST_SIZE)

    def __dealloc__(self):
        free(self.table.slots)

    def __len__(self):
        return self.table.used

    def set(self, bytes address not None, int length, uint64_t line, int64_t until=0, uint8_t source=0):
        """Lead the prefix to ``line`` up to ``until``; whether it is new. Raises TableError for what is no
        prefix."""
        cdef AddressSlot entry
        _fill_entry(&entry, address, length)
        entry.value = line
        entry.deadline = _deadline(until)
        entry.source = source
        return self.enter(&entry) == ADDED

    cdef int enter(self, const AddressSlot* entry) except -1:
        """Add the prefix or change what it leads to, beside readers: ADDED or CHANGED."""
        cdef int outcome = _addresses_enter(&self.table, entry)
        while outcome == FULL:
            self.grow()
            outcome = _addresses_enter(&self.table, entry)
        return outcome

    def apply(self, const uint8_t[::1] entries not None, int64_t ticks, int table):
        """Take the entries of this ``table`` out of a frame of the stream; the number of those."""
        cdef const StreamEntry* given = <const StreamEntry*>&entries[0] if entries.shape[0] else NULL
        cdef Py_ssize_t count = entries.shape[0] // sizeof(StreamEntry)
        cdef Py_ssize_t i
        cdef int taken = 0
        cdef AddressSlot entry
        if entries.shape[0] % sizeof(StreamEntry):
            raise TableError(f"take {entries.shape[0]} bytes of entries: each has {sizeof(StreamEntry)}")
        for i in range(count):
            if _read_entry(given + i, ticks, &entry) == FULL:
                raise TableError(f"take entry {i} of a frame of sessions: it is no prefix")
        for i in range(count):
            if i and i % APPLIED_AT_ONCE == 0:
                let_others_run()
            if given[i].table != table:
                continue
            taken += 1
            _read_entry(given + i, ticks, &entry)
            if entry.value == 0 or given[i].left == 0:
                _addresses_remove(&self.table, &entry)
            else:
                self.enter(&entry)
        return taken

    cdef object grow(self):
        """Rebuild with a quarter more, beside readers: they have the old slots until the new ones are
        complete."""
        cdef AddressTable fresh
        cdef bint built
        with nogil:
            built = _addresses_rebuild(&self.table, self.table.size + self.table.size // 4, &fresh)
        if not built:
            raise MemoryError
        retire_memory(_addresses_adopt(&self.table, &fresh))

    def stop_midway(self, bint midway):
        """For tests: be as if the writer had stopped in the midst of a change, or no longer."""
        if midway != self.table.sequence & 1:
            begin_change(&self.table.sequence)

    def remove(self, bytes address not None, int length):
        """Take exactly this prefix away; whether it was there."""
        cdef AddressSlot entry
        _fill_entry(&entry, address, length)
        return _addresses_remove(&self.table, &entry)

    def get(self, bytes address not None, int length):
        """The line of exactly this prefix, or None."""
        cdef AddressSlot entry
        _fill_entry(&entry, address, length)
        cdef const AddressSlot* slot = prefix_get(&self.table, entry.address, entry.length - 1)
        return None if slot == NULL else slot.value

    def find(self, bytes address not None, int64_t ticks=0):
        """The line of the longest prefix that covers the address (4 or 16 bytes) and has not ended at
        ``ticks``, or None."""
        cdef const AddressSlot* slot = _find(&self.table, address, ticks)
        return None if slot == NULL else slot.value

    def find_session(self, bytes address not None, int64_t ticks):
        """The same as (line, source, seconds left); None for the seconds: it has no end."""
        cdef const AddressSlot* slot = _find(&self.table, address, ticks)
        if slot == NULL:
            return None
        return slot.value, slot.source, (slot.deadline - ticks if slot.deadline else None)

    def items(self):
        """All of it as (address, length, line), in no order that means anything."""
        cdef uint64_t at
        cdef list found = []
        for at in range(self.table.size + SPARE):
            if self.table.slots[at].length != 0:
                found.append((*_prefix_of(self.table.slots + at), self.table.slots[at].value))
        return found

    def dump(self):
        """Everything as checksummed bytes for :meth:`load`."""
        return b"".join(self.dump_parts())

    def dump_parts(self):
        """The same in two parts, its beginning and the entries, copied beside readers."""
        cdef uint64_t count = _count_lasting(&self.table)
        cdef bytearray payload = PyByteArray_FromStringAndSize(NULL, count * sizeof(AddressSlot))
        cdef bytes seed = (<const char*>&self.table.seed)[:16]
        cdef char* out = payload
        with nogil:
            _addresses_collect(&self.table, <AddressSlot*>out)
        return envelope(TableKind.ADDRESSES, count, 0, seed, payload), payload

    @staticmethod
    def load(dump):
        """The table that a dump was made of. Raises DamagedDumpError."""
        opened = unseal(dump, TableKind.ADDRESSES)
        cdef const uint8_t[::1] payload = aligned(opened.payload)
        cdef uint64_t count = opened.records
        cdef uint64_t size = payload.shape[0]
        if count > size or size != count * sizeof(AddressSlot):
            raise DamagedDumpError(f"read {count} addresses: the dump holds {len(payload)} bytes of them")
        cdef Addresses table = Addresses.__new__(Addresses, opened.seed)
        cdef int outcome = ADDED
        if count > 0:
            if not _addresses_resize(&table.table, count + count // 3 + FIRST_SIZE):
                raise MemoryError
            with nogil:
                outcome = _addresses_load(&table.table, <const AddressSlot*>&payload[0], count)
        if outcome == NO_MEMORY:
            raise MemoryError
        if outcome != ADDED:
            raise DamagedDumpError(f"read {count} addresses: one is no prefix or stands there twice")
        return table

    def live(self, uint32_t ticks):
        """Entries that have not ended at ``ticks``. For the writer: the table must not grow meanwhile."""
        cdef uint64_t count
        with nogil:
            count = _count_live(&self.table, ticks)
        return count

    @property
    def memory(self):
        """Bytes held."""
        return sizeof(AddressTable) + (self.table.size + SPARE) * sizeof(AddressSlot)


cdef class Prefixes:
    """A fixed set of prefixes, as an ACL has: networks in text form (``10.0.0.0/8``)."""

    def __cinit__(self, bytes seed not None, networks):
        cdef AddressSlot entry
        _start_addresses(&self.table, seed, FIRST_SIZE)
        for text in networks:
            network = ipaddress.ip_network(text)
            _fill_entry(&entry, network.network_address.packed, network.prefixlen)
            entry.value = 1
            if _addresses_set(&self.table, &entry) == NO_MEMORY:
                raise MemoryError

    def __dealloc__(self):
        free(self.table.slots)

    def __len__(self):
        return self.table.used

    def __contains__(self, bytes address not None):
        return _find(&self.table, address) != NULL
