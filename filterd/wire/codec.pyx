# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The message codec: reads queries and answers whose bytes may be hostile.

The native functions are described in ``codec.pxd``; below them stands the thin Python face. The readable
references are :mod:`filterd.wire.codec_reference` (names, records), :mod:`filterd.wire.queries_reference`
and :mod:`filterd.wire.upstream_answers_reference`, and the two are kept equal by tests.
"""

from libc.string cimport memcpy, memset

from filterd.wire.letters cimport fold_letters
from filterd.wire.record_layout cimport data_layout
from filterd.wire.query_options cimport read_options
from filterd.wire.utf8 cimport text_length

from filterd.wire import names as text_names
from filterd.wire.message import AnswerLifetime, ResourceRecord, ServiceData, StrippedAnswer
from filterd.wire.status import Status as PyStatus

cdef enum:
    POINTER_SPACE = 16384        # offsets that a compression pointer can name
    STARTS_SIZE = 2048           # bytes for one bit each
    OPCODE_NOTIFY = 4            # RFC 1996
    MAX_QUERY_RECORDS = 64       # behind a question; thousands, each with long names, would cost milliseconds
    TYPE_SIG = 24
    TYPE_KEY = 25


# --- names ------------------------------------------------------------------------------------------------

cdef int expand(const uint8_t* message, size_t length, size_t* offset, Name* out, bint fold) noexcept nogil:
    """The name at offset[0], uncompressed into out; fold: in lower case."""
    cdef size_t position = offset[0]
    cdef size_t segment = position       # where the labels now being read began
    cdef size_t after = 0                # behind the first pointer
    cdef size_t target
    cdef unsigned int used = 0, labels = 0, pointers = 0, size
    while True:
        if position >= length:
            return TRUNCATED
        size = message[position]
        if size == 0:
            break
        if size >= 0xC0:
            if position + 1 >= length:
                return TRUNCATED
            target = ((size & 0x3F) << 8) | message[position + 1]
            if pointers == 0:
                after = position + 2
            pointers += 1
            if target >= segment or target < HEADER_SIZE or pointers > MAX_POINTERS:
                return BAD_POINTER
            length = segment             # what a pointer leads to ends before what it continues
            position = segment = target
            continue
        if size > 63:
            return BAD_LABEL
        if used + 1 + size + 1 > MAX_NAME:
            return NAME_TOO_LONG
        if length - position - 1 < size:
            return TRUNCATED
        out.offsets[labels] = <uint8_t> used
        labels += 1
        out.bytes[used] = <uint8_t> size
        memcpy(&out.bytes[used + 1], message + position + 1, size)
        used += size + 1
        position += size + 1
    out.bytes[used] = 0
    if fold:
        fold_letters(&out.bytes[0], used + 1)
    out.length = <uint8_t> (used + 1)
    out.labels = <uint8_t> labels
    offset[0] = after if pointers else position + 1
    return OK


cdef int read_name(const uint8_t* message, size_t length, size_t* offset, Name* out) noexcept nogil:
    return expand(message, length, offset, out, True)


cdef int read_name_as_sent(const uint8_t* message, size_t length, size_t* offset, Name* out) noexcept nogil:
    return expand(message, length, offset, out, False)


cdef int name_from_wire(const uint8_t* data, size_t length, Name* out) noexcept nogil:
    cdef size_t offset = 0
    cdef int status = expand(data, length, &offset, out, True)
    if status == OK and offset != length:
        return TRAILING
    return status


cdef int skip_name(const uint8_t* message, size_t length, size_t* offset) noexcept nogil:
    """Moves behind a name without following its pointer, whose target is only checked to be backwards."""
    cdef size_t start = offset[0], position = start, target
    cdef unsigned int size
    while True:
        if position >= length:
            return TRUNCATED
        size = message[position]
        if size == 0:
            offset[0] = position + 1
            return OK
        if size >= 0xC0:
            if position + 1 >= length:
                return TRUNCATED
            target = ((size & 0x3F) << 8) | message[position + 1]
            if target >= start or target < HEADER_SIZE:
                return BAD_POINTER
            offset[0] = position + 2
            return OK
        if size > 63:
            return BAD_LABEL
        position += size + 1
        if position - start >= MAX_NAME:
            return NAME_TOO_LONG


# --- records ----------------------------------------------------------------------------------------------

cdef int walk_start(const uint8_t* message, size_t length, Walk* walk) noexcept nogil:
    cdef unsigned int questions, i, _i
    cdef int status
    if length < HEADER_SIZE:
        return TRUNCATED
    walk.message = message
    walk.length = length
    walk.offset = HEADER_SIZE
    walk.section = 1
    questions = get16(message + 4)
    walk.left[0] = 0
    for i in range(1, 4):
        walk.left[i] = get16(message + 4 + 2 * i)
    for _i in range(questions):
        status = skip_name(message, length, &walk.offset)
        if status != OK:
            return status
        if length - walk.offset < 4:
            return TRUNCATED
        walk.offset += 4
    return OK


cdef int walk_next(Walk* walk, Record* record, Name* owner) noexcept nogil:
    cdef size_t position = walk.offset
    cdef int status
    while walk.section <= 3 and walk.left[walk.section] == 0:
        walk.section += 1
    if walk.section > 3:
        return END
    record.section = walk.section
    record.owner_offset = <uint32_t> position
    if owner is NULL:
        status = skip_name(walk.message, walk.length, &position)
    else:
        status = read_name(walk.message, walk.length, &position, owner)
    if status != OK:
        return status
    if walk.length - position < 10:
        return TRUNCATED
    record.type = get16(walk.message + position)
    record.rclass = get16(walk.message + position + 2)
    record.ttl_offset = <uint32_t> (position + 4)
    record.ttl = get32(walk.message + position + 4)
    record.data_length = get16(walk.message + position + 8)
    position += 10
    if walk.length - position < record.data_length:
        return TRUNCATED
    record.data_offset = <uint32_t> position
    walk.offset = position + record.data_length
    walk.left[walk.section] -= 1
    return OK


# --- queries ----------------------------------------------------------------------------------------------

cdef int read_query_opt(const uint8_t* packet, const Record* record, Query* out) noexcept nogil:
    if out.has_edns:
        return DUPLICATE_OPT
    if record.section != 3 or packet[record.owner_offset] != 0:
        return BAD_OPTION
    out.has_edns = True
    out.udp_size = record.rclass
    out.edns_version = <uint8_t> ((record.ttl >> 16) & 0xFF)
    out.dnssec_ok = (record.ttl & 0x8000) != 0
    if out.edns_version != 0:            # BADVERS; its options may mean anything
        return OK
    return read_options(packet + record.data_offset, record.data_length, out)


cdef int read_question(const uint8_t* packet, size_t length, Query* out) noexcept nogil:
    cdef size_t offset = HEADER_SIZE, size
    cdef int status
    if get16(packet + 4) > 1:
        return BAD_COUNT
    if get16(packet + 4) == 0:
        return OK
    status = read_name(packet, length, &offset, &out.name)
    if status != OK:
        out.name.bytes[0] = 0            # the root, not half a name
        return status
    if length - offset < 4:
        return TRUNCATED
    out.qtype = get16(packet + offset)
    out.qclass = get16(packet + offset + 2)
    size = offset + 4 - HEADER_SIZE      # no pointer leads into the header, so the name stands there in full
    memcpy(out.question, packet + HEADER_SIZE, size)
    out.question_length = <uint16_t> size
    return OK


cdef int check_tsig(const uint8_t* packet, const Record* record, bint last) noexcept nogil:
    """The last record of all (RFC 8945 5.1) and in its form (4.2); what it signs is not looked at."""
    cdef size_t offset = record.data_offset, end = offset + record.data_length
    cdef int status
    cdef Name algorithm
    if record.section != 3 or not last or record.rclass != CLASS_ANY:
        return BAD_DATA
    status = read_name(packet, end, &offset, &algorithm)
    if status != OK:
        return status
    if end < offset + 10:                # time, fudge, MAC's size
        return TRUNCATED
    offset += 10 + get16(packet + offset + 8)
    if end < offset + 6:                 # original id, error, size of the rest
        return TRUNCATED
    return OK if offset + 6 + get16(packet + offset + 4) == end else BAD_DATA


cdef int check_query_record(const uint8_t* packet, size_t length, const Record* record, const Query* query,
                            bint last) noexcept nogil:
    """A record that nobody asked for and nobody believes: it must be one, and of the question's class."""
    if record.type == TYPE_TSIG:
        return check_tsig(packet, record, last)
    if (query.question_length and record.rclass != query.qclass and query.qclass != CLASS_ANY
            and record.type not in (TYPE_SIG, TYPE_KEY)):        # SIG(0) has class ANY (RFC 2931 3)
        return BAD_DATA
    return check_data(packet, length, record, NULL)


