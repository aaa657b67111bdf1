# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from filterd.dataplane.tables.addresses cimport Addresses, Prefixes
from filterd.dataplane.tables.atomics cimport load64, store64, store_pointer, take64
from filterd.dataplane.cache.cache cimport ResponseCache
from filterd.dataplane.packet.crashboard cimport CrashBoard
from filterd.dataplane.packet.translate cimport SharedAddresses
from filterd.dataplane.tables.epoch cimport retire_memory
from filterd.dataplane.tables.lines cimport Lines
from filterd.dataplane.packet.stages cimport (
    BUFFER_SIZE,
    DROP_ANSWER,
    DROP_KILLER,
    DROP_LIMITED,
    DROP_SHORT,
    DROP_UNANSWERABLE,
    KINDS,
    LOOKUP_HIT,
    LOOKUP_MISS,
    LOOKUP_PREFETCH,
    LOOKUP_STALE,
    PACKET_ANSWER,
    PACKET_MISS,
    REASONS,
    AnswerRules,
    Core,
    Counters,
    Exchange,
    Reply,
    Sinkhole,
    Workspace,
    guarded_receive,
    note_question,
    noted,
    packet_again,
    packet_finish,
    packet_keep,
    packet_stale,
)
from filterd.dataplane.tables.ratelimit cimport RATE_TAGS, RateLimiter, RateRules
from filterd.policy.decide cimport CLASS_BITS, PublishedState
from filterd.wire.codec cimport FLAG_CD, MAX_EDES, EdeList
from filterd.wire.cookie cimport CookieSecrets, read_secrets
from filterd.wire.proxy cimport PROXY_OK, ProxySource, read_proxy

import os

from filterd.dataplane.tables.epoch import retire
from filterd.model.identity import Method
from filterd.model.verdict import Kind, Outcome, Reason

cdef enum:
    KEPT_BLOCKS = 8             # CategoryBlocks that a thread may still hold and count in

cdef int read_sinkholes(object given, Sinkhole* sinkholes) except -1:
    """Fill in the block page's addresses, a pair for each kind."""
    cdef int kind
    cdef Sinkhole* mine
    if len(given) != KINDS:
        raise ValueError(f"a pair of addresses for each of {KINDS} kinds of blocks, not {len(given)}")
    memset(sinkholes, 0, KINDS * sizeof(Sinkhole))
    for kind, (ipv4, ipv6) in enumerate(given):
        mine = &sinkholes[kind]
        if len(ipv4 or bytes(4)) != 4 or len(ipv6 or bytes(16)) != 16:
            raise ValueError("a block page's address has 4 or 16 bytes")
        if ipv4 is not None:
            mine.has_ipv4 = True
            memcpy(mine.ipv4, <const char*>ipv4, 4)
        if ipv6 is not None:
            mine.has_ipv6 = True
            memcpy(mine.ipv6, <const char*>ipv6, 16)
    return 0


cdef class Pending:
    """A query that has to be forwarded."""

    @property
    def name(self):
        return (<const char*>self.x.asked.bytes)[:self.x.asked.length]

    @property
    def qtype(self):
        return self.x.query.qtype

    @property
    def qclass(self):
        return self.x.query.qclass

    @property
    def dnssec_ok(self):
        return bool(self.x.query.dnssec_ok)

    @property
    def checking_disabled(self):
        return bool(self.x.query.flags & FLAG_CD)

    @property
    def client(self):
        return (<const char*>self.x.client)[:16]

    @property
    def tcp(self):
        return bool(self.x.tcp)

    @property
    def stale(self):
        return bool(self.x.stale)


cdef class Tally:
    """Counts of one thread. They stay with the plane when the thread ends."""

    def __cinit__(self):
        memset(&self.counters, 0, sizeof(Counters))


cdef class UnreadHandle:
    """What a core points to, as long as a thread may read it."""


cdef class CategoryBlocks:
    """Blocks by class bit, for as long as the bits have one meaning."""

    def __cinit__(self, classes):
        memset(self.counts, 0, sizeof(self.counts))
        self.classes = classes


