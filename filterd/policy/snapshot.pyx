# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The policy snapshot: opened into sealed memory, verified once, then only looked up. The twin is
``snapshot_reference``.

At each node of the name, from the root down: what the node excepts is taken away, then what it blocks is
added. An exception lifts its own list's bit or id only. EXACT rules speak at the full name alone, BELOW rules
at every other node.
"""

import hashlib
import sys

cimport cython
from cpython.buffer cimport PyBUF_WRITE
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from filterd.policy.fingerprint cimport (
    KEY_SIZE,
    MAX_SUFFIXES,
    Fingerprint,
    Prefixed,
    prefix_value,
    prefixed,
    read_wire,
    suffixes,
    unpacked,
)
from filterd.wire.codec cimport Name

from filterd.policy import snapshot_layout

snapshot_layout.check_byte_order(sys.byteorder)

cdef enum:
    EXACT = 0               # model.rule.Scope
    SUBTREE = 1
    BELOW = 2
    ACTIVE = 1
    COMING = 16
    NEW = 1000              # a walk's answer: found at this very node
    CHUNK = 1 << 19         # bytes that are read and hashed in one step
    SLOTS = 1 << 16         # slots that are checked in one step

cdef struct Node:           # one prefix length of an address
    uint8_t length
    bint own                # the snapshot has rules of that length
    bint over               # the overlay has

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void* start, size_t length, int protection, int flags, int fd, long offset)
    int munmap(void* start, size_t length)
    int mprotect(void* start, size_t length, int protection)
    int madvise(void* start, size_t length, int advice)
    enum:
        PROT_READ
        PROT_WRITE
        MAP_PRIVATE
        MAP_ANONYMOUS
        MADV_HUGEPAGE
        MADV_DONTDUMP
    void* MAP_FAILED


cdef inline bint in_force(const ActiveSet* active, uint32_t number) noexcept nogil:
    """An id that the active set does not know is in force: never fails open."""
    return number >= active.count or active.state[number] & ACTIVE != 0


cdef inline bint holds(const Table* table, const Set* members, uint32_t number) noexcept nogil:
    """True if a mandatory id is one of a set's (sorted, few)."""
    cdef const uint32_t* ids = table.mandatory + members.mandatory_first
    cdef uint32_t i
    for i in range(members.mandatory_count):
        if ids[i] == number:
            return True
    return False


cdef void lift(const Table* table, uint32_t which, Match* out) noexcept nogil:
    """Take an exception's classes and ids away."""
    cdef const Set* members = table.sets + which
    cdef int i
    cdef uint8_t kept = 0
    if which == 0:
        return
    for i in range(WORDS):
        out.bits[i] &= ~members.bits[i]
        out.wide[i] &= ~members.bits[i]
    if members.mandatory_count == 0:
        return
    for i in range(out.mandatory_count):
        if not holds(table, members, out.mandatory[i].id):
            out.mandatory[kept] = out.mandatory[i]
            kept += 1
    out.mandatory_count = kept


cdef void narrow(const Table* table, uint32_t which, Match* out) noexcept nogil:
    """An exception for what is below the full name: it stays blocked, but NXDOMAIN would deny too much."""
    cdef const Set* members = table.sets + which
    cdef int i
    if which == 0:
        return
    for i in range(WORDS):
        out.wide[i] &= ~members.bits[i]
    for i in range(out.mandatory_count):
        if holds(table, members, out.mandatory[i].id):
            out.mandatory[i].scope = EXACT


cdef void demand(uint32_t number, uint8_t scope, uint8_t suffix, Match* out) noexcept nogil:
    """Add a mandatory id; one that is there stays, unless it was for the name alone and now is not."""
    cdef Mandatory* item
    cdef int i
    for i in range(out.mandatory_count):
        item = &out.mandatory[i]
        if item.id == number:
            if item.scope == EXACT and scope != EXACT:
                item.scope = scope
                item.suffix = suffix
            return
    if out.mandatory_count == MAX_MANDATORY:
        out.mandatory_overflow = True
        return
    item = &out.mandatory[out.mandatory_count]
    item.id = number
    item.scope = scope
    item.suffix = suffix
    out.mandatory_count += 1


