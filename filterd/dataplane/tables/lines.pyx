# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Lines by number, behind an index by linear probing with backward shift, which grows by a quarter."""
from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.tables.addresses cimport Addresses, AddressTable, aligned
from filterd.dataplane.tables.atomics cimport store32, store64, store_pointer
from filterd.dataplane.tables.epoch cimport (
    epoch_asleep,
    epoch_awake,
    epoch_join,
    epoch_leave,
    epoch_pass,
    retire_memory,
)
from filterd.dataplane.tables.hashing cimport home_of, seed_from
from filterd.dataplane.tables.seqlock cimport (
    ADDED,
    CHANGED,
    FIRST_SIZE,
    FULL,
    LOOKUP_BUSY,
    LOOKUP_FOUND,
    NO_MEMORY,
    begin_change,
    end_change,
    write_words,
)
from filterd.policy.decide cimport LINE_OPTED_IN, LINE_SECURITY_LEFT, Line, LineHandle, OwnName

from typing import NamedTuple

from filterd.dataplane.tables.dump import DamagedDumpError, TableKind, TableError, envelope, unseal


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


cdef uint32_t* _lines_adopt(LineTable* table, uint32_t* slots, uint64_t size) noexcept nogil:
    """Go over to another index; the old one."""
    cdef uint32_t* old = table.slots
    begin_change(&table.sequence)
    store_pointer(&table.slots, slots)
    store64(&table.size, size)
    end_change(&table.sequence)
    return old


cdef void _slot_store(LineTable* table, uint64_t slot, uint32_t place) noexcept nogil:
    """Let this slot of the index lead to another place."""
    begin_change(&table.sequence)
    store32(table.slots + slot, place)
    end_change(&table.sequence)


cdef bint _lines_crowded(const LineTable* table) noexcept nogil:
    """True if the index should grow before the next new line."""
    return (table.used + 1) * 5 > table.size * 4


cdef uint64_t _lines_next_size(const LineTable* table) noexcept nogil:
    return table.size + table.size // 4 + FIRST_SIZE


cdef uint32_t _line_take(LineTable* table) noexcept nogil:
    """A place for a line: its index + 1, or 0 where there is no memory (or no page) left."""
    cdef uint32_t place = table.free
    cdef uint32_t page
    cdef Line* lines
    if place != 0:
        table.free = line_at(table, place - 1).policy
        return place
    page = table.carved // PAGE_LINES
    if page == PAGES:
        return 0
    if table.pages[page] == NULL:
        lines = <Line*>calloc(PAGE_LINES, sizeof(Line))
        if lines == NULL:
            return 0
        store_pointer(table.pages + page, lines)
    table.carved += 1
    return table.carved


cdef void _line_give(LineTable* table, uint32_t place) noexcept nogil:
    """Put a line's place on the free list. No slot leads there any more: a reader that came there before sees
    by the sequence that it has to start again."""
    cdef Line line
    memset(&line, 0, sizeof(Line))
    line.flags = FREE
    line.policy = table.free
    write_words(line_at(table, place - 1), &line, sizeof(Line))
    table.free = place


cdef int _lines_set(LineTable* table, const Line* entry, const OwnName* own, OwnName** old) noexcept nogil:
    """Add the line or replace all of it: ADDED, CHANGED, or NO_MEMORY or FULL and the table as it was.

    ``own`` is copied; ``old`` receives the own names that it had before, or NULL.
    """
    cdef uint64_t slot = _lines_slot(table, entry.number)
    cdef uint32_t place = table.slots[slot]
    cdef bint is_new = place == 0
    cdef Line line = entry[0]
    old[0] = NULL
    if is_new and _lines_crowded(table):
        return FULL
    line.own = NULL
    if entry.own_count != 0:
        line.own = <OwnName*>malloc(entry.own_count * sizeof(OwnName))
        if line.own == NULL:
            return NO_MEMORY
        memcpy(line.own, own, entry.own_count * sizeof(OwnName))
    if is_new:
        place = _line_take(table)
        if place == 0:
            free(line.own)
            return NO_MEMORY
        write_words(line_at(table, place - 1), &line, sizeof(Line))  # out of sight until a slot leads there
        _slot_store(table, slot, place)
        table.used += 1
    else:
        old[0] = line_at(table, place - 1).own
        table.own_names -= line_at(table, place - 1).own_count
        begin_change(&table.sequence)
        write_words(line_at(table, place - 1), &line, sizeof(Line))
        end_change(&table.sequence)
    table.own_names += entry.own_count
    return ADDED if is_new else CHANGED


