# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Sorts the names of a list and drops repetitions, in little more memory than the names take.

A name takes its own octets and 16 bytes beside them; Python's sets and strings took 90 bytes more. Lists come
from strangers: every length is checked, the time is linear in the octets, whatever the names are, and a name
that is repeated does not take memory each time.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport UINT32_MAX, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcmp, memcpy, memmove, memset

cimport cython

cdef enum:
    MAX_NAME = 255          # octets of a name without its newline
    KEY_SIZE = 8            # octets of a name that stand in its key
    FEW = 32                # names that insertion sorts faster than buckets
    STEP = 64 << 20         # bytes of names that are kept before repeated ones are dropped
    NEWLINE = 0x0a
    FIRST_OCTET = 0x21      # a name is printable ASCII without a space: 0 ends a key, so no name may hold it
    LAST_OCTET = 0x7e


cdef struct Name:
    uint64_t key            # its octets from the present depth on, big-endian, filled up with zeros
    uint32_t start          # in the text
    uint32_t length


cdef inline uint64_t key_at(const uint8_t* text, const Name* name, uint32_t depth) noexcept nogil:
    """The key of a name at a depth."""
    cdef uint64_t key = 0
    cdef uint32_t at
    for at in range(depth, depth + KEY_SIZE):
        key = key << 8 | (text[name.start + at] if at < name.length else 0)
    return key


cdef inline int order_of(const uint8_t* one, size_t one_length, const uint8_t* other,
                         size_t other_length) noexcept nogil:
    """Below 0 if ``one`` sorts before ``other``, 0 if they are equal, above 0 otherwise."""
    cdef int order = memcmp(one, other, one_length if one_length < other_length else other_length)
    return order if order else (one_length > other_length) - (one_length < other_length)


cdef inline bint before(const uint8_t* text, const Name* one, const Name* other) noexcept nogil:
    """True if ``one`` sorts before ``other``; both have their keys at the same depth, and are equal above."""
    if one.key != other.key:
        return one.key < other.key
    return order_of(text + one.start, one.length, text + other.start, other.length) < 0


cdef void insertion(const uint8_t* text, Name* names, size_t count) noexcept nogil:
    cdef size_t i
    cdef size_t j
    cdef Name held
    for i in range(1, count):
        held = names[i]
        j = i
        while j > 0 and before(text, &held, names + j - 1):
            names[j] = names[j - 1]
            j -= 1
        names[j] = held


cdef void sort_names(const uint8_t* text, Name* names, size_t count, uint32_t depth,
                     int shift) noexcept nogil:
    """Sort names that are equal before the octet at ``depth``, ``shift`` bits into their keys.

    Calls itself once for each octet at most, and only where names part: 256 deep, 2 KiB each.
    """
    cdef uint32_t next_free[256]
    cdef uint32_t ends[256]
    cdef size_t at
    cdef int bucket
    while count > FEW:
        if shift < 0:  # equal keys without a zero: all of them go on
            depth += KEY_SIZE
            shift = 56
            for at in range(count):
                names[at].key = key_at(text, names + at, depth)
        memset(ends, 0, sizeof(ends))
        for at in range(count):
            ends[names[at].key >> shift & 0xff] += 1
        bucket = names[0].key >> shift & 0xff
        if ends[bucket] == count:
            if bucket == 0:
                return  # they end here: all of them are equal
            shift -= 8
            continue
        fill_buckets(names, next_free, ends, shift)
        # Those of the first bucket end here, and are equal.
        for bucket in range(1, 256):
            at = ends[bucket - 1]
            sort_names(text, names + at, ends[bucket] - at, depth, shift - 8)
        return
    insertion(text, names, count)