cdef class Plane:
    """The stages with everything that they need. Calls hold the GIL."""

    def __cinit__(self):
        memset(&self.core, 0, sizeof(Core))
        self.shown = NULL
        self.tallies, self.blocks = [], []
        self.core.counters = &self.join().counters
        self.work = <Workspace*>malloc(sizeof(Workspace))
        if self.work == NULL:
            raise MemoryError("no memory for the packet buffers")
        self.work.note = NULL

    def __dealloc__(self):
        free(self.work)
        free(self.shown)

    def __init__(self, Prefixes allowed not None, ResponseCache cache not None, rules,
                 Prefixes forwarders=None, Prefixes proxies=None):
        self.categories, self.observed = {}, {}
        self.nothing = Addresses(bytes(16))
        self.core.known.ports = self.core.known.identities = &self.nothing.table
        self.cache = cache
        self.core.cache = &cache.cache
        self.change_settings(allowed, rules, forwarders, proxies)

    def change_settings(self, Prefixes allowed not None, rules, Prefixes forwarders=None,
                        Prefixes proxies=None):
        cdef AnswerRules* mine = &self.core.rules
        cdef CookieSecrets secrets
        cdef bytes identity = rules.identity.encode("ascii")[:64]
        cdef Sinkhole sinkholes[KINDS]
        read_sinkholes(rules.sinkholes, sinkholes)
        read_secrets(rules.cookie_secrets, &secrets)
        before = (self.allowed, self.forwarders, self.proxies)
        self.allowed, self.forwarders, self.proxies = allowed, forwarders, proxies
        self.core.allowed = &allowed.table
        self.core.forwarders = NULL if forwarders is None else &forwarders.table
        self.core.proxies = NULL if proxies is None or not len(proxies) else &proxies.table
        mine.secrets = secrets
        mine.keepalive = rules.keepalive
        mine.block_ttl = rules.block_ttl
        mine.max_ttl_opted_in = rules.max_ttl_opted_in
        memcpy(mine.sinkholes, sinkholes, sizeof(sinkholes))
        mine.identity_length = <uint8_t>len(identity)
        memcpy(mine.identity, <const char*>identity, len(identity))
        self.show(before)

    def limit(self, RateLimiter limiter not None, RateRules rates not None):
        before = (self.limiter, self.rates)
        self.limiter, self.rates = limiter, rates
        self.core.clients = &limiter.clients
        self.core.strangers = &limiter.strangers
        self.core.rates = &rates.rates
        self.show(before)

    def use_board(self, CrashBoard board not None):
        self.board = board
        self.work.note = &board.board.notes[0]
        self.core.board = board.board
        self.show(())

    def publish(self, PublishedState state, Lines lines not None, bindings not None,
                bint identity_ready, int64_t earliest=0, unread=None):
        cdef Addresses addresses = bindings.addresses
        # An empty table is false as well, and may be filled later.
        cdef Addresses ports = self.nothing if bindings.ports is None else bindings.ports
        cdef Addresses identities = self.nothing if bindings.identities is None else bindings.identities
        self.fold_categories()
        if state is not None:
            self.count_by(state.classes)
        self.core.state = NULL if state is None else &state.state
        self.core.known.lines = &lines.table
        self.core.known.addresses = &addresses.table
        self.core.known.ports = &ports.table
        self.core.known.identities = &identities.table
        self.core.known.identity_ready = identity_ready
        self.core.earliest = earliest
        before = (self.state, self.lines, self.bindings, self.unread)
        self.state, self.lines, self.bindings = state, lines, bindings
        self.use_unread(unread)
        self.show(before)

    def use_sessions(self, sessions not None):
        cdef Addresses addresses = sessions.addresses
        cdef Addresses ports = sessions.ports
        self.core.known.sessions = &addresses.table
        self.core.known.session_ports = &ports.table
        self.core.known.sessions_used = sessions.used
        self.core.known.sessions_ready = sessions.ready
        self.find_by_more()
        before = (self.sessions,)
        self.sessions = sessions
        self.show(before)

    def use_identity_rules(self, rules not None):
        cdef Prefixes pools = rules.pools
        cdef Prefixes senders = rules.edns_id_from
        cdef SharedAddresses sharing = SharedAddresses(os.urandom(16), rules.shared, rules.maps)
        self.core.known.pools = NULL if pools is None or not len(pools) else &pools.table
        self.core.known.sharing = &sharing.sharing if len(sharing) else NULL
        self.find_by_more()
        self.core.edns_id_from = NULL if senders is None or not len(senders) else &senders.table
        self.core.proxy_id_tlv = rules.proxy_id_tlv
        before = (self.identity_rules,)
        self.identity_rules = (rules, sharing)
        self.show(before)

    cdef int use_unread(self, unread) except -1:
        """Take these for the lines with unread changes; the caller shows them."""
        cdef Unread* mine
        cdef bytes bits
        cdef Addresses addresses, ports, identities
        cdef UnreadHandle handle = None
        if unread is not None:
            handle = UnreadHandle.__new__(UnreadHandle)
            handle.kept = unread
            bits, addresses = unread.lines, unread.bindings.addresses
            ports, identities = unread.bindings.ports, unread.bindings.identities
            mine = &handle.unread
            mine.lines, mine.size = <const uint8_t*><const char*>bits, len(bits)
            mine.highest = unread.highest
            mine.addresses, mine.ports = &addresses.table, &ports.table
            mine.identities = &identities.table
        self.unread = handle
        self.core.known.unread = NULL if handle is None else &handle.unread
        self.find_by_more()
        return 0

    cdef int find_by_more(self) except -1:
        self.core.known.by_more = (
            self.core.known.sessions_used or self.core.known.sharing != NULL or self.core.known.unread != NULL
        )
        return 0

    cdef int count_by(self, classes) except -1:
        """Blocks are counted by these classes' bits from now on."""
        cdef CategoryBlocks blocks
        cdef Py_ssize_t count = len(self.blocks)
        if count and self.blocks[count - 1].classes is classes:
            return 0
        blocks = CategoryBlocks(classes)
        self.blocks.append(blocks)
        self.core.categories = blocks.counts
        if count >= KEPT_BLOCKS:
            retire(self.blocks.pop(0))
        return 0

    cdef int show(self, tuple before) except -1:
        """Publish the core as it is now; what ``before`` holds stays until all threads have passed."""
        cdef Core* core = <Core*>malloc(sizeof(Core))
        cdef Core* old = self.shown
        if core == NULL:
            raise MemoryError("no memory for the state that threads see")
        memcpy(core, &self.core, sizeof(Core))
        core.counters = NULL
        store_pointer(&self.shown, core)
        store64(&self.serial, self.serial + 1)
        retire(before)
        if old != NULL:
            retire_memory(old)
        return 0

    cdef Tally join(self):
        """The counters of one more thread."""
        cdef Tally tally = Tally()
        self.tallies.append(tally)
        return tally

    def receive(self, const uint8_t[::1] packet not None, bytes client not None, bint tcp, int64_t now,
                double ticks, front=None, uint16_t port=0):
        cdef Pending pending = Pending.__new__(Pending)
        cdef const uint8_t* start = &packet[0] if packet.shape[0] else NULL
        cdef bytes header = b"" if front is None else front.header
        if len(client) != 16:
            raise ValueError("a client's address has 16 bytes")
        memcpy(pending.x.client, <const char*>client, 16)
        pending.x.tcp = tcp
        pending.x.port = port
        pending.x.proxied = front is not None
        pending.x.tlv_length = 0
        if front is not None:
            self.take_front(&pending.x, front.address, header)
        pending.x.milliseconds = <int64_t>(ticks * 1000)
        return self.outcome(
            guarded_receive(&self.core, start, packet.shape[0], &pending.x, now, <int64_t>ticks, self.work),
            pending,
        )

    cdef int take_front(self, Exchange* x, bytes address, bytes header) except -1:
        """Note the front and the identity in its header, which must outlive the call of a stage."""
        cdef ProxySource source
        if len(address) != 16:
            raise ValueError("a front's address has 16 bytes")
        memcpy(x.front, <const char*>address, 16)
        if read_proxy(<const uint8_t*><const char*>header, len(header), self.core.proxy_id_tlv,
                      &source) == PROXY_OK:
            x.tlv = source.tlv
            x.tlv_length = source.tlv_length
        return 0

    def finish(self, Pending pending not None, bytes message, bint ad, edes, int64_t now, int64_t ticks):
        cdef Reply reply
        cdef list texts = []
        fill_reply(message, ad, edes, texts, &reply)
        note_question(&self.core, &pending.x, self.work)
        status = noted(self.work, packet_finish(&self.core, &pending.x, &reply, now, ticks, self.work))
        return self.outcome(status, pending)

    def again(self, Pending pending not None, int64_t now, int64_t ticks):
        note_question(&self.core, &pending.x, self.work)
        status = noted(self.work, packet_again(&self.core, &pending.x, NULL, now, ticks, self.work))
        return self.outcome(status, pending)

    def keep(self, Pending pending not None, bytes message, bint ad, edes, int64_t ticks):
        cdef Reply reply
        cdef list texts = []
        fill_reply(message, ad, edes, texts, &reply)
        note_question(&self.core, &pending.x, self.work)
        noted(self.work, packet_keep(&self.core, &pending.x, &reply, ticks, self.work))

    def answer_stale(self, Pending pending not None, int64_t now, int64_t ticks):
        self.due = None
        note_question(&self.core, &pending.x, self.work)
        status = noted(self.work, packet_stale(&self.core, &pending.x, now, ticks, self.work))
        if status == PACKET_ANSWER:
            return (<const char*>self.work.out)[:self.work.written]
        return None

    cdef object outcome(self, int status, Pending pending):
        self.due = pending if status == PACKET_ANSWER and pending.x.refresh else None
        if status == PACKET_ANSWER:
            return (<const char*>self.work.out)[:self.work.written]
        return pending if status == PACKET_MISS else None

    cdef int fold_categories(self) except -1:
        """Move the counts by class bit, which has its meaning from one snapshot, to the categories' names."""
        cdef CategoryBlocks blocks
        cdef uint64_t count
        cdef int bit
        for blocks in self.blocks:
            for bit in range(CLASS_BITS):
                count = take64(&blocks.counts[bit])
                if count:
                    entry = blocks.classes.of_bit(bit)
                    if entry is not None and entry.kind is Kind.OBSERVED:
                        self.observed[entry.id] = self.observed.get(entry.id, 0) + count
                        continue
                    name = entry.category if entry is not None else ""
                    self.categories[name] = self.categories.get(name, 0) + count
        return 0

    def counts(self):
        cdef Counters sums
        cdef const Counters* c = &sums
        self.fold_categories()
        add_up(self.tallies, &sums)
        verdicts = {
            (outcome.name.lower(), reason.word): c.verdicts[<int>outcome * REASONS + <int>reason]
            for outcome in Outcome
            for reason in Reason
            if c.verdicts[<int>outcome * REASONS + <int>reason]
        }
        return {
            "queries": {"udp": c.queries[0], "tcp": c.queries[1]},
            "verdicts": verdicts,
            "refused": c.refused,
            "malformed": c.malformed,
            "not_ready": c.not_ready,
            "identified": {
                method.value: c.identified[number] for number, method in enumerate(Method) if number
            },
            "unrecognised": {"ipv4": c.unrecognised[0], "ipv6": c.unrecognised[1]},
            "reduced": c.reduced,
            "too_large": c.too_large,
            "ech_stripped": c.ech_stripped,
            "categories": dict(self.categories),
            "observed": dict(self.observed),
            "drops": {
                "short": c.drops[DROP_SHORT],
                "not_a_query": c.drops[DROP_ANSWER],
                "unanswerable": c.drops[DROP_UNANSWERABLE],
                "rate_limited": c.drops[DROP_LIMITED],
                "crashed_before": c.drops[DROP_KILLER],
            },
            "rate_limited": rate_counts(c),
            "lookups": {
                "hit": c.lookups[LOOKUP_HIT],
                "stale": c.lookups[LOOKUP_STALE],
                "miss": c.lookups[LOOKUP_MISS],
                "prefetch": c.lookups[LOOKUP_PREFETCH],
            },
        }


