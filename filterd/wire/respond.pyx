# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Final answers: what the client is sent, byte for byte.

The native functions are described in ``respond.pxd``; below them stands the thin Python face. The readable
reference is :mod:`filterd.wire.respond_reference`, and the two are kept equal by tests.
"""

from libc.string cimport memcmp, memcpy

from filterd.wire.codec cimport (
    CLASS_IN, END, FLAG_AD, FLAG_CD, FLAG_QR, FLAG_RA, FLAG_RD, FLAG_TC, HEADER_SIZE, NOERROR, NO_SPACE,
    NXDOMAIN, OK, SERVFAIL, TYPE_A, TYPE_AAAA, TYPE_ANY, TYPE_CNAME, TYPE_NS, TYPE_NSEC, TYPE_NSEC3,
    TYPE_OPT, TYPE_RRSIG, TYPE_SOA, TYPE_TXT, Ede, ParsedQuery, Record, Walk, copy_record, get16,
    name_from_wire, parse_query, put16, put32, rcode_of, read_name, read_name_as_sent, walk_next, walk_start)
from filterd.wire.ech cimport EchCut, ech_types, find_ech, service_type, signed_service

from filterd.wire.options import AnswerOptions as PyAnswerOptions

cdef enum:
    QUESTION = 0xC00C            # a pointer to the query name
    OPT_SIZE = 11                # an OPT record without options
    COOKIE_SIZE = 24             # client cookie and server cookie of version 1 (RFC 9018 4)
    OPTION_NSID = 3              # RFC 5001
    OPTION_SUBNET = 8            # RFC 7871
    OPTION_COOKIE = 10           # RFC 7873
    OPTION_KEEPALIVE = 11        # RFC 7828
    OPTION_EDE = 15              # RFC 8914
    SCOPE_EXACT = 0              # filterd.model.rule.Scope

# Behind SOA's first name: nobody.invalid., serial 1, refresh, retry, expire (RFC 6303 3); minimum follows.
cdef const uint8_t* SOA_REST = (
    b"\x06nobody\x07invalid\x00"
    b"\x00\x00\x00\x01" b"\x00\x00\x0e\x10" b"\x00\x00\x04\xb0" b"\x00\x09\x3a\x80")
cdef enum:
    SOA_REST_SIZE = 32

cdef const uint8_t* LOOPBACK4 = b"\x7f\x00\x00\x01"
cdef const uint8_t* LOOPBACK6 = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
cdef const uint8_t* NULL_ADDRESS = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"


cdef enum Detail:                # of the options in an answer's OPT
    NEEDED = 0                   # those that the client's next step rests on
    CODES = 1                    # all, but no texts
    WHOLE = 2

cdef struct Draft:               # an answer being written
    uint8_t* out
    size_t capacity
    size_t used
    bint full                    # a record did not fit: to be truncated
    size_t ends[3]               # where section 1 or 2 ends, if what stands behind it may be left out; or 0


# --- the frame: header, question, OPT ---------------------------------------------------------------------

cdef bint begin(Draft* draft, const Query* query, uint16_t rcode, const AnswerOptions* options,
                uint8_t* out, size_t capacity) noexcept nogil:
    """Header and question, no records yet; False if there is nothing to send."""
    cdef uint16_t flags = FLAG_QR | (query.flags & (FLAG_RD | FLAG_CD)) | <uint16_t> (query.opcode << 11)
    if query.flags & FLAG_QR or capacity < HEADER_SIZE + query.question_length:
        return False
    if rcode > 15 and not query.has_edns:
        rcode = SERVFAIL
    if options.ra:
        flags |= FLAG_RA
    put16(out, query.id)
    put16(out + 2, flags | (rcode & 15))
    put16(out + 4, 1 if query.question_length else 0)
    put32(out + 6, 0)
    put16(out + 10, 0)
    memcpy(out + HEADER_SIZE, query.question, query.question_length)
    draft.out = out
    draft.capacity = capacity
    draft.used = HEADER_SIZE + query.question_length
    draft.full = False
    draft.ends[1] = draft.ends[2] = 0
    return True


cdef void count(Draft* draft, int section) noexcept nogil:
    """One more record in the section (1 answer, 2 authority, 3 additional)."""
    cdef uint8_t* at = draft.out + 4 + 2 * section
    put16(at, get16(at) + 1)


cdef void put_option(uint8_t* at, size_t* used, uint16_t code, const uint8_t* content,
                     size_t size) noexcept nogil:
    """One option at at + used[0]; at NULL: only its size is added."""
    if at is not NULL:
        put16(at + used[0], code)
        put16(at + used[0] + 2, <uint16_t> size)
        if size != 0:
            memcpy(at + used[0] + 4, content, size)
    used[0] += 4 + size


cdef void put_subnet(const Query* query, uint8_t* at, size_t* used) noexcept nogil:
    """The client subnet as it came; its own prefix is the scope (RFC 7871 7.2.1)."""
    cdef uint8_t content[20]
    cdef size_t size = (<size_t> query.ecs_prefix + 7) // 8
    put16(content, query.ecs_family)
    content[2] = content[3] = query.ecs_prefix
    memcpy(content + 4, query.ecs_address, size)
    put_option(at, used, OPTION_SUBNET, content, 4 + size)


cdef void put_ede(const Ede* ede, bint text, uint8_t* at, size_t* used) noexcept nogil:
    cdef uint8_t content[2 + 255]
    cdef size_t length = ede.text_length if text else 0
    put16(content, ede.code)
    if length != 0:  # an empty text may be NULL
        memcpy(content + 2, ede.text, length)
    put_option(at, used, OPTION_EDE, content, 2 + length)


cdef size_t put_options(const Query* query, const AnswerOptions* options, int detail,
                        uint8_t* at) noexcept nogil:
    """The options of the answer in so much detail; their size. at NULL: nothing is written."""
    cdef size_t used = 0
    cdef uint8_t timeout[2]
    cdef int i
    if options.cookie is not NULL:
        put_option(at, &used, OPTION_COOKIE, options.cookie, COOKIE_SIZE)
    if options.echo_subnet and query.ecs_family:
        put_subnet(query, at, &used)
    if options.keepalive and query.wants_keepalive:
        put16(timeout, options.keepalive)
        put_option(at, &used, OPTION_KEEPALIVE, timeout, 2)
    if detail == NEEDED:
        return used
    if query.wants_nsid and options.nsid_length:
        put_option(at, &used, OPTION_NSID, options.nsid, options.nsid_length)
    for i in range(options.ede.count):
        put_ede(&options.ede.items[i], detail == WHOLE, at, &used)
    return used


cdef bint put_opt(Draft* draft, const Query* query, uint16_t rcode, size_t size, size_t limit) noexcept nogil:
    """The OPT record (RFC 6891 6.1.2) with size bytes of options still to be written; False: no room."""
    cdef uint8_t* at = draft.out + draft.used
    if draft.used + OPT_SIZE + size > limit:
        return False
    at[0] = 0
    put16(at + 1, TYPE_OPT)
    put16(at + 3, UDP_SIZE)
    put32(at + 5, (<uint32_t> (rcode >> 4) << 24) | (0x8000 if query.dnssec_ok else 0))
    put16(at + 9, <uint16_t> size)
    draft.used += OPT_SIZE + size
    count(draft, 3)
    return True


cdef bint close_within(Draft* draft, const Query* query, uint16_t rcode, const AnswerOptions* options,
                       size_t limit) noexcept nogil:
    """Adds the OPT that fits: whole, without EDEs' texts, with what is needed alone; False if none does."""
    cdef uint8_t* at = draft.out + draft.used + OPT_SIZE
    cdef int detail
    if draft.full or draft.used > limit:
        return False
    if not query.has_edns:
        return True
    for detail in range(WHOLE, NEEDED - 1, -1):
        if put_opt(draft, query, rcode, put_options(query, options, detail, NULL), limit):
            put_options(query, options, detail, at)
            return True
    return False


