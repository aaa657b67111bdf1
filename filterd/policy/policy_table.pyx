# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Policies by index in native form; the next table is made from the last by changing single entries.

A pool of masks is shared by the tables that come one after the other. Masks that none of them uses any more
stay in it until it has more than twice what the newest table needs: then that one gets a pool of its own.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy

from filterd.policy.snapshot cimport WORDS

from collections.abc import Sequence

from filterd.model.blocking_mode import BlockingMode
from filterd.policy.resolve import ResolvedPolicy


cdef enum:
    MASK_BYTES = 64
    PAGE_MASKS = 256
    FIRST_SIZE = 64
    FEW_MASKS = 1024            # a pool of no more is never made anew


cdef int words_of(object mask, uint64_t* out) except -1:
    cdef bytes octets = mask.to_bytes(MASK_BYTES, "little")
    memcpy(out, PyBytes_AS_STRING(octets), MASK_BYTES)
    return 0


cdef object mask_of(const uint64_t* words):
    return int.from_bytes((<const char*> words)[:MASK_BYTES], "little")


cdef inline uint64_t hash_of(const uint64_t* words) noexcept:
    cdef uint64_t mixed = <uint64_t> 0x9E3779B97F4A7C15
    cdef int word
    for word in range(WORDS):
        mixed = (mixed ^ words[word]) * <uint64_t> 0x9FB21C651E98DF25
        mixed ^= mixed >> 29
    return mixed