cdef void fill_buckets(Name* names, uint32_t* next_free, uint32_t* ends, int shift) noexcept nogil:
    """Move each name to its bucket; ``ends`` holds the counts, and afterwards where each bucket ends."""
    cdef uint32_t at = 0
    cdef int bucket
    cdef int goal
    cdef Name held
    cdef Name other
    for bucket in range(256):
        next_free[bucket] = at
        at += ends[bucket]
        ends[bucket] = at
    for bucket in range(256):
        while next_free[bucket] < ends[bucket]:
            held = names[next_free[bucket]]
            goal = held.key >> shift & 0xff
            while goal != bucket:
                other = names[next_free[goal]]
                names[next_free[goal]] = held
                next_free[goal] += 1
                held = other
                goal = held.key >> shift & 0xff
            names[next_free[bucket]] = held
            next_free[bucket] += 1


@cython.final
cdef class NameSorter:
    """Takes names in any order, and gives each once, sorted. Used once, by one thread."""

    cdef uint8_t* text
    cdef size_t length
    cdef size_t room
    cdef Name* names
    cdef size_t count
    cdef size_t places
    cdef size_t step
    cdef size_t most        # bytes in use at which repeated names are dropped
    cdef bint finished

    def __cinit__(self, size_t step=STEP):
        self.text = NULL
        self.names = NULL
        self.step = step
        self.most = step

    def __dealloc__(self):
        free(self.text)
        free(self.names)

    def add(self, const uint8_t[::1] run not None):
        """Add names, each ended by a newline; empty lines are passed over."""
        cdef size_t size = run.shape[0]
        cdef size_t known = self.length
        cdef size_t at
        cdef size_t lines = 0
        if self.finished:
            raise ValueError("the names were sorted already: new ones take a new sorter")
        if size == 0:
            return
        if run[size - 1] != NEWLINE:
            raise ValueError("the last name has no newline")
        if known + size > UINT32_MAX:
            raise ValueError("more than 4 GiB of names in one list")
        with nogil:
            for at in range(size):
                lines += run[at] == NEWLINE
        self.reserve(size, lines)
        memcpy(self.text + known, &run[0], size)
        self.length += size
        with nogil:
            at = self.take(known)
        if at:
            self.length = known
            raise ValueError("a name longer than 255 octets, or with an octet that no name has")
        if self.in_use() > self.most:
            with nogil:
                self.drop()
            # By half at least: the sorting stays a constant factor of the last one.
            self.most = self.in_use() + max(self.step, self.in_use() // 2)

    cdef size_t in_use(self) noexcept nogil:
        return self.length + self.count * sizeof(Name)

    cdef void drop(self) noexcept nogil:
        """Drop repeated names and empty lines from the text, and give back the memory that they took."""
        cdef size_t at
        cdef size_t kept = 0
        cdef size_t size
        cdef const uint8_t* end
        cdef const Name* last = NULL
        sort_names(self.text, self.names, self.count, 0, 56)
        for at in range(self.count):
            if last != NULL and self.same(last, self.names + at):
                self.text[self.names[at].start] = 0  # no octet of a name: the mark of one to drop
            else:
                last = self.names + at
        at = 0
        while at < self.length:
            end = <const uint8_t*>memchr(self.text + at, NEWLINE, self.length - at)
            size = end - (self.text + at) + 1
            if size > 1 and self.text[at]:
                memmove(self.text + kept, self.text + at, size)
                kept += size
            at += size
        self.length = kept
        self.count = 0
        self.take(0)
        self.shrink()

    cdef bint same(self, const Name* one, const Name* other) noexcept nogil:
        return order_of(self.text + one.start, one.length, self.text + other.start, other.length) == 0

    cdef void shrink(self) noexcept nogil:
        """Give back memory beyond what is in use. Where the system refuses, it is kept."""
        cdef void* moved
        if self.length and self.length < self.room:
            moved = realloc(self.text, self.length)
            if moved != NULL:
                self.text = <uint8_t*>moved
                self.room = self.length
        if self.count and self.count < self.places:
            moved = realloc(self.names, self.count * sizeof(Name))
            if moved != NULL:
                self.names = <Name*>moved
                self.places = self.count

    cdef int reserve(self, size_t size, size_t lines) except -1:
        """Make room for ``size`` octets in ``lines`` names. Grown by half: what is never touched takes no
        memory."""
        cdef void* moved
        cdef size_t wanted
        if self.length + size > self.room:
            wanted = max(self.length + size, self.room + self.room // 2)
            moved = realloc(self.text, wanted)
            if moved == NULL:
                raise MemoryError(f"no memory for {wanted} octets of names")
            self.text = <uint8_t*>moved
            self.room = wanted
        if self.count + lines > self.places:
            wanted = max(self.count + lines, self.places + self.places // 2)
            moved = realloc(self.names, wanted * sizeof(Name))
            if moved == NULL:
                raise MemoryError(f"no memory for {wanted} names")
            self.names = <Name*>moved
            self.places = wanted
        return 0

    cdef int take(self, size_t start) noexcept nogil:
        """Note the names in the text from ``start`` on; 1, and none of them noted, where one is no name."""
        cdef size_t known = self.count
        cdef const uint8_t* end
        cdef size_t length
        cdef size_t at
        cdef bint bad = False
        while start < self.length:
            end = <const uint8_t*>memchr(self.text + start, NEWLINE, self.length - start)
            length = end - (self.text + start)
            for at in range(start, start + length):
                bad |= self.text[at] < FIRST_OCTET or self.text[at] > LAST_OCTET
            if bad or length > MAX_NAME:
                self.count = known
                return 1
            if length:
                self.names[self.count].start = <uint32_t>start
                self.names[self.count].length = <uint32_t>length
                self.names[self.count].key = key_at(self.text, self.names + self.count, 0)
                self.count += 1
            start += length + 1
        return 0

    def finish(self):
        """The names, sorted bytewise, each once and ended by a newline."""
        cdef size_t size
        cdef bytes result
        cdef uint8_t* out
        if self.finished:
            raise ValueError("the names were sorted already: new ones take a new sorter")
        self.finished = True
        with nogil:
            sort_names(self.text, self.names, self.count, 0, 56)
            size = self.drop_repeated()
        result = PyBytes_FromStringAndSize(NULL, size)
        out = <uint8_t*>PyBytes_AS_STRING(result)
        with nogil:
            self.write(out)
        free(self.text)
        free(self.names)
        self.text = NULL
        self.names = NULL
        return result

    cdef size_t drop_repeated(self) noexcept nogil:
        """Keep one of equal names, which stand together; the size of all that stay, with their newlines."""
        cdef size_t kept = 0
        cdef size_t size = 0
        cdef size_t at
        cdef Name* last = NULL
        for at in range(self.count):
            if last != NULL and self.same(last, self.names + at):
                continue
            self.names[kept] = self.names[at]
            last = self.names + kept
            size += last.length + 1
            kept += 1
        self.count = kept
        return size

    cdef void write(self, uint8_t* out) noexcept nogil:
        cdef size_t at
        for at in range(self.count):
            memcpy(out, self.text + self.names[at].start, self.names[at].length)
            out += self.names[at].length
            out[0] = NEWLINE
            out += 1


def common_names(const uint8_t[::1] names not None, const uint8_t[::1] others not None):
    """The names that stand in both; each argument is sorted, and every name ended by a newline."""
    cdef const uint8_t* one
    cdef const uint8_t* other
    cdef const uint8_t* one_end
    cdef const uint8_t* other_end
    cdef size_t one_length
    cdef size_t other_length
    cdef int order
    cdef list found = []
    if names.shape[0] == 0 or others.shape[0] == 0:
        return found
    if names[names.shape[0] - 1] != NEWLINE or others[others.shape[0] - 1] != NEWLINE:
        raise ValueError("the last name has no newline")
    one = &names[0]
    other = &others[0]
    one_end = one + names.shape[0]
    other_end = other + others.shape[0]
    while one != one_end and other != other_end:
        one_length = <const uint8_t*>memchr(one, NEWLINE, one_end - one) - one
        other_length = <const uint8_t*>memchr(other, NEWLINE, other_end - other) - other
        order = order_of(one, one_length, other, other_length)
        if order == 0:
            found.append((<const char*>one)[:one_length])
        if order <= 0:
            one += one_length + 1
        if order >= 0:
            other += other_length + 1
    return found
