# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from filterd.policy.fingerprint cimport Fingerprint, sip_hash
from filterd.wire.siphash cimport get_little64, put_little64

cdef enum:
    ID = 2                      # bytes of the id, which is the asker's own
    FLAGS = 2
    FIXED = 59                  # bytes before the option's data
    NUMBER = 59
    WHO = 67
    HASH = 71
    HASHED = 12                 # bytes from NUMBER on
    ASKED = 0xFFFFFFFF          # who took it, in a query

cdef const uint8_t* SHAPE = (
    b"\0\0\1\0\0\1\0\0\0\0\0\1"                             # RD; one question, one OPT
    b"\x0aself-check\x07filterd\x07invalid\0\0\x10\0\1"     # TXT, IN
    b"\0\0\x29\x04\xd0\0\0\0\0\0\x20"                       # OPT: 1232 bytes, 32 of options
    b"\xfd\xe9\0\x1c"                                       # option 65001 (RFC 6891 9), 28 bytes
)

WHO_TCP = 0xFFFFFFFE


cdef void hash_of(const uint8_t* key, const uint8_t* packet, uint8_t* out) noexcept nogil:
    cdef Fingerprint made
    sip_hash(key, packet + NUMBER, HASHED, &made)
    put_little64(out, made.high)
    put_little64(out + 8, made.low)


cdef bint is_ours(const uint8_t* key, const uint8_t* packet) noexcept nogil:
    """True if the hash is right; it is compared to its end, however soon it differs."""
    cdef uint8_t right[16]
    cdef uint8_t differs = 0
    cdef int i
    hash_of(key, packet, right)
    for i in range(16):
        differs |= right[i] ^ packet[HASH + i]
    return differs == 0


cdef inline uint32_t who_of(const uint8_t* packet) noexcept nogil:
    return (<uint32_t>packet[WHO] << 24 | <uint32_t>packet[WHO + 1] << 16
            | <uint32_t>packet[WHO + 2] << 8 | packet[WHO + 3])


cdef void write_who(const uint8_t* key, uint8_t* packet, uint32_t who) noexcept nogil:
    packet[WHO] = <uint8_t>(who >> 24)
    packet[WHO + 1] = <uint8_t>(who >> 16)
    packet[WHO + 2] = <uint8_t>(who >> 8)
    packet[WHO + 3] = <uint8_t>who
    hash_of(key, packet, packet + HASH)


cdef int self_read(SelfKey* key, const uint8_t* packet) noexcept nogil:
    cdef uint64_t number
    if memcmp(packet + ID, SHAPE + ID, FIXED - ID) != 0 or who_of(packet) != ASKED:
        return SELF_OTHER
    if not is_ours(key.key, packet):
        return SELF_OTHER
    number = get_little64(packet + NUMBER)
    if number <= key.last:
        return SELF_OLD
    key.last = number
    return SELF_TAKEN


cdef void self_answer(const SelfKey* key, const uint8_t* packet, uint32_t who, uint8_t* out) noexcept nogil:
    memcpy(out, packet, SELF_SIZE)
    out[FLAGS] |= 0x80          # QR
    out[FLAGS + 1] = 0x80       # RA
    write_who(key.key, out, who)


cdef class SelfQueries:
    """Makes and reads self-queries and their answers under one key of 16 bytes."""
    cdef SelfKey key

    def __cinit__(self, bytes key not None):
        if len(key) != SELF_KEY:
            raise ValueError("a key has 16 bytes")
        self.key.known = True
        self.key.last = 0
        memcpy(self.key.key, <const char*>key, SELF_KEY)

    def query(self, uint64_t number):
        cdef uint8_t made[SELF_SIZE]
        memcpy(made, SHAPE, FIXED)
        made[0], made[1] = <uint8_t>(number >> 8), <uint8_t>number
        put_little64(made + NUMBER, number)
        write_who(self.key.key, made, ASKED)
        return (<const char*>made)[:SELF_SIZE]

    def answer(self, const uint8_t[::1] packet not None, uint32_t who=WHO_TCP):
        cdef uint8_t made[SELF_SIZE]
        if not packet.shape[0] or self_take(&self.key, &packet[0], packet.shape[0]) != SELF_TAKEN:
            return None
        self_answer(&self.key, &packet[0], who, made)
        return (<const char*>made)[:SELF_SIZE]

    def read(self, bytes packet not None):
        cdef const uint8_t* start = <const uint8_t*><const char*>packet
        if len(packet) != SELF_SIZE or not start[FLAGS] & 0x80 or who_of(start) == ASKED:
            return None
        if not is_ours(self.key.key, start):
            return None
        return get_little64(start + NUMBER), who_of(start)
