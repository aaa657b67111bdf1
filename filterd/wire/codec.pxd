# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# The message codec: structs and free functions for bytes that anybody may have sent.
#
# No function here raises, allocates or takes the GIL; each returns a Status and leaves its output undefined
# unless that is OK (parse_query says what more it fills in). Every length is checked before it is used and
# multi-byte fields are read byte by byte, so that nothing depends on alignment or byte order.

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t


cdef enum Status:                # mirrored by filterd.wire.status.Status
    OK = 0
    END = 1                      # a walk or an iterator has nothing more
    TRUNCATED = 2                # a field runs past the end of its message, record or option
    BAD_LABEL = 3                # a label type other than 00 (length) and 11 (pointer), RFC 1035 4.1.4
    BAD_POINTER = 4              # a compression pointer not strictly backwards, into the header, or too many
    NAME_TOO_LONG = 5            # more than 255 bytes, RFC 1035 3.1
    BAD_COUNT = 6                # section counts that no query has
    BAD_OPTION = 7               # a malformed OPT record or option
    DUPLICATE_OPT = 8            # RFC 6891 6.1.1
    BAD_DATA = 9                 # record data that its type does not allow
    NOT_A_QUERY = 10             # QR is set: never answered
    NOT_AN_ANSWER = 11           # QR is clear where an answer is read, or see scrub.pxd
    UNKNOWN_OPCODE = 12          # well-formed as far as read, but not a QUERY: NOTIMP
    TRAILING = 13                # bytes left over behind a name or record data
    NO_SPACE = 14                # the caller's buffer is too small
    NO_QUESTION = 15             # a query for a server cookie alone, RFC 7873 5.4

cdef enum:
    HEADER_SIZE = 12
    MAX_NAME = 255
    MAX_POINTERS = 16            # in one name; other readers allow no more, and must read what we pass on
    MAX_EDES = 4
    MAX_ID = 64                  # bytes of an EDNS option with an identity; longer ones are passed over
    MAX_TLV = 128                # and of a TLV with one, see proxy.pxd

cdef enum:                       # EDNS options with an identity, by their place in Query.ids
    ID_MAC = 0                   # 65001: a hardware address
    ID_DEVICE = 1                # 65073: the same as text, or a device's name
    ID_CPE = 2                   # 65074: the customer's equipment
    ID_OPTIONS = 3

cdef enum Flag:                  # of the header's second 16 bits
    FLAG_QR = 0x8000
    FLAG_AA = 0x0400
    FLAG_TC = 0x0200
    FLAG_RD = 0x0100
    FLAG_RA = 0x0080
    FLAG_AD = 0x0020
    FLAG_CD = 0x0010

cdef enum Rcode:
    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    BADVERS = 16
    BADCOOKIE = 23

cdef enum RecordType:
    TYPE_A = 1
    TYPE_NS = 2
    TYPE_CNAME = 5
    TYPE_SOA = 6
    TYPE_PTR = 12
    TYPE_MX = 15
    TYPE_TXT = 16
    TYPE_AAAA = 28
    TYPE_DS = 43
    TYPE_DNAME = 39
    TYPE_OPT = 41
    TYPE_RRSIG = 46
    TYPE_NSEC = 47
    TYPE_NSEC3 = 50
    TYPE_SVCB = 64
    TYPE_HTTPS = 65
    TYPE_TSIG = 250
    TYPE_IXFR = 251
    TYPE_ANY = 255

cdef enum RecordClass:
    CLASS_IN = 1
    CLASS_CH = 3
    CLASS_ANY = 255


cdef struct Name:                # lower-cased, uncompressed wire form
    uint8_t length               # bytes including the root byte, 1 to 255
    uint8_t labels               # without the root
    uint8_t bytes[256]
    uint8_t offsets[128]         # where label i starts; 0 is the leftmost

cdef struct Query:
    uint16_t id
    uint16_t flags               # as sent
    uint8_t opcode
    uint16_t qtype
    uint16_t qclass
    Name name
    uint8_t question[260]        # as sent, letter case kept, for the echo
    uint16_t question_length     # 0 where the question could not be read
    bint has_edns
    uint16_t udp_size            # as sent
    uint8_t edns_version
    bint dnssec_ok
    bint wants_nsid              # RFC 5001 2.1
    bint wants_keepalive         # RFC 7828 3.2.1; means something over TCP only
    uint8_t ecs_family           # 0 none, 1 IPv4, 2 IPv6 (RFC 7871)
    uint8_t ecs_prefix           # bits of ecs_address that the sender gave
    uint8_t ecs_address[16]
    uint8_t cookie[40]           # RFC 7873, client part and perhaps server part
    uint8_t cookie_length        # 0 (none), 8, or 16 to 40
    uint8_t ids_seen             # bits by ID_*, also of options that were passed over
    uint8_t id_lengths[3]        # 0: none
    const uint8_t* ids[3]        # borrowed from the packet

cdef struct Record:              # one resource record; offsets are from the start of the message
    uint16_t type
    uint16_t rclass
    uint32_t ttl                 # as sent
    uint32_t owner_offset
    uint32_t ttl_offset
    uint32_t data_offset
    uint16_t data_length
    uint8_t section              # 1 answer, 2 authority, 3 additional

