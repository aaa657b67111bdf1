# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The policy snapshot in memory, the lookup and the match.

Layout of the file: ``docs/decisions/0031-snapshot-file.md`` and ``snapshot_reference``. Every offset and id
is checked once, when the file is opened; the lookups rely on that and check nothing.
"""

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from filterd.policy.fingerprint cimport Fingerprint
from filterd.wire.codec cimport Name

cdef extern from *:
    """
    typedef unsigned __int128 filterd_uint128;
    """
    ctypedef unsigned long long uint128 "filterd_uint128"
    void __builtin_prefetch(const void*) noexcept nogil

cdef enum:
    SLOT_SIZE = 12
    SPARE_SLOTS = 256       # after the last home: no wrap, and the very last slot is always empty
    WORDS = 8               # 512 class bits
    MAX_MANDATORY = 32      # mandatory ids that one match can hold
    FIXED_CLASSES = 0xFF    # of a set's first word: those below policy.classes.FIRST_FREE_BIT


cdef struct Entry:          # set ids; 0 is the empty set
    uint32_t block_exact
    uint32_t block_subtree
    uint32_t block_below
    uint32_t allow_exact
    uint32_t allow_subtree
    uint32_t allow_below


cdef struct Set:
    uint64_t bits[WORDS]
    uint32_t mandatory_first
    uint32_t mandatory_count


cdef struct Table:          # owned by a Snapshot or an Overlay; read-only
    const uint8_t* slots    # slot_count + SPARE_SLOTS of {u64 low, u24 entry id (0: empty), u8 distance}
    uint64_t slot_count
    const Entry* entries
    uint32_t entries_count
    const Set* sets
    uint32_t sets_count
    const uint32_t* mandatory
    uint32_t mandatory_count
    uint8_t prefixes4[33]   # the prefix lengths in use, ascending
    uint8_t n4
    uint8_t prefixes6[129]
    uint8_t n6


cdef struct ActiveSet:      # a byte per mandatory id: bit 0 active, bits 1 and 2 the mode, bit 3 confidential
    const uint8_t* state    # and bit 4 coming: known and not in force yet
    uint32_t count          # an id at or beyond it counts as active


cdef struct Mandatory:
    uint32_t id
    uint8_t scope           # model.rule.Scope; EXACT where NXDOMAIN would deny names below that pass
    uint8_t suffix          # label index where the rule's name starts; for an address the prefix length


cdef struct Match:
    uint64_t bits[WORDS]    # classes that the name stands in, exceptions taken away
    uint64_t wide[WORDS]    # those that hold for everything below it too: NXDOMAIN denies nothing else
    uint8_t mandatory_count
    Mandatory mandatory[MAX_MANDATORY]  # active ids only, in the order found from the root down
    bint mandatory_overflow             # there were more: to be treated as mandatory
    bint coming             # an id that is coming blocks it; exceptions are not looked at


cdef inline uint64_t home_of(uint64_t high, uint64_t slot_count) noexcept nogil:
    """floor(high * slot_count / 2**64): the slot where the search begins."""
    return <uint64_t>((<uint128>high * slot_count) >> 64)


cdef inline void prefetch(const Table* table, const Fingerprint* value) noexcept nogil:
    """Ask for the cache lines of the first slots of a search."""
    cdef const uint8_t* slot = table.slots + home_of(value.high, table.slot_count) * SLOT_SIZE
    __builtin_prefetch(slot)
    __builtin_prefetch(slot + 4 * SLOT_SIZE)


cdef inline const Entry* find(const Table* table, const Fingerprint* value) noexcept nogil:
    """The entry of a fingerprint, NULL when there is none."""
    cdef uint64_t home = home_of(value.high, table.slot_count)
    cdef const uint8_t* slot = table.slots + home * SLOT_SIZE
    cdef uint32_t distance = 0
    cdef uint64_t low
    cdef uint32_t place
    while True:
        memcpy(&place, slot + 8, 4)
        if place >> 24 < distance or place & 0xffffff == 0:     # a later home, or an empty slot
            return NULL
        if place >> 24 == distance:
            memcpy(&low, slot, 8)
            if low == value.low:
                return table.entries + ((place & 0xffffff) - 1)
        distance += 1
        slot += SLOT_SIZE


# Issues every probe of values[0..count-1], so that no comparison waits for memory. `overlay` may be NULL.
cdef void prefetch_all(const Table* snapshot, const Table* overlay, const Fingerprint* values,
                       int count) noexcept nogil

# Everything that a name stands in. ``overlay`` may be NULL; ``values`` are suffixes() of ``name``.
# From the root to the leaf: set = (set without the node's exceptions) with the node's blocks.
cdef void match_name(const Table* snapshot, const Table* overlay, const Fingerprint* values, const Name* name,
                     const ActiveSet* active, Match* out) noexcept nogil

# The same for a DS question, which the parent zone answers: of what stands at the name itself, its exceptions
# and the classes below FIRST_FREE_BIT count, no other class and no mandatory id.
cdef void match_of_parent(const Table* snapshot, const Table* overlay, const Fingerprint* values,
                          const Name* name, const ActiveSet* active, Match* out) noexcept nogil

# The same for an address of ``family`` 4 or 6 (4 or 16 bytes): from the shortest prefix to the longest.
cdef void match_address(const Table* snapshot, const Table* overlay, const uint8_t* key, uint8_t family,
                        const uint8_t* address, const ActiveSet* active, Match* out) noexcept nogil

# For an explanation: which rule gave the class bit ``bit`` to a name. The label index where the rule's name
# starts, its scope through ``scope`` (NULL ok); -1 when the name does not stand in that class.
cdef int origin_of_bit(const Table* snapshot, const Table* overlay, const Fingerprint* values,
                       const Name* name, uint32_t bit, uint8_t* scope) noexcept nogil

# The same for an address: the prefix length, or -1.
cdef int origin_of_address_bit(const Table* snapshot, const Table* overlay, const uint8_t* key,
                               uint8_t family, const uint8_t* address, uint32_t bit) noexcept nogil


# How far the check of a table's slots has come; zeros at the start.
cdef struct SlotWalk:
    uint64_t at
    uint64_t run                # where the present run of full slots began
    uint64_t last_home
    uint64_t count              # of full slots


@cython.final
cdef class Snapshot:
    """A verified snapshot in sealed memory. The memory is unmapped when the object goes."""

    cdef uint8_t* memory
    cdef readonly size_t size
    cdef Table table
    cdef readonly dict meta
    cdef readonly str digest
    cdef readonly uint64_t built_at_revision
    cdef readonly uint64_t built_at
    cdef readonly uint64_t names
    cdef int allocate(self, size_t size) except -1
    cdef int seal(self, object header, bytes key) except -1


@cython.final
cdef class Overlay:
    """A small table over the snapshot, built whole from fingerprints, read-only from then on."""

    cdef object image           # keeps the buffer that ``table`` points into
    cdef Table table
    cdef readonly uint64_t entries
