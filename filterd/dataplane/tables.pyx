# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Lines by number, lines by address, sets of prefixes: the tables behind ``identify`` and ``admit``.

Address slots are kept in the order of their homes (Robin Hood order without wrapping): a search ends at the
first slot that is nearer to its home than the search is. Lines are indexed by linear probing with backward
shift. Tables grow by a quarter and are rebuilt front to back; nothing else moves a slot far.
"""
from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset

from filterd.dataplane.hashing cimport home_of, keyed_hash, seed_from
from filterd.policy.decide cimport LINE_OPTED_IN, LINE_SECURITY_LEFT, Line, LineHandle, OwnName

import ipaddress
from typing import NamedTuple

from filterd.dataplane.dump import DamagedDumpError, Kind, TableError, envelope, unseal

cdef enum:
    FIRST_SIZE = 16
    LENGTHS = 129               # prefix lengths of the 16-byte form, 0 to 128
    MAPPED = 96                 # ::ffff:0:0/96 is IPv4

cdef enum Outcome:
    CHANGED = 0
    ADDED = 1
    FULL = 2                    # the table must grow first
    NO_MEMORY = 3


# --- addresses ----------------------------------------------------------------------------

cdef bint _addresses_allocate(AddressTable* table, uint64_t size) noexcept nogil:
    """An empty slot array of this size; the old one is the caller's to free. False: no memory."""
    cdef AddressSlot* slots = <AddressSlot*>calloc(size + SPARE, sizeof(AddressSlot))
    if slots == NULL:
        return False
    table.slots = slots
    table.size = size
    table.used = 0
    return True


cdef int _addresses_put(AddressTable* table, const AddressSlot* entry) noexcept nogil:
    """Put address, length and value of ``entry`` in its place. FULL leaves the table as it was."""
    cdef uint64_t home = home_of(keyed_hash(&table.seed, entry.address, 16, entry.length - 1), table.size)
    cdef uint64_t end = table.size + SPARE
    cdef uint64_t at = home
    cdef uint64_t last
    cdef AddressSlot* slot
    while True:
        if at + 1 >= end or at - home > 255:
            return FULL
        slot = table.slots + at
        if slot.length == 0 or slot.displacement < at - home:
            break
        if slot.length == entry.length and memcmp(slot.address, entry.address, 16) == 0:
            slot.value = entry.value
            return CHANGED
        at += 1
    last = at
    while table.slots[last].length != 0:  # the run behind moves one slot on
        if last + 2 >= end or table.slots[last].displacement == 255:
            return FULL
        last += 1
    memmove(table.slots + at + 1, table.slots + at, (last - at) * sizeof(AddressSlot))
    while last > at:
        table.slots[last].displacement += 1
        last -= 1
    slot = table.slots + at
    slot[0] = entry[0]
    slot.displacement = <uint8_t>(at - home)
    memset(slot.spare, 0, 6)
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


cdef void _addresses_adopt(AddressTable* table, const AddressTable* fresh) noexcept nogil:
    """Go over to the slots of ``fresh``."""
    free(table.slots)
    table.slots = fresh.slots
    table.size = fresh.size


cdef bint _addresses_resize(AddressTable* table, uint64_t size) noexcept nogil:
    """Rebuild with at least ``size`` homes. False: no memory, the table as it was."""
    cdef AddressTable fresh
    if not _addresses_rebuild(table, size, &fresh):
        return False
    _addresses_adopt(table, &fresh)
    return True


cdef bint _addresses_crowded(const AddressTable* table) noexcept nogil:
    """Whether the table should grow before the next new entry."""
    return table.used * 5 >= table.size * 4


cdef uint32_t* _length_count(AddressTable* table, const AddressSlot* entry) noexcept nogil:
    """The counter of this entry's prefix length in its family."""
    cdef int length = entry.length - 1
    if length >= MAPPED and is_mapped(entry.address):
        return &table.counts4[length - MAPPED]
    return &table.counts6[length]


cdef void _order_lengths(AddressTable* table) noexcept nogil:
    """Write down anew which prefix lengths are in use, longest first."""
    cdef int length
    table.in_use4 = 0
    table.in_use6 = 0
    for length in range(LENGTHS - 1, -1, -1):
        if length >= MAPPED and table.counts4[length - MAPPED] != 0:
            table.order4[table.in_use4] = <uint8_t>length
            table.in_use4 += 1
        if table.counts6[length] != 0:
            table.order6[table.in_use6] = <uint8_t>length
            table.in_use6 += 1