cdef int read_records(const uint8_t* packet, size_t length, Query* out) noexcept nogil:
    """All that stands behind the question; END if it is sound."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef int status = walk_start(packet, length, &walk)
    if status == OK and walk.left[1] + walk.left[2] + walk.left[3] > MAX_QUERY_RECORDS:
        return BAD_COUNT
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status != OK:
            return status
        if record.type == TYPE_OPT:
            status = read_query_opt(packet, &record, out)
        else:
            status = check_query_record(packet, length, &record, out, walk.left[3] == 0)
    return status


cdef int read_other_opcode(const uint8_t* packet, size_t length, Query* out) noexcept nogil:
    """The status for another opcode.

    NOTIMP, whatever stands behind the header, which need not have our layout (RFC 8906 3.1.4); unless it
    cannot be read and should: NOTIFY has QUERY's layout (RFC 1996 3.7), TC says that the end is missing.
    """
    cdef int status
    if out.opcode != OPCODE_NOTIFY and not out.flags & FLAG_TC:
        return UNKNOWN_OPCODE
    status = read_records(packet, length, out)
    return UNKNOWN_OPCODE if status == END else status


cdef int parse_query(const uint8_t* packet, size_t length, Query* out) noexcept nogil:
    cdef int status
    memset(out, 0, sizeof(Query))
    out.flags = FLAG_QR                  # whoever answers all the same finds an answer, and stays silent
    out.name.length = 1
    if length < HEADER_SIZE:
        return TRUNCATED
    out.id = get16(packet)
    out.flags = get16(packet + 2)
    out.opcode = <uint8_t> ((out.flags >> 11) & 15)
    if out.flags & FLAG_QR:
        return NOT_A_QUERY
    if out.opcode != 0:
        return read_other_opcode(packet, length, out)
    status = read_question(packet, length, out)
    if status != OK:
        return status
    status = read_records(packet, length, out)
    if status == END and out.question_length == 0:
        return NO_QUESTION if out.cookie_length else BAD_COUNT
    return OK if status == END else status


# --- record data ------------------------------------------------------------------------------------------

cdef int service_start(const uint8_t* message, size_t length, const Record* record,
                       Service* out) noexcept nogil:
    cdef size_t start = record.data_offset + 2, offset = start
    cdef int status
    out.message = message
    out.end = record.data_offset + record.data_length
    if record.data_length < 3 or out.end > length:
        return TRUNCATED
    out.priority = get16(message + record.data_offset)
    status = read_name(message, out.end, &offset, &out.target)
    if status != OK:
        return status
    if offset - start != out.target.length:      # RFC 9460 2.2: not compressed
        return BAD_DATA
    out.offset = offset
    out.last_key = -1
    out.hint = out.hint_end = 0
    out.hint_family = 0
    return OK


cdef int service_parameter(Service* service) noexcept nogil:
    """Moves over one parameter; if it is an address hint its bounds are kept."""
    cdef unsigned int key, size, unit
    cdef size_t left = service.end - service.offset
    if left < 4:
        return TRUNCATED
    key = get16(service.message + service.offset)
    size = get16(service.message + service.offset + 2)
    if left - 4 < size:
        return TRUNCATED
    if <int32_t> key <= service.last_key:        # RFC 9460 2.2: in strictly increasing order
        return BAD_DATA
    service.last_key = <int32_t> key
    service.offset += 4
    if key == 4 or key == 6:
        unit = 4 if key == 4 else 16
        if size == 0 or size % unit:             # RFC 9460 7.3
            return BAD_DATA
        service.hint_family = <uint8_t> key
        service.hint = service.offset
        service.hint_end = service.offset + size
    service.offset += size
    return OK


cdef int service_hint(Service* service, uint8_t* family, const uint8_t** address) noexcept nogil:
    cdef int status
    while service.hint >= service.hint_end:
        if service.offset == service.end:
            return END
        status = service_parameter(service)
        if status != OK:
            return status
    family[0] = service.hint_family
    address[0] = service.message + service.hint
    service.hint += 4 if service.hint_family == 4 else 16
    return OK


cdef int check_strings(const uint8_t* data, size_t length) noexcept nogil:
    """Character strings that fill the data exactly, one at least (RFC 1035 3.3.14)."""
    cdef size_t position = 0
    if length == 0:
        return BAD_DATA
    while position < length:
        position += 1 + data[position]
    return OK if position == length else BAD_DATA


cdef int check_service(const uint8_t* message, size_t length, const Record* record) noexcept nogil:
    cdef Service service
    cdef uint8_t family
    cdef const uint8_t* address
    cdef int status = service_start(message, length, record, &service)
    while status == OK:
        status = service_hint(&service, &family, &address)
    return OK if status == END else status


cdef int place_name(const uint8_t* message, size_t offset, uint8_t* starts) noexcept nogil:
    """Notes where the labels of a name stand (it was read before); its pointer must lead to such a place.

    What lies elsewhere is not for names: times change in the cache, and the client's question is put in.
    starts has one bit for each of the 16,384 offsets that a pointer can name.
    """
    cdef size_t target
    while message[offset] < 0xC0:
        if offset < POINTER_SPACE:
            starts[offset >> 3] |= <uint8_t> (1 << (offset & 7))
        if message[offset] == 0:
            return OK
        offset += message[offset] + 1
    target = get16(message + offset) & 0x3FFF
    return OK if starts[target >> 3] & (1 << (target & 7)) else BAD_POINTER


cdef int place_questions(const uint8_t* message, size_t length, uint8_t* starts) noexcept nogil:
    cdef size_t offset = HEADER_SIZE, start
    cdef unsigned int _i
    cdef int status
    cdef Name name
    for _i in range(get16(message + 4)):
        start = offset
        status = read_name(message, length, &offset, &name)
        if status == OK:
            status = place_name(message, start, starts)
        if status != OK:
            return status
        offset += 4
    return OK


cdef int check_names(const uint8_t* message, const Record* record, uint8_t* starts) noexcept nogil:
    """The names in the data, and that nothing is left over. starts NULL: pointers may lead anywhere."""
    cdef size_t offset = 0, start, end = record.data_offset + record.data_length
    cdef int names = 0, rest = 0, _i, status = OK
    cdef Name name
    if not data_layout(record.type, message + record.data_offset, record.data_length,
                       &offset, &names, &rest):
        return TRUNCATED
    offset += record.data_offset
    for _i in range(names):
        start = offset
        if status == OK:
            status = read_name(message, end, &offset, &name)
        if status == OK and starts is not NULL:
            status = place_name(message, start, starts)
    if status == OK and rest >= 0 and offset + rest != end:
        return BAD_DATA
    return status


cdef int check_data(const uint8_t* message, size_t length, const Record* record,
                    uint8_t* starts) noexcept nogil:
    """True if the data of the types that clients and filters act on is sound; others are opaque."""
    cdef int status
    if record.rclass == CLASS_IN:
        if record.type == TYPE_A:
            return OK if record.data_length == 4 else BAD_DATA
        if record.type == TYPE_AAAA:
            return OK if record.data_length == 16 else BAD_DATA
        if record.type in (TYPE_SVCB, TYPE_HTTPS):
            status = check_service(message, length, record)
            if status != OK:
                return status
    if record.type == TYPE_TXT:
        return check_strings(message + record.data_offset, record.data_length)
    return check_names(message, record, starts)


cdef int put_bytes(const uint8_t* data, size_t size, uint8_t* out, size_t capacity,
                   size_t* used) noexcept nogil:
    if capacity - used[0] < size:
        return NO_SPACE
    memcpy(out + used[0], data, size)
    used[0] += size
    return OK


cdef int copy_data(const uint8_t* message, const Record* record, uint8_t* out, size_t capacity,
                   size_t* used) noexcept nogil:
    """The record's data at out + used[0], its names uncompressed."""
    cdef size_t prefix = 0, offset, end = record.data_offset + record.data_length
    cdef int names = 0, rest = 0, _i, status
    cdef Name name
    if not data_layout(record.type, message + record.data_offset, record.data_length,
                       &prefix, &names, &rest):
        return TRUNCATED
    if prefix > record.data_length:
        return TRUNCATED
    status = put_bytes(message + record.data_offset, prefix, out, capacity, used)
    offset = record.data_offset + prefix
    for _i in range(names):
        if status == OK:
            status = read_name_as_sent(message, end, &offset, &name)
        if status == OK:
            status = put_bytes(name.bytes, name.length, out, capacity, used)
    if status != OK:
        return status
    return put_bytes(message + offset, end - offset, out, capacity, used)