cdef void block(const Table* table, uint32_t which, uint8_t scope, uint8_t suffix, const ActiveSet* active,
                Match* out) noexcept nogil:
    """Add a set's classes, and those of its ids that are in force; note one that is coming."""
    cdef const Set* members = table.sets + which
    cdef const uint32_t* ids = table.mandatory + members.mandatory_first
    cdef uint32_t i
    if which == 0:
        return
    for i in range(WORDS):
        out.bits[i] |= members.bits[i]
        if scope != EXACT:
            out.wide[i] |= members.bits[i]
    for i in range(members.mandatory_count):
        if in_force(active, ids[i]):
            demand(ids[i], scope, suffix, out)
        elif active.state[ids[i]] & COMING:
            out.coming = True


cdef void lift_node(const Table* table, const Entry* entry, bint leaf, Match* out) noexcept nogil:
    """The exceptions of one node; ``leaf``: the node is the full name."""
    lift(table, entry.allow_subtree, out)
    if leaf:
        lift(table, entry.allow_exact, out)
        narrow(table, entry.allow_below, out)
    else:
        lift(table, entry.allow_below, out)


cdef void block_node(const Table* table, const Entry* entry, bint leaf, uint8_t suffix,
                     const ActiveSet* active, Match* out) noexcept nogil:
    """The blocks of one node."""
    block(table, entry.block_subtree, SUBTREE, suffix, active, out)
    if leaf:
        block(table, entry.block_exact, EXACT, suffix, active, out)
    else:
        block(table, entry.block_below, BELOW, suffix, active, out)


cdef void step(const Table* snapshot, const Table* overlay, const Fingerprint* value, bint leaf,
               uint8_t suffix, const ActiveSet* active, Match* out) noexcept nogil:
    """One node: the exceptions of both tables, then the blocks of both. A table that is NULL has none."""
    cdef const Entry* own = NULL
    cdef const Entry* over = NULL
    if snapshot != NULL:
        own = find(snapshot, value)
    if overlay != NULL:
        over = find(overlay, value)
    if own != NULL:
        lift_node(snapshot, own, leaf, out)
    if over != NULL:
        lift_node(overlay, over, leaf, out)
    if own != NULL:
        block_node(snapshot, own, leaf, suffix, active, out)
    if over != NULL:
        block_node(overlay, over, leaf, suffix, active, out)


cdef inline const Table* unless_empty(const Table* overlay) noexcept nogil:
    """Most of the time the overlay is empty: no probe then."""
    if overlay != NULL and overlay.entries_count == 0:
        return NULL
    return overlay


cdef inline void clear(Match* out) noexcept nogil:
    memset(out.bits, 0, sizeof(out.bits))
    memset(out.wide, 0, sizeof(out.wide))
    out.mandatory_count = 0
    out.mandatory_overflow = False
    out.coming = False


cdef void prefetch_all(const Table* snapshot, const Table* overlay, const Fingerprint* values,
                       int count) noexcept nogil:
    """Issue every probe before the first comparison waits for one."""
    cdef int i
    for i in range(count):
        prefetch(snapshot, values + i)
    if overlay != NULL:
        for i in range(count):
            prefetch(overlay, values + i)


cdef void match_name(const Table* snapshot, const Table* overlay, const Fingerprint* values, const Name* name,
                     const ActiveSet* active, Match* out) noexcept nogil:
    cdef int i = name.labels
    overlay = unless_empty(overlay)
    clear(out)
    prefetch_all(snapshot, overlay, values, i + 1)
    while i >= 0:
        step(snapshot, overlay, values + i, i == 0, <uint8_t>i, active, out)
        i -= 1


cdef void block_fixed(const Table* table, uint32_t which, uint8_t scope, Match* out) noexcept nogil:
    """Add those of a set's classes that are no list's: local, special-use, protected and always allowed."""
    cdef uint64_t bits = table.sets[which].bits[0] & FIXED_CLASSES
    out.bits[0] |= bits
    if scope != EXACT:
        out.wide[0] |= bits