cdef struct Walk:
    const uint8_t* message
    size_t length
    size_t offset                # of the next record
    uint16_t left[4]             # records left by section; [0] is unused
    uint8_t section

cdef struct Service:             # the data of one SVCB or HTTPS record (RFC 9460 2.2)
    const uint8_t* message
    size_t offset                # of the next parameter
    size_t end
    int32_t last_key             # -1 before the first parameter
    size_t hint                  # of the next address of the current hint
    size_t hint_end
    uint8_t hint_family          # 4 or 6
    uint16_t priority
    Name target

cdef struct Ede:                 # one extended DNS error (RFC 8914)
    uint16_t code
    uint8_t text_length
    const uint8_t* text          # borrowed: must outlive the struct

cdef struct EdeList:
    Ede items[4]
    uint8_t count

cdef struct Upstream:            # what an upstream answer says outside the bytes that are kept
    uint16_t rcode               # 12 bits, the extended part included (RFC 6891 6.1.3)
    uint16_t flags
    bint has_edns
    EdeList ede                  # texts are borrowed from the message that was read

cdef struct Lifetime:            # how long an answer may be kept, before the cache's own limits
    uint32_t ttl                 # seconds; 0: not at all
    bint negative                # NXDOMAIN or no data (RFC 2308 2)
    uint16_t rcode               # the header's 4 bits
    uint16_t records


cdef inline uint16_t get16(const uint8_t* at) noexcept nogil:
    return <uint16_t> ((at[0] << 8) | at[1])

cdef inline uint32_t get32(const uint8_t* at) noexcept nogil:
    return (<uint32_t> at[0] << 24) | (<uint32_t> at[1] << 16) | (<uint32_t> at[2] << 8) | at[3]

cdef inline void put16(uint8_t* at, uint16_t value) noexcept nogil:
    at[0] = <uint8_t> (value >> 8)
    at[1] = <uint8_t> (value & 0xFF)

cdef inline void put32(uint8_t* at, uint32_t value) noexcept nogil:
    put16(at, <uint16_t> (value >> 16))
    put16(at + 2, <uint16_t> (value & 0xFFFF))

cdef inline uint16_t rcode_of(int status) noexcept nogil:
    """The rcode for a query that parse_query did not find OK, if it is answered at all."""
    if status == NO_QUESTION:
        return NOERROR
    return NOTIMP if status == UNKNOWN_OPCODE else FORMERR


# Reads the name at offset[0], follows its pointers, lower-cases it, and moves offset[0] behind it. What a
# pointer leads to must lie before the labels that it continues, all of it: this makes every read end.
cdef int read_name(const uint8_t* message, size_t length, size_t* offset, Name* out) noexcept nogil
# The same with the letter case as sent.
cdef int read_name_as_sent(const uint8_t* message, size_t length, size_t* offset, Name* out) noexcept nogil
# Takes a whole uncompressed name, nothing behind it.
cdef int name_from_wire(const uint8_t* data, size_t length, Name* out) noexcept nogil

# For any packet of 12 bytes or more id, flags and opcode are set, and once the question is read name,
# question, qtype and qclass; question_length tells. NOT_A_QUERY and shorter packets are to get no answer.
cdef int parse_query(const uint8_t* packet, size_t length, Query* out) noexcept nogil

# Goes over all records of a message; walk_next gives OK, END, or what is wrong. owner may be NULL.
cdef int walk_start(const uint8_t* message, size_t length, Walk* walk) noexcept nogil
cdef int walk_next(Walk* walk, Record* record, Name* owner) noexcept nogil

# Reads priority and target; then service_hint gives the addresses of ipv4hint and ipv6hint one by one: family
# is 4 or 6, address points into the message (4 or 16 bytes).
cdef int service_start(const uint8_t* message, size_t length, const Record* record,
                       Service* out) noexcept nogil
cdef int service_hint(Service* service, uint8_t* family, const uint8_t** address) noexcept nogil

# Writes the record with all its names uncompressed (case kept) and returns its size through written.
# owner_pointer: 0, or a compression pointer (0xC000 | offset) to be written in the owner's place.
cdef int copy_record(const uint8_t* message, size_t length, const Record* record, uint16_t owner_pointer,
                     uint8_t* out, size_t capacity, size_t* written) noexcept nogil

# Copies an upstream's answer without OPT and TSIG, which are hop by hop, and without bytes behind the last
# record; kept is the length of the copy. The whole message is checked on the way.
cdef int strip_opt(const uint8_t* message, size_t length, uint8_t* out, size_t capacity, size_t* kept,
                   Upstream* facts) noexcept nogil

# How long an answer (without OPT) may be kept: the smallest TTL of its records, and for a negative one also
# the SOA's minimum (RFC 2308 5); a negative answer without SOA is not kept.
cdef int lifetime(const uint8_t* message, size_t length, Lifetime* out) noexcept nogil


cdef class ParsedQuery:
    """A query as Python sees it; native callers use its struct directly."""
    cdef Query q
    cdef bytes packet            # that its identities stand in
