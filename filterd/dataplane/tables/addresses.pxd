# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Lines by address (exact or longest prefix), and sets of prefixes for ACLs.

Addresses are held in one form of 16 bytes: IPv4 a.b.c.d is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2) and
its prefix length counts from 96. So an IPv4 client that arrives on a dual-stack socket is the same client.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.tables.atomics cimport load32, load64, load_pointer
from filterd.dataplane.tables.hashing cimport Seed, home_of, keyed_hash
from filterd.dataplane.tables.seqlock cimport (
    LOOKUP_ABSENT,
    LOOKUP_BUSY,
    LOOKUP_FOUND,
)

cdef extern from *:
    """
    static const uint8_t filterd_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    static inline int filterd_highest_bit(uint64_t word) {
        return 63 - __builtin_clzll(word);
    }
    static inline uint64_t filterd_little_endian(uint64_t word) {
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
    #endif
        return word;
    }
    """
    const uint8_t* mapped_prefix "filterd_mapped"
    int highest_bit "filterd_highest_bit"(uint64_t word) noexcept nogil    # of a word that is not 0
    uint64_t little_endian "filterd_little_endian"(uint64_t word) noexcept nogil


cdef struct AddressSlot:
    uint8_t address[16]         # masked to the prefix
    uint64_t value              # a line's number; 1 in a set
    uint8_t length              # prefix length + 1 of the 16-byte form, 1..129; 0: the slot is empty
    uint8_t displacement        # slots after its home
    uint8_t source              # model.session.SessionSource of a session; 0 of all else
    uint8_t spare               # zero
    uint32_t deadline           # seconds of the monotonic clock at which it ends; 0: never


cdef struct AddressTable:
    uint64_t sequence           # see seqlock.pxd
    AddressSlot* slots          # size + SPARE of them, in the order of their homes
    uint64_t size
    uint64_t lengths4           # the lengths in use in ::ffff:0:0/96, by bit, less 96
    uint64_t lengths6[3]        # and all others, by bit of these words
    Seed seed
    # below: the writer's alone
    uint64_t used
    uint32_t counts4[33]        # prefixes by length, as in the words above
    uint32_t counts6[129]


cdef enum:
    SPARE = 256                 # slots behind the last home: a run never wraps
    MAPPED = 96                 # ::ffff:0:0/96 is IPv4


cdef inline void widen(const uint8_t* address, bint ipv4, uint8_t* out) noexcept nogil:
    """``address`` (4 bytes if ``ipv4``, else 16) in the 16-byte form."""
    if ipv4:
        memcpy(out, mapped_prefix, 12)
        memcpy(out + 12, address, 4)
    else:
        memcpy(out, address, 16)


cdef inline bint is_mapped(const uint8_t* address) noexcept nogil:
    """True if the 16-byte form holds an IPv4 address."""
    return memcmp(address, mapped_prefix, 12) == 0


cdef inline void mask(uint8_t* address, int length) noexcept nogil:
    """Clear the bits of a 16-byte address below ``length``."""
    cdef int whole = length >> 3
    if whole < 16:
        address[whole] &= <uint8_t>(0xFF00 >> (length & 7))
        memset(address + whole + 1, 0, 15 - whole)


cdef inline const AddressSlot* slot_get(
    const AddressSlot* slots, uint64_t size, const Seed* seed, const uint8_t* address, uint8_t length
) noexcept nogil:
    """The slot of exactly this prefix (``address`` masked, ``length`` 0..128), or NULL.

    Never leaves the array, whatever the writer does to it meanwhile.
    """
    cdef const AddressSlot* slot = slots + home_of(keyed_hash(seed, address, 16, length), size)
    cdef uint64_t wanted[2]
    cdef uint64_t tail          # length and displacement in its lower bytes, see AddressSlot
    cdef uint64_t looked_for = <uint64_t>length + 1
    memcpy(wanted, address, 16)
    while True:
        tail = little_endian(load64(<const uint64_t*>&slot.length))
        if (
            tail & 0xFFFF == looked_for
            and load64(<const uint64_t*>slot.address) == wanted[0]
            and load64(<const uint64_t*>slot.address + 1) == wanted[1]
        ):
            return slot
        if tail & 0xFF == 0 or (tail >> 8 & 0xFF) < looked_for >> 8:  # a byte: at SPARE at the latest
            return NULL
        slot += 1
        looked_for += 0x100


cdef inline bint has_ended(const AddressSlot* slot, uint32_t ticks) noexcept nogil:
    """True if the slot's deadline has come at ``ticks``, seconds of the monotonic clock; at 0 none has."""
    return <uint32_t>(load32(&slot.deadline) - 1) < ticks   # 0, no deadline, becomes the greatest number


