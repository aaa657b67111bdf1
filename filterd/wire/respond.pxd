# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# Final answers, built into the caller's buffer. Each function returns the answer's length; 0 means that there
# is nothing to send (or no room for even a header). No function raises, allocates or takes the GIL.
#
# Nothing answers a query whose flags say QR. Common to all: id and question echoed as sent, RD and CD copied,
# AA clear; an OPT record exactly when the client sent one, with DO copied, and in it cookie, subnet,
# keepalive, identity and the EDEs (RFC 8914). What is longer than options.limit gives up first the EDEs'
# texts, then EDEs and identity, then whole sections that nobody needs (respond_answer), then its records (TC
# set); cookie, subnet and keepalive stay to the last. Answers made here never carry AD.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from filterd.wire.codec cimport MAX_EDES, EdeList, Name, Query


cdef enum:
    NO_CAP = 0xFFFFFFFF
    UDP_SIZE = 1232              # what we announce and never exceed over UDP (DNS flag day 2020)
    MAX_MESSAGE = 65535

cdef enum Mode:                  # filterd.model.blocking_mode.BlockingMode
    MODE_NXDOMAIN = 0
    MODE_NODATA = 1
    MODE_NULL = 2
    MODE_SINKHOLE = 3

cdef enum LocalKind:
    LOCAL_NODATA = 0             # resolver.arpa (RFC 9462 6.4)
    LOCAL_NXDOMAIN = 1           # special-use names (RFC 6761, RFC 6303)
    LOCAL_LOCALHOST = 2          # loopback addresses, other types NODATA (RFC 6761 6.3)

cdef struct AnswerOptions:
    uint32_t limit               # bytes: udp_limit() over UDP, MAX_MESSAGE over TCP
    uint32_t ttl                 # seconds, of the records that we make
    uint32_t ttl_cap             # seconds, of every record; NO_CAP for none
    uint32_t ttl_floor           # seconds, of records passed on: stale answers (RFC 8767 4); the cap holds
    uint32_t age                 # seconds that the answer spent in the cache
    bint ad                      # respond_answer only
    bint ra
    bint strip_ech               # take ECH out of the records that are passed on, see ech.pxd
    const uint8_t* nsid          # the server's identity for who asks for it (RFC 5001); borrowed
    uint8_t nsid_length          # 0: none is given
    const uint8_t* cookie        # client and server cookie (RFC 7873), borrowed; NULL: none is given
    bint echo_subnet             # the query's client subnet goes back, its prefix as scope (RFC 7871 7.2.1)
    uint16_t keepalive           # idle timeout in 100 ms for who asks (RFC 7828); 0: none is given (UDP)
    EdeList ede
    bint has_ipv4                # the sinkhole's addresses
    bint has_ipv6
    uint8_t ipv4[4]
    uint8_t ipv6[16]


cdef inline uint32_t udp_limit(const Query* query) noexcept nogil:
    """The longest answer that this client gets over UDP: min(max(its size, 512), 1232) (RFC 6891 6.2.3)."""
    if not query.has_edns or query.udp_size < 512:
        return 512
    return UDP_SIZE if query.udp_size > UDP_SIZE else query.udp_size

cdef inline void default_options(AnswerOptions* options) noexcept nogil:
    """No addresses, no EDE, no cap, made records live 30 s, room as over TCP."""
    options.limit = MAX_MESSAGE
    options.ttl = 30
    options.ttl_cap = <uint32_t> NO_CAP
    options.ttl_floor = 0
    options.age = 0
    options.ad = False
    options.ra = True
    options.strip_ech = False
    options.nsid = NULL
    options.nsid_length = 0
    options.cookie = NULL
    options.echo_subnet = False
    options.keepalive = 0
    options.ede.count = 0
    options.has_ipv4 = False
    options.has_ipv6 = False

cdef inline bint add_ede(AnswerOptions* options, uint16_t code, const uint8_t* text,
                         uint8_t length) noexcept nogil:
    """Adds one EDE; text is borrowed. False if the list is full."""
    if options.ede.count >= MAX_EDES:
        return False
    options.ede.items[options.ede.count].code = code
    options.ede.items[options.ede.count].text = text
    options.ede.items[options.ede.count].text_length = length
    options.ede.count += 1
    return True

cdef inline void add_edes(AnswerOptions* options, const EdeList* edes) noexcept nogil:
    """Adds these too, as far as there is room."""
    cdef int i
    for i in range(edes.count):
        add_ede(options, edes.items[i].code, edes.items[i].text, edes.items[i].text_length)


# An error: FORMERR, SERVFAIL, NOTIMP, REFUSED; with EDNS also the extended codes such as BADVERS. Works for
# every query whose header was read: without a question the answer has none.
cdef size_t respond_error(const Query* query, uint16_t rcode, const AnswerOptions* options,
                          uint8_t* out, size_t capacity) noexcept nogil
# For a packet that parse_query refused with that status: FORMERR or NOTIMP, or nothing.
cdef size_t respond_malformed(const Query* query, int status, const AnswerOptions* options,
                              uint8_t* out, size_t capacity) noexcept nogil
# TC set and nothing in it: the client is to come back over TCP.
cdef size_t respond_truncated(const Query* query, const AnswerOptions* options,
                              uint8_t* out, size_t capacity) noexcept nogil
# A blocked name. An exact rule answers NODATA where its mode says NXDOMAIN (RFC 8020); a sinkhole without any
# address means NXDOMAIN. scope is filterd.model.rule.Scope.
cdef size_t respond_blocked(const Query* query, uint8_t mode, uint8_t scope, const AnswerOptions* options,
                            uint8_t* out, size_t capacity) noexcept nogil
# A name of a zone that is served here; apex: how many bytes of the name stand before the zone's own name. The
# apex exists and has SOA and NS (RFC 6303 3), whatever the kind is; the SOA of a denial is the zone's.
cdef size_t respond_local(const Query* query, uint8_t kind, uint8_t apex, const AnswerOptions* options,
                          uint8_t* out, size_t capacity) noexcept nogil
# Which LocalKind the name is that stands in the local class: localhost and below, else NODATA.
cdef uint8_t local_kind(const Name* name) noexcept nogil
# An upstream's answer (without OPT), aged and capped. One that is damaged, or is for another question, gives
# SERVFAIL. Of an answer to ANY one RRset is passed on, with its signatures if DO is set (RFC 8482 4.1). Too
# long, it gives up the additional section, then an authority section that proves nothing, before it gets TC.
# Where ECH is taken out, the signatures of that type go too, and AD: they are of the records as they were.
cdef size_t respond_answer(const Query* query, const uint8_t* message, size_t length,
                           const AnswerOptions* options, uint8_t* out, size_t capacity) noexcept nogil
# CNAME from the query name to target (lower-case), then what the answer for the target holds of CNAME and the
# asked type; nothing of these: its SOA. Length 0: the CNAME alone. A damaged or failed answer gives SERVFAIL.
cdef size_t respond_rewrite(const Query* query, const Name* target, const uint8_t* message, size_t length,
                            const AnswerOptions* options, uint8_t* out, size_t capacity) noexcept nogil
# One TXT string of at most 255 bytes, TTL 0 (CHAOS identity, RFC 4892).
cdef size_t respond_text(const Query* query, const uint8_t* text, uint8_t length,
                         const AnswerOptions* options, uint8_t* out, size_t capacity) noexcept nogil
