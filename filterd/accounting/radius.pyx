# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""An accounting packet: its attributes, its proof, its answer, and the event that it tells of.

RFC 2866 (accounting), 5997 (Status-Server), 5176 (CoA and Disconnect), 3579 3.2 (Message-Authenticator). The
native functions are described in ``radius.pxd``; the readable reference is
:mod:`filterd.accounting.radius_reference`, and the two are kept equal by tests.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcmp, memcpy, memset

from filterd.accounting.event cimport (
    EVENT_DISCONNECT,
    EVENT_INTERIM,
    EVENT_OFF,
    EVENT_ON,
    EVENT_START,
    EVENT_STOP,
    MOST_CLAIMS,
    Claim,
    Event,
)
from filterd.accounting.md5 cimport (
    MD5_SIZE,
    Md5,
    hmac_end,
    hmac_key,
    hmac_start,
    md5_add,
    md5_end,
    md5_start,
)
from filterd.policy.fingerprint cimport KEY_SIZE, Fingerprint, packed, sip_hash
from filterd.wire.codec cimport get16, get32
from filterd.wire.siphash cimport put_little64

from filterd.accounting.claimable import ClaimNetworks
from filterd.accounting.radius_types import Judged, PacketOutcome, ReadEvent

cdef enum:
    NAS_IPV4 = 4
    FRAMED_IPV4 = 8
    VENDOR_SPECIFIC = 26
    NAS_IDENTIFIER = 32
    PROXY_STATE = 33
    STATUS_TYPE = 40
    DELAY_TIME = 41
    SESSION_ID = 44
    SESSION_TIME = 46
    EVENT_TIMESTAMP = 55
    MESSAGE_AUTHENTICATOR = 80
    NAS_IPV6 = 95
    FRAMED_PREFIX = 97
    DELEGATED_PREFIX = 123
    FRAMED_IPV6 = 168

    CODE_ACCOUNTING_RESPONSE = 5
    PROOF_ATTRIBUTE = 18            # bytes of Message-Authenticator
    SHORTEST_PREFIX = 40            # bits of an IPv6 prefix; a shorter one is nobody's line
    CLOCK_BEGINS = 946684800        # 2000-01-01: an Event-Timestamp of before comes from a clock never set
    KIND_SUBSCRIBER = 0x90          # model.identity.IdentityKind
    KIND_SESSION = 0x91
    KIND_NAS = 0x92
    SOURCE_RADIUS = 1               # model.session.SessionSource
    VALUE_ROOM = 256                # a value has at most 253 bytes; a prefix's text and a MAC have less
    MAC_SIZE = 17

cdef const uint8_t* MAPPED = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"
cdef const uint8_t* ZEROS = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
cdef const uint8_t* DIGITS = b"0123456789abcdef"


# ---- reading ----

cdef inline bint fits(uint8_t number, size_t size) noexcept nogil:
    """True if a value of an attribute may have so many bytes."""
    if number in (NAS_IPV4, FRAMED_IPV4, STATUS_TYPE, DELAY_TIME, SESSION_TIME, EVENT_TIMESTAMP):
        return size == 4
    if number in (MESSAGE_AUTHENTICATOR, NAS_IPV6, FRAMED_IPV6):
        return size == 16
    if number in (FRAMED_PREFIX, DELEGATED_PREFIX):
        return 2 <= size <= 18
    return number != VENDOR_SPECIFIC or size >= 4


cdef inline void keep(Part* part, size_t at, size_t size) noexcept nogil:
    """Keep the first value that is not empty."""
    if part.size == 0:
        part.at = <uint16_t>at
        part.size = <uint16_t>size


cdef inline void keep_number(const uint8_t* value, bint* told, uint32_t* out) noexcept nogil:
    if not told[0]:
        told[0] = True
        out[0] = get32(value)


