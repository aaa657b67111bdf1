# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The limit on queries over UDP: a token bucket for each client prefix, in memory taken at start.

The word of a bucket, from the top: 51 bits of time in units of 1/4096 ms (17 years), 7 bits of tag (0:
empty), 4 bits of credit for TC answers, 2 bits that turn with each replacement, so that no thread charges a
bucket which has another owner since it looked.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign

from filterd.dataplane.tables.atomics cimport load64, store64, swap64
from filterd.dataplane.tables.hashing cimport home_of, keyed_hash, seed_from
from filterd.dataplane.tables.addresses cimport Addresses, AddressSlot, address_find, is_mapped, mask

from ipaddress import IPv4Network

cdef enum:
    TIME_SHIFT = 13
    TAG_SHIFT = 6
    CREDIT_SHIFT = 2
    TAG_MASK = 0x7F
    CREDIT_MASK = 0xF
    TURN_MASK = 3
    BUSY = 127                  # a tag: the bucket is being given to another prefix
    MAX_CREDIT = 15
    UNIT_SHIFT = 12             # from milliseconds to units
    ATTEMPTS = 64               # beyond this many lost races a query passes uncharged

cdef uint64_t UNITS = 1000 << 12    # in a second
cdef tuple OUTCOMES = ("pass", "truncate", "drop")


# ---- one query ----

cdef int rate_take(RateTable* table, const Rates* rates, const uint8_t* client, int64_t milliseconds,
                   uint8_t* tag) noexcept nogil:
    cdef bint ipv4 = is_mapped(client)
    cdef const Rate* rate = rate_of(rates, client, ipv4)
    cdef RateSet* members
    cdef uint64_t key
    cdef uint64_t now = <uint64_t>milliseconds << UNIT_SHIFT
    tag[0] = tag_of(ipv4, rate.length)
    if rate.interval == 0:
        return RATE_PASS
    key = key_of(client, ipv4, rate.length)
    members = table.sets + home_of(keyed_hash(&table.seed, tag, 1, key), table.size)
    return charge(members, rate, key, tag[0], now)


cdef inline const Rate* rate_of(const Rates* rates, const uint8_t* client, bint ipv4) noexcept nogil:
    """The rate that holds for this client: of the longest override that covers it, else the family's."""
    cdef const AddressSlot* slot = address_find(rates.prefixes, client, False)
    if slot != NULL:
        return rates.overrides + slot.value
    return &rates.ipv4 if ipv4 else &rates.ipv6


cdef inline uint64_t key_of(const uint8_t* client, bint ipv4, uint8_t length) noexcept nogil:
    """The prefix in one word, in the machine's byte order; the tag says which family it is of."""
    cdef uint8_t wide[16]
    cdef uint64_t key = 0
    memcpy(wide, client, 16)
    if ipv4:
        mask(wide, 96 + length)
        memcpy(&key, wide + 12, 4)
    else:
        mask(wide, length)
        memcpy(&key, wide, 8)
    return key


cdef int charge(RateSet* members, const Rate* rate, uint64_t key, uint8_t tag, uint64_t now) noexcept nogil:
    """Take one query from the prefix's bucket, which is made where it has none."""
    cdef uint64_t state
    cdef uint64_t after
    cdef int outcome
    cdef int place
    cdef int _
    for _ in range(ATTEMPTS):
        place = find(members, key, tag, &state)
        if place < 0:
            place = weakest(members, &state)
            if place < 0 or replace(members, place, state, key, packed(now + rate.interval, tag, MAX_CREDIT,
                                                                       (state + 1) & TURN_MASK)):
                return RATE_PASS
            continue
        outcome = judge(rate, state, now, &after)
        if after == state or swap64(&members.states[place], state, after):
            return outcome
    return RATE_PASS


cdef inline int find(RateSet* members, uint64_t key, uint8_t tag, uint64_t* state) noexcept nogil:
    """The place of the prefix's bucket and its state; -1: it has none."""
    cdef int place
    for place in range(RATE_WAYS):
        state[0] = load64(&members.states[place])
        if tag_in(state[0]) == tag and load64(&members.keys[place]) == key:
            return place
    return -1


cdef inline int weakest(RateSet* members, uint64_t* state) noexcept nogil:
    """The bucket that is, or will be, full first; -1: all are just being given away."""
    cdef uint64_t seen
    cdef int found = -1
    cdef int place
    for place in range(RATE_WAYS):
        seen = load64(&members.states[place])
        if tag_in(seen) != BUSY and (found < 0 or seen >> TIME_SHIFT < state[0] >> TIME_SHIFT):
            found = place
            state[0] = seen
    return found


cdef inline bint replace(RateSet* members, int place, uint64_t state, uint64_t key,
                         uint64_t fresh) noexcept nogil:
    """Give a bucket to another prefix; False: somebody else has used it meanwhile."""
    cdef uint64_t busy = state | <uint64_t>BUSY << TAG_SHIFT
    if not swap64(&members.states[place], state, busy):
        return False
    store64(&members.keys[place], key)
    store64(&members.states[place], fresh)
    return True