cdef int copy_record(const uint8_t* message, size_t length, const Record* record, uint16_t owner_pointer,
                     uint8_t* out, size_t capacity, size_t* written) noexcept nogil:
    cdef size_t offset = record.owner_offset, used = 0, fixed
    cdef int status
    cdef Name owner
    if owner_pointer:
        put16(owner.bytes, owner_pointer)
        owner.length = 2
    else:
        status = read_name_as_sent(message, length, &offset, &owner)
        if status != OK:
            return status
    status = put_bytes(owner.bytes, owner.length, out, capacity, &used)
    if status == OK:
        status = put_bytes(message + record.ttl_offset - 4, 10, out, capacity, &used)
    fixed = used
    if status == OK:
        status = copy_data(message, record, out, capacity, &used)
    if status == OK and used - fixed > 65535:
        status = NO_SPACE
    if status == OK:
        put16(out + fixed - 2, <uint16_t> (used - fixed))
        written[0] = used
    return status


# --- answers ----------------------------------------------------------------------------------------------

cdef int read_upstream_opt(const uint8_t* message, const Record* record, Upstream* out) noexcept nogil:
    """Takes extended rcode and EDEs (RFC 8914 2) out of an answer's OPT; other options end here."""
    cdef const uint8_t* data = message + record.data_offset
    cdef size_t position = 0, size, length = record.data_length
    cdef unsigned int code
    cdef Ede* ede
    if out.has_edns:
        return DUPLICATE_OPT
    if record.section != 3 or message[record.owner_offset] != 0:
        return BAD_OPTION
    out.has_edns = True
    out.rcode |= <uint16_t> ((record.ttl >> 24) << 4)
    while position < length:
        if length - position < 4:
            return BAD_OPTION
        code = get16(data + position)
        size = get16(data + position + 2)
        position += 4
        if length - position < size:
            return BAD_OPTION
        if code == 15 and size >= 2 and out.ede.count < MAX_EDES:
            ede = &out.ede.items[out.ede.count]
            ede.code = get16(data + position)
            ede.text = data + position + 2
            ede.text_length = text_length(data + position + 2, size - 2)
            out.ede.count += 1
        position += size
    return OK