cdef void match_of_parent(const Table* snapshot, const Table* overlay, const Fingerprint* values,
                          const Name* name, const ActiveSet* active, Match* out) noexcept nogil:
    cdef const Table* tables[2]
    cdef const Entry* entries[2]
    cdef int i = name.labels
    overlay = unless_empty(overlay)
    clear(out)
    prefetch_all(snapshot, overlay, values, i + 1)
    while i > 0:
        step(snapshot, overlay, values + i, False, <uint8_t>i, active, out)
        i -= 1
    tables[0] = snapshot
    tables[1] = overlay
    for i in range(2):
        entries[i] = NULL
        if tables[i] != NULL:
            entries[i] = find(tables[i], values)
        if entries[i] != NULL:
            lift_node(tables[i], entries[i], True, out)
    for i in range(2):
        if entries[i] != NULL:
            block_fixed(tables[i], entries[i].block_subtree, SUBTREE, out)
            block_fixed(tables[i], entries[i].block_exact, EXACT, out)


cdef inline int prefixes_of(const Table* table, uint8_t family, const uint8_t** out) noexcept nogil:
    """The prefix lengths that a table has, ascending; how many. A table that is NULL has none."""
    out[0] = NULL
    if table == NULL:
        return 0
    if family == 4:
        out[0] = &table.prefixes4[0]
        return table.n4
    out[0] = &table.prefixes6[0]
    return table.n6


cdef int address_nodes(const Table* snapshot, const Table* overlay, const uint8_t* key, uint8_t family,
                       const uint8_t* address, Node* nodes, Fingerprint* values) noexcept nogil:
    """The prefix lengths in use, ascending, and the address's fingerprint at each; how many.

    A table is asked for the lengths that it has alone; what is asked first is fetched first.
    """
    cdef const uint8_t* own
    cdef const uint8_t* over
    cdef int own_count = prefixes_of(snapshot, family, &own)
    cdef int over_count = prefixes_of(overlay, family, &over)
    cdef int i = 0
    cdef int j = 0
    cdef int count = 0
    cdef Prefixed numbers
    prefixed(key, family, address, &numbers)
    while i < own_count or j < over_count:
        nodes[count].own = j == over_count or (i < own_count and own[i] <= over[j])
        nodes[count].over = i == own_count or (j < over_count and over[j] <= own[i])
        nodes[count].length = own[i] if nodes[count].own else over[j]
        prefix_value(&numbers, nodes[count].length, values + count)
        if nodes[count].own:
            prefetch(snapshot, values + count)
            i += 1
        if nodes[count].over:
            prefetch(overlay, values + count)
            j += 1
        count += 1
    return count


cdef void match_address(const Table* snapshot, const Table* overlay, const uint8_t* key, uint8_t family,
                        const uint8_t* address, const ActiveSet* active, Match* out) noexcept nogil:
    cdef Node nodes[129]
    cdef Fingerprint values[129]
    cdef int count, i
    overlay = unless_empty(overlay)
    clear(out)
    count = address_nodes(snapshot, overlay, key, family, address, nodes, values)
    for i in range(count):
        step(snapshot if nodes[i].own else NULL, overlay if nodes[i].over else NULL, values + i, False,
             nodes[i].length, active, out)


cdef inline bint has_bit(const Table* table, uint32_t which, uint32_t bit) noexcept nogil:
    return table.sets[which].bits[bit >> 6] >> (bit & 63) & 1


cdef bint excepts_bit(const Table* table, const Fingerprint* value, bint leaf, uint32_t bit) noexcept nogil:
    """True if the node takes the class away."""
    cdef const Entry* entry = NULL
    if table != NULL:
        entry = find(table, value)
    if entry == NULL:
        return False
    return (has_bit(table, entry.allow_subtree, bit)
            or has_bit(table, entry.allow_exact if leaf else entry.allow_below, bit))