cdef void mask(uint8_t* address, int length) noexcept nogil:
    """Clear the bits of a 16-byte address below ``length``."""
    cdef int i
    for i in range(16):
        if length < 8 * i + 8:
            address[i] &= <uint8_t>(0xFF00 >> (length - 8 * i)) if length > 8 * i else 0


cdef inline void prefix_bits(const uint8_t* value, size_t size, uint8_t* out) noexcept nogil:
    """The masked bits of a prefix attribute's value: a reserved byte, the length, the bits (RFC 3162 2.3)."""
    memset(out, 0, 16)
    memcpy(out, value + 2, size - 2)
    mask(out, value[1])


# ---- the addresses that a line can have: accounting.claimable says the same ----

cdef inline bint is_reserved4(const uint8_t* address) noexcept nogil:
    """True if no line can have an IPv4 address: 0.0.0.0/8, a loopback, link-local, multicast or reserved."""
    return (address[0] == 0 or address[0] == 127 or address[0] >= 224
            or (address[0] == 169 and address[1] == 254))


cdef inline bint is_reserved6(const uint8_t* address, uint8_t length) noexcept nogil:
    """True if no line can have an IPv6 prefix: ::/8 (in which IPv4 stands too), multicast, link-local, or
    too short for a line."""
    if address[0] == 0xFE and address[1] & 0xC0 == 0x80:
        return True
    return length < SHORTEST_PREFIX or address[0] == 0 or address[0] == 0xFF


cdef inline bint names_none(const Claim* claim, bint ipv4) noexcept nogil:
    """True for what stands for no address yet: 0.0.0.0, 255.255.255.255 and .254 (RFC 2865 5.8), ::, ::/0."""
    if ipv4:
        return get32(claim.address + 12) == 0 or get32(claim.address + 12) >= <uint32_t>0xFFFFFFFE
    return claim.length == 0 or memcmp(claim.address, ZEROS, 16) == 0


cdef inline uint8_t kind_bit(uint8_t length, bint ipv4) noexcept nogil:
    """The kind of address (message.kind_of), as a set."""
    return 1 if ipv4 else 2 if length == 128 else 4 if length >= 64 else 8


cdef bint is_inside(const RadiusSender* sender, const uint8_t* address, uint8_t length) noexcept nogil:
    """True if a prefix lies in one of the sender's networks, or it has none."""
    cdef int32_t low = 0
    cdef int32_t high = sender.network_count
    cdef int32_t middle
    cdef const Network* network
    cdef int whole, rest
    if high == 0:
        return True
    while low < high:           # the first that begins behind the address
        middle = (low + high) // 2
        if memcmp(sender.networks[middle].start, address, 16) <= 0:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return False
    network = sender.networks + (low - 1)
    if network.length > length:
        return False
    whole = network.length >> 3
    rest = network.length & 7
    if memcmp(network.start, address, whole) != 0:
        return False
    return rest == 0 or (network.start[whole] ^ address[whole]) >> (8 - rest) == 0


cdef void read_claim(const uint8_t* packet, size_t at, Claim* out) noexcept nogil:
    """The address that the attribute with its value at a place names."""
    cdef uint8_t number = packet[at - 2]
    memset(out, 0, sizeof(Claim))
    out.length = 128
    if number == FRAMED_IPV4:
        memcpy(out.address, MAPPED, 12)
        memcpy(out.address + 12, packet + at, 4)
    elif number == FRAMED_IPV6:
        memcpy(out.address, packet + at, 16)
    else:
        out.length = packet[at + 1]
        prefix_bits(packet + at, packet[at - 1] - 2, out.address)


cdef void take_claim(const Claim* claim, Event* out) noexcept nogil:
    """Add a claim, unless it is there."""
    cdef int i
    for i in range(out.claim_count):
        if out.claims[i].length == claim.length and memcmp(out.claims[i].address, claim.address, 16) == 0:
            return
    if out.claim_count < MOST_CLAIMS:
        out.claims[out.claim_count] = claim[0]
        out.claim_count += 1