cdef bint close_shorter(Draft* draft, const Query* query, uint16_t rcode, const AnswerOptions* options,
                        size_t limit) noexcept nogil:
    """The same without the additional section, then without authority too, where these may be left out."""
    cdef int section
    for section in range(2, 0, -1):
        if draft.ends[section]:
            draft.full = False
            draft.used = draft.ends[section]
            put16(draft.out + 10, 0)
            if section == 1:
                put16(draft.out + 8, 0)
            if close_within(draft, query, rcode, options, limit):
                return True
    return False


cdef size_t finish(Draft* draft, const Query* query, uint16_t rcode,
                   const AnswerOptions* options) noexcept nogil:
    """The length of the finished answer: whole if it fits, else shorter, else truncated, else 0."""
    cdef size_t limit = draft.capacity if draft.capacity < options.limit else options.limit
    if close_within(draft, query, rcode, options, limit):
        return draft.used
    if close_shorter(draft, query, rcode, options, limit):
        return draft.used
    draft.full = False
    draft.used = HEADER_SIZE + query.question_length
    put16(draft.out + 2, (get16(draft.out + 2) | FLAG_TC) & ~FLAG_AD)
    put32(draft.out + 6, 0)
    put16(draft.out + 10, 0)
    return draft.used if close_within(draft, query, rcode, options, limit) else 0


