# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from filterd.dataplane.packet.translate cimport TRANSLATED, TRANSLATED_NOT, translate
from filterd.dataplane.tables.addresses cimport (
    AddressSlot,
    AddressTable,
    address_attempt,
    address_find,
    is_mapped,
)
from filterd.dataplane.tables.atomics cimport load64
from filterd.dataplane.tables.lines cimport LineTable, line_attempt
from filterd.dataplane.tables.seqlock cimport LOOKUP_ABSENT, LOOKUP_BUSY, READ_ATTEMPTS, pause_before
from filterd.policy.decide cimport Line, State
from filterd.policy.fingerprint cimport Fingerprint, sip_hash
from filterd.wire.codec cimport (
    ID_CPE,
    ID_DEVICE,
    ID_MAC,
    MAX_TLV,
    Query,
    put16,
)
from filterd.wire.siphash cimport put_little64

from filterd.model.identity import IdentityKind

cdef enum:
    MAC_SIZE = 6
    TABLES = MAX_IDS + 4        # that one attempt reads at most, some more than once

cdef uint8_t KIND_MAC = IdentityKind.MAC
cdef uint8_t KIND_DEVICE = IdentityKind.DEVICE
cdef uint8_t KIND_CPE = IdentityKind.CPE
cdef uint8_t KIND_TLV = IdentityKind.TLV

cdef struct Reading:            # one attempt at the tables, beside their writers
    const AddressTable* tables[TABLES]
    uint64_t sequences[TABLES]
    int count
    const LineTable* lines      # NULL: the lines are not loaded, an address that leads to one is enough
    uint32_t ticks
    Line* line
    const Unread* unread        # NULL: there is none, or an old choice is better than none
    bint is_unread              # the line that was found has changes which are not read yet

cdef struct Keys:               # that a query's client is looked up by
    const uint8_t* address      # NULL: nothing is known by address
    bint has_port
    uint8_t ports[16]           # the IPv4 address and the port, as the tables of ports have them
    uint8_t translated[16]


# ---- identities ----

cdef void add_id(const uint8_t* key, uint8_t kind, const uint8_t* text, size_t length,
                 Ids* out) noexcept nogil:
    cdef uint8_t named[1 + MAX_TLV]
    cdef Fingerprint found
    named[0] = kind
    memcpy(named + 1, text, length)
    sip_hash(key, named, length + 1, &found)
    put_little64(out.keys[out.count], found.high)
    put_little64(out.keys[out.count] + 8, found.low)
    out.count += 1


cdef inline int hex_digit(uint8_t letter) noexcept nogil:
    if 48 <= letter <= 57:
        return letter - 48
    letter |= 0x20
    return letter - 87 if 97 <= letter <= 102 else -1


cdef bint read_mac(const uint8_t* text, size_t length, uint8_t* out) noexcept nogil:
    """True for a hardware address in hexadecimal: 12 digits, or six pairs between colons or dashes."""
    cdef int step = 3 if length == 17 else 2
    cdef int i, high, low
    if length != 12 and length != 17:
        return False
    for i in range(MAC_SIZE):
        high, low = hex_digit(text[step * i]), hex_digit(text[step * i + 1])
        if high < 0 or low < 0:
            return False
        if step == 3 and i and (text[step * i - 1] != text[2] or (text[2] != 58 and text[2] != 45)):
            return False
        out[i] = <uint8_t>(high << 4 | low)
    return True


cdef inline int digit64(uint8_t letter) noexcept nogil:
    if 65 <= letter <= 90:
        return letter - 65
    if 97 <= letter <= 122:
        return letter - 71
    if 48 <= letter <= 57:
        return letter + 4
    return 62 if letter == 43 else 63 if letter == 47 else -1