cdef int blocks_bit(const Table* table, const Fingerprint* value, bint leaf, uint32_t bit) noexcept nogil:
    """The scope of the node's rule that gives the class, -1 when none does."""
    cdef const Entry* entry = NULL
    if table != NULL:
        entry = find(table, value)
    if entry == NULL:
        return -1
    if has_bit(table, entry.block_subtree, bit):
        return SUBTREE
    if has_bit(table, entry.block_exact if leaf else entry.block_below, bit):
        return EXACT if leaf else BELOW
    return -1


cdef int origin(const Table* snapshot, const Table* overlay, const Fingerprint* value, bint leaf,
                uint32_t bit, int found, int* scope) noexcept nogil:
    """One step of the walk for an explanation: ``found`` as it was, -1 (lifted, or not yet), or NEW."""
    cdef int given
    if excepts_bit(snapshot, value, leaf, bit) or excepts_bit(overlay, value, leaf, bit):
        found = -1
    if found >= 0:
        return found
    given = blocks_bit(snapshot, value, leaf, bit)
    if given < 0:
        given = blocks_bit(overlay, value, leaf, bit)
    if given < 0:
        return -1
    scope[0] = given
    return NEW


cdef int origin_of_bit(const Table* snapshot, const Table* overlay, const Fingerprint* values,
                       const Name* name, uint32_t bit, uint8_t* scope) noexcept nogil:
    cdef int i = name.labels
    cdef int found = -1
    cdef int given = SUBTREE
    while i >= 0:
        found = origin(snapshot, overlay, values + i, i == 0, bit, found, &given)
        if found == NEW:
            found = i
        i -= 1
    if scope != NULL:
        scope[0] = <uint8_t>given
    return found


cdef int origin_of_address_bit(const Table* snapshot, const Table* overlay, const uint8_t* key,
                               uint8_t family, const uint8_t* address, uint32_t bit) noexcept nogil:
    cdef Node nodes[129]
    cdef Fingerprint values[129]
    cdef int count = address_nodes(snapshot, overlay, key, family, address, nodes, values)
    cdef int found = -1
    cdef int given = SUBTREE
    cdef int i
    for i in range(count):
        found = origin(snapshot, overlay, values + i, False, bit, found, &given)
        if found == NEW:
            found = nodes[i].length
    return found


cdef enum Fault:
    SOUND = 0
    BAD_ENTRY               # an entry names a set that is not there
    BAD_SET                 # a set names mandatory ids that are not there, or set 0 is not empty
    BAD_SLOT                # a slot names an entry that is not there, or stands where no search finds it
    BAD_COUNT               # the number of names is not the header's

cdef tuple FAULTS = (
    "",
    "an entry names a set that does not exist",
    "a set names mandatory ids that do not exist, or set 0 is not empty",
    "a slot of the table is out of place or names an entry that does not exist",
    "the table holds another number of names than the header says",
)


cdef Fault check_sets(const Table* table) noexcept nogil:
    """True if all that an entry or a set leads to is there."""
    cdef const uint32_t* which = <const uint32_t*>table.entries
    cdef uint64_t i
    cdef int word
    for i in range(<uint64_t>table.entries_count * 6):
        if which[i] >= table.sets_count:
            return BAD_ENTRY
    if table.sets_count == 0 or table.sets[0].mandatory_count:
        return BAD_SET
    for word in range(WORDS):
        if table.sets[0].bits[word]:
            return BAD_SET
    for i in range(table.sets_count):
        if <uint64_t>table.sets[i].mandatory_first + table.sets[i].mandatory_count > table.mandatory_count:
            return BAD_SET
    return SOUND


cdef Fault check_slots(const Table* table, SlotWalk* walk, uint64_t most) noexcept nogil:
    """True if each name is where a search looks for it, and each search ends inside the table: the next
    ``most`` slots from where ``walk`` stands, or as many as there are."""
    cdef uint64_t home
    cdef uint64_t end = table.slot_count + SPARE_SLOTS
    cdef uint32_t place
    if end - walk.at > most:
        end = walk.at + most
    while walk.at < end:
        memcpy(&place, table.slots + walk.at * SLOT_SIZE + 8, 4)
        walk.at += 1
        if place == 0:
            walk.run = walk.at
            continue
        home = walk.at - 1 - (place >> 24)
        if (place & 0xffffff == 0 or place & 0xffffff > table.entries_count
                or place >> 24 > walk.at - 1 - walk.run or home < walk.last_home
                or home >= table.slot_count):
            return BAD_SLOT
        walk.last_home = home
        walk.count += 1
    return SOUND