cdef bint _lines_remove(LineTable* table, uint64_t number, OwnName** old) noexcept nogil:
    """Take the line away and close the gap in the index (backward shift). False: it was not there.

    ``old`` receives its own names, or NULL. Each slot that moves stands twice before its old place is
    overwritten: between two steps the index is whole, and readers may read.
    """
    cdef uint64_t gap = _lines_slot(table, number)
    cdef uint32_t place = table.slots[gap]
    cdef uint64_t at = gap
    cdef uint64_t home
    old[0] = NULL
    if place == 0:
        return False
    while True:
        at = 0 if at + 1 == table.size else at + 1
        if table.slots[at] == 0:
            break
        home = home_of(line_hash(table, line_at(table, table.slots[at] - 1).number), table.size)
        if (at + table.size - home) % table.size >= (at + table.size - gap) % table.size:
            _slot_store(table, gap, table.slots[at])
            gap = at
    _slot_store(table, gap, 0)
    old[0] = line_at(table, place - 1).own
    table.own_names -= line_at(table, place - 1).own_count
    table.used -= 1
    _line_give(table, place)
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
    """True if own names stand in ascending order, as ``decide`` searches them."""
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
    cdef OwnName* old
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
        outcome = _lines_set(table, &line, names, &old)
        if outcome != ADDED:
            free(old)
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
        cdef OwnName* old
        cdef int outcome = _lines_set(&self.table, &line.line, line.line.own, &old)
        while outcome == FULL:
            self.grow()
            outcome = _lines_set(&self.table, &line.line, line.line.own, &old)
        if outcome == NO_MEMORY:
            raise MemoryError
        retire_memory(old)
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
        retire_memory(_lines_adopt(&self.table, slots, size))

    def stop_midway(self, bint midway):
        """For tests: be as if the writer had stopped in the midst of a change, or no longer."""
        if midway != self.table.sequence & 1:
            begin_change(&self.table.sequence)

    def remove(self, uint64_t number):
        """Forget the line; whether it was there. Addresses that lead to it then lead to no line."""
        cdef OwnName* old
        cdef bint removed = _lines_remove(&self.table, number, &old)
        retire_memory(old)
        return removed

    def find(self, uint64_t number):
        """A copy of the line, or None."""
        cdef const Line* line = line_find(&self.table, number)
        return None if line == NULL else _view_of(line)

    def policy_of(self, uint64_t number):
        """The index of the line's policy, or None."""
        cdef const Line* line = line_find(&self.table, number)
        return None if line == NULL else line.policy

    def lines_of_policies(self):
        """The number of lines of each policy that lines have, by its index."""
        cdef uint32_t most = 0
        cdef uint64_t at
        cdef uint32_t policy
        for at in range(self.table.size):
            if self.table.slots[at] != 0:
                most = max(most, line_at(&self.table, self.table.slots[at] - 1).policy)
        cdef uint32_t* counts = <uint32_t*>calloc(<size_t>most + 1, sizeof(uint32_t))
        if counts == NULL:
            raise MemoryError
        for at in range(self.table.size):
            if self.table.slots[at] != 0:
                counts[line_at(&self.table, self.table.slots[at] - 1).policy] += 1
        found = {policy: counts[policy] for policy in range(most + 1) if counts[policy] != 0}
        free(counts)
        return found

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
        return envelope(TableKind.LINES, self.table.used, self.table.own_names, seed, payload), payload

    @staticmethod
    def load(dump):
        """The table that a dump was made of. Raises DamagedDumpError."""
        opened = unseal(dump, TableKind.LINES)
        cdef const uint8_t[::1] payload = aligned(opened.payload)
        cdef uint64_t count = opened.records
        cdef uint64_t own = opened.extra
        cdef uint64_t size = payload.shape[0]
        if count > size or own > size or size != count * sizeof(LineRecord) + own * sizeof(OwnName):
            raise DamagedDumpError(f"read {count} lines: the dump holds {len(payload)} bytes of them")
        cdef Lines lines = Lines.__new__(Lines, opened.seed)
        cdef uint32_t* slots
        cdef int outcome = ADDED
        if count > 0:
            size = count + count // 3 + FIRST_SIZE
            slots = _lines_reindex(&lines.table, size)
            if slots == NULL:
                raise MemoryError
            free(_lines_adopt(&lines.table, slots, size))
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