cdef struct Stripped:            # an answer while it is copied without OPT and TSIG
    const uint8_t* message
    size_t length
    uint8_t* out
    size_t capacity              # of `out`
    size_t used                  # of it
    bint moved                   # a record was left out: offsets of the copy differ from here on
    uint8_t starts[STARTS_SIZE]  # a bit for each place where a name starts that a pointer may lead to


cdef int keep_record(Stripped* copy, const Record* record, size_t end) noexcept nogil:
    """Copies one record, which ends at ``end``: as it stands, or, once moved, with its names uncompressed."""
    cdef size_t written = 0
    cdef int status = check_data(copy.message, copy.length, record, copy.starts)
    if status != OK:
        return status
    if not copy.moved:
        return put_bytes(copy.message + record.owner_offset, end - record.owner_offset, copy.out,
                         copy.capacity, &copy.used)
    status = copy_record(copy.message, copy.length, record, 0, copy.out + copy.used,
                         copy.capacity - copy.used, &written)
    copy.used += written
    return status


cdef int strip_opt(const uint8_t* message, size_t length, uint8_t* out, size_t capacity, size_t* kept,
                   Upstream* facts) noexcept nogil:
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef uint16_t counts[4]
    cdef Stripped copy
    cdef int i, status = walk_start(message, length, &walk)
    memset(facts, 0, sizeof(Upstream))
    memset(counts, 0, sizeof(counts))
    if status != OK:
        return status
    facts.flags = get16(message + 2)
    facts.rcode = facts.flags & 15
    if not facts.flags & FLAG_QR:
        return NOT_AN_ANSWER
    memset(&copy, 0, sizeof(Stripped))
    copy.message = message
    copy.length = length
    copy.out = out
    copy.capacity = capacity
    status = place_questions(message, length, copy.starts)
    if status == OK:
        status = put_bytes(message, walk.offset, out, capacity, &copy.used)
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status == OK:
            status = place_name(message, record.owner_offset, copy.starts)
        if status != OK:
            break
        if record.type == TYPE_OPT:
            copy.moved = True
            status = read_upstream_opt(message, &record, facts)
        elif record.type == TYPE_TSIG:
            copy.moved = True
            status = OK if record.section == 3 else BAD_DATA
        else:
            status = keep_record(&copy, &record, walk.offset)
            counts[record.section] += status == OK
    if status != END:
        return status
    for i in range(1, 4):
        put16(out + 4 + 2 * i, counts[i])
    kept[0] = copy.used
    return OK


