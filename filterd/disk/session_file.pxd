# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The file of sessions: a head of 4,096 bytes, then records of 128 bytes that are overwritten in place.

A record that is free is all zero. A live one carries a checksum over its other 124 bytes, so that one which
was cut off while it was written, or is being written by another process, shows. Numbers are those of the
machine: the file does not leave it.

The parts of the head change in place, each under its own checksum, in an order by which a kill leaves every
part as it was, as it is to be, or absent: a checksum of zero is an absent anchor (no session is believed
without one), a floor without a NAS is free, and `unsettled` is one store of 8 bytes.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    HEAD_SIZE = 4096
    RECORD_SIZE = 128
    RECORD_CLAIMS = 4
    ENTRY_BYTES = 32            # wire/session_stream
    MOST_PREFIXES = 30          # of one range of ports
    MOST_FLOORS = 166
    TOLERATED = 2               # damaged records: a kill cuts off a session's, and that of one who lost to it
    AHEAD = 60                  # seconds by which a record may seem to come from the future
    APART = 60                  # seconds by which the clock of the anchor may differ from a reader's
    PORT_RANGE = 255            # a claim's length: 4 bytes of IPv4, first and last port (2 each), zeros


cdef struct Record:
    uint32_t checksum
    uint8_t claim_count         # 0: the record is free
    uint8_t origin              # kind of the newest evidence (EVENT_*), and the source << 6
    uint16_t line_high          # the line's number; 0: the subscriber is not registered
    uint32_t line_low
    uint32_t confirmed          # Unix seconds of our clock
    uint32_t until              # Unix seconds after which it is stale
    uint32_t subscriber[3]      # fingerprints: their first 96 bits, of the NAS 64
    uint32_t session[3]
    uint8_t lengths[RECORD_CLAIMS]      # prefix length 0 to 128, or PORT_RANGE
    uint64_t nas
    int64_t stamp               # milliseconds by the NAS's clock
    uint8_t addresses[RECORD_CLAIMS][16]


cdef struct NasFloor:           # the NAS ended its sessions up to `stamp`, and the sweep is not through yet
    uint64_t nas                # 0: free; written last
    int64_t stamp
    uint64_t checksum           # of both


cdef struct Anchor:             # the clock of control
    uint8_t boot[16]            # id of the machine's boot that `offset` holds for; zero: of none
    int64_t offset              # milliseconds: control's Unix time less CLOCK_BOOTTIME
    int64_t seen                # milliseconds: control's Unix time when it was last seen to run
    uint64_t checksum           # of all three; 0: there is no anchor


cdef struct Head:
    uint8_t magic[8]
    uint32_t version
    uint32_t record_size
    uint32_t checksum           # of the two numbers above, so that a head of zeros is none
    uint32_t in_use             # records that are not zero: never more than there are, whenever a kill comes
    uint64_t unsettled          # seconds and their complement: unsettled_of, set_unsettled
    uint64_t epoch              # of control's run, as in the note beside the directory; 0: none
    uint32_t given              # records that were zeroed, modulo 2**32
    uint32_t spare
    Anchor anchor
    uint64_t unused[3]
    NasFloor floors[MOST_FLOORS]


cdef inline uint64_t line_of(const Record* record) noexcept nogil:
    """The line's number."""
    return <uint64_t>record.line_high << 32 | record.line_low


cdef inline bint is_ipv4(const uint8_t* address) noexcept nogil:
    """True for the 16-byte form of an IPv4 address."""
    cdef uint64_t first
    memcpy(&first, address, 8)  # it may stand at any address
    return first == 0 and address[8] == 0 and address[9] == 0 and address[10] == 0xFF and address[11] == 0xFF


cdef inline uint16_t first_port(const uint8_t* address) noexcept nogil:
    """The first port of a PORT_RANGE claim."""
    return <uint16_t>(address[4] << 8 | address[5])


cdef inline uint16_t last_port(const uint8_t* address) noexcept nogil:
    """The last port of a PORT_RANGE claim."""
    return <uint16_t>(address[6] << 8 | address[7])


cdef uint32_t record_checksum(const Record* record) noexcept nogil
cdef bint record_is_whole(const Record* record) noexcept nogil
cdef bint record_is_zero(const Record* record) noexcept nogil
# A head with no records, of no epoch and no boot.
cdef void make_head(Head* head, uint32_t unsettled) noexcept nogil
# True for a head of this version, each part of which is whole or absent.
cdef bint head_is_good(const Head* head) noexcept nogil
# True for a head of a version before this one.
cdef bint head_is_older(const Head* head) noexcept nogil
# Seconds for which sessions of before may be missing; 0: it has all of them.
cdef uint32_t unsettled_of(const Head* head) noexcept nogil
cdef void set_unsettled(Head* head, uint32_t seconds) noexcept nogil
cdef void write_anchor(Head* head, const uint8_t* boot, int64_t offset, int64_t seen) noexcept nogil
# Write a floor in the place of an earlier one of the same NAS; False where there is no room.
cdef bint write_floor(Head* head, uint64_t nas, int64_t stamp) noexcept nogil
cdef void clear_floors(Head* head) noexcept nogil
# True where more records are damaged than a kill can cut off, so that sessions of before are missing.
cdef bint is_lacking(uint64_t damaged) noexcept nogil
# Write the entries of one claim (at most MOST_PREFIXES); their number.
cdef int write_entries(const uint8_t* address, uint8_t length, uint64_t line, uint32_t left, uint8_t source,
                       uint8_t* out) noexcept nogil