# --- records that we make ---------------------------------------------------------------------------------

cdef uint32_t made_ttl(const AnswerOptions* options) noexcept nogil:
    return min(options.ttl, options.ttl_cap)


cdef uint32_t passed_ttl(uint32_t ttl, const AnswerOptions* options) noexcept nogil:
    """A record's TTL after its time in the cache; one with the top bit set counts as 0 (RFC 2181 8)."""
    if ttl > 0x7FFFFFFF or ttl < options.age:
        ttl = 0
    else:
        ttl -= options.age
    return min(max(ttl, options.ttl_floor), options.ttl_cap)


cdef uint8_t* add_record(Draft* draft, const Query* query, int section, uint16_t kind, uint32_t ttl,
                         size_t size) noexcept nogil:
    """A record of the query name; where its size bytes of data go, or NULL if there is no room."""
    return add_record_at(draft, query, 0, section, kind, ttl, size)


cdef uint8_t* add_record_at(Draft* draft, const Query* query, uint8_t apex, int section, uint16_t kind,
                            uint32_t ttl, size_t size) noexcept nogil:
    """The same for what is left of the query name without its first apex bytes."""
    cdef uint8_t* at = draft.out + draft.used
    if draft.full or draft.capacity - draft.used < 12 + size:
        draft.full = True
        return NULL
    put16(at, QUESTION + apex)
    put16(at + 2, kind)
    put16(at + 4, query.qclass)
    put32(at + 6, ttl)
    put16(at + 10, <uint16_t> size)
    draft.used += 12 + size
    count(draft, section)
    return at + 12


cdef void add_soa(Draft* draft, const Query* query, uint8_t apex, int section,
                  const AnswerOptions* options) noexcept nogil:
    """Owner and primary server are the zone whose name starts at that byte of the query name."""
    cdef uint32_t ttl = made_ttl(options)
    cdef uint8_t* at = add_record_at(draft, query, apex, section, TYPE_SOA, ttl, 2 + SOA_REST_SIZE + 4)
    if at is not NULL:
        put16(at, QUESTION + apex)
        memcpy(at + 2, SOA_REST, SOA_REST_SIZE)
        put32(at + 2 + SOA_REST_SIZE, ttl)


cdef inline uint8_t parent_of(const Query* query) noexcept nogil:
    """The byte at which the query name's parent starts, the zone of an SOA that denies it. One for the name
    itself says to caches in front that the name exists (RFC 8020)."""
    return query.name.bytes[0] + 1 if query.name.bytes[0] else 0


cdef size_t negative(const Query* query, uint16_t rcode, uint8_t apex, const AnswerOptions* options,
                     uint8_t* out, size_t capacity) noexcept nogil:
    cdef Draft draft
    if not begin(&draft, query, rcode, options, out, capacity):
        return 0
    add_soa(&draft, query, apex, 2, options)
    return finish(&draft, query, rcode, options)


cdef size_t zone_itself(const Query* query, const AnswerOptions* options, uint8_t* out,
                        size_t capacity) noexcept nogil:
    """The apex of a zone that is served here: SOA, NS, and nothing else (RFC 6303 3)."""
    cdef Draft draft
    cdef uint8_t* at
    if query.qtype != TYPE_SOA and query.qtype != TYPE_NS and query.qtype != TYPE_ANY:
        return negative(query, NOERROR, 0, options, out, capacity)
    if not begin(&draft, query, NOERROR, options, out, capacity):
        return 0
    if query.qtype == TYPE_NS:
        at = add_record(&draft, query, 1, TYPE_NS, made_ttl(options), 2)
        if at is not NULL:
            put16(at, QUESTION)
    else:
        add_soa(&draft, query, 0, 1, options)
    return finish(&draft, query, NOERROR, options)


