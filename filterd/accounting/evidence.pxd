# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The order of evidence: which of two messages is newer, by the clocks of the NASes; and the newest message
about what nobody has any more.

The *mark* of a message is its second by the clock of its NAS, times two, plus one for a Start: in one second
a Start beats an Interim. Marks are compared modulo 2^31, which is right within 17 years of each other. The
highest bit says that the mark is *doubtful*: the message was sent by then, and nobody knows how long before.

A NAS's stamps are shifted by `shift` as they are read, so that they go on where its clock makes a step, and
are never of the future. What is said of its clock below is said of the shifted one.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    MOST_NASES = 65_535
    MOST_OF_CLIENT = 16_384     # of one client, which may make names up; see client_of
    NAS_PLACES = 131_072        # a power of two
    HALF_WINDOW = 600_000       # milliseconds
    MARGIN = 2_000              # milliseconds within which the clocks of two NASes decide nothing
    LATE = 60                   # half seconds by which a message of the same NAS may be overtaken
    AGREES = 5_000              # milliseconds by which the clock of a NAS may differ and be right
    BEHIND = 30_000             # milliseconds by which a message is late, or its NAS's clock was set back
    APART = 10_000              # milliseconds between two messages that prove a clock
    RETRIED = 120_000           # milliseconds for which a message is sent again and again
    NO_SAMPLE = 0x7FFFFFFF      # of `least`, in milliseconds: more than the day that is sampled


cdef enum:                      # what `believe` says of a stamp
    FITS = 0                    # it can be believed, or is late
    AHEAD = 1                   # it is ahead by more than AGREES of the clock as it is known
    SET_BACK = 2                # it lies before what the file has of the NAS


cdef enum:                      # what is known of a NAS's clock
    NO_CLOCK = 0                # it has told no time, or goes by ours
    CLOCK_UNPROVEN = 1
    CLOCK_GOOD = 2
    CLOCK_OFF = 3               # proven, and more than AGREES wrong


cdef struct Nas:
    uint64_t id                 # its fingerprint's first 64 bits
    int64_t window              # arrival with which the present half window began
    int64_t floor               # milliseconds by its clock: what it had until then has ended; see has_floor
    int64_t seen                # arrival of the message that `took`; 0: there is none
    int64_t took                # arrival - delay - stamp, not shifted, of one that does not fit the clock
    int64_t shift               # milliseconds, whole seconds
    int64_t newest              # the newest stamp that it sent, not shifted
    int64_t ahead_to            # the newest of those that were ahead, not shifted
    int32_t base                # its offset when it was proven
    int64_t loaded              # the newest stamp that the file had of it
    uint32_t proven             # its clock is known; see believe
    int32_t least[2]            # least arrival - delay - stamp of the present half window, and before it
    uint32_t has_floor
    uint32_t in_order           # what it tells comes in order: a lease file, the commands; see rule 4
    uint32_t far                # its newest message was stamped so far from its arrival that it said nothing


cdef struct Remembered:         # the newest evidence about an address that nobody has, or an ended session
    uint64_t key                # keyed hash of the address or session; 0: free
    uint32_t mark
    uint32_t nas                # place in `nases`
    uint32_t next
    uint32_t subscriber         # 32 bits of its fingerprint; 0: two that contradict each other


cdef struct Evidence:
    Nas* nases                  # places 1 to nas_count; 0: not known, the table of them is full
    uint32_t* nas_places
    uint16_t* of_client         # NASes of each client
    uint32_t nas_count
    Remembered* ring            # places 1 to ring_size
    uint32_t* heads
    uint32_t ring_size
    uint32_t head_mask
    uint32_t newest
    uint32_t remembered
    uint64_t steps              # of clocks that had been proven
    uint64_t without_place      # messages of NASes for which there was no room


cdef inline uint16_t client_of(uint64_t nas) noexcept nogil:
    """The client that speaks for a NAS: by 16 bits, which ``radius.nas_of`` puts into its fingerprint."""
    return <uint16_t>(nas >> 48)