cdef Fault check_end(const Table* table, const SlotWalk* walk, uint64_t used) noexcept nogil:
    """Check the sums that are known once the last slot was read."""
    if walk.run != table.slot_count + SPARE_SLOTS:
        return BAD_SLOT
    return SOUND if walk.count == used else BAD_COUNT


cdef void place_lengths(list lengths, uint8_t* out, uint8_t* count):
    cdef Py_ssize_t i
    for i in range(len(lengths)):
        out[i] = lengths[i]
    count[0] = <uint8_t>len(lengths)


cdef int attach(Table* table, const uint8_t* start, object header, object meta) except -1:
    """Point ``table`` into the file's bytes at ``start``; check its sets. SnapshotDamagedError."""
    four, six = snapshot_layout.read_prefixes(meta)
    place_lengths(four, table.prefixes4, &table.n4)
    place_lengths(six, table.prefixes6, &table.n6)
    table.slots = start + <size_t>header.table_offset
    table.slot_count = header.slots
    table.entries = <const Entry*>(start + <size_t>header.entries_offset)
    table.entries_count = header.entries_count
    table.sets = <const Set*>(start + <size_t>header.sets_offset)
    table.sets_count = header.sets_count
    table.mandatory = <const uint32_t*>(start + <size_t>header.mandatory_offset)
    table.mandatory_count = header.mandatory_count
    return require_sound(check_sets(table))


cdef int require_sound(Fault fault) except -1:
    if fault != SOUND:
        raise snapshot_layout.SnapshotDamagedError(f"the snapshot is damaged: {FAULTS[fault]}")
    return 0


cdef bint walk_slots(const Table* table, SlotWalk* walk, uint64_t used) except -1:
    """Check some more slots; whether these were the last. SnapshotDamagedError."""
    cdef Fault fault
    with nogil:
        fault = check_slots(table, walk, SLOTS)
    require_sound(fault)
    if walk.at < table.slot_count + SPARE_SLOTS:
        return False
    require_sound(check_end(table, walk, used))
    return True


@cython.final
cdef class Snapshot:
    """A verified snapshot in memory of its own, read-only from the moment it is verified."""

    def __cinit__(self):
        self.memory = NULL
        self.size = 0

    def __init__(self):
        raise TypeError("a snapshot is opened with Snapshot.open or Snapshot.read")

    def __dealloc__(self):
        if self.memory != NULL:
            munmap(self.memory, self.size)

    @staticmethod
    def open(path, bytes key not None):
        """Read, verify and seal the snapshot at ``path``; SnapshotError says what is wrong with it."""
        with open(path, "rb", buffering=0) as file:
            size = file.seek(0, 2)
            file.seek(0)
            return Snapshot.read(file, size, key)

    @staticmethod
    def read(file, size_t size, bytes key not None):
        """Read, verify and seal the snapshot in an open binary file of ``size`` bytes."""
        opening = Opening(file, size, key)
        while True:
            snapshot = opening.step()
            if snapshot is not None:
                return snapshot

    cdef int allocate(self, size_t size) except -1:
        """Anonymous memory of our own: nothing that happens to the file reaches it."""
        cdef void* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if memory == MAP_FAILED:
            raise MemoryError(f"no {size} bytes of memory for the snapshot")
        self.memory = <uint8_t*>memory
        self.size = size
        madvise(memory, size, MADV_HUGEPAGE)    # fewer TLB misses a lookup; a kernel without it does as well
        madvise(memory, size, MADV_DONTDUMP)    # never part of a core file
        return 0

    cdef int seal(self, object header, bytes key) except -1:
        """From here on nobody can write to it; point into it."""
        if mprotect(self.memory, self.size, PROT_READ) != 0:
            raise OSError("the snapshot's memory cannot be sealed")
        snapshot_layout.check_key(header, key)
        self.meta = snapshot_layout.read_meta((<const char*>self.memory)[header.meta_offset:self.size])
        attach(&self.table, self.memory, header, self.meta)
        self.digest = header.digest.hex()
        self.built_at_revision = header.built_at_revision
        self.built_at = header.built_at
        self.names = header.used
        return 0

    def __repr__(self):
        return f"<Snapshot {self.digest[:12]} of revision {self.built_at_revision}: {self.names} names>"