cdef int _addresses_set(AddressTable* table, const AddressSlot* entry) noexcept nogil:
    """Add the prefix or change its value, growing where needed: ADDED, CHANGED or NO_MEMORY."""
    cdef uint32_t* count
    cdef int outcome = FULL
    if not _addresses_crowded(table):
        outcome = _addresses_put(table, entry)
    while outcome == FULL:
        if not _addresses_resize(table, table.size + table.size // 4):
            return NO_MEMORY
        outcome = _addresses_put(table, entry)
    if outcome == ADDED:
        count = _length_count(table, entry)
        count[0] += 1
        if count[0] == 1:
            _order_lengths(table)
    return outcome


cdef bint _addresses_remove(AddressTable* table, const AddressSlot* entry) noexcept nogil:
    """Take the prefix away; what stands behind it moves back. False: it was not there."""
    cdef const AddressSlot* found = prefix_get(table, entry.address, entry.length - 1)
    cdef AddressSlot* slot
    cdef uint32_t* count
    if found == NULL:
        return False
    slot = table.slots + (found - table.slots)
    while slot[1].length != 0 and slot[1].displacement > 0:
        slot[0] = slot[1]
        slot.displacement -= 1
        slot += 1
    memset(slot, 0, sizeof(AddressSlot))
    table.used -= 1
    count = _length_count(table, entry)
    count[0] -= 1
    if count[0] == 0:
        _order_lengths(table)
    return True


cdef int _addresses_load(AddressTable* table, const AddressSlot* entries, uint64_t count) noexcept nogil:
    """Set all entries of a dump into an empty table: ADDED, NO_MEMORY, or FULL for a damaged entry."""
    cdef uint64_t i
    cdef uint8_t masked[16]
    cdef int outcome
    for i in range(count):
        if entries[i].length == 0 or entries[i].length > LENGTHS:
            return FULL
        memcpy(masked, entries[i].address, 16)
        mask(masked, entries[i].length - 1)
        if memcmp(masked, entries[i].address, 16) != 0:
            return FULL
        outcome = _addresses_set(table, entries + i)
        if outcome != ADDED:
            return NO_MEMORY if outcome == NO_MEMORY else FULL
    return ADDED


cdef void _addresses_collect(const AddressTable* table, AddressSlot* out) noexcept nogil:
    """Copy the used slots, in table order, as a dump has them."""
    cdef uint64_t at
    for at in range(table.size + SPARE):
        if table.slots[at].length != 0:
            out[0] = table.slots[at]
            out.displacement = 0
            out += 1


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


cdef object _aligned(payload):
    """The payload at an address that structs of 8-byte words may stand at."""
    cdef const uint8_t[::1] view = payload
    if view.shape[0] > 0 and <uintptr_t>&view[0] % 8:
        return bytes(payload)
    return payload


cdef tuple _prefix_of(const AddressSlot* slot):
    """The prefix as callers write it: (4 or 16 bytes, length of that family)."""
    if slot.length > MAPPED and is_mapped(slot.address):
        return (<bytes>slot.address[12:16], slot.length - 1 - MAPPED)
    return (<bytes>slot.address[:16], slot.length - 1)


cdef const AddressSlot* _find(const AddressTable* table, bytes address) except? NULL:
    """The longest prefix that covers an address of 4 or 16 bytes."""
    if len(address) != 4 and len(address) != 16:
        raise TableError(f"find an address of {len(address)} bytes: it has 4 or 16")
    return address_find(table, <const uint8_t*>PyBytes_AS_STRING(address), len(address) == 4)


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

    def set(self, bytes address not None, int length, uint64_t line):
        """Lead the prefix to ``line``; whether it is new. Raises TableError for what is no prefix."""
        cdef AddressSlot entry
        _fill_entry(&entry, address, length)
        entry.value = line
        if _addresses_crowded(&self.table):
            self.grow()
        cdef int outcome = _addresses_set(&self.table, &entry)
        if outcome == NO_MEMORY:
            raise MemoryError
        return outcome == ADDED

    cdef object grow(self):
        """Rebuild with a quarter more, beside readers: they have the old slots until the new ones are
        complete."""
        cdef AddressTable fresh
        cdef bint built
        with nogil:
            built = _addresses_rebuild(&self.table, self.table.size + self.table.size // 4, &fresh)
        if not built:
            raise MemoryError
        _addresses_adopt(&self.table, &fresh)

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

    def find(self, bytes address not None):
        """The line of the longest prefix that covers the address (4 or 16 bytes), or None."""
        cdef const AddressSlot* slot = _find(&self.table, address)
        return None if slot == NULL else slot.value

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
        cdef bytearray payload = PyByteArray_FromStringAndSize(NULL, self.table.used * sizeof(AddressSlot))
        cdef bytes seed = (<const char*>&self.table.seed)[:16]
        cdef char* out = payload
        with nogil:
            _addresses_collect(&self.table, <AddressSlot*>out)
        return envelope(Kind.ADDRESSES, self.table.used, 0, seed, payload), payload

    @staticmethod
    def load(dump):
        """The table that a dump was made of. Raises DamagedDumpError."""
        opened = unseal(dump, Kind.ADDRESSES)
        cdef const uint8_t[::1] payload = _aligned(opened.payload)
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


# --- lines ----------------------------------------------------------------------------

cdef packed struct LineRecord:   # as a dump has it; all own names stand behind all lines
    uint64_t number
    int64_t paused_until
    uint32_t policy
    uint32_t own_count
    uint8_t flags
    uint8_t spare[7]


class LineView(NamedTuple):
    """A copy of what the table holds of one line; ``own``: its native own names, 16 bytes each, ascending."""

    number: int
    policy: int
    paused_until: int
    opted_in: bool
    security_left: bool
    own: bytes


cdef uint64_t _lines_slot(const LineTable* table, uint64_t number) noexcept nogil:
    """The slot of this number, or the empty one where it belongs."""
    cdef uint64_t slot = home_of(line_hash(table, number), table.size)
    while table.slots[slot] != 0 and line_at(table, table.slots[slot] - 1).number != number:
        slot += 1
        if slot == table.size:
            slot = 0
    return slot


cdef uint32_t* _lines_reindex(const LineTable* table, uint64_t size) noexcept nogil:
    """An index of all lines in ``size`` slots, more than there are lines; ``table`` is only read. NULL: no
    memory."""
    cdef LineTable fresh = table[0]
    cdef uint64_t at
    fresh.slots = <uint32_t*>calloc(size, sizeof(uint32_t))
    if fresh.slots == NULL:
        return NULL
    fresh.size = size
    for at in range(table.size):
        if table.slots[at] != 0:
            fresh.slots[_lines_slot(&fresh, line_at(table, table.slots[at] - 1).number)] = table.slots[at]
    return fresh.slots


cdef void _lines_adopt(LineTable* table, uint32_t* slots, uint64_t size) noexcept nogil:
    """Go over to another index."""
    free(table.slots)
    table.slots = slots
    table.size = size


cdef bint _lines_resize(LineTable* table, uint64_t size) noexcept nogil:
    """Index all lines anew in ``size`` slots. False: no memory, the table as it was."""
    cdef uint32_t* slots = _lines_reindex(table, size)
    if slots == NULL:
        return False
    _lines_adopt(table, slots, size)
    return True


cdef bint _lines_crowded(const LineTable* table) noexcept nogil:
    """Whether the index should grow before the next new line."""
    return (table.used + 1) * 5 > table.size * 4


cdef uint64_t _lines_next_size(const LineTable* table) noexcept nogil:
    return table.size + table.size // 4 + FIRST_SIZE


cdef uint32_t _line_take(LineTable* table) noexcept nogil:
    """A place for a line: its index + 1, or 0 where there is no memory (or no page) left."""
    cdef uint32_t place = table.free
    cdef uint32_t page
    if place != 0:
        table.free = line_at(table, place - 1).policy
        return place
    page = table.carved // PAGE_LINES
    if page == PAGES:
        return 0
    if table.pages[page] == NULL:
        table.pages[page] = <Line*>calloc(PAGE_LINES, sizeof(Line))
        if table.pages[page] == NULL:
            return 0
    table.carved += 1
    return table.carved


cdef void _line_give(LineTable* table, uint32_t place) noexcept nogil:
    """Put a line's place on the free list."""
    cdef Line* line = line_at(table, place - 1)
    memset(line, 0, sizeof(Line))
    line.flags = FREE
    line.policy = table.free
    table.free = place


cdef int _lines_set(LineTable* table, const Line* entry, const OwnName* own) noexcept nogil:
    """Add the line or replace all of it; ``own`` is copied. ADDED, CHANGED or NO_MEMORY."""
    cdef uint64_t slot
    cdef uint32_t place
    cdef Line* line
    cdef OwnName* names = NULL
    if entry.own_count != 0:
        names = <OwnName*>malloc(entry.own_count * sizeof(OwnName))
        if names == NULL:
            return NO_MEMORY
        memcpy(names, own, entry.own_count * sizeof(OwnName))
    slot = _lines_slot(table, entry.number)
    place = table.slots[slot]
    if place != 0:
        line = line_at(table, place - 1)
        table.own_names -= line.own_count
        free(line.own)
    else:
        if _lines_crowded(table):
            if not _lines_resize(table, _lines_next_size(table)):
                free(names)
                return NO_MEMORY
            slot = _lines_slot(table, entry.number)
        table.slots[slot] = _line_take(table)
        if table.slots[slot] == 0:
            free(names)
            return NO_MEMORY
        line = line_at(table, table.slots[slot] - 1)
        table.used += 1
    line[0] = entry[0]
    line.own = names
    table.own_names += entry.own_count
    return CHANGED if place != 0 else ADDED


cdef bint _lines_remove(LineTable* table, uint64_t number) noexcept nogil:
    """Take the line away and close the gap in the index (backward shift). False: it was not there."""
    cdef uint64_t gap = _lines_slot(table, number)
    cdef uint64_t at = gap
    cdef uint64_t home
    cdef Line* line
    if table.slots[gap] == 0:
        return False
    line = line_at(table, table.slots[gap] - 1)
    table.own_names -= line.own_count
    free(line.own)
    _line_give(table, table.slots[gap])
    table.used -= 1
    while True:
        at = 0 if at + 1 == table.size else at + 1
        if table.slots[at] == 0:
            break
        home = home_of(line_hash(table, line_at(table, table.slots[at] - 1).number), table.size)
        if (at + table.size - home) % table.size >= (at + table.size - gap) % table.size:
            table.slots[gap] = table.slots[at]
            gap = at
    table.slots[gap] = 0
    return True


cdef void _lines_collect(const LineTable* table, LineRecord* out) noexcept nogil:
    """Copy all lines, in table order, and behind them all own names."""
    cdef OwnName* names = <OwnName*>(out + table.used)
    cdef uint64_t at
    cdef const Line* line
    for at in range(table.size):
        if table.slots[at] == 0:
            continue
        line = line_at(table, table.slots[at] - 1)
        out.number = line.number
        out.paused_until = line.paused_until
        out.policy = line.policy
        out.own_count = line.own_count
        out.flags = line.flags
        memset(out.spare, 0, 7)
        out += 1
        if line.own_count != 0:
            memcpy(names, line.own, line.own_count * sizeof(OwnName))
            names += line.own_count


cdef bint _sorted(const OwnName* own, uint64_t count) noexcept nogil:
    """Whether own names stand in ascending order, as ``decide`` searches them."""
    cdef uint64_t i
    for i in range(1, count):
        if own[i - 1].high > own[i].high:
            return False
        if own[i - 1].high == own[i].high and own[i - 1].low > own[i].low:
            return False
    return True


cdef int _lines_load(
    LineTable* table, const LineRecord* records, uint64_t count, uint64_t own
) noexcept nogil:
    """Set all lines of a dump into an empty table: ADDED, NO_MEMORY, or FULL for a line that cannot be."""
    cdef const OwnName* names = <const OwnName*>(records + count)
    cdef uint64_t i
    cdef Line line
    cdef int outcome
    for i in range(count):
        memset(&line, 0, sizeof(Line))
        line.number = records[i].number
        line.paused_until = records[i].paused_until
        line.policy = records[i].policy
        line.own_count = records[i].own_count
        line.flags = records[i].flags
        if line.own_count > own or line.flags & ~(LINE_OPTED_IN | LINE_SECURITY_LEFT):
            return FULL
        if not _sorted(names, line.own_count):
            return FULL
        outcome = _lines_set(table, &line, names)
        if outcome != ADDED:
            return NO_MEMORY if outcome == NO_MEMORY else FULL
        names += line.own_count
        own -= line.own_count
    return ADDED if own == 0 else FULL


cdef object _view_of(const Line* line):
    """A copy of the line for Python."""
    return LineView(
        line.number,
        line.policy,
        line.paused_until,
        bool(line.flags & LINE_OPTED_IN),
        bool(line.flags & LINE_SECURITY_LEFT),
        <bytes>(<const char*>line.own)[:line.own_count * sizeof(OwnName)] if line.own_count else b"",
    )


cdef class Lines:
    """Every line's choices by its number. ``seed`` is 16 secret bytes. At most 16,777,216 lines."""

    def __cinit__(self, bytes seed not None):
        if len(seed) != 16:
            raise TableError(f"take a seed of {len(seed)} bytes: it has 16")
        self.table.seed = seed_from(<const uint8_t*>PyBytes_AS_STRING(seed))
        self.table.pages = <Line**>calloc(PAGES, sizeof(Line*))
        self.table.slots = <uint32_t*>calloc(FIRST_SIZE, sizeof(uint32_t))
        self.table.size = FIRST_SIZE
        if self.table.pages == NULL or self.table.slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef uint32_t i
        if self.table.pages != NULL:
            for i in range(self.table.carved):
                free(line_at(&self.table, i).own)
            for i in range(PAGES):
                free(self.table.pages[i])
        free(self.table.pages)
        free(self.table.slots)

    def __len__(self):
        return self.table.used

    def upsert(self, LineHandle line not None):
        """Add the line or replace all that is known of it by a copy of this; whether it is new."""
        if _lines_crowded(&self.table):
            self.grow()
        cdef int outcome = _lines_set(&self.table, &line.line, line.line.own)
        if outcome == NO_MEMORY:
            raise MemoryError
        return outcome == ADDED

    cdef object grow(self):
        """Index anew with a quarter more, beside readers: they have the old index until the new one is
        complete."""
        cdef uint64_t size = _lines_next_size(&self.table)
        cdef uint32_t* slots
        with nogil:
            slots = _lines_reindex(&self.table, size)
        if slots == NULL:
            raise MemoryError
        _lines_adopt(&self.table, slots, size)

    def remove(self, uint64_t number):
        """Forget the line; whether it was there. Addresses that lead to it then lead to no line."""
        return _lines_remove(&self.table, number)

    def find(self, uint64_t number):
        """A copy of the line, or None."""
        cdef const Line* line = line_find(&self.table, number)
        return None if line == NULL else _view_of(line)

    def handle(self, uint64_t number):
        """A copy of the line for ``decide``, or None."""
        cdef const Line* line = line_find(&self.table, number)
        cdef LineHandle handle
        cdef OwnName* names
        if line == NULL:
            return None
        handle = LineHandle(number)
        names = <OwnName*>malloc((line.own_count or 1) * sizeof(OwnName))
        if names == NULL:
            raise MemoryError
        if line.own_count != 0:
            memcpy(names, line.own, line.own_count * sizeof(OwnName))
        free(handle.line.own)
        handle.line = line[0]
        handle.line.own = names
        return handle

    def numbers(self):
        """The numbers of all lines, in no order that means anything."""
        cdef uint64_t at
        return [
            line_at(&self.table, self.table.slots[at] - 1).number
            for at in range(self.table.size)
            if self.table.slots[at] != 0
        ]

    def dump(self):
        """Everything as checksummed bytes for :meth:`load`."""
        return b"".join(self.dump_parts())

    def dump_parts(self):
        """The same in two parts, its beginning and the lines, copied beside readers."""
        cdef uint64_t size = self.table.used * sizeof(LineRecord) + self.table.own_names * sizeof(OwnName)
        cdef bytearray payload = PyByteArray_FromStringAndSize(NULL, size)
        cdef bytes seed = (<const char*>&self.table.seed)[:16]
        cdef char* out = payload
        with nogil:
            _lines_collect(&self.table, <LineRecord*>out)
        return envelope(Kind.LINES, self.table.used, self.table.own_names, seed, payload), payload

    @staticmethod
    def load(dump):
        """The table that a dump was made of. Raises DamagedDumpError."""
        opened = unseal(dump, Kind.LINES)
        cdef const uint8_t[::1] payload = _aligned(opened.payload)
        cdef uint64_t count = opened.records
        cdef uint64_t own = opened.extra
        cdef uint64_t size = payload.shape[0]
        if count > size or own > size or size != count * sizeof(LineRecord) + own * sizeof(OwnName):
            raise DamagedDumpError(f"read {count} lines: the dump holds {len(payload)} bytes of them")
        cdef Lines lines = Lines.__new__(Lines, opened.seed)
        cdef int outcome = ADDED
        if count > 0:
            if not _lines_resize(&lines.table, count + count // 3 + FIRST_SIZE):
                raise MemoryError
            with nogil:
                outcome = _lines_load(&lines.table, <const LineRecord*>&payload[0], count, own)
        if outcome == NO_MEMORY:
            raise MemoryError
        if outcome != ADDED:
            raise DamagedDumpError(f"read {count} lines: one cannot be, or stands there twice")
        return lines

    @property
    def memory(self):
        """Bytes held, the allocator's own 16 for each line with own names included."""
        cdef uint64_t pages = (self.table.carved + PAGE_LINES - 1) // PAGE_LINES
        cdef uint64_t with_own = 0
        cdef uint32_t i
        for i in range(self.table.carved):
            with_own += line_at(&self.table, i).own != NULL
        return (
            PAGES * sizeof(Line*)
            + self.table.size * sizeof(uint32_t)
            + pages * PAGE_LINES * sizeof(Line)
            + self.table.own_names * sizeof(OwnName)
            + with_own * 16
        )