cdef int fill_reply(bytes message, bint ad, edes, list texts, Reply* out) except -1:
    """``message`` and ``texts`` keep the bytes alive that ``out`` points to."""
    if message is not None and len(message) > BUFFER_SIZE:
        raise ValueError("a message has at most 65535 bytes")
    out.message = NULL if message is None else <const uint8_t*><const char*>message
    out.length = 0 if message is None else len(message)
    out.ad = ad
    out.union_known = False
    return fill_edes(edes, texts, &out.edes)


cdef void add_up(list tallies, Counters* sums):
    """The sums over all threads, which go on counting."""
    cdef Tally tally
    cdef size_t word
    cdef uint64_t* total = <uint64_t*>sums
    memset(sums, 0, sizeof(Counters))
    for tally in tallies:
        for word in range(sizeof(Counters) // sizeof(uint64_t)):
            total[word] += load64(<uint64_t*>&tally.counters + word)


cdef dict rate_counts(const Counters* c):
    """``(action, prefix length)`` -> queries; where there are any."""
    cdef int tag
    found = {}
    for tag in range(RATE_TAGS):
        length = str(tag - 64 if tag > 64 else tag)
        if c.truncated[tag]:
            found["truncated", length] = c.truncated[tag]
        if c.silenced[tag]:
            found["dropped", length] = c.silenced[tag]
    return found


cdef int fill_edes(edes, list texts, EdeList* out) except -1:
    """``texts`` keeps the bytes alive that ``out`` points to."""
    cdef bytes text
    out.count = 0
    for code, text in list(edes)[:MAX_EDES]:
        text = text[:255]
        texts.append(text)
        out.items[out.count].code = code
        out.items[out.count].text = <const uint8_t*><const char*>text
        out.items[out.count].text_length = <uint8_t>len(text)
        out.count += 1
    return 0