cdef size_t addressed(const Query* query, const uint8_t* ipv4, const uint8_t* ipv6,
                      const AnswerOptions* options, uint8_t* out, size_t capacity) noexcept nogil:
    """The one address of the asked type, either of which may be NULL; NODATA where there is none."""
    cdef Draft draft
    cdef uint8_t* at
    cdef const uint8_t* address = NULL
    cdef size_t size = 4 if query.qtype == TYPE_A else 16
    if query.qclass == CLASS_IN and query.qtype == TYPE_A:
        address = ipv4
    elif query.qclass == CLASS_IN and query.qtype == TYPE_AAAA:
        address = ipv6
    if address is NULL:
        return negative(query, NOERROR, 0, options, out, capacity)
    if not begin(&draft, query, NOERROR, options, out, capacity):
        return 0
    at = add_record(&draft, query, 1, query.qtype, made_ttl(options), size)
    if at is not NULL:
        memcpy(at, address, size)
    return finish(&draft, query, NOERROR, options)


cdef size_t respond_error(const Query* query, uint16_t rcode, const AnswerOptions* options,
                          uint8_t* out, size_t capacity) noexcept nogil:
    cdef Draft draft
    if not begin(&draft, query, rcode, options, out, capacity):
        return 0
    return finish(&draft, query, rcode, options)


cdef size_t respond_malformed(const Query* query, int status, const AnswerOptions* options,
                              uint8_t* out, size_t capacity) noexcept nogil:
    return respond_error(query, rcode_of(status), options, out, capacity)


cdef size_t respond_truncated(const Query* query, const AnswerOptions* options,
                              uint8_t* out, size_t capacity) noexcept nogil:
    cdef Draft draft
    if not begin(&draft, query, NOERROR, options, out, capacity):
        return 0
    draft.full = True
    return finish(&draft, query, NOERROR, options)


cdef size_t respond_blocked(const Query* query, uint8_t mode, uint8_t scope, const AnswerOptions* options,
                            uint8_t* out, size_t capacity) noexcept nogil:
    cdef const uint8_t* ipv4 = NULL
    cdef const uint8_t* ipv6 = NULL
    if options.has_ipv4:
        ipv4 = &options.ipv4[0]
    if options.has_ipv6:
        ipv6 = &options.ipv6[0]
    if mode == MODE_SINKHOLE and ipv4 is NULL and ipv6 is NULL:
        mode = MODE_NXDOMAIN
    if mode == MODE_NXDOMAIN and scope != SCOPE_EXACT:
        return negative(query, NXDOMAIN, parent_of(query), options, out, capacity)
    if mode == MODE_NULL:
        return addressed(query, NULL_ADDRESS, NULL_ADDRESS, options, out, capacity)
    if mode == MODE_SINKHOLE:
        return addressed(query, ipv4, ipv6, options, out, capacity)
    return negative(query, NOERROR, 0, options, out, capacity)


cdef size_t respond_local(const Query* query, uint8_t kind, uint8_t apex, const AnswerOptions* options,
                          uint8_t* out, size_t capacity) noexcept nogil:
    if kind == LOCAL_LOCALHOST and (query.qtype == TYPE_A or query.qtype == TYPE_AAAA):
        return addressed(query, LOOPBACK4, LOOPBACK6, options, out, capacity)
    if apex == 0:
        return zone_itself(query, options, out, capacity)
    return negative(query, NXDOMAIN if kind == LOCAL_NXDOMAIN else NOERROR, apex, options, out, capacity)


cdef uint8_t local_kind(const Name* name) noexcept nogil:
    if name.length >= 11 and name.labels and name.bytes[name.offsets[name.labels - 1]] == 9:
        if memcmp(&name.bytes[name.length - 11], b"\x09localhost", 11) == 0:
            return LOCAL_LOCALHOST
    return LOCAL_NODATA


cdef size_t respond_text(const Query* query, const uint8_t* text, uint8_t length,
                         const AnswerOptions* options, uint8_t* out, size_t capacity) noexcept nogil:
    cdef Draft draft
    cdef uint8_t* at
    if not begin(&draft, query, NOERROR, options, out, capacity):
        return 0
    at = add_record(&draft, query, 1, TYPE_TXT, 0, 1 + <size_t> length)
    if at is not NULL:
        at[0] = length
        memcpy(at + 1, text, length)
    return finish(&draft, query, NOERROR, options)


