# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Layout of the file of sessions, and reading it while another process writes it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from filterd.wire.siphash cimport put_little64

cdef enum:
    VERSION = 1
    RECORDS_AT_ONCE = 4096
    CHUNK_ENTRIES = 1024        # wire.session_stream.MOST_ENTRIES

cdef const char* MAGIC = b"fSESlive"


cdef uint32_t record_checksum(const Record* record) noexcept nogil:
    cdef const uint64_t* words = <const uint64_t*>record
    cdef uint64_t mixed = <uint64_t>0x9E3779B97F4A7C15 ^ (words[0] >> 32)
    cdef int i
    for i in range(1, RECORD_SIZE // 8):
        mixed = (mixed ^ words[i]) * <uint64_t>0xFF51AFD7ED558CCD
        mixed ^= mixed >> 32
    return <uint32_t>mixed


cdef bint record_is_zero(const Record* record) noexcept nogil:
    cdef const uint64_t* words = <const uint64_t*>record
    cdef uint64_t found = 0
    cdef int i
    for i in range(RECORD_SIZE // 8):
        found |= words[i]
    return found == 0


cdef bint record_is_whole(const Record* record) noexcept nogil:
    """True for a live record whose checksum and bounds hold."""
    cdef int i
    if record.claim_count == 0 or record.claim_count > RECORD_CLAIMS:
        return False
    for i in range(record.claim_count):
        if record.lengths[i] > 128 and record.lengths[i] != PORT_RANGE:
            return False
        if record.lengths[i] == PORT_RANGE and first_port(record.addresses[i]) > last_port(record.addresses[i]):
            return False
    return record.checksum == record_checksum(record)


cdef void make_head(Head* head) noexcept nogil:
    memset(head, 0, sizeof(Head))
    memcpy(head.magic, MAGIC, 8)
    head.version = VERSION
    head.record_size = RECORD_SIZE
    head.checksum = (VERSION * 31 + RECORD_SIZE) ^ 0x5E55104E


cdef bint head_is_good(const Head* head) noexcept nogil:
    cdef Head wanted
    make_head(&wanted)
    return (memcmp(head.magic, wanted.magic, 8) == 0 and head.version == wanted.version
            and head.record_size == wanted.record_size and head.checksum == wanted.checksum)


cdef void _entry(uint8_t* out, uint64_t line, uint32_t left, uint8_t length, uint8_t table,
                 uint8_t source) noexcept nogil:
    put_little64(out + 16, line)
    out[24] = <uint8_t>left
    out[25] = <uint8_t>(left >> 8)
    out[26] = <uint8_t>(left >> 16)
    out[27] = <uint8_t>(left >> 24)
    out[28] = length
    out[29] = table
    out[30] = source
    out[31] = 0


cdef int write_entries(const uint8_t* address, uint8_t length, uint64_t line, uint32_t left, uint8_t source,
                       uint8_t* out) noexcept nogil:
    cdef uint32_t port
    cdef uint32_t end
    cdef int bits
    cdef int count = 0
    if length != PORT_RANGE:
        memcpy(out, address, 16)
        _entry(out, line, left, length, 0, source)
        return 1
    port = first_port(address)
    end = <uint32_t>last_port(address) + 1
    while port < end:  # the longest run that begins here: aligned, and not beyond the end
        bits = 0
        while bits < 16 and port & ((2 << bits) - 1) == 0 and port + (2 << bits) <= end:
            bits += 1
        memset(out, 0, 16)
        memcpy(out, address, 4)
        out[4] = <uint8_t>(port >> 8)
        out[5] = <uint8_t>port
        _entry(out, line, left, <uint8_t>(48 - bits), 1, source)
        out += ENTRY_BYTES
        count += 1
        port += <uint32_t>1 << bits
    return count


cdef bint _is_ended(const Head* head, const Record* record) noexcept nogil:
    """True where the record's NAS has begun anew since, and the sweep has not come by."""
    cdef int i
    for i in range(MOST_FLOORS):
        if head.floors[i].nas == record.nas and record.nas != 0 and record.stamp <= head.floors[i].stamp:
            return True
    return False


cdef bytes _entries_of(const Head* head, const uint8_t* records, Py_ssize_t count, int64_t now):
    """The entries of a run of records."""
    cdef bytearray found = bytearray()
    cdef uint8_t out[MOST_PREFIXES * ENTRY_BYTES]
    cdef Record record
    cdef Py_ssize_t place
    cdef int i
    cdef int written
    for place in range(count):
        memcpy(&record, records + place * RECORD_SIZE, RECORD_SIZE)
        if not record_is_whole(&record) or line_of(&record) == 0 or record.until <= now:
            continue
        if _is_ended(head, &record):
            continue
        for i in range(record.claim_count):
            written = write_entries(record.addresses[i], record.lengths[i], line_of(&record),
                                    <uint32_t>(record.until - now), record.origin >> 6, out)
            found += out[: written * ENTRY_BYTES]
    return bytes(found)


def read_entries(path, double now):
    """The live sessions of registered subscribers as entries of ``wire.session_stream``."""
    cdef Head head
    cdef bytes text
    cdef list chunks = []
    with open(path, "rb") as file:
        text = file.read(HEAD_SIZE)
        if len(text) == HEAD_SIZE:
            memcpy(&head, <const uint8_t*>text, HEAD_SIZE)
        if len(text) != HEAD_SIZE or not head_is_good(&head):
            raise ValueError(f"{path} is not a file of sessions")
        while text := file.read(RECORDS_AT_ONCE * RECORD_SIZE):
            found = _entries_of(&head, <const uint8_t*>text, len(text) // RECORD_SIZE, <int64_t>now)
            step = CHUNK_ENTRIES * ENTRY_BYTES
            chunks += [found[start : start + step] for start in range(0, len(found), step)]
    return chunks
