# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Layout of the file of sessions, and reading it while another process writes it."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from filterd.wire.siphash cimport put_little64

import os
from typing import NamedTuple

from filterd.disk.session_epoch import read_epochs

cdef enum:
    VERSION = 3
    RECORDS_AT_ONCE = 4096
    CHUNK_ENTRIES = 1024        # wire.session_stream.MOST_ENTRIES
    READ_AGAIN = 4096           # records that are read once more: control was writing them, perhaps
    EPOCH_TRIES = 3             # a control that starts changes head and note, one after the other
    HEAD_TRIES = 3              # control was writing it, perhaps

cdef extern from *:
    """
    #define keep_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)
    """
    void keep_order() noexcept nogil

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
        if record.lengths[i] == PORT_RANGE and (
            first_port(record.addresses[i]) > last_port(record.addresses[i])
        ):
            return False
    return record.checksum == record_checksum(record)


cdef bint is_lacking(uint64_t damaged) noexcept nogil:
    return damaged > TOLERATED


cdef uint32_t _size_checksum(uint32_t version) noexcept nogil:
    return (version * 31 + RECORD_SIZE) ^ <uint32_t>0x5E55104E


cdef void make_head(Head* head, uint32_t unsettled) noexcept nogil:
    memset(head, 0, sizeof(Head))
    set_unsettled(head, unsettled)  # first: a head that is good without it would say that nothing is missing
    memcpy(head.magic, MAGIC, 8)
    head.version = VERSION
    head.record_size = RECORD_SIZE
    head.checksum = _size_checksum(VERSION)


cdef bint _is_of_version(const Head* head, uint32_t version) noexcept nogil:
    return (memcmp(head.magic, MAGIC, 8) == 0 and head.version == version
            and head.record_size == RECORD_SIZE and head.checksum == _size_checksum(version))


cdef bint head_is_older(const Head* head) noexcept nogil:
    return 0 < head.version < VERSION and _is_of_version(head, head.version)


cdef bint head_is_good(const Head* head) noexcept nogil:
    cdef const NasFloor* floor
    cdef int i
    if not _is_of_version(head, VERSION) or (
        <uint32_t>head.unsettled != <uint32_t>(~head.unsettled >> 32)
    ):
        return False
    if head.anchor.checksum != 0 and head.anchor.checksum != _anchor_checksum(&head.anchor):
        return False
    for i in range(MOST_FLOORS):
        floor = &head.floors[i]
        if floor.nas != 0 and floor.checksum != _floor_checksum(floor.nas, floor.stamp):
            return False
    return True


cdef uint32_t unsettled_of(const Head* head) noexcept nogil:
    return <uint32_t>head.unsettled


cdef void set_unsettled(Head* head, uint32_t seconds) noexcept nogil:
    head.unsettled = <uint64_t>(<uint32_t>~seconds) << 32 | seconds


cdef uint64_t _mixed(uint64_t mixed, const uint8_t* text, int words) noexcept nogil:
    """A checksum that is never zero."""
    cdef uint64_t word
    cdef int i
    for i in range(words):
        memcpy(&word, text + 8 * i, 8)
        mixed = (mixed ^ word) * <uint64_t>0xFF51AFD7ED558CCD
        mixed ^= mixed >> 32
    return mixed if mixed != 0 else 1


cdef uint64_t _anchor_checksum(const Anchor* anchor) noexcept nogil:
    return _mixed(<uint64_t>0x9E3779B97F4A7C15, <const uint8_t*>anchor, 4)


cdef uint64_t _floor_checksum(uint64_t nas, int64_t stamp) noexcept nogil:
    return _mixed(_mixed(<uint64_t>0xC2B2AE3D27D4EB4F, <const uint8_t*>&nas, 1), <const uint8_t*>&stamp, 1)


cdef void write_anchor(Head* head, const uint8_t* boot, int64_t offset, int64_t seen) noexcept nogil:
    cdef Anchor* anchor = &head.anchor
    anchor.checksum = 0     # there is none, until all of it is there
    keep_order()
    memcpy(anchor.boot, boot, 16)
    anchor.offset = offset
    anchor.seen = seen
    keep_order()
    anchor.checksum = _anchor_checksum(anchor)


cdef bint write_floor(Head* head, uint64_t nas, int64_t stamp) noexcept nogil:
    cdef NasFloor* floors = head.floors
    cdef int free = -1
    cdef int before = -1
    cdef int i
    for i in range(MOST_FLOORS):
        if floors[i].nas == nas:
            before = i
        elif floors[i].nas == 0 and free < 0:
            free = i
    if free < 0:
        return False
    floors[free].stamp = stamp
    floors[free].checksum = _floor_checksum(nas, stamp)
    keep_order()
    floors[free].nas = nas
    keep_order()
    if before >= 0:
        floors[before].nas = 0
    return True


cdef void clear_floors(Head* head) noexcept nogil:
    cdef int i
    for i in range(MOST_FLOORS):
        head.floors[i].nas = 0  # a store each: nothing else of a free one counts


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


cdef struct Reading:            # what a reader has met
    Head head
    int64_t now
    uint64_t good
    uint64_t damaged
    uint64_t ahead              # records that are confirmed in the future: one of the clocks was wrong
    uint32_t missing            # of the records that the head promises


class FileEntries(NamedTuple):
    """The sessions in a file."""

    runs: list[bytes]
    lacking: str
    dropped: int = 0


cdef bint _whole_in_file(int file, uint64_t place, Record* record) except -1:
    """True for a record that is whole when it is read once more."""
    cdef bytes text = os.pread(file, RECORD_SIZE, HEAD_SIZE + place * RECORD_SIZE)
    if len(text) != RECORD_SIZE:
        return False
    memcpy(record, <const uint8_t*>text, RECORD_SIZE)
    return record_is_whole(record)