# --- answers of upstreams ---------------------------------------------------------------------------------

cdef bint answers(const Query* query, const uint8_t* message, size_t length) noexcept nogil:
    """True if the message is an answer to the question, whose name it must hold in full."""
    cdef size_t offset = HEADER_SIZE
    cdef size_t end = HEADER_SIZE + query.question_length
    cdef Name name
    if length < end or not message[2] & 0x80 or get16(message + 4) != 1:
        return False
    if read_name(message, length, &offset, &name) != OK or offset + 4 != end:
        return False
    return (memcmp(name.bytes, query.name.bytes, name.length) == 0
            and memcmp(message + offset, query.question + query.question_length - 4, 4) == 0)


cdef bint note_end(Draft* draft, const Record* record, size_t at) noexcept nogil:
    """Note where the sections before this record's end, which comes at so many bytes; return whether it is
    part of a denial. A section that did not fit has no end."""
    if draft.ends[1] == 0 and not draft.full:
        draft.ends[1] = at
    if record.section == 3:
        if draft.ends[2] == 0 and not draft.full:
            draft.ends[2] = at
        return False
    return record.type == TYPE_SOA or record.type == TYPE_NSEC or record.type == TYPE_NSEC3


cdef size_t respond_answer(const Query* query, const uint8_t* message, size_t length,
                           const AnswerOptions* options, uint8_t* out, size_t capacity) noexcept nogil:
    cdef Draft draft
    cdef Walk walk
    cdef Record record
    cdef uint16_t rcode, chosen = 0
    cdef bint proves = False     # something in authority says what does not exist
    cdef int status, altered
    if not answers(query, message, length):
        return respond_error(query, SERVFAIL, options, out, capacity)
    if query.qtype == TYPE_ANY:
        if chosen_type(query, message, length, &chosen) != END:
            return respond_error(query, SERVFAIL, options, out, capacity)
        if chosen != 0:
            return one_rrset(query, chosen, message, length, options, out, capacity)
    if options.strip_ech:
        altered = ech_types(message, length)
        if altered:
            return without_ech(query, message, length, altered, options, out, capacity)
    rcode = get16(message + 2) & 15
    if not begin(&draft, query, rcode, options, out, capacity):
        return 0
    if options.ad:
        put16(out + 2, get16(out + 2) | FLAG_AD)
    memcpy(out + 6, message + 6, 6)
    memcpy(out + draft.used, message + draft.used, min(length, capacity) - draft.used)
    status = walk_start(message, length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, NULL)
        if status == OK and record.type == TYPE_OPT:
            break
        if status == OK and record.data_offset <= capacity:
            put32(out + record.ttl_offset, passed_ttl(record.ttl, options))
        if status == OK and record.section != 1:
            proves |= note_end(&draft, &record, record.owner_offset)
    if proves or rcode != NOERROR or get16(message + 6) == 0:
        draft.ends[1] = 0
    if status != END:
        return respond_error(query, SERVFAIL, options, out, capacity)
    draft.full = walk.offset > capacity
    draft.used = walk.offset
    return finish(&draft, query, rcode, options)


cdef bint add_cut(Draft* draft, const Walk* walk, const Record* record, uint16_t pointer, const EchCut* cut,
                  const AnswerOptions* options) noexcept nogil:
    """Copies a service without a part of its data, in which no name is compressed. False if it is damaged."""
    cdef const uint8_t* content = walk.message + record.data_offset
    cdef size_t size = record.data_length - (cut.end - cut.start), head = 2, offset = record.owner_offset
    cdef uint8_t* at = draft.out + draft.used
    cdef Name owner
    if not pointer:
        if read_name_as_sent(walk.message, walk.length, &offset, &owner) != OK:
            return False
        head = owner.length
    if draft.capacity - draft.used < head + 10 + size:
        draft.full = True
        return True
    if pointer:
        put16(at, pointer)
    else:
        memcpy(at, owner.bytes, head)
    put16(at + head, record.type)
    put16(at + head + 2, record.rclass)
    put32(at + head + 4, passed_ttl(record.ttl, options))
    put16(at + head + 8, <uint16_t> size)
    memcpy(at + head + 10, content, cut.start)
    memcpy(at + head + 10 + cut.start, content + cut.end, record.data_length - cut.end)
    draft.used += head + 10 + size
    count(draft, record.section)
    return True