cdef inline const AddressSlot* slot_covering(
    const AddressSlot* slots, uint64_t size, const Seed* seed, uint8_t* wide, uint64_t lengths, int base,
    uint32_t ticks
) noexcept nogil:
    """The longest of the prefixes with these ``lengths`` (by bit, less ``base``) that covers ``wide``, which
    loses the bits behind the last one tried, and has not ended at ``ticks``; or NULL."""
    cdef const AddressSlot* slot
    cdef int bit
    while lengths != 0:
        bit = highest_bit(lengths)
        mask(wide, base + bit)  # longest first: each mask only takes bits away from the one before
        slot = slot_get(slots, size, seed, wide, <uint8_t>(base + bit))
        if slot != NULL and (ticks == 0 or not has_ended(slot, ticks)):   # at a constant 0 nothing is loaded
            return slot
        lengths ^= <uint64_t>1 << bit
    return NULL


cdef inline const AddressSlot* prefix_get(
    const AddressTable* table, const uint8_t* address, uint8_t length
) noexcept nogil:
    """The slot of exactly this prefix (``address`` masked, ``length`` 0..128), or NULL. No writer is at
    work."""
    return slot_get(table.slots, table.size, &table.seed, address, length)


cdef inline const AddressSlot* address_find(
    const AddressTable* table, const uint8_t* address, bint ipv4
) noexcept nogil:
    """The longest prefix that covers ``address``, of a table whose prefixes have no end, or NULL."""
    return address_find_at(table, address, ipv4, 0)


cdef inline const AddressSlot* address_find_at(
    const AddressTable* table, const uint8_t* address, bint ipv4, uint32_t ticks
) noexcept nogil:
    """The longest prefix that covers ``address`` (4 bytes if ``ipv4``, else 16) and has not ended at
    ``ticks``, or NULL. No writer is at work: the set is fixed, or the caller holds the GIL."""
    cdef uint8_t wide[16]
    cdef const AddressSlot* slot
    cdef int word
    widen(address, ipv4, wide)
    if ipv4 or is_mapped(wide):
        return slot_covering(table.slots, table.size, &table.seed, wide, table.lengths4, MAPPED, ticks)
    for word in range(2, -1, -1):
        slot = slot_covering(table.slots, table.size, &table.seed, wide, table.lengths6[word], 64 * word,
                             ticks)
        if slot != NULL:
            return slot
    return NULL


cdef inline int address_attempt(
    const AddressTable* table, uint64_t sequence, const uint8_t* address, bint ipv4, uint32_t ticks,
    uint64_t* value, uint8_t* length
) noexcept nogil:
    """The value of the longest prefix that covers ``address`` (16 bytes) and has not ended at ``ticks``,
    beside a writer: a LookupStatus, BUSY where the table's sequence is odd, or no longer the one given.
    ``length`` receives the prefix length + 1; NULL: not wanted."""
    cdef uint8_t masked[16]
    cdef uint64_t lengths4 = 0
    cdef uint64_t lengths6[3]
    cdef const AddressSlot* slots = <const AddressSlot*>load_pointer(&table.slots)
    cdef uint64_t size = load64(&table.size)
    cdef const AddressSlot* slot = NULL
    cdef int word
    memcpy(masked, address, 16)
    if ipv4:
        lengths4 = load64(&table.lengths4)
    else:
        for word in range(3):
            lengths6[word] = load64(&table.lengths6[word])
    if sequence & 1 or load64(&table.sequence) != sequence:  # slots and size belong together
        return LOOKUP_BUSY
    if ipv4:
        slot = slot_covering(slots, size, &table.seed, masked, lengths4, MAPPED, ticks)
    else:
        for word in range(2, -1, -1):
            slot = slot_covering(slots, size, &table.seed, masked, lengths6[word], 64 * word, ticks)
            if slot != NULL:
                break
    if slot != NULL:
        value[0] = load64(&slot.value)
        if length != NULL:
            length[0] = <uint8_t>(little_endian(load64(<const uint64_t*>&slot.length)) & 0xFF)
    if load64(&table.sequence) != sequence:
        return LOOKUP_BUSY
    return LOOKUP_ABSENT if slot == NULL else LOOKUP_FOUND


# The payload of a dump at an address that structs of 8-byte words may stand at.
cdef object aligned(payload)


cdef class Addresses:
    cdef AddressTable table
    cdef object grow(self)
    cdef int enter(self, const AddressSlot* entry) except -1


cdef class Prefixes:
    cdef AddressTable table