cdef bint read_mac64(const uint8_t* text, size_t length, uint8_t* out) noexcept nogil:
    """True for the eight letters of base64 (RFC 4648 section 4) that six bytes have."""
    cdef uint64_t word = 0
    cdef int i, digit
    if length != 8:
        return False
    for i in range(8):
        digit = digit64(text[i])
        if digit < 0:
            return False
        word = word << 6 | <uint64_t>digit
    for i in range(MAC_SIZE):
        out[i] = <uint8_t>(word >> (40 - 8 * i))
    return True


cdef void ids_of_query(const uint8_t* key, const Query* query, Ids* out) noexcept nogil:
    cdef uint8_t mac[MAC_SIZE]
    cdef const uint8_t* text = query.ids[ID_DEVICE]
    cdef size_t length = query.id_lengths[ID_DEVICE]
    if query.id_lengths[ID_MAC] == MAC_SIZE:
        add_id(key, KIND_MAC, query.ids[ID_MAC], MAC_SIZE, out)
    if length:
        if read_mac(text, length, mac):
            add_id(key, KIND_MAC, mac, MAC_SIZE, out)
        else:
            if read_mac64(text, length, mac):   # or a device's text that happens to look so
                add_id(key, KIND_MAC, mac, MAC_SIZE, out)
            add_id(key, KIND_DEVICE, text, length, out)
    if query.id_lengths[ID_CPE]:
        add_id(key, KIND_CPE, query.ids[ID_CPE], query.id_lengths[ID_CPE], out)
    out.from_edns = out.count


cdef void id_of_front(const uint8_t* key, const uint8_t* text, size_t length, Ids* out) noexcept nogil:
    add_id(key, KIND_TLV, text, length, out)


# ---- the tables ----

cdef int read_table(Reading* reading, const AddressTable* table, const AddressTable* unread,
                    const uint8_t* address) noexcept nogil:
    """Copy the line that the table leads the address to: a LookupStatus. ``unread``: the bindings that will
    be added to it; NULL: none."""
    cdef uint64_t sequence = load64(&table.sequence)
    cdef const AddressSlot* slot = NULL
    cdef uint64_t number
    cdef uint8_t length = 0
    cdef int status
    reading.tables[reading.count] = table
    reading.sequences[reading.count] = sequence
    reading.count += 1
    status = address_attempt(table, sequence, address, is_mapped(address), reading.ticks, &number, &length)
    if reading.lines == NULL:
        return status
    if unread != NULL and status != LOOKUP_BUSY:
        slot = address_find(unread, address, False)
        if slot != NULL and slot.length >= length:
            number = slot.value
            status = LOOKUP_FOUND
    if status == LOOKUP_FOUND:
        status = line_attempt(reading.lines, number, reading.line)
        if reading.unread != NULL and status != LOOKUP_BUSY:
            reading.is_unread = is_unread(reading.unread, number)
            if reading.is_unread:
                return LOOKUP_FOUND
    return status


cdef inline bint is_unread(const Unread* unread, uint64_t number) noexcept nogil:
    """True if the line has changes that were not read yet, or is new."""
    if number > unread.highest:
        return True
    return number >> 3 < unread.size and unread.lines[number >> 3] >> (number & 7) & 1


cdef bint is_of_one_moment(const Reading* reading) noexcept nogil:
    """True if no table has changed since it was read: all that was read was so at one moment."""
    cdef int i
    for i in range(reading.count):
        if load64(&reading.tables[i].sequence) != reading.sequences[i]:
            return False
    return True


cdef int read_pair(Reading* reading, const AddressTable* ports, const AddressTable* addresses,
                   const Unread* unread, const Keys* keys) noexcept nogil:
    """By address and port first, then by the address."""
    cdef int status = LOOKUP_ABSENT
    if keys.has_port:
        status = read_table(reading, ports, NULL if unread == NULL else unread.ports, keys.ports)
    if status == LOOKUP_ABSENT and keys.address != NULL:
        status = read_table(reading, addresses, NULL if unread == NULL else unread.addresses, keys.address)
    return status