cdef int lifetime(const uint8_t* message, size_t length, Lifetime* out) noexcept nogil:
    cdef Walk walk
    cdef Record record
    cdef uint32_t smallest = 0xFFFFFFFF, ttl
    cdef uint16_t qtype = 0
    cdef bint answered = False, soa = False
    cdef int status = walk_start(message, length, &walk)
    memset(out, 0, sizeof(Lifetime))
    if status != OK:
        return status
    if get16(message + 4) == 1:
        qtype = get16(message + walk.offset - 4)
    out.rcode = get16(message + 2) & 15
    while True:
        status = walk_next(&walk, &record, NULL)
        if status != OK:
            break
        out.records += 1
        ttl = 0 if record.ttl > 0x7FFFFFFF else record.ttl       # RFC 2181 8
        if record.section == 1 and (record.type == qtype or qtype == TYPE_ANY):
            answered = True
        if record.section == 2 and record.type == TYPE_SOA and record.data_length >= 22:
            soa = True
            if not answered:
                ttl = min(ttl, get32(message + record.data_offset + record.data_length - 4))
        smallest = min(smallest, ttl)
    if status != END:
        return status
    out.negative = out.rcode == NXDOMAIN or (out.rcode == NOERROR and not answered)
    if out.rcode in (NOERROR, NXDOMAIN) and (soa or not out.negative):
        out.ttl = smallest
    return OK