cdef class MaskPool:

    def __cinit__(self):
        self.size = FIRST_SIZE
        self.limit = FEW_MASKS
        self.names = {}
        self.slots = <uint32_t*> calloc(self.size, sizeof(uint32_t))
        if self.slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef uint32_t page
        for page in range(self.page_count):
            free(self.pages[page])
        free(self.pages)
        free(self.slots)

    cdef const uint64_t* at(self, uint32_t number) noexcept:
        return self.pages[number // PAGE_MASKS] + number % PAGE_MASKS * WORDS

    cdef uint32_t slot_of(self, const uint64_t* words) noexcept:
        """The slot of this mask, or the empty one where it belongs."""
        cdef uint32_t slot = <uint32_t> hash_of(words) & (self.size - 1)
        while self.slots[slot] != 0 and memcmp(self.at(self.slots[slot] - 1), words, MASK_BYTES) != 0:
            slot = (slot + 1) & (self.size - 1)
        return slot

    cdef const uint64_t* keep(self, const uint64_t* words) except NULL:
        """The place of this mask."""
        cdef uint32_t slot
        if (self.count + 1) * 4 > self.size * 3:
            self.grow()
        slot = self.slot_of(words)
        if self.slots[slot] == 0:
            self.add(words)
            self.slots[slot] = self.count
        return self.at(self.slots[slot] - 1)

    cdef int grow(self) except -1:
        cdef uint32_t* fresh = <uint32_t*> calloc(2 * self.size, sizeof(uint32_t))
        cdef uint32_t number
        if fresh == NULL:
            raise MemoryError
        free(self.slots)
        self.slots = fresh
        self.size *= 2
        for number in range(self.count):
            self.slots[self.slot_of(self.at(number))] = number + 1
        return 0

    cdef int add(self, const uint64_t* words) except -1:
        """Copy the mask to the next place."""
        cdef uint64_t** pages
        if self.count == self.page_count * PAGE_MASKS:
            pages = <uint64_t**> realloc(self.pages, (self.page_count + 1) * sizeof(uint64_t*))
            if pages == NULL:
                raise MemoryError
            self.pages = pages
            pages[self.page_count] = <uint64_t*> malloc(PAGE_MASKS * MASK_BYTES)
            if pages[self.page_count] == NULL:
                raise MemoryError
            self.page_count += 1
        memcpy(<void*> self.at(self.count), words, MASK_BYTES)
        self.count += 1
        return 0


cdef class PolicyTable:

    def __cinit__(self):
        self.names = ()
        self.pool = MaskPool()

    def __dealloc__(self):
        free(self.entries)

    @staticmethod
    def of(policies not None):
        """The table of these policies, each at its place."""
        known = list(policies)
        return PolicyTable().with_changes(len(known), enumerate(known))

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if isinstance(index, slice):
            return tuple([self[each] for each in range(*index.indices(self.count))])
        if not -<int64_t> self.count <= index < self.count:
            raise IndexError(f"no policy {index} among {self.count}")
        return self.policy(index % self.count)

    def __iter__(self):
        return iter([self.policy(index) for index in range(self.count)])

    def policy(self, uint32_t index):
        """The policy at this index, of those that there are."""
        self.check(index)
        cdef const Policy* entry = &self.entries[index]
        profile, zone = self.names[index]
        return ResolvedPolicy(
            profile=profile,
            zone=zone,
            categories=mask_of(entry.categories),
            services=mask_of(entry.services),
            safe_search=mask_of(entry.safe_search),
            bypass=mask_of(entry.bypass),
            schedule=mask_of(entry.schedule),
            schedule_all=bool(entry.schedule_all),
            always=mask_of(entry.always),
            strip_ech=bool(entry.strip_ech),
            unread=bool(entry.unread),
            mode=BlockingMode(entry.mode),
            next_boundary=entry.next_boundary,
        )

    def with_changes(self, uint32_t count, policies not None, moments not None=()):
        """The next table: with these whole policies, and with these moments of policies that stay."""
        cdef PolicyTable made = PolicyTable.__new__(PolicyTable)
        cdef uint32_t index
        names = None
        made.begin(max(self.count, count))
        if self.count:
            memcpy(made.entries, self.entries, self.count * sizeof(Policy))
        made.pool = self.pool
        for index, policy in policies:
            made.check(index)
            if names is None:
                names = [*self.names, *[None] * (made.count - self.count)]
            pair = (policy.profile, policy.zone)
            names[index] = self.pool.names.setdefault(pair, pair)
            made.set_policy(index, policy)
        for index, schedule, everything, always, boundary in moments:
            made.check(index)
            if made.entries[index].categories == NULL:
                raise ValueError("a new policy is missing")
            made.set_moment(index, schedule, everything, always, boundary)
        made.names = self.names if names is None else tuple(names)
        if len(made.names) != made.count or None in made.names[self.count:]:
            raise ValueError("a new policy is missing")
        made.renew_pool()
        return made

    def keep_until_gone(self, thing):
        """Let go of the thing when nobody holds this table any more."""
        if self.kept is None:
            self.kept = []
        self.kept.append(thing)

    @property
    def masks(self):
        """The number of masks in the pool."""
        return self.pool.count

    cdef int check(self, uint32_t index) except -1:
        if index >= self.count:
            raise IndexError(f"no policy {index} among {self.count}")
        return 0

    cdef int begin(self, uint32_t count) except -1:
        self.entries = <Policy*> calloc(count or 1, sizeof(Policy))
        if self.entries == NULL:
            raise MemoryError
        self.count = count
        self.looked_at = -1
        return 0

    cdef const uint64_t* masked(self, object mask) except NULL:
        """The place of the mask in the pool."""
        cdef uint64_t words[WORDS]
        words_of(mask, words)
        return self.pool.keep(words)

    cdef int set_policy(self, uint32_t index, object policy) except -1:
        cdef Policy* entry = &self.entries[index]
        entry.categories = self.masked(policy.categories)
        entry.services = self.masked(policy.services)
        entry.safe_search = self.masked(policy.safe_search)
        entry.bypass = self.masked(policy.bypass)
        entry.mode = policy.mode
        entry.strip_ech = policy.strip_ech
        entry.unread = policy.unread
        return self.set_moment(index, policy.schedule, policy.schedule_all, policy.always,
                               policy.next_boundary)

    cdef int set_moment(self, uint32_t index, object schedule, bint everything, object always,
                        int64_t boundary) except -1:
        cdef Policy* entry = &self.entries[index]
        entry.schedule = self.masked(schedule)
        entry.always = self.masked(always)
        entry.schedule_all = everything
        entry.next_boundary = boundary
        return self.unite(entry)

    cdef int unite(self, Policy* policy) except -1:
        """Set what a cached answer is tested with."""
        cdef uint64_t words[WORDS]
        cdef int word
        for word in range(WORDS):
            words[word] = (policy.categories[word] | policy.services[word] | policy.safe_search[word]
                           | policy.bypass[word] | policy.schedule[word])
        policy.interest = self.pool.keep(words)
        return 0

    cdef int renew_pool(self) except -1:
        """Look how much of a pool that has grown is used, and leave it if that is less than half."""
        cdef MaskPool fresh
        cdef MaskPool before = self.pool
        if before.count <= before.limit:
            return 0
        fresh = MaskPool()
        self.take_over(fresh)
        if before.count > 2 * fresh.count:
            fresh.limit = max(<uint32_t> FEW_MASKS, 2 * fresh.count)
            fresh.names = {each: each for each in self.names}
            return 0
        before.limit = max(before.limit, 2 * fresh.count)
        return self.take_over(before)

    cdef int take_over(self, MaskPool pool) except -1:
        """Point to equal masks in this pool."""
        cdef Policy* entry
        cdef uint32_t index
        for index in range(self.count):
            entry = &self.entries[index]
            entry.categories = pool.keep(entry.categories)
            entry.services = pool.keep(entry.services)
            entry.safe_search = pool.keep(entry.safe_search)
            entry.bypass = pool.keep(entry.bypass)
            entry.schedule = pool.keep(entry.schedule)
            entry.interest = pool.keep(entry.interest)
            entry.always = pool.keep(entry.always)
        self.pool = pool
        return 0

    cdef int64_t next_boundary(self, int64_t now) noexcept:
        """The first boundary after ``now``; 0: there is none."""
        cdef int64_t found = 0
        cdef int64_t boundary
        cdef uint32_t index
        if 0 <= self.looked_at <= now and (self.soonest == 0 or now < self.soonest):
            return self.soonest
        for index in range(self.count):
            boundary = self.entries[index].next_boundary
            if boundary > now and (found == 0 or boundary < found):
                found = boundary
        self.looked_at = now
        self.soonest = found
        return found


Sequence.register(PolicyTable)