cdef void take_claims(const uint8_t* packet, const RadiusPacket* read, const RadiusSender* sender,
                      Event* out) noexcept nogil:
    """Take the claims that the sender may make, and count the others."""
    cdef Claim claim
    cdef bint ipv4
    cdef int i
    for i in range(read.told_count):
        read_claim(packet, read.told[i], &claim)
        ipv4 = packet[read.told[i] - 2] == FRAMED_IPV4
        if names_none(&claim, ipv4):
            continue
        if (is_reserved4(claim.address + 12) if ipv4 else is_reserved6(claim.address, claim.length)) or (
            not is_inside(sender, claim.address, claim.length)
        ):
            out.refused += 1
            out.refused_kinds |= kind_bit(claim.length, ipv4)
        else:
            take_claim(&claim, out)


cdef void take_vendor(const uint8_t* packet, size_t at, size_t size, const RadiusRule* rule,
                      RadiusPacket* out) noexcept nogil:
    """Look for the line in Vendor-Specific, up to the first that does not have the recommended form (RFC
    2865 5.26): vendors may choose another one."""
    cdef size_t end = at + size
    cdef size_t length
    if rule.vendor == 0 or get32(packet + at) != rule.vendor:
        return
    at += 4
    while at + 2 <= end:
        length = packet[at + 1]
        if length < 2 or at + length > end:
            return
        if packet[at] == rule.number:
            keep(&out.line, at + 2, length - 2)
        at += length


cdef void take_told(const uint8_t* packet, uint8_t number, size_t at, size_t size,
                    RadiusPacket* out) noexcept nogil:
    """Keep an attribute that tells of the NAS, the session or the time."""
    if number == NAS_IDENTIFIER:
        keep(&out.nas_identifier, at, size)
    elif number == NAS_IPV4:
        keep(&out.nas_ipv4, at, size)
    elif number == NAS_IPV6:
        keep(&out.nas_ipv6, at, size)
    elif number == SESSION_ID:
        keep(&out.session, at, size)
    elif number == STATUS_TYPE:
        keep_number(packet + at, &out.has_status, &out.status)
    elif number == DELAY_TIME:
        keep_number(packet + at, &out.told_delay, &out.delay)
    elif number == EVENT_TIMESTAMP:
        keep_number(packet + at, &out.told_time, &out.time)


cdef bint take(const uint8_t* packet, uint8_t number, size_t at, size_t size, const RadiusRule* rule,
               RadiusPacket* out) noexcept nogil:
    """Take in an attribute; False if it cannot be one."""
    if not fits(number, size):
        return False
    if number == MESSAGE_AUTHENTICATOR:
        if out.proof_at:
            return False
        out.proof_at = <uint16_t>at
    elif number == VENDOR_SPECIFIC:
        take_vendor(packet, at, size, rule, out)
    elif number in (FRAMED_PREFIX, DELEGATED_PREFIX, FRAMED_IPV4, FRAMED_IPV6):
        if number in (FRAMED_PREFIX, DELEGATED_PREFIX) and packet[at + 1] > 128:
            return False
        if out.told_count < MOST_TOLD:
            out.told[out.told_count] = <uint16_t>at
            out.told_count += 1
    else:
        take_told(packet, number, at, size, out)
    if rule.vendor == 0 and number == rule.number:
        keep(&out.line, at, size)
    return True


cdef int radius_read(const uint8_t* packet, size_t size, const RadiusRule* rule,
                     RadiusPacket* out) noexcept nogil:
    cdef size_t at = RADIUS_HEADER
    cdef size_t length
    memset(out, 0, sizeof(RadiusPacket))
    if size < RADIUS_HEADER:
        return RADIUS_MALFORMED
    out.code = packet[0]
    out.length = get16(packet + 2)
    if out.length < RADIUS_HEADER or out.length > RADIUS_MOST or out.length > size:
        return RADIUS_MALFORMED
    while at < out.length:
        if at + 2 > out.length:
            return RADIUS_MALFORMED
        length = packet[at + 1]
        if length < 2 or at + length > out.length:
            return RADIUS_MALFORMED
        if not take(packet, packet[at], at + 2, length - 2, rule, out):
            return RADIUS_MALFORMED
        at += length
    return RADIUS_ACCEPTED