cdef bint add_copy(Draft* draft, const Walk* walk, const Record* record, const Name* owner,
                   const Name* target, uint16_t pointer, const AnswerOptions* options) noexcept nogil:
    """Copies a record, its owner shortened to pointer where it is the target. False if it is damaged."""
    cdef bint known = owner.length == target.length and memcmp(owner.bytes, target.bytes, owner.length) == 0
    cdef uint8_t* at = draft.out + draft.used
    cdef size_t written = 0, ttl_offset = (2 if known else owner.length) + 4
    cdef int status
    cdef EchCut cut
    if options.strip_ech and service_type(record.type):
        if find_ech(walk.message, walk.length, record, &cut) != OK:
            return False
        if cut.end:
            return cut.requires_ech or add_cut(draft, walk, record, pointer if known else 0, &cut, options)
    status = copy_record(walk.message, walk.length, record, pointer if known else 0, at,
                         draft.capacity - draft.used, &written)
    if status == NO_SPACE:
        draft.full = True
        return True
    if status != OK:
        return False
    put32(at + ttl_offset, passed_ttl(record.ttl, options))
    draft.used += written
    count(draft, record.section)
    return True


cdef size_t without_ech(const Query* query, const uint8_t* message, size_t length, int altered,
                        const AnswerOptions* options, uint8_t* out, size_t capacity) noexcept nogil:
    """The answer without ECH, which these types have, and without their signatures; AD is not set."""
    cdef Draft draft
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef uint16_t rcode = get16(message + 2) & 15
    cdef bint proves = False
    cdef int status = walk_start(message, length, &walk)
    if not begin(&draft, query, rcode, options, out, capacity):
        return 0
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status != OK or record.type == TYPE_OPT:
            break
        if record.section != 1:
            proves |= note_end(&draft, &record, draft.used)
        if signed_service(&walk, &record) & altered:
            continue
        if not add_copy(&draft, &walk, &record, &owner, &query.name, QUESTION, options):
            return respond_error(query, SERVFAIL, options, out, capacity)
    if status != END:
        return respond_error(query, SERVFAIL, options, out, capacity)
    if proves or rcode != NOERROR or get16(message + 6) == 0:
        draft.ends[1] = 0
    return finish(&draft, query, rcode, options)


cdef bint add_target(Draft* draft, const Query* query, const Name* target, const uint8_t* message,
                     size_t length, uint16_t pointer, const AnswerOptions* options) noexcept nogil:
    """Add the target's CNAMEs and records of the asked type, else its SOA. False if it is damaged."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef bint found = False, wanted
    cdef int status = walk_start(message, length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status != OK:
            break
        if record.section == 1:
            wanted = record.type == query.qtype or record.type == TYPE_CNAME
            found = found or record.type == query.qtype
        else:
            wanted = record.section == 2 and record.type == TYPE_SOA and not found
        if wanted and not add_copy(draft, &walk, &record, &owner, target, pointer, options):
            return False
    return status == END


cdef int chosen_type(const Query* query, const uint8_t* message, size_t length,
                     uint16_t* chosen) noexcept nogil:
    """The type of the query name's first record that is no signature, 0 for none; END if all is sound."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef int status = walk_start(message, length, &walk)
    chosen[0] = 0
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status == OK and record.type == TYPE_OPT:
            break
        if status == OK and record.section == 1 and chosen[0] == 0 and record.type != TYPE_RRSIG:
            if owner.length == query.name.length and memcmp(owner.bytes, query.name.bytes, owner.length) == 0:
                chosen[0] = record.type
    return status


cdef bint in_chosen(const Query* query, const Walk* walk, const Record* record,
                    uint16_t chosen) noexcept nogil:
    """True if the record is of the RRset or, for who wants them, one of its signatures (RFC 4034 3.1.1)."""
    if record.type == chosen:
        return True
    if record.type != TYPE_RRSIG or not query.dnssec_ok or record.data_length < 2:
        return False
    return get16(walk.message + record.data_offset) == chosen