@cython.final
cdef class Opening:
    """A snapshot that is opened step by step, each of about a millisecond at most."""

    cdef Snapshot snapshot
    cdef object file, header, hash
    cdef bytes key
    cdef size_t at              # bytes that were read
    cdef SlotWalk walk

    def __init__(self, file, size_t size, bytes key not None):
        if len(key) != KEY_SIZE:
            raise ValueError(f"a fingerprint key has {KEY_SIZE} bytes, not {len(key)}")
        self.file, self.key = file, key
        start = file.read(snapshot_layout.HEADER_SIZE)
        self.header = snapshot_layout.read_header(start, size)
        self.snapshot = Snapshot.__new__(Snapshot)
        self.snapshot.allocate(size)
        memcpy(self.snapshot.memory, PyBytes_AS_STRING(start), len(start))
        self.at = len(start)
        # The checksum field itself counts as zero.
        self.hash = hashlib.sha256(start[:snapshot_layout.CHECKSUM_AT] + bytes(snapshot_layout.CHECKSUM_SIZE))
        memset(&self.walk, 0, sizeof(SlotWalk))

    def step(self):
        """Do some more of the work; return the snapshot when all is done, None before."""
        if self.snapshot.meta is None:
            self.read_some()
            return None
        if not walk_slots(&self.snapshot.table, &self.walk, self.header.used):
            return None
        return self.snapshot

    cdef int read_some(self) except -1:
        """Read and hash the next piece; after the last one seal it all."""
        cdef size_t most = min(<size_t>CHUNK, self.snapshot.size - self.at)
        view = PyMemoryView_FromMemory(<char*>self.snapshot.memory + self.at, most, PyBUF_WRITE)
        got = self.file.readinto(view)
        if not got:
            raise snapshot_layout.SnapshotTruncatedError(
                f"the snapshot is truncated: it ends after {self.at} bytes"
            )
        self.hash.update(view[:got])
        view.release()
        self.at += <size_t>got
        if self.at == self.snapshot.size:
            snapshot_layout.check_checksum(self.header, self.hash.digest())
            self.snapshot.seal(self.header, self.key)
        return 0


@cython.final
cdef class Overlay:
    """A small table over the snapshot, for what cannot wait for a compile."""

    def __init__(self, rules=(), prefixes4=(), prefixes6=()):
        cdef const uint8_t* file_start
        cdef SlotWalk walk
        from filterd.policy.build import Builder    # the builder knows this module's structs

        builder = Builder(bytes(KEY_SIZE))          # rules come as fingerprints: the key is not used
        for value, target, scope, action in rules:
            builder.add_fingerprint(value, target, scope, action)
        builder.use_prefixes(prefixes4, prefixes6)
        start, body = builder.parts({}, 0, 0, bytes(32))
        header = snapshot_layout.read_header(start, len(start) + len(body))
        self.image = body
        meta = snapshot_layout.read_meta(body[header.meta_offset - snapshot_layout.HEADER_SIZE:])
        file_start = <const uint8_t*>PyBytes_AS_STRING(body) - <size_t>snapshot_layout.HEADER_SIZE
        attach(&self.table, file_start, header, meta)
        memset(&walk, 0, sizeof(SlotWalk))
        while not walk_slots(&self.table, &walk, header.used):
            pass
        self.entries = header.used


cdef frozenset numbers_of(const uint64_t* words):
    """The numbers of the bits that are set."""
    return frozenset([i for i in range(64 * WORDS) if words[i >> 6] >> (i & 63) & 1])