cdef int read_all(Reading* reading, const Known* known, const Ids* ids, const Keys* keys,
                  uint8_t* method) noexcept nogil:
    """Go through the methods in the order of trust, as long as they lead to no line: a LookupStatus."""
    cdef const AddressTable* unread = NULL if reading.unread == NULL else reading.unread.identities
    cdef int status
    cdef int i
    reading.count = 0
    reading.is_unread = False
    for i in range(ids.count):
        method[0] = METHOD_EDNS_ID if i < ids.from_edns else METHOD_PROXY_ID
        status = read_table(reading, known.identities, unread, ids.keys[i])
        if status != LOOKUP_ABSENT:
            return status
    if known.sessions_used:
        method[0] = METHOD_SESSION
        status = read_pair(reading, known.session_ports, known.sessions, NULL, keys)
        if status != LOOKUP_ABSENT:
            return status
    method[0] = METHOD_BINDING
    return read_pair(reading, known.ports, known.addresses, reading.unread, keys)


cdef void begin_keys(const Known* known, const uint8_t* client, uint16_t port, Keys* out) noexcept nogil:
    """The keys of a client; an address that lines share is translated first (see translate.pxd)."""
    cdef int status = TRANSLATED_NOT
    out.has_port = port != 0 and is_mapped(client)
    if out.has_port:
        memset(out.ports, 0, 16)
        memcpy(out.ports, client + 12, 4)
        put16(out.ports + 4, port)
    out.address = client
    if known.sharing != NULL:
        status = translate(known.sharing, client, port, out.translated)
        if status != TRANSLATED_NOT:
            out.address = out.translated if status == TRANSLATED else NULL


cdef bint may_have_session(const Known* known, const uint8_t* client, const Keys* keys) noexcept nogil:
    """True if sessions that are not loaded yet may lead this client to a line."""
    if not known.sessions_used or known.sessions_ready:
        return False
    if known.pools == NULL or address_find(known.pools, client, False) != NULL:
        return True
    return keys.address != NULL and address_find(known.pools, keys.address, False) != NULL


cdef bint binding_must_wait(const State* state, const Known* known, const uint8_t* client, const Keys* keys,
                            uint8_t method) noexcept nogil:
    """True for a client in the pools that a binding alone recognises while sessions are not loaded: one of
    them, which would come first, may lead to another line."""
    if method != METHOD_BINDING or known.pools == NULL or state.parental_fail_open:
        return False
    return may_have_session(known, client, keys)


cdef int identify_any(const State* state, const Known* known, const uint8_t* client, uint16_t port,
                      const Ids* ids, int64_t ticks, Line* line, uint8_t* method) noexcept nogil:
    cdef Reading reading
    cdef Keys keys
    cdef int attempt
    cdef int status = LOOKUP_BUSY
    method[0] = METHOD_UNKNOWN
    if not state.parental_ready:
        if state.parental_fail_open:
            return WHO_UNKNOWN
        # Closed: a client that has a line, or may have one, gets nothing until its choices are known.
        if not known.identity_ready:
            return WHO_NOT_READY
    begin_keys(known, client, port, &keys)
    reading.lines = known.lines if state.parental_ready else NULL
    reading.ticks = <uint32_t>ticks
    reading.line = line
    reading.unread = NULL if state.parental_fail_open else known.unread
    for attempt in range(READ_ATTEMPTS):
        status = read_all(&reading, known, ids, &keys, method)
        if status != LOOKUP_BUSY and is_of_one_moment(&reading):
            break
        status = LOOKUP_BUSY
        pause_before(attempt)
    if status == LOOKUP_BUSY:
        return WHO_UNREAD
    if status == LOOKUP_FOUND:
        if not state.parental_ready or reading.is_unread:
            return WHO_NOT_READY
        if binding_must_wait(state, known, client, &keys, method[0]):
            return WHO_NOT_READY
        return WHO_NOT_READY if lacks_policy(state, line) else WHO_LINE
    method[0] = METHOD_UNKNOWN
    if not state.parental_fail_open and may_have_session(known, client, &keys):
        return WHO_NOT_READY
    return WHO_UNKNOWN
