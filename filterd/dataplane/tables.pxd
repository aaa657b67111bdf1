# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Who is asking: lines by number, lines by address (exact or longest prefix), and sets of prefixes for ACLs.

One thread writes. It holds the GIL where it alters what readers see (a table that grows is rebuilt beside it,
without the GIL), and so must whoever reads beside a writer; the ``find`` functions touch no Python object.
A ``Line`` never moves while it exists, and its own names are replaced whole, so that readers without the GIL
need no more than a sequence around the two slot arrays (docs/decisions/0050-line-tables.md).

Addresses are held in one form of 16 bytes: IPv4 a.b.c.d is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2) and
its prefix length counts from 96. So an IPv4 client that arrives on a dual-stack socket is the same client.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.hashing cimport Seed, home_of, keyed_hash
from filterd.policy.decide cimport Line


cdef struct AddressSlot:
    uint8_t address[16]         # masked to the prefix
    uint64_t value              # a line's number; 1 in a set
    uint8_t length              # prefix length + 1 of the 16-byte form, 1..129; 0: the slot is empty
    uint8_t displacement        # slots after its home
    uint8_t spare[6]            # zero


cdef struct AddressTable:
    Seed seed
    AddressSlot* slots          # size + SPARE of them, in the order of their homes
    uint64_t size
    uint64_t used
    uint32_t counts4[33]        # prefixes by length, those in ::ffff:0:0/96 (length - 96)
    uint32_t counts6[129]       # and all others
    uint8_t order4[33]          # the lengths in use, longest first, as 96..128
    uint8_t order6[129]
    uint8_t in_use4
    uint8_t in_use6


cdef struct LineTable:
    Seed seed
    uint32_t* slots             # index of the line + 1, 0: empty; linear probing, round the end
    uint64_t size
    Line** pages                # PAGES of them, each of PAGE_LINES lines once needed
    uint32_t carved             # lines handed out of the pages so far, free ones included
    uint32_t free               # index + 1 of the first free line, chained through Line.policy; 0: none
    uint64_t used
    uint64_t own_names


cdef enum:
    SPARE = 256                 # slots behind the last home: a run never wraps
    PAGE_LINES = 4096
    PAGES = 4096
    FREE = 0x80                 # Line.flags: not a line; Line.policy leads to the next free one


cdef inline void widen(const uint8_t* address, bint ipv4, uint8_t* out) noexcept nogil:
    """``address`` (4 bytes if ``ipv4``, else 16) in the 16-byte form."""
    if ipv4:
        memset(out, 0, 10)
        memset(out + 10, 0xFF, 2)
        memcpy(out + 12, address, 4)
    else:
        memcpy(out, address, 16)


cdef inline bint is_mapped(const uint8_t* address) noexcept nogil:
    """Whether the 16-byte form holds an IPv4 address."""
    cdef int i
    for i in range(10):
        if address[i] != 0:
            return False
    return address[10] == 0xFF and address[11] == 0xFF


cdef inline void mask(uint8_t* address, int length) noexcept nogil:
    """Clear the bits of a 16-byte address below ``length``."""
    cdef int whole = length >> 3
    if whole < 16:
        address[whole] &= <uint8_t>(0xFF00 >> (length & 7))
        memset(address + whole + 1, 0, 15 - whole)


cdef inline const AddressSlot* prefix_get(
    const AddressTable* table, const uint8_t* address, uint8_t length
) noexcept nogil:
    """The slot of exactly this prefix (``address`` masked, ``length`` 0..128), or NULL."""
    cdef uint64_t home = home_of(keyed_hash(&table.seed, address, 16, length), table.size)
    cdef const AddressSlot* slot = table.slots + home
    cdef uint64_t distance = 0
    while slot.length != 0 and slot.displacement >= distance:
        if (
            slot.displacement == distance
            and slot.length == length + 1
            and memcmp(slot.address, address, 16) == 0
        ):
            return slot
        slot += 1
        distance += 1
    return NULL


cdef inline const AddressSlot* address_find(
    const AddressTable* table, const uint8_t* address, bint ipv4
) noexcept nogil:
    """The longest prefix that covers ``address`` (4 bytes if ``ipv4``, else 16), or NULL."""
    cdef uint8_t wide[16]
    cdef const AddressSlot* slot
    cdef uint8_t length
    cdef int i
    if table.used == 0:
        return NULL
    widen(address, ipv4, wide)
    ipv4 = ipv4 or is_mapped(wide)
    for i in range(table.in_use4 if ipv4 else table.in_use6):
        length = table.order4[i] if ipv4 else table.order6[i]
        mask(wide, length)  # longest first: each mask only takes bits away from the one before
        slot = prefix_get(table, wide, length)
        if slot != NULL:
            return slot
    return NULL


cdef inline uint64_t line_hash(const LineTable* table, uint64_t number) noexcept nogil:
    return keyed_hash(&table.seed, NULL, 0, number)


cdef inline Line* line_at(const LineTable* table, uint32_t index) noexcept nogil:
    """The line (or free place) with this index, which must have been carved."""
    return table.pages[index // PAGE_LINES] + index % PAGE_LINES


cdef inline Line* line_find(const LineTable* table, uint64_t number) noexcept nogil:
    """The line with this number, or NULL. Valid until the line is removed."""
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


cdef inline Line* line_of(
    const AddressTable* addresses, const LineTable* lines, const uint8_t* address, bint ipv4
) noexcept nogil:
    """The line that ``address`` belongs to; NULL where no prefix covers it or its line is not known here."""
    cdef const AddressSlot* slot = address_find(addresses, address, ipv4)
    if slot == NULL:
        return NULL
    return line_find(lines, slot.value)


cdef class Lines:
    cdef LineTable table
    cdef object grow(self)


cdef class Addresses:
    cdef AddressTable table
    cdef object grow(self)


cdef class Prefixes:
    cdef AddressTable table