@cython.final
cdef class Matched:
    """The lists that a name or address stands in."""

    cdef Match match

    @property
    def bits(self):
        return numbers_of(self.match.bits)

    @property
    def wide(self):
        return numbers_of(self.match.wide)

    @property
    def mandatory(self):
        return tuple([(item.id, item.scope, item.suffix)
                      for item in self.match.mandatory[:self.match.mandatory_count]])

    @property
    def overflow(self):
        return bool(self.match.mandatory_overflow)

    @property
    def coming(self):
        return bool(self.match.coming)


cdef const Table* table_of(Overlay overlay):
    return NULL if overlay is None else &overlay.table


cdef const uint8_t* key_of(bytes key) except NULL:
    if len(key) != KEY_SIZE:
        raise ValueError(f"a fingerprint key has {KEY_SIZE} bytes, not {len(key)}")
    return <const uint8_t*>key


cdef uint8_t family_of(bytes address) except 0:
    if len(address) not in (4, 16):
        raise ValueError(f"an address has 4 or 16 bytes, not {len(address)}")
    return 4 if len(address) == 4 else 6


def match_wire(Snapshot snapshot not None, Overlay overlay, bytes key not None, bytes wire not None,
               bytes active not None, *, bint of_parent=False):
    """Return the match of a lower-cased wire name; ValueError when it is no name."""
    cdef Matched result = Matched()
    cdef Name name
    cdef Fingerprint values[MAX_SUFFIXES]
    cdef ActiveSet states = ActiveSet(<const uint8_t*>active, <uint32_t>len(active))
    cdef const uint8_t* secret = key_of(key)
    read_wire(wire, &name)
    suffixes(secret, &name, values)
    if of_parent:
        match_of_parent(&snapshot.table, table_of(overlay), values, &name, &states, &result.match)
    else:
        match_name(&snapshot.table, table_of(overlay), values, &name, &states, &result.match)
    return result


def match_packed(Snapshot snapshot not None, Overlay overlay, bytes key not None, bytes address not None,
                 bytes active not None):
    """Return the match of an address of 4 or 16 bytes."""
    cdef Matched result = Matched()
    cdef ActiveSet states = ActiveSet(<const uint8_t*>active, <uint32_t>len(active))
    match_address(&snapshot.table, table_of(overlay), key_of(key), family_of(address),
                  <const uint8_t*>address, &states, &result.match)
    return result


def origin_of_class(Snapshot snapshot not None, Overlay overlay, bytes key not None, bytes wire not None,
                    uint32_t bit):
    """Return the label and the scope of the rule that gave a class to a name, None where none did."""
    cdef Name name
    cdef Fingerprint values[MAX_SUFFIXES]
    cdef uint8_t scope = SUBTREE
    cdef int found
    cdef const uint8_t* secret = key_of(key)
    read_wire(wire, &name)
    suffixes(secret, &name, values)
    found = origin_of_bit(&snapshot.table, table_of(overlay), values, &name, checked_bit(bit), &scope)
    return None if found < 0 else (found, scope)


def origin_of_address_class(Snapshot snapshot not None, Overlay overlay, bytes key not None,
                            bytes address not None, uint32_t bit):
    """Return the length of the prefix that gave a class to an address, None where none did."""
    cdef int found = origin_of_address_bit(&snapshot.table, table_of(overlay), key_of(key),
                                           family_of(address),
                                           <const uint8_t*>address, checked_bit(bit))
    return None if found < 0 else found


cdef uint32_t checked_bit(uint32_t bit) except? 0:
    if bit >= 64 * WORDS:
        raise ValueError(f"no class bit: {bit}")
    return bit


def contains(table not None, bytes fingerprint not None):
    """Return whether a rule stands under this fingerprint."""
    cdef Fingerprint value
    cdef const Table* where
    if isinstance(table, Snapshot):
        where = &(<Snapshot>table).table
    else:
        where = &(<Overlay?>table).table
    unpacked(fingerprint, &value)
    return find(where, &value) != NULL