# ---- the proof ----

cdef inline bint equal(const uint8_t* one, const uint8_t* other) noexcept nogil:
    """True if two digests are equal; the time that it takes does not tell where they differ."""
    cdef uint8_t different = 0
    cdef int i
    for i in range(MD5_SIZE):
        different |= one[i] ^ other[i]
    return different == 0


cdef inline bint is_digest(uint8_t code) noexcept nogil:
    """True if the authenticator of a request is a digest of it; that of Status-Server is random."""
    return code in (CODE_ACCOUNTING, CODE_DISCONNECT, CODE_CHANGE)


cdef void proof_of(const uint8_t* packet, const RadiusPacket* read, const RadiusSecret* secret,
                   uint8_t* out) noexcept nogil:
    """The Message-Authenticator that a request must have."""
    cdef Md5 hashing
    cdef size_t at = read.proof_at
    hmac_start(&secret.key, &hashing)
    md5_add(&hashing, packet, 4)
    md5_add(&hashing, ZEROS if is_digest(read.code) else packet + 4, MD5_SIZE)
    md5_add(&hashing, packet + RADIUS_HEADER, at - RADIUS_HEADER)
    md5_add(&hashing, ZEROS, MD5_SIZE)
    md5_add(&hashing, packet + at + MD5_SIZE, read.length - at - MD5_SIZE)
    hmac_end(&secret.key, &hashing, out)


cdef int proves(const uint8_t* packet, const RadiusPacket* read, const RadiusSecret* secret,
                bint needs_proof) noexcept nogil:
    """ACCEPTED if the packet is made with a secret."""
    cdef Md5 hashing
    cdef uint8_t digest[MD5_SIZE]
    if is_digest(read.code):
        md5_start(&hashing)
        md5_add(&hashing, packet, 4)
        md5_add(&hashing, ZEROS, MD5_SIZE)
        md5_add(&hashing, packet + RADIUS_HEADER, read.length - RADIUS_HEADER)
        md5_add(&hashing, secret.text, secret.size)
        md5_end(&hashing, digest)
        if not equal(digest, packet + 4):
            return RADIUS_BAD_AUTHENTICATOR
    if read.proof_at == 0:
        return RADIUS_NO_PROOF if needs_proof or read.code == CODE_STATUS_SERVER else RADIUS_ACCEPTED
    proof_of(packet, read, secret, digest)
    return RADIUS_ACCEPTED if equal(digest, packet + read.proof_at) else RADIUS_BAD_AUTHENTICATOR


cdef int radius_verify(const uint8_t* packet, RadiusPacket* read, const RadiusSender* sender) noexcept nogil:
    cdef int outcome = RADIUS_BAD_AUTHENTICATOR
    read.secret = 0
    while outcome == RADIUS_BAD_AUTHENTICATOR and read.secret < sender.secret_count:
        outcome = proves(packet, read, &sender.secrets[read.secret], sender.needs_proof)
        if outcome == RADIUS_BAD_AUTHENTICATOR:
            read.secret += 1
    return outcome


# ---- the answer ----

cdef inline uint8_t answer_code(uint8_t code) noexcept nogil:
    """Of a request; both kinds of RFC 5176 have their ACK behind them."""
    return CODE_ACCOUNTING_RESPONSE if code in (CODE_ACCOUNTING, CODE_STATUS_SERVER) else code + 1


