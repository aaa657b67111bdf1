# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Builds a policy snapshot out of canonical rules: fingerprint each, sort, merge, intern, place.

A rule takes 24 bytes until the table is placed, so ten million names take 240 MB and their table 150 MB.
"""

import hashlib
import json
import struct
import sys

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from filterd.policy.fingerprint cimport (
    KEY_SIZE,
    Fingerprint,
    address_fingerprint,
    sip_hash,
    unpacked,
)
from filterd.policy.snapshot cimport SLOT_SIZE, SPARE_SLOTS, home_of

from ipaddress import ip_network

from filterd.model.rule import Action
from filterd.policy import snapshot_layout
from filterd.policy.canonical import CanonicalError, parse_line, table_prefixes

snapshot_layout.check_byte_order(sys.byteorder)

cdef enum:
    KINDS = 6               # scope + 3 * action: the order of the fields of Entry
    SUBTREE_BLOCK = 1       # model.rule.Scope.SUBTREE, Action.BLOCK
    MANDATORY = 512         # targets from here on are mandatory ids, those below class bits
    DIRECT = 1024           # targets whose single rule finds its entry without a dict
    MAX_RUN = 64            # a run of the sort that is short enough for insertion
    MAX_WIRE = 255
    MAX_LABEL = 63
    MAX_DISPLACEMENT = 255
    MAX_RAISES = 64         # of the slots by 5 % each: beyond it the fingerprints are not random

MANDATORY_TARGET = MANDATORY


class BuildError(ValueError):
    """Rules that no snapshot can hold; the message says which bound they break."""


cdef struct Rule:
    uint64_t high           # of the fingerprint
    uint64_t low
    uint32_t target         # a class bit, or MANDATORY + a mandatory id; after the merge the entry's id
    uint32_t kind


# ---- reading canonical text (canonical.py) ----

cdef bint PLAIN[256]        # octets that stand for themselves in a canonical name
cdef bint ESCAPED[256]      # octets that stand as a backslash and three digits


cdef void fill_octets():
    cdef int octet
    for octet in range(256):
        ESCAPED[octet] = octet <= 0x20 or octet >= 0x7f or octet in b".\\@"
        PLAIN[octet] = not ESCAPED[octet] and not 0x41 <= octet <= 0x5a


fill_octets()


cdef int escaped_octet(const uint8_t* text, size_t length) noexcept nogil:
    """The octet of an escape at ``text`` (a backslash and three digits), -1 when it is not canonical."""
    cdef int value
    cdef int i
    if length < 4:
        return -1
    for i in range(1, 4):
        if text[i] < 0x30 or text[i] > 0x39:
            return -1
    value = (text[1] - 0x30) * 100 + (text[2] - 0x30) * 10 + text[3] - 0x30
    return value if value <= 255 and ESCAPED[value] else -1


cdef int read_name(const uint8_t* text, size_t length, uint8_t* wire) noexcept nogil:
    """The wire form of a canonical name into ``wire`` (MAX_WIRE + 1 bytes); its length, 0 when it is none."""
    cdef size_t at = 0
    cdef int label = 0      # where the present label's length byte stands
    cdef int end = 1
    cdef int octet
    if length == 1 and text[0] == 0x2e:
        wire[0] = 0
        return 1
    while at < length:
        octet = text[at]
        at += 1
        if octet == 0x2e:
            if end - label < 2 or end - label > MAX_LABEL + 1:
                return 0
            wire[label] = <uint8_t>(end - label - 1)
            label = end
        elif PLAIN[octet]:
            wire[end] = <uint8_t>octet
        else:
            octet = escaped_octet(text + at - 1, length - at + 1) if octet == 0x5c else -1
            if octet < 0:
                return 0
            wire[end] = <uint8_t>octet
            at += 3
        end += 1
        if end > MAX_WIRE - 1:
            return 0
    if end - label < 2 or end - label > MAX_LABEL + 1:
        return 0
    wire[label] = <uint8_t>(end - label - 1)
    wire[end] = 0
    return end + 1


cdef inline bint is_word(const uint8_t* text, size_t length, const char* word, size_t size) noexcept nogil:
    return length == size and memcmp(text, word, size) == 0


cdef int read_kind(const uint8_t* text, size_t length) noexcept nogil:
    """The kind that the words after a name say, -1 when they say none."""
    if is_word(text, length, b"exact", 5):
        return 0
    if is_word(text, length, b"below", 5):
        return 2
    if is_word(text, length, b"exact allow", 11):
        return 3
    if is_word(text, length, b"allow", 5):
        return 4
    if is_word(text, length, b"below allow", 11):
        return 5
    return -1


cdef bint in_order(const uint8_t* before, size_t before_length, const uint8_t* text,
                   size_t length) noexcept nogil:
    """True if ``text`` sorts after ``before``, bytewise."""
    cdef int order = memcmp(before, text, before_length if before_length < length else length)
    return order < 0 or (order == 0 and before_length < length)


# ---- sorting by fingerprint, in place ----

cdef inline bint before(const Rule* a, const Rule* b) noexcept nogil:
    if a.high != b.high:
        return a.high < b.high
    if a.low != b.low:
        return a.low < b.low
    if a.target != b.target:
        return a.target < b.target
    return a.kind < b.kind


cdef int compare(const void* a, const void* b) noexcept nogil:
    return before(<const Rule*>b, <const Rule*>a) - before(<const Rule*>a, <const Rule*>b)


cdef void insertion(Rule* rules, size_t count) noexcept nogil:
    cdef size_t i
    cdef size_t j
    cdef Rule held
    for i in range(1, count):
        held = rules[i]
        j = i
        while j > 0 and before(&held, rules + j - 1):
            rules[j] = rules[j - 1]
            j -= 1
        rules[j] = held


cdef void sort_rules(Rule* rules, size_t count, int shift) noexcept nogil:
    """Each rule straight to its bucket by the byte of ``high`` at ``shift``, then each bucket by the next."""
    cdef size_t next_free[256]
    cdef size_t ends[256]
    cdef size_t at = 0
    cdef int bucket
    if count <= MAX_RUN:
        insertion(rules, count)
        return
    if shift < 0:
        qsort(rules, count, sizeof(Rule), compare)
        return
    memset(ends, 0, sizeof(ends))
    for at in range(count):
        ends[rules[at].high >> shift & 0xff] += 1
    at = 0
    for bucket in range(256):
        next_free[bucket] = at
        at += ends[bucket]
        ends[bucket] = at
    scatter(rules, next_free, ends, shift)
    at = 0
    for bucket in range(256):
        sort_rules(rules + at, ends[bucket] - at, shift - 8)
        at = ends[bucket]


cdef void scatter(Rule* rules, size_t* next_free, const size_t* ends, int shift) noexcept nogil:
    """Follow each cycle of displaced rules until every bucket holds its own."""
    cdef int bucket
    cdef int goal
    cdef Rule held
    cdef Rule other
    for bucket in range(256):
        while next_free[bucket] < ends[bucket]:
            held = rules[next_free[bucket]]
            goal = held.high >> shift & 0xff
            while goal != bucket:
                other = rules[next_free[goal]]
                rules[next_free[goal]] = held
                next_free[goal] += 1
                held = other
                goal = held.high >> shift & 0xff
            rules[next_free[bucket]] = held
            next_free[bucket] += 1


# ---- the table ----

cdef bint fits(const Rule* rules, size_t count, uint64_t slots) noexcept nogil:
    """True if no name would stand further from its home than a slot can say."""
    cdef uint64_t free_slot = 0
    cdef uint64_t home
    cdef size_t i
    for i in range(count):
        home = home_of(rules[i].high, slots)
        if free_slot < home:
            free_slot = home
        if free_slot - home > MAX_DISPLACEMENT:
            return False
        free_slot += 1
    return True


cdef void place(const Rule* rules, size_t count, uint64_t slots, uint8_t* table) noexcept nogil:
    """Each name at its home or in the first free slot after it, in the order of the fingerprints."""
    cdef uint64_t free_slot = 0
    cdef uint64_t home
    cdef uint32_t word
    cdef size_t i
    for i in range(count):
        home = home_of(rules[i].high, slots)
        if free_slot < home:
            free_slot = home
        word = rules[i].target | <uint32_t>(free_slot - home) << 24
        memcpy(table + free_slot * SLOT_SIZE, &rules[i].low, 8)
        memcpy(table + free_slot * SLOT_SIZE + 8, &word, 4)
        free_slot += 1


@cython.final
cdef class _Sets:
    """The interned sets and entries."""

    cdef list sets              # each as its 72 bytes
    cdef list entries           # each as its 24 bytes
    cdef list mandatory         # the ids of all sets, one after the other
    cdef dict set_ids           # (bits, ids) -> set id
    cdef dict entry_ids         # six set ids -> entry id
    cdef dict found             # the (target, kind) pairs of a name, as bytes -> entry id

    def __cinit__(self):
        self.sets = []
        self.entries = []
        self.mandatory = []
        self.set_ids = {}
        self.entry_ids = {}
        self.found = {}
        self.set_of(0, ())

    cdef object set_of(self, object bits, tuple ids):
        known = self.set_ids.get((bits, ids))
        if known is None:
            known = self.set_ids[bits, ids] = len(self.sets)
            self.sets.append(bits.to_bytes(64, "little") + struct.pack("<II", len(self.mandatory), len(ids)))
            self.mandatory.extend(ids)
        return known

    cdef uint32_t entry_of(self, bytes pairs) except 0:
        """The entry (ids begin at 1) of a name with these sorted (target, kind) pairs of 8 bytes each."""
        known = self.found.get(pairs)
        if known is None:
            known = self.found[pairs] = self.new_entry(pairs)
        return known

    cdef object new_entry(self, bytes pairs):
        bits = [0] * KINDS
        ids = [[] for _ in range(KINDS)]
        for target, kind in struct.iter_unpack("=II", pairs):
            if target < MANDATORY:
                bits[kind] |= 1 << target
            else:
                ids[kind].append(target - MANDATORY)
        which = tuple(self.set_of(bits[kind], tuple(ids[kind])) for kind in range(KINDS))
        known = self.entry_ids.get(which)
        if known is None:
            if len(self.entries) == snapshot_layout.MAX_ENTRIES:
                raise BuildError(f"more than {snapshot_layout.MAX_ENTRIES} different combinations of lists")
            self.entries.append(struct.pack("<6I", *which))
            known = self.entry_ids[which] = len(self.entries)
        return known


@cython.final
cdef class Builder:
    """Collects the rules of all lists, then makes the file's bytes. Used once."""

    cdef uint8_t key[KEY_SIZE]
    cdef bytes key_id
    cdef Rule* rules
    cdef size_t count
    cdef size_t capacity
    cdef bint finished
    cdef set prefixes4
    cdef set prefixes6
    cdef tuple targets          # of the list being read
    cdef bytes last             # its last line so far
    cdef size_t lines           # and how many there were

    def __cinit__(self):
        self.rules = NULL
        self.prefixes4 = set()
        self.prefixes6 = set()
        self.targets = ()
        self.last = b""

    def __init__(self, bytes key not None):
        if len(key) != KEY_SIZE:
            raise ValueError(f"a fingerprint key has {KEY_SIZE} bytes, not {len(key)}")
        memcpy(self.key, <const uint8_t*>key, KEY_SIZE)
        self.key_id = snapshot_layout.key_id(key)

    def __dealloc__(self):
        free(self.rules)

    cdef int reserve(self, size_t more) except -1:
        """Room for ``more`` rules. Grown by half: what is never touched takes no memory."""
        cdef size_t capacity = self.capacity
        cdef void* moved
        if self.finished:
            raise BuildError("the builder is finished: a new snapshot takes a new builder")
        if self.count + more <= capacity:
            return 0
        capacity = max(self.count + more, capacity + capacity // 2, <size_t>1024)
        moved = realloc(self.rules, capacity * sizeof(Rule))
        if moved == NULL:
            raise MemoryError(f"no memory for {capacity} rules")
        self.rules = <Rule*>moved
        self.capacity = capacity
        return 0

    cdef int push(self, const Fingerprint* value, uint32_t target, uint32_t kind) except -1:
        self.reserve(1)
        self.rules[self.count] = Rule(value.high, value.low, target, kind)
        self.count += 1
        return 0

    def begin_list(self, targets):
        """Begin a list: each of its rules gives every one of ``targets``. BuildError for one that is none."""
        self.targets = tuple(checked_target(target) for target in targets)
        self.last = b""
        self.lines = 0

    def add_run(self, const uint8_t[::1] run not None):
        """Add the next whole lines of the list and return their number; CanonicalError names a wrong one."""
        cdef Py_ssize_t size = run.shape[0]
        cdef const uint8_t* at
        cdef const uint8_t* end
        cdef const uint8_t* stop
        cdef const uint8_t* previous = <const uint8_t*>self.last
        cdef size_t previous_length = len(self.last)
        cdef size_t first_line = self.lines
        cdef int status
        if not self.targets:
            raise BuildError("begin_list comes first")
        if size == 0:
            return 0
        at = &run[0]
        end = at + size
        if run[size - 1] != 0x0a:
            raise CanonicalError(f"line {self.lines + 1} has no line feed: the text is cut")
        while at != end:
            stop = <const uint8_t*>memchr(at, 0x0a, end - at)
            self.lines += 1
            status = 0
            if self.lines == 1 or in_order(previous, previous_length, at, stop - at):
                status = self.add_line(at, stop - at)
            if status == 0:
                raise CanonicalError(f"line {self.lines} is no canonical rule, repeats, or is out of order:"
                                     f" {(<const char*>at)[:min(stop - at, 300)]!r}")
            previous = at
            previous_length = stop - at
            at = stop + 1
        self.last = (<const char*>previous)[:previous_length]
        return self.lines - first_line

    cdef int add_line(self, const uint8_t* line, size_t length) except -1:
        """Add the rule of one line; 0 when it is none."""
        cdef uint8_t wire[MAX_WIRE + 1]
        cdef Fingerprint value
        cdef const uint8_t* space
        cdef size_t name_length = length
        cdef int kind = SUBTREE_BLOCK
        cdef int size
        if length and line[0] == 0x40:
            return self.add_address_line((<const char*>line)[:length])
        space = <const uint8_t*>memchr(line, 0x20, length)
        if space != NULL:
            name_length = space - line
            kind = read_kind(space + 1, length - name_length - 1)
        size = read_name(line, name_length, wire)
        if size == 0 or kind < 0:
            return 0
        sip_hash(self.key, wire, size, &value)
        for target in self.targets:
            self.push(&value, target, <uint32_t>kind)
        return 1

    cdef int add_address_line(self, bytes line) except -1:
        cdef Fingerprint value
        cdef uint8_t family
        cdef uint8_t length
        cdef bytes address
        try:
            rule = parse_line(line)
        except CanonicalError:
            return 0
        for network in table_prefixes(ip_network(rule.prefix)):
            family = network.version
            length = network.prefixlen
            address = network.network_address.packed
            address_fingerprint(self.key, family, length, <const uint8_t*>address, &value)
            (self.prefixes4 if family == 4 else self.prefixes6).add(length)
            for target in self.targets:
                self.push(&value, target, kind_of(1, rule.action))
        return 1

    def add_fingerprint(self, bytes value not None, target, scope, action):
        """Add one rule whose name or prefix is known by its fingerprint only."""
        cdef Fingerprint parsed
        unpacked(value, &parsed)
        self.push(&parsed, checked_target(target), kind_of(scope, action))

    def use_prefixes(self, lengths4, lengths6):
        """Say which prefix lengths the address rules given as fingerprints have."""
        self.prefixes4.update(lengths4)
        self.prefixes6.update(lengths6)

    def parts(self, meta, revision, built_at, bytes digest not None):
        """Return the header, its checksum still zero, and all that follows it."""
        if self.finished:
            raise BuildError("the builder is finished: a new snapshot takes a new builder")
        sets = _Sets()
        with nogil:
            sort_rules(self.rules, self.count, 56)
        self.merge(sets)
        meta_text = json.dumps(
            {**meta, "address_prefixes": {"4": sorted(self.prefixes4), "6": sorted(self.prefixes6)}},
            ensure_ascii=True, sort_keys=True, separators=(",", ":"),
        ).encode("ascii")
        result = self.assemble(sets, meta_text, revision, built_at, digest)
        free(self.rules)
        self.rules = NULL
        self.finished = True
        return result

    def finish(self, meta, revision, built_at, bytes digest not None):
        """Return the snapshot's bytes in two pieces, to be written one after the other."""
        start, body = self.parts(meta, revision, built_at, digest)
        checksum = hashlib.sha256(start)
        checksum.update(body)
        return [start[:snapshot_layout.CHECKSUM_AT] + checksum.digest(), body]

    cdef int merge(self, _Sets sets) except -1:
        """One rule a name, its target the id of the name's entry; the names move together at the front."""
        cdef uint32_t direct[DIRECT][KINDS]
        cdef size_t at = 0
        cdef size_t end
        cdef size_t kept = 0
        cdef Rule* rule
        cdef uint32_t entry
        memset(direct, 0, sizeof(direct))
        while at < self.count:
            rule = self.rules + at
            end = at + 1
            while end < self.count and self.rules[end].high == rule.high and self.rules[end].low == rule.low:
                end += 1
            if end == at + 1 and rule.target < DIRECT:
                entry = direct[rule.target][rule.kind]
                if entry == 0:
                    entry = direct[rule.target][rule.kind] = sets.entry_of(pairs_of(rule, 1))
            else:
                entry = sets.entry_of(pairs_of(rule, end - at))
            self.rules[kept] = Rule(rule.high, rule.low, entry, 0)
            kept += 1
            at = end
        self.count = kept
        return 0

    cdef uint64_t slots_needed(self) except 0:
        """At load 0.80, or as much more room as it takes."""
        cdef uint64_t slots = max(<uint64_t>snapshot_layout.MIN_SLOTS, (self.count * 5 + 3) // 4)
        for _raise in range(MAX_RAISES):
            if fits(self.rules, self.count, slots):
                return slots
            slots += slots // 20
        raise BuildError("the fingerprints are not spread: too many names share one place in the table")

    cdef tuple assemble(self, _Sets sets, bytes meta_text, object revision, object built_at, bytes digest):
        cdef uint64_t slots = self.slots_needed()
        cdef bytes body
        cdef uint8_t* out
        cdef size_t length
        end, alignment = snapshot_layout.HEADER_SIZE, snapshot_layout.ALIGNMENT
        offsets = [end]
        sections = [None, b"".join(sets.entries), b"".join(sets.sets),
                    struct.pack(f"<{len(sets.mandatory)}I", *sets.mandatory), meta_text]
        for size in ((slots + SPARE_SLOTS) * SLOT_SIZE, *map(len, sections[1:4])):
            end = (end + size + alignment - 1) // alignment * alignment
            offsets.append(end)
        header = snapshot_layout.Header(
            revision, built_at, slots, self.count, offsets[0], offsets[1], len(sets.entries), offsets[2],
            len(sets.sets), offsets[3], len(sets.mandatory), offsets[4], len(meta_text), self.key_id, digest,
        )
        body = PyBytes_FromStringAndSize(NULL, header.file_size - snapshot_layout.HEADER_SIZE)
        out = <uint8_t*>PyBytes_AS_STRING(body)
        length = len(body)
        with nogil:
            memset(out, 0, length)
            place(self.rules, self.count, slots, out)
        for offset, section in zip(offsets[1:], sections[1:], strict=True):
            memcpy(out + <size_t>(offset - snapshot_layout.HEADER_SIZE), <const char*><bytes>section,
                   len(section))
        return header.pack(), body


cdef bytes pairs_of(const Rule* rules, size_t count):
    """The different (target, kind) pairs of one name's rules, which are sorted."""
    cdef bytes pairs = PyBytes_FromStringAndSize(NULL, count * 8)
    cdef uint32_t* out = <uint32_t*>PyBytes_AS_STRING(pairs)
    cdef size_t kept = 0
    cdef size_t i
    for i in range(count):
        if kept and out[2 * kept - 2] == rules[i].target and out[2 * kept - 1] == rules[i].kind:
            continue
        out[2 * kept] = rules[i].target
        out[2 * kept + 1] = rules[i].kind
        kept += 1
    return pairs[:kept * 8]


cdef uint32_t checked_target(object target) except? 0:
    if not 0 <= target <= 0xffffffff:
        raise BuildError(f"no class bit and no mandatory id: target {target}")
    return target


cdef uint32_t kind_of(object scope, object action) except? 0:
    """The place of a rule's set in an entry."""
    if not 0 <= scope <= 2 or action not in (Action.BLOCK, Action.ALLOW):
        raise BuildError(f"a snapshot holds blocks and exceptions: scope {scope}, action {action}")
    return <uint32_t>(scope + 3 * action)