# --- the Python face --------------------------------------------------------------------------------------

name_from_text = text_names.name_from_text
name_to_text = text_names.name_to_text


cdef class ParsedQuery:
    """A query that was read. It has no repr: names are not for logs."""

    @property
    def id(self):
        return self.q.id

    @property
    def flags(self):
        return self.q.flags

    @property
    def opcode(self):
        return self.q.opcode

    @property
    def qtype(self):
        return self.q.qtype

    @property
    def qclass(self):
        return self.q.qclass

    @property
    def name(self):
        return self.q.name.bytes[:self.q.name.length]

    @property
    def question(self):
        return self.q.question[:self.q.question_length]

    @property
    def has_edns(self):
        return bool(self.q.has_edns)

    @property
    def udp_size(self):
        return self.q.udp_size

    @property
    def edns_version(self):
        return self.q.edns_version

    @property
    def dnssec_ok(self):
        return bool(self.q.dnssec_ok)

    @property
    def wants_nsid(self):
        return bool(self.q.wants_nsid)

    @property
    def wants_keepalive(self):
        return bool(self.q.wants_keepalive)

    @property
    def client_subnet(self):
        if self.q.ecs_family == 0:
            return None
        return self.q.ecs_family, self.q.ecs_prefix, self.q.ecs_address[:4 if self.q.ecs_family == 1 else 16]

    @property
    def cookie(self):
        return self.q.cookie[:self.q.cookie_length]

    @property
    def ids(self):
        return tuple([<bytes>self.q.ids[i][:self.q.id_lengths[i]] for i in range(3)])