cdef size_t copy_proxies(const uint8_t* packet, const RadiusPacket* read, uint8_t* out) noexcept nogil:
    """Copy each Proxy-State in its order (RFC 2866 5.2): the bytes written."""
    cdef size_t at = RADIUS_HEADER
    cdef size_t written = 0
    while at < read.length:
        if packet[at] == PROXY_STATE:
            memcpy(out + written, packet + at, packet[at + 1])
            written += packet[at + 1]
        at += packet[at + 1]
    return written


cdef size_t radius_answer(const uint8_t* packet, const RadiusPacket* read, const RadiusSender* sender,
                          uint8_t* out) noexcept nogil:
    cdef const RadiusSecret* secret = &sender.secrets[read.secret]
    cdef Md5 hashing
    cdef size_t size = RADIUS_HEADER
    if read.proof_at:
        out[RADIUS_HEADER] = MESSAGE_AUTHENTICATOR
        out[RADIUS_HEADER + 1] = PROOF_ATTRIBUTE
        memset(out + RADIUS_HEADER + 2, 0, MD5_SIZE)
        size += PROOF_ATTRIBUTE
    size += copy_proxies(packet, read, out + size)
    out[0] = answer_code(read.code)
    out[1] = packet[1]
    out[2] = <uint8_t>(size >> 8)
    out[3] = <uint8_t>size
    if read.proof_at:
        # To an Accounting-Request it is made over zeros in the authenticator's place, as FreeRADIUS does it.
        hmac_start(&secret.key, &hashing)
        md5_add(&hashing, out, 4)
        md5_add(&hashing, ZEROS if read.code == CODE_ACCOUNTING else packet + 4, MD5_SIZE)
        md5_add(&hashing, out + RADIUS_HEADER, size - RADIUS_HEADER)
        hmac_end(&secret.key, &hashing, out + RADIUS_HEADER + 2)
    md5_start(&hashing)
    md5_add(&hashing, out, 4)
    md5_add(&hashing, packet + 4, MD5_SIZE)
    md5_add(&hashing, out + RADIUS_HEADER, size - RADIUS_HEADER)
    md5_add(&hashing, secret.text, secret.size)
    md5_end(&hashing, out + 4)
    return size


# ---- the value that names the line ----

cdef size_t write_group(uint8_t* out, uint16_t group) noexcept nogil:
    """Four bits a digit, without leading zeros."""
    cdef int shift = 12
    cdef size_t size = 0
    while shift > 0 and group >> shift == 0:
        shift -= 4
    while shift >= 0:
        out[size] = DIGITS[group >> shift & 15]
        size += 1
        shift -= 4
    return size


cdef int longest_zeros(const uint16_t* groups, int* count) noexcept nogil:
    """The first of the longest runs of two and more zero groups, and how many they are (RFC 5952 4.2)."""
    cdef int at = 0
    cdef int best = -1
    cdef int end
    count[0] = 1
    while at < 8:
        end = at
        while end < 8 and groups[end] == 0:
            end += 1
        if end - at > count[0]:
            best = at
            count[0] = end - at
        at = end + 1
    return best