cdef inline int judge(const Rate* rate, uint64_t state, uint64_t now, uint64_t* after) noexcept nogil:
    """Charge one more query: its outcome, and the bucket's state then.

    Every query that passes earns the prefix one TC answer, of which up to 15 are kept.
    """
    cdef uint64_t latest = now + rate.burst
    cdef uint64_t full_at = min(max(state >> TIME_SHIFT, now), latest)  # later: the rule was another one
    cdef uint64_t credit = state >> CREDIT_SHIFT & CREDIT_MASK
    if full_at + rate.interval <= latest:
        after[0] = packed(full_at + rate.interval, tag_in(state), min(credit + 1, <uint64_t>MAX_CREDIT),
                          state & TURN_MASK)
        return RATE_PASS
    after[0] = packed(full_at, tag_in(state), credit - 1 if credit else 0, state & TURN_MASK)
    return RATE_TRUNCATE if credit else RATE_DROP


cdef inline uint64_t tag_in(uint64_t state) noexcept nogil:
    return state >> TAG_SHIFT & TAG_MASK


cdef inline uint64_t packed(uint64_t full_at, uint64_t tag, uint64_t credit, uint64_t stamp) noexcept nogil:
    return full_at << TIME_SHIFT | tag << TAG_SHIFT | credit << CREDIT_SHIFT | stamp


# ---- the Python face ----

cdef class RateRules:
    """The limits of a configuration; sealed when made."""

    def __cinit__(self):
        memset(&self.rates, 0, sizeof(Rates))
        self.overrides = NULL

    def __dealloc__(self):
        free(self.overrides)

    def __init__(self, bytes secret not None, settings):
        cdef Addresses prefixes = Addresses(secret)
        cdef int place
        overrides = list(settings.overrides)
        self.overrides = <Rate*>calloc(max(len(overrides), 1), sizeof(Rate))
        if self.overrides == NULL:
            raise MemoryError
        fill_rate(&self.rates.ipv4, settings, settings.ipv4_prefix)
        fill_rate(&self.rates.ipv6, settings, settings.ipv6_prefix)
        for place, override in enumerate(overrides):
            network = override.prefix
            ipv4 = isinstance(network, IPv4Network)
            default = settings.ipv4_prefix if ipv4 else settings.ipv6_prefix
            fill_rate(self.overrides + place, override, max(network.prefixlen, default))
            if self.overrides[place].interval != 0 and self.overrides[place].length > (32 if ipv4 else 64):
                raise ValueError("an IPv6 prefix with a limit of its own has at most 64 bits")
            prefixes.set(network.network_address.packed, network.prefixlen, place)
        self.prefixes = prefixes
        self.rates.prefixes = &prefixes.table
        self.rates.overrides = self.overrides


cdef int fill_rate(Rate* out, limit, int length) except -1:
    """``limit``: queries a second, 0 for no limit, and how many at once."""
    cdef uint64_t rate = limit.queries_per_second
    out.interval = 0 if rate == 0 else max(UNITS // rate, 1)
    out.burst = out.interval * <uint64_t>max(limit.burst, 1)
    out.length = <uint8_t>length
    return 0


cdef class RateLimiter:
    """The buckets of clients and, apart from them, of senders outside the ACL; all memory is taken here."""

    def __cinit__(self, bytes secret not None, uint64_t clients=1 << 17, uint64_t strangers=1 << 14):
        if len(secret) != 16:
            raise ValueError("a secret has 16 bytes")
        start_table(&self.clients, secret, clients)
        start_table(&self.strangers, secret, strangers)

    def __dealloc__(self):
        free(self.clients.sets)
        free(self.strangers.sets)

    @property
    def memory(self):
        return (self.clients.size + self.strangers.size) * sizeof(RateSet)

    def take(self, RateRules rules not None, bytes client not None, int64_t milliseconds,
             bint stranger=False):
        cdef uint8_t tag
        cdef RateTable* table = &self.strangers if stranger else &self.clients
        cdef const uint8_t* address = <const uint8_t*><const char*>client
        if len(client) != 16:
            raise ValueError("a client's address has 16 bytes")
        return OUTCOMES[rate_take(table, &rules.rates, address, milliseconds, &tag)]

    def take_all(self, RateRules rules not None, const uint8_t[::1] clients not None,
                 int64_t milliseconds):
        cdef uint64_t counts[3]
        cdef Py_ssize_t place
        cdef uint8_t tag
        memset(counts, 0, sizeof(counts))
        if clients.shape[0] % 16 != 0:
            raise ValueError("a client's address has 16 bytes")
        with nogil:
            for place in range(0, clients.shape[0], 16):
                counts[rate_take(&self.clients, &rules.rates, &clients[place], milliseconds, &tag)] += 1
        return counts[0], counts[1], counts[2]


cdef int start_table(RateTable* table, bytes secret, uint64_t buckets) except -1:
    """Take memory for at least so many buckets, all empty."""
    table.seed = seed_from(<const uint8_t*><const char*>secret)
    table.size = max((buckets + RATE_WAYS - 1) // RATE_WAYS, <uint64_t>1)
    if posix_memalign(<void**>&table.sets, sizeof(RateSet), table.size * sizeof(RateSet)) != 0:
        raise MemoryError("no memory for the rate limit")
    memset(table.sets, 0, table.size * sizeof(RateSet))
    return 0