cdef size_t one_rrset(const Query* query, uint16_t chosen, const uint8_t* message, size_t length,
                      const AnswerOptions* options, uint8_t* out, size_t capacity) noexcept nogil:
    """Of a sound answer to ANY the RRset of that type alone (RFC 8482 4.1)."""
    cdef Draft draft
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef uint16_t rcode = get16(message + 2) & 15
    cdef int altered = ech_types(message, length) & service_type(chosen) if options.strip_ech else 0
    cdef int status = walk_start(message, length, &walk)
    if not begin(&draft, query, rcode, options, out, capacity):
        return 0
    if options.ad and not altered:
        put16(out + 2, get16(out + 2) | FLAG_AD)
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status != OK or record.section != 1:
            break
        if signed_service(&walk, &record) & altered:
            continue
        if owner.length != query.name.length or memcmp(owner.bytes, query.name.bytes, owner.length) != 0:
            continue
        if in_chosen(query, &walk, &record, chosen):
            if not add_copy(&draft, &walk, &record, &owner, &query.name, QUESTION, options):
                return respond_error(query, SERVFAIL, options, out, capacity)
    return finish(&draft, query, rcode, options)


cdef size_t respond_rewrite(const Query* query, const Name* target, const uint8_t* message, size_t length,
                            const AnswerOptions* options, uint8_t* out, size_t capacity) noexcept nogil:
    cdef Draft draft
    cdef uint16_t rcode = NOERROR
    cdef uint16_t pointer = <uint16_t> (0xC000 | (HEADER_SIZE + query.question_length + 12))
    cdef uint8_t* at
    if length:
        rcode = get16(message + 2) & 15 if length >= HEADER_SIZE else SERVFAIL
        if rcode != NOERROR and rcode != NXDOMAIN:
            return respond_error(query, SERVFAIL, options, out, capacity)
    if not begin(&draft, query, rcode, options, out, capacity):
        return 0
    at = add_record(&draft, query, 1, TYPE_CNAME, made_ttl(options), target.length)
    if at is not NULL:
        memcpy(at, target.bytes, target.length)
    if length and query.qtype != TYPE_CNAME:
        if not add_target(&draft, query, target, message, length, pointer, options):
            return respond_error(query, SERVFAIL, options, out, capacity)
    return finish(&draft, query, rcode, options)


# --- the Python face --------------------------------------------------------------------------------------

cdef void add_python_ede(AnswerOptions* options, ede) except *:
    """The texts stay borrowed from ede, which the caller holds."""
    cdef const uint8_t* text
    for code, content in ede:
        if len(content) > 255:
            raise ValueError(f"extended error text of {len(content)} bytes, at most 255 are allowed")
        text = content
        if not add_ede(options, code, text, len(content)):
            raise ValueError(f"more than {MAX_EDES} extended errors")


cdef frozenset OPTION_NAMES = frozenset(PyAnswerOptions.__annotations__)


cdef class _Options:
    """Keyword options turned into the native struct; keeps the EDEs' texts alive."""
    cdef AnswerOptions native
    cdef size_t capacity         # of the buffer that the answer is built in
    cdef object ede
    cdef bytes nsid
    cdef bytes cookie

    def __init__(self, dict given):
        cdef AnswerOptions* native = &self.native
        unknown = given.keys() - OPTION_NAMES
        if unknown:
            raise TypeError(f"unknown options of an answer: {', '.join(sorted(unknown))}")
        default_options(native)
        native.limit = given.get("limit", native.limit)
        native.ttl = given.get("ttl", native.ttl)
        native.ttl_cap = given.get("ttl_cap", native.ttl_cap)
        native.ttl_floor = given.get("ttl_floor", native.ttl_floor)
        native.age = given.get("age", native.age)
        native.ad = given.get("ad", native.ad)
        native.ra = given.get("ra", native.ra)
        native.strip_ech = given.get("strip_ech", native.strip_ech)
        native.echo_subnet = given.get("echo_subnet", native.echo_subnet)
        native.keepalive = given.get("keepalive", native.keepalive)
        self.capacity = min(given.get("capacity", MAX_MESSAGE), MAX_MESSAGE)
        self.set_identity(given.get("nsid", b""))
        self.set_cookie(given.get("cookie", b""))
        self.ede = tuple(given.get("ede", ()))
        add_python_ede(native, self.ede)
        self.set_address(given.get("ipv4"), 4)
        self.set_address(given.get("ipv6"), 16)

    cdef void set_identity(self, bytes nsid) except *:
        if len(nsid) > 255:
            raise ValueError(f"identity of {len(nsid)} bytes, at most 255 are allowed")
        self.nsid = nsid
        self.native.nsid = nsid
        self.native.nsid_length = <uint8_t> len(nsid)

    cdef void set_cookie(self, bytes cookie) except *:
        if cookie and len(cookie) != COOKIE_SIZE:
            raise ValueError(f"cookie of {len(cookie)} bytes, {COOKIE_SIZE} are expected")
        self.cookie = cookie
        if cookie:
            self.native.cookie = cookie

    cdef void set_address(self, bytes address, size_t size) except *:
        if address is None:
            return
        if len(address) != size:
            raise ValueError(f"address of {len(address)} bytes, {size} are expected")
        if size == 4:
            memcpy(self.native.ipv4, <const uint8_t*> address, 4)
            self.native.has_ipv4 = True
        else:
            memcpy(self.native.ipv6, <const uint8_t*> address, 16)
            self.native.has_ipv6 = True