def read(bytes packet):
    """The status and whatever of the query could be read."""
    cdef ParsedQuery query = ParsedQuery.__new__(ParsedQuery)
    query.packet = packet
    status = parse_query(packet, len(packet), &query.q)
    return PyStatus(status), query


def parse(bytes packet):
    """The query in a packet, or why there is none."""
    status, query = read(packet)
    return query if status == OK else status


def name_at(bytes message, size_t offset):
    """The lower-cased name at an offset and the offset behind it, or a status."""
    cdef Name name
    cdef int status = read_name(message, len(message), &offset, &name)
    if status != OK:
        return PyStatus(status)
    return name.bytes[:name.length], offset


def records(bytes message):
    """All records of a message, or what is wrong with it."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef int status = walk_start(message, len(message), &walk)
    found = []
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status == OK:
            found.append(ResourceRecord(
                record.section, owner.bytes[:owner.length], record.type, record.rclass, record.ttl,
                record.data_offset, message[record.data_offset:record.data_offset + record.data_length]))
    return found if status == END else PyStatus(status)


def service(bytes message, uint32_t data_offset, uint16_t data_length):
    """Target and address hints of the SVCB or HTTPS record whose data stands there, or a status."""
    cdef Service found
    cdef Record record
    cdef uint8_t family = 0
    cdef const uint8_t* address = NULL
    record.data_offset = data_offset
    record.data_length = data_length
    cdef int status = service_start(message, len(message), &record, &found)
    hints = []
    while status == OK:
        status = service_hint(&found, &family, &address)
        if status == OK:
            hints.append((family, address[:4 if family == 4 else 16]))
    if status != END:
        return PyStatus(status)
    return ServiceData(found.priority, found.target.bytes[:found.target.length], tuple(hints))


def strip(bytes message):
    """An upstream's answer without OPT and TSIG, with what these said, or a status."""
    cdef Upstream facts
    cdef uint8_t out[65535]
    cdef size_t kept = 0
    cdef int status = strip_opt(message, len(message), out, sizeof(out), &kept, &facts)
    if status != OK:
        return PyStatus(status)
    edes = tuple([
        (facts.ede.items[i].code, facts.ede.items[i].text[:facts.ede.items[i].text_length])
        for i in range(facts.ede.count)])
    return StrippedAnswer(out[:kept], facts.rcode, facts.flags, bool(facts.has_edns), edes)


def answer_lifetime(bytes message):
    """Return the time that an answer without OPT may be kept, or a status."""
    cdef Lifetime found
    cdef int status = lifetime(message, len(message), &found)
    if status != OK:
        return PyStatus(status)
    return AnswerLifetime(found.ttl, bool(found.negative), found.rcode, found.records)