# --- as threads without the GIL read ------------------------------------------------------------------

cdef enum:
    BATCH = 32                  # clients between two passes
    CHANGES = 64                # of a client that one call has room for, on average

cdef struct Read:
    int status
    uint32_t place              # of the client
    Line line

cdef struct Reads:              # what was found of clients, each where it was not the same as before
    Read* items                 # their own names are copies
    size_t* last                # by client: its newest item + 1
    size_t used
    size_t room


cdef bint _same_read(const Read* before, const Read* now) noexcept nogil:
    cdef Line one = before.line
    cdef Line other = now.line
    if before.status != now.status or now.status != LOOKUP_FOUND:
        return before.status == now.status
    if one.own_count != other.own_count:
        return False
    if one.own_count and memcmp(one.own, other.own, one.own_count * sizeof(OwnName)) != 0:
        return False
    return (
        one.number == other.number
        and one.policy == other.policy
        and one.paused_until == other.paused_until
        and one.flags == other.flags
    )


cdef bint _keep_read(Reads* reads, const Read* read) noexcept nogil:
    """Keep it if it is news. False: there is no room or no memory."""
    cdef Read* kept = reads.items + reads.used
    cdef size_t size = read.line.own_count * sizeof(OwnName)
    if reads.last[read.place] and _same_read(reads.items + reads.last[read.place] - 1, read):
        return True
    if reads.used == reads.room:
        return False
    kept[0] = read[0]
    kept.line.own = NULL
    if read.status == LOOKUP_FOUND and size:
        kept.line.own = <OwnName*>malloc(size)
        if kept.line.own == NULL:
            return False
        memcpy(kept.line.own, read.line.own, size)
    reads.used += 1
    reads.last[read.place] = reads.used
    return True


cdef bint _read_batch(
    const AddressTable* addresses, const LineTable* lines, const uint8_t* clients, size_t first, size_t count,
    Reads* reads
) noexcept nogil:
    """Own names are looked at when all lines of the batch were read. False: there is no more room."""
    cdef Read batch[BATCH]
    cdef size_t i
    for i in range(count):
        memset(batch + i, 0, sizeof(Read))
        batch[i].place = <uint32_t>(first + i)
        batch[i].status = line_of(addresses, lines, clients + 16 * (first + i), 0, &batch[i].line)
    for i in range(count):
        if batch[i].status != LOOKUP_BUSY and not _keep_read(reads, batch + i):
            return False
    return True


cdef void _read_rounds(
    const AddressTable* addresses, const LineTable* lines, const uint8_t* clients, size_t count,
    size_t rounds, int reader, Reads* reads
) noexcept nogil:
    """As a thread of the fast path does it: awake, and passing after each batch."""
    cdef size_t at = 0
    epoch_awake(reader)
    while rounds and _read_batch(addresses, lines, clients, at, min(<size_t>BATCH, count - at), reads):
        at += BATCH
        if at >= count:
            at = 0
            rounds -= 1
        epoch_pass(reader)
    epoch_asleep(reader)


def read_beside(
    Addresses addresses not None, Lines lines not None, const uint8_t[::1] clients not None, size_t rounds=1
):
    cdef size_t count = clients.shape[0] // 16
    cdef Reads reads
    cdef size_t i
    cdef int reader = epoch_join()
    cdef list found = []
    reads.used = 0
    reads.room = CHANGES * count
    reads.items = <Read*>malloc((reads.room + 1) * sizeof(Read))
    reads.last = <size_t*>calloc(count + 1, sizeof(size_t))
    try:
        if reader < 0 or reads.items == NULL or reads.last == NULL:
            raise MemoryError
        if count:
            with nogil:
                _read_rounds(&addresses.table, &lines.table, &clients[0], count, rounds, reader, &reads)
        for i in range(reads.used):
            view = _view_of(&reads.items[i].line) if reads.items[i].status == LOOKUP_FOUND else None
            found.append((reads.items[i].place, view))
    finally:
        if reader >= 0:
            epoch_leave(reader)
        for i in range(reads.used):
            free(reads.items[i].line.own)
        free(reads.items)
        free(reads.last)
    return found