cdef int _add_entries(Reading* reading, const Record* record, bytearray found) except -1:
    """Add the entries of a record that is whole; of one that holds no longer, or is nobody's, there are
    none."""
    cdef uint8_t out[MOST_PREFIXES * ENTRY_BYTES]
    cdef int i
    cdef int written
    if line_of(record) == 0 or record.until <= reading.now or _is_ended(&reading.head, record):
        return 0
    if record.confirmed > reading.now + AHEAD:
        reading.ahead += 1
        return 0
    for i in range(record.claim_count):
        written = write_entries(record.addresses[i], record.lengths[i], line_of(record),
                                <uint32_t>(record.until - reading.now), record.origin >> 6, out)
        found += out[: written * ENTRY_BYTES]
    return 0


cdef bytes _entries_of(Reading* reading, int file, const uint8_t* records, uint64_t first, Py_ssize_t count):
    """The entries of a run of records, the first of which has this place in the file."""
    cdef bytearray found = bytearray()
    cdef Record record
    cdef Py_ssize_t place
    for place in range(count):
        memcpy(&record, records + place * RECORD_SIZE, RECORD_SIZE)
        if record_is_zero(&record):
            continue
        if not record_is_whole(&record) and (
            reading.damaged >= READ_AGAIN or not _whole_in_file(file, first + place, &record)
        ):
            reading.damaged += not record_is_zero(&record)
            continue
        reading.good += 1
        _add_entries(reading, &record, found)
    return bytes(found)


cdef str _lacking(path, const Reading* reading):
    """Why sessions may be missing; empty: they are not."""
    if unsettled_of(&reading.head) != 0:
        return f"{path} was begun anew, and control had not heard of all sessions again"
    if reading.missing != 0:
        return f"{reading.missing} of {reading.head.in_use} records of {path} are missing"
    if is_lacking(reading.damaged):
        return f"{reading.damaged} records of {path} are damaged, {reading.good} are good"
    if reading.ahead != 0:
        return f"{reading.ahead} records of {path} are of a time that has not come: a clock was wrong"
    return ""


cdef int _read_head(int file, path, Head* head) except -1:
    """Read the head as it is now. ValueError where it is none, or damaged."""
    cdef bytes text
    cdef int _try
    for _try in range(HEAD_TRIES):
        text = os.pread(file, HEAD_SIZE, 0)
        if len(text) != HEAD_SIZE:
            break
        memcpy(head, <const uint8_t*>text, HEAD_SIZE)
        if head_is_good(head):
            return 0
    if len(text) == HEAD_SIZE and head_is_older(head):
        raise ValueError(f"{path} is of version {head.version}, and control has not begun it anew")
    raise ValueError(f"{path} is not a file of sessions, or its head is damaged")


cdef str _begin(Reading* reading, int file, path, double now, boot, note):
    """Read the head, and find the time by the clock of the records. Why none of the records can be believed;
    empty: they can."""
    cdef int _try
    for _try in range(EPOCH_TRIES):
        epochs = () if note is None else read_epochs(note)
        _read_head(file, path, &reading.head)
        if note is None or reading.head.epoch in epochs:
            break
    else:
        if not epochs:
            return f"{path} cannot be told from an older copy: {note} is gone or damaged"
        return f"{path} is an older copy: {note} names another epoch"
    reading.now = <int64_t>now
    if boot is None:
        return ""
    if reading.head.anchor.checksum == 0:
        _read_head(file, path, &reading.head)  # control was writing it, perhaps
    if reading.head.anchor.checksum == 0:
        return f"{path} has no clock of control: it was killed while it wrote the clock, or before"
    if any(boot.id) and reading.head.anchor.boot[:16] == boot.id:
        reading.now = (reading.head.anchor.offset + <int64_t>(boot.seconds * 1000)) // 1000
        if not now - APART <= reading.now <= now + APART:
            return f"the clock of {path} is {abs(reading.now - <int64_t>now)} s from the machine's"
    elif now * 1000 < reading.head.anchor.seen:
        return f"the machine's clock is behind the newest time in {path}"
    return ""


cdef int _end(Reading* reading, int file, path) except -1:
    """Compare the number of records with the one that the head promised. Control may have zeroed some of them
    meanwhile, and may have lost its sessions."""
    cdef Head now
    cdef uint64_t found = reading.good + reading.damaged
    _read_head(file, path, &now)
    found += <uint32_t>(now.given - reading.head.given)
    if found < reading.head.in_use:
        reading.missing = <uint32_t>(reading.head.in_use - found)
    if unsettled_of(&now) != 0:
        reading.head.unsettled = now.unsettled
    return 0


def read_entries(path, double now, *, boot=None, note=None):
    """The live sessions of registered subscribers as entries of ``wire.session_stream``."""
    cdef Reading reading
    cdef bytes text
    cdef list runs = []
    cdef uint64_t first = 0
    memset(&reading, 0, sizeof(Reading))
    step = CHUNK_ENTRIES * ENTRY_BYTES
    with open(path, "rb") as file:
        refused = _begin(&reading, file.fileno(), path, now, boot, note)
        if refused:
            return FileEntries([], refused)
        file.seek(HEAD_SIZE)
        while text := file.read(RECORDS_AT_ONCE * RECORD_SIZE):
            count = len(text) // RECORD_SIZE
            found = _entries_of(&reading, file.fileno(), <const uint8_t*>text, first, count)
            first += count
            runs += [found[start : start + step] for start in range(0, len(found), step)]
        _end(&reading, file.fileno(), path)
    return FileEntries(runs, _lacking(path, &reading), reading.damaged + reading.ahead)