cdef size_t write_prefix(const uint8_t* value, size_t size, uint8_t* out) noexcept nogil:
    """The canonical text of a prefix attribute's value."""
    cdef uint8_t bits[16]
    cdef uint16_t groups[8]
    cdef size_t written = 0
    cdef int zeros, at, i
    cdef int left
    prefix_bits(value, size, bits)
    for i in range(8):
        groups[i] = get16(bits + 2 * i)
    at = longest_zeros(groups, &zeros)
    i = 0
    while i < 8:
        if i == at:
            out[written] = out[written + 1] = c":"
            written += 2
            i += zeros
            continue
        if i and i != at + zeros:
            out[written] = c":"
            written += 1
        written += write_group(out + written, groups[i])
        i += 1
    out[written] = c"/"
    written += 1
    left = 100
    while left:
        if value[1] >= left or left == 1:
            out[written] = <uint8_t>(c"0" + value[1] // left % 10)
            written += 1
        left = left // 10
    return written


cdef inline int digit_of(uint8_t letter) noexcept nogil:
    """The value of a hexadecimal digit; -1: it is none."""
    if c"0" <= letter <= c"9":
        return letter - c"0"
    letter |= 0x20
    return letter - c"a" + 10 if c"a" <= letter <= c"f" else -1


cdef size_t write_mac(uint8_t* text, size_t size) noexcept nogil:
    """Put a hardware address in its usual form; anything else stays as it is."""
    cdef uint8_t digits[12]
    cdef size_t group = 12 if size == 12 else 2 if size == MAC_SIZE else 4 if size == 14 else 0
    cdef size_t at
    cdef int found = 0
    cdef int digit
    if group == 0 or (group < 12 and text[group] not in (c":", c".", c"-")):
        return size
    for at in range(size):
        if at % (group + 1) == group:
            if text[at] != text[group]:
                return size
            continue
        digit = digit_of(text[at])
        if digit < 0:
            return size
        digits[found] = DIGITS[digit]
        found += 1
    for at in range(6):
        text[3 * at] = digits[2 * at]
        text[3 * at + 1] = digits[2 * at + 1]
        if at < 5:
            text[3 * at + 2] = c":"
    return MAC_SIZE


cdef size_t normalize(uint8_t* text, size_t size, const RadiusRule* rule) noexcept nogil:
    """Take the steps, in place: the new size."""
    cdef const uint8_t* found
    cdef int i
    cdef size_t at
    for i in range(rule.step_count):
        if rule.steps[i] == STEP_REALM:
            found = <const uint8_t*>memchr(text, c"@", size)
            if found != NULL:
                size = found - text
        elif rule.steps[i] == STEP_CASE:
            for at in range(size):
                if c"A" <= text[at] <= c"Z":
                    text[at] |= 0x20
        else:
            size = write_mac(text, size)
    return size


# ---- the event ----

cdef inline void identity(const uint8_t* key, uint8_t kind, const uint8_t* first, size_t first_size,
                          const uint8_t* rest, size_t size, Fingerprint* out) noexcept nogil:
    """The fingerprint of model.identity.identity_input(kind, first + rest)."""
    cdef uint8_t text[1 + 2 * 16 + VALUE_ROOM]
    text[0] = kind
    memcpy(text + 1, first, first_size)
    memcpy(text + 1 + first_size, rest, size)
    sip_hash(key, text, 1 + first_size + size, out)


cdef void line_of(const uint8_t* packet, const RadiusPacket* read, const RadiusRule* rule, const uint8_t* key,
                  Fingerprint* out) noexcept nogil:
    """The fingerprint of the subscriber's id; zeros if the packet names none."""
    cdef uint8_t text[VALUE_ROOM]
    cdef size_t size = read.line.size
    out.high = out.low = 0
    if size == 0:
        return
    if rule.vendor == 0 and rule.number in (FRAMED_PREFIX, DELEGATED_PREFIX):
        size = write_prefix(packet + read.line.at, size, text)
    else:
        memcpy(text, packet + read.line.at, size)
    size = normalize(text, size, rule)
    if size:
        identity(key, KIND_SUBSCRIBER, text, 0, text, size, out)


cdef void nas_of(const uint8_t* packet, const RadiusPacket* read, const RadiusSender* sender,
                 const RadiusArrival* arrival, Fingerprint* out) noexcept nogil:
    """The client that proves it, and the NAS's address and NAS-Identifier as far as they are there, else the
    sender's address."""
    cdef uint8_t text[32]
    cdef size_t size = 32
    put_little64(text, sender.authority.high)
    put_little64(text + 8, sender.authority.low)
    if read.nas_ipv4.size and get32(packet + read.nas_ipv4.at) != 0:
        memcpy(text + 16, MAPPED, 12)
        memcpy(text + 28, packet + read.nas_ipv4.at, 4)
    elif read.nas_ipv6.size and memcmp(packet + read.nas_ipv6.at, ZEROS, 16) != 0:
        memcpy(text + 16, packet + read.nas_ipv6.at, 16)
    elif read.nas_identifier.size:
        size = 16
    else:
        memcpy(text + 16, arrival.sender, 16)
    identity(arrival.key, KIND_NAS, text, size, packet + read.nas_identifier.at, read.nas_identifier.size,
             out)
    out.high = (out.high << 16 >> 16) | (sender.authority.high << 48)  # evidence.client_of


cdef void radius_event(const uint8_t* packet, const RadiusPacket* read, const RadiusSender* sender,
                       const RadiusRule* rule, const RadiusArrival* arrival, Event* out) noexcept nogil:
    cdef uint8_t nas[16]
    cdef int64_t delay = 1000 * <int64_t>read.delay
    memset(out, 0, sizeof(Event))
    out.kind = <uint8_t>read.status if read.code == CODE_ACCOUNTING else read.code
    out.source = SOURCE_RADIUS
    take_claims(packet, read, sender, out)
    nas_of(packet, read, sender, arrival, &out.nas)
    if read.session.size:
        put_little64(nas, out.nas.high)
        put_little64(nas + 8, out.nas.low)
        identity(arrival.key, KIND_SESSION, nas, 16, packet + read.session.at, read.session.size,
                 &out.session)
    line_of(packet, read, rule, arrival.key, &out.line)
    out.stamped = read.time >= <uint32_t>CLOCK_BEGINS
    if out.stamped:
        out.stamp = 1000 * <int64_t>read.time - (delay if sender.sent else 0)
    else:
        out.stamp = arrival.at - delay
    out.arrival = arrival.at
    out.delay = delay


cdef inline bint is_told(uint32_t status) noexcept nogil:
    """True if the table of sessions knows what to do with an Acct-Status-Type."""
    return status in (EVENT_START, EVENT_STOP, EVENT_INTERIM, EVENT_ON, EVENT_OFF)


cdef int told(const Event* event, bint* tells) noexcept nogil:
    """The outcome of a verified event."""
    cdef bint no_session = event.session.high == 0 and event.session.low == 0
    cdef bint no_line = event.line.high == 0 and event.line.low == 0
    tells[0] = True
    if event.kind in (EVENT_ON, EVENT_OFF):
        return RADIUS_ACCEPTED
    if no_session and event.claim_count == 0 and (event.kind != EVENT_DISCONNECT or no_line):
        tells[0] = False
        return RADIUS_NO_ADDRESS
    if event.kind in (EVENT_START, EVENT_INTERIM):
        if no_line:
            return RADIUS_NO_LINE
        if event.claim_count == 0:
            return RADIUS_NO_ADDRESS
    return RADIUS_ACCEPTED


cdef void radius_judge(const uint8_t* packet, size_t size, const RadiusSender* sender, const RadiusRule* rule,
                       const RadiusArrival* arrival, uint8_t* answer, RadiusJudged* out) noexcept nogil:
    cdef RadiusPacket read
    out.answer_size = 0
    out.tells = False
    out.secret = 0
    out.event.refused = 0
    out.outcome = radius_read(packet, size, rule, &read)
    if out.outcome != RADIUS_ACCEPTED:
        return
    if not is_digest(read.code) and read.code != CODE_STATUS_SERVER:
        out.outcome = RADIUS_UNSUPPORTED
    elif read.code == CODE_ACCOUNTING and not read.has_status:
        out.outcome = RADIUS_MALFORMED
    else:
        out.outcome = radius_verify(packet, &read, sender)
    if out.outcome != RADIUS_ACCEPTED:
        return
    out.secret = read.secret
    out.answer_size = radius_answer(packet, &read, sender, answer)
    if read.code == CODE_STATUS_SERVER:
        return
    if read.code == CODE_ACCOUNTING and not is_told(read.status):
        out.outcome = RADIUS_UNSUPPORTED
        return
    radius_event(packet, &read, sender, rule, arrival, &out.event)
    out.outcome = told(&out.event, &out.tells)


# ---- the Python face ----

cdef tuple OUTCOMES = tuple(PacketOutcome)
cdef dict STEPS = {"realm": STEP_REALM, "case": STEP_CASE, "mac": STEP_MAC}


cdef int rule_of(object rule, RadiusRule* out) except -1:
    cdef int i
    cdef object step
    if len(rule.normalize) > MOST_STEPS:
        raise ValueError(f"{len(rule.normalize)} steps of normalisation: at most {MOST_STEPS}")
    memset(out, 0, sizeof(RadiusRule))
    out.vendor = rule.vendor
    out.number = rule.number
    for i, step in enumerate(rule.normalize):
        out.steps[i] = STEPS[step]
        out.step_count += 1
    return 0


cdef int secret_of(bytes text, RadiusSecret* out) except -1:
    out.text = <const uint8_t*><const char*>text
    out.size = len(text)
    hmac_key(&out.key, out.text, out.size)
    return 0


cdef int radius_sender(object client, const uint8_t* key, RadiusSender* out) except -1:
    cdef bytes name = b"%c%s" % (KIND_NAS, client.authority)
    memset(out, 0, sizeof(RadiusSender))
    if not client.secret:
        raise ValueError(f"{client.prefix}: the secret is empty")
    secret_of(client.secret, &out.secrets[0])
    out.secret_count = 1
    if client.second:
        secret_of(client.second, &out.secrets[1])
        out.secret_count = MOST_SECRETS
    out.sent = client.sent
    out.needs_proof = client.message_authenticator
    sip_hash(key, <const uint8_t*><const char*>name, len(name), &out.authority)
    return 0


cdef int networks_of(tuple entries, Network* out) except -1:
    cdef bytes start
    for at, (start, length) in enumerate(entries):
        memcpy(out[<size_t>at].start, <const uint8_t*><const char*>start, 16)
        out[<size_t>at].length = length
    return 0


cdef object event_for_python(const Event* event):
    return ReadEvent(
        event.kind,
        tuple([(event.claims[i].address[:16], event.claims[i].length) for i in range(event.claim_count)]),
        packed(&event.nas),
        packed(&event.session),
        packed(&event.line),
        bool(event.stamped),
        event.stamp,
        event.arrival,
        event.lasts,
        event.refused,
        event.refused_kinds,
        event.delay,
    )


def judge(bytes text not None, client, rule, bytes key not None, bytes sender not None, int64_t arrival):
    """The outcome of a datagram of a client, the answer and the event."""
    cdef RadiusRule native_rule
    cdef RadiusSender native_sender
    cdef RadiusArrival came
    cdef RadiusJudged judged
    cdef uint8_t answer[RADIUS_MOST]
    cdef tuple entries = ClaimNetworks(client.networks).entries
    cdef Network* networks
    if len(key) != KEY_SIZE or len(sender) != 16:
        raise ValueError("a key and a sender's address have 16 bytes each")
    rule_of(rule, &native_rule)
    radius_sender(client, <const uint8_t*><const char*>key, &native_sender)
    came.key = <const uint8_t*><const char*>key
    came.sender = <const uint8_t*><const char*>sender
    came.at = arrival
    networks = <Network*>calloc(len(entries) + 1, sizeof(Network))
    if networks == NULL:
        raise MemoryError
    try:
        networks_of(entries, networks)
        native_sender.networks = networks
        native_sender.network_count = len(entries)
        radius_judge(<const uint8_t*><const char*>text, len(text), &native_sender, &native_rule, &came,
                     answer, &judged)
    finally:
        free(networks)
    return Judged(
        OUTCOMES[judged.outcome],
        (<const char*>answer)[:judged.answer_size] if judged.answer_size else None,
        event_for_python(&judged.event) if judged.tells else None,
        judged.secret,
    )