def error(ParsedQuery query not None, uint16_t rcode, **options):
    """An error answer."""
    cdef _Options chosen = _Options(options)
    cdef uint8_t out[MAX_MESSAGE]
    return out[:respond_error(&query.q, rcode, &chosen.native, out, chosen.capacity)]


def malformed(bytes packet, **options):
    """The answer to a packet that cannot be parsed: FORMERR, NOTIMP or nothing."""
    cdef _Options chosen = _Options(options)
    cdef uint8_t out[MAX_MESSAGE]
    cdef ParsedQuery query = ParsedQuery.__new__(ParsedQuery)
    cdef int status = parse_query(packet, len(packet), &query.q)
    if status == OK:
        return b""
    return out[:respond_malformed(&query.q, status, &chosen.native, out, chosen.capacity)]


def truncated(ParsedQuery query not None, **options):
    """An empty answer with TC."""
    cdef _Options chosen = _Options(options)
    cdef uint8_t out[MAX_MESSAGE]
    return out[:respond_truncated(&query.q, &chosen.native, out, chosen.capacity)]


def blocked(ParsedQuery query not None, uint8_t mode, uint8_t scope, **options):
    """The answer for a blocked name."""
    cdef _Options chosen = _Options(options)
    cdef uint8_t out[MAX_MESSAGE]
    return out[:respond_blocked(&query.q, mode, scope, &chosen.native, out, chosen.capacity)]


def local(ParsedQuery query not None, uint8_t kind, uint8_t apex=0, **options):
    """The answer for a name of a zone that the resolver serves itself, whose name starts at apex."""
    if apex >= query.q.name.length:
        raise ValueError("the zone's name starts behind the query name")
    cdef _Options chosen = _Options(options)
    cdef uint8_t out[MAX_MESSAGE]
    return out[:respond_local(&query.q, kind, apex, &chosen.native, out, chosen.capacity)]


def local_kind_of(bytes name):
    """The LocalKind of a name in lower-cased wire form."""
    cdef Name native
    if name_from_wire(name, len(name), &native) != OK:
        raise ValueError("not a name in wire form")
    return local_kind(&native)


def answer(ParsedQuery query not None, bytes message, **options):
    """An upstream's answer, for this client."""
    cdef _Options chosen = _Options(options)
    cdef uint8_t out[MAX_MESSAGE]
    return out[:respond_answer(&query.q, message, len(message), &chosen.native, out, chosen.capacity)]


def holds_ech(bytes message not None):
    """Return whether ``strip_ech`` would change the message."""
    return bool(ech_types(message, len(message)))


def rewrite(ParsedQuery query not None, bytes target, bytes message, **options):
    """CNAME to the target (lower-cased wire form) with the target's own answer."""
    cdef _Options chosen = _Options(options)
    cdef uint8_t out[MAX_MESSAGE]
    cdef Name name
    if name_from_wire(target, len(target), &name) != OK:
        raise ValueError("target is not a name in wire form")
    return out[:respond_rewrite(&query.q, &name, message, len(message), &chosen.native, out, chosen.capacity)]


def text(ParsedQuery query not None, bytes content, **options):
    """One TXT string of at most 255 bytes."""
    cdef _Options chosen = _Options(options)
    cdef uint8_t out[MAX_MESSAGE]
    if len(content) > 255:
        raise ValueError(f"text of {len(content)} bytes, at most 255 are allowed")
    return out[:respond_text(&query.q, content, len(content), &chosen.native, out, chosen.capacity)]