cdef inline uint32_t mark_of(int64_t stamp, bint start) noexcept nogil:
    """The mark of a message stamped so (milliseconds)."""
    return <uint32_t>(stamp // 1000 * 2 + start) & <uint32_t>0x7FFFFFFF


cdef inline uint32_t doubtful(uint32_t mark) noexcept nogil:
    """The mark of a message that was sent then or before."""
    return mark | <uint32_t>0x80000000


cdef inline bint is_doubtful(uint32_t mark) noexcept nogil:
    return mark >> 31 != 0


cdef inline int32_t since(uint32_t mark, uint32_t other) noexcept nogil:
    """Half seconds by which one mark is newer than another of the same NAS, doubts aside."""
    return <int32_t>((mark - other) << 1) // 2


cdef inline int64_t offset_of(const Evidence* evidence, uint32_t nas) noexcept nogil:
    """Milliseconds by which our clock is ahead of the NAS's: the least that a message took to arrive."""
    cdef const Nas* found = evidence.nases + nas
    cdef int32_t least = found.least[0] if found.least[0] < found.least[1] else found.least[1]
    return 0 if nas == 0 or least == NO_SAMPLE else least


cdef inline int64_t ahead(const Evidence* evidence, uint32_t mark, uint32_t nas, uint32_t other,
                          uint32_t other_nas) noexcept nogil:
    """By how much the first evidence is newer, as far as the clocks tell: half seconds of one NAS,
    milliseconds between two."""
    if nas == other_nas:
        return since(mark, other)
    return (<int64_t>since(mark & ~<uint32_t>1, other & ~<uint32_t>1) * 500
            + offset_of(evidence, nas) - offset_of(evidence, other_nas))


cdef inline bint is_proven(const Evidence* evidence, uint32_t nas) noexcept nogil:
    """True if the NAS's offset is known, or arrivals stand for all its stamps, since they were ahead; of one
    without a place nothing is known."""
    cdef const Nas* found = evidence.nases + nas
    return nas != 0 and (found.proven != 0 or found.seen != 0 and found.least[0] == NO_SAMPLE
                         and found.loaded == 0)


cdef inline int clock_of(const Evidence* evidence, uint32_t nas) noexcept nogil:
    """The state of the clock of a NAS that has a place."""
    cdef const Nas* found = evidence.nases + nas
    cdef int64_t offset = found.shift + offset_of(evidence, nas)
    if found.far:
        return CLOCK_OFF
    if found.least[0] == NO_SAMPLE:
        return NO_CLOCK if found.seen == 0 else CLOCK_UNPROVEN
    if not found.proven:
        return CLOCK_UNPROVEN
    return CLOCK_GOOD if -AGREES <= offset <= AGREES else CLOCK_OFF


cdef inline int64_t lead(const Evidence* evidence, uint32_t mark, uint32_t nas, uint32_t other,
                         uint32_t other_nas) noexcept nogil:
    """Positive where the first evidence is newer, negative where the second is, 0 where neither can be
    told."""
    cdef int64_t found = ahead(evidence, mark, nas, other, other_nas)
    if nas == other_nas and nas != 0:
        if found < -LATE:
            return 0    # so late: or the clock of the NAS was set back
    elif not (is_proven(evidence, nas) and is_proven(evidence, other_nas)) or -MARGIN <= found <= MARGIN:
        return 0
    return 0 if is_doubtful(mark if found > 0 else other) else found


cdef bint evidence_start(Evidence* evidence, uint32_t most) noexcept nogil
cdef void evidence_free(Evidence* evidence) noexcept nogil
# The place of a NAS, made where it is new; 0: there is no room for more, or for more of its client.
cdef uint32_t nas_place(Evidence* evidence, uint64_t id) noexcept nogil
# Count a message in what is known of its NAS's clock: FITS, AHEAD or SET_BACK. ``took``: arrival - delay -
# stamp, at most a day.
cdef int believe(Evidence* evidence, uint32_t nas, int64_t arrival, int64_t took,
                 bint delayed) noexcept nogil
cdef Remembered* recall(Evidence* evidence, uint64_t key) noexcept nogil
# Keep this as the newest about `key`, unless what is kept is newer.
cdef void remember(Evidence* evidence, uint64_t key, uint32_t mark, uint32_t nas,
                   uint32_t subscriber) noexcept nogil
