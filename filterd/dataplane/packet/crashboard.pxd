# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Memory that outlives the resolver: the packet that each thread works on, and packets that have killed it.

The supervisor makes it, the resolver writes its notes into it, and after a death the supervisor reads
them. Only keyed hashes stand there, never a packet: nothing on it says what anybody asked. A mark is
SipHash-2-4-128 of a packet without its id (a packet that is sent again has another), or of a question in
lower case; zero is none.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from filterd.dataplane.tables.atomics cimport bump64, load32, load64, store64
from filterd.policy.fingerprint cimport Fingerprint, sip_hash

cdef enum:
    BOARD_SIZE = 8192           # bytes
    NOTES = 64                  # threads
    READER = 63                 # the note of the event loop, for replies of upstreams
    KILLERS = 48                # marks that are remembered; a new one replaces the oldest
    MARKED = 1280               # bytes of a packet that its mark is made of; the rest counts by its length
    QUESTION_SIZE = 260

cdef enum Guard:
    GUARD_PASS = 0              # the packet goes in as it is
    GUARD_PLAIN = 1             # reduced mode: its plain core does
    GUARD_REFUSED = 2           # reduced mode: the refusal is to be sent
    GUARD_KILLER = 3            # reduced mode: silence, a resolver died of this
    GUARD_SILENT = 4            # reduced mode: silence, as it is no query at all

cdef struct Note:               # one thread's, a cache line of its own
    uint64_t begun              # packets begun so far: tells two with one mark apart
    Fingerprint mark            # under work; zero: nothing
    uint8_t unused[40]

cdef struct Board:
    uint64_t magic
    uint8_t key[16]
    uint32_t reduced            # 1: the resolver is to take plain queries alone; written by the supervisor
    uint32_t killers_known      # marks that were ever put on `killers`
    uint64_t crashes            # deaths of a resolver by a fault
    uint64_t packets            # packets that were under work at one
    Fingerprint killers[KILLERS]
    uint8_t unused[16]
    Note notes[NOTES]


cdef inline void board_mark(const Board* board, const uint8_t* packet, size_t length,
                            Fingerprint* out) noexcept nogil:
    """The mark of a packet."""
    cdef size_t start = 2 if length > 2 else 0
    cdef size_t taken = length - start
    if taken > MARKED:
        taken = MARKED
    sip_hash(board.key, packet + start, taken, out)
    out.low ^= <uint64_t> length


cdef inline void board_question_mark(const Board* board, const uint8_t* question, size_t length,
                                     Fingerprint* out) noexcept nogil:
    """The mark of a question, whatever its letters' case; ``length`` is at most QUESTION_SIZE."""
    cdef uint8_t lower[QUESTION_SIZE]
    cdef size_t i, name = length - 4 if length > 4 else 0
    for i in range(length):
        lower[i] = question[i]
        # A label's length is at most 63 and never looks like a letter (RFC 1035 2.3.4).
        if i < name and 65 <= lower[i] <= 90:
            lower[i] += 32
    sip_hash(board.key, lower, length, out)


cdef inline void note_begin(Note* note, const Fingerprint* mark) noexcept nogil:
    """Note that this thread begins work on a packet."""
    bump64(&note.begun)
    note_again(note, mark)


cdef inline void note_again(Note* note, const Fingerprint* mark) noexcept nogil:
    """Note that it goes on with a packet that it had begun before."""
    store64(&note.mark.high, mark.high)
    store64(&note.mark.low, mark.low)


cdef inline void note_end(Note* note) noexcept nogil:
    """Note that this thread works on nothing."""
    store64(&note.mark.high, 0)
    store64(&note.mark.low, 0)


cdef inline bint board_is_reduced(const Board* board) noexcept nogil:
    return load32(&board.reduced) != 0


cdef inline bint board_killed(const Board* board, const Fingerprint* mark) noexcept nogil:
    """True if a resolver died at work on the packet with this mark."""
    cdef uint32_t i, known = load32(&board.killers_known)
    for i in range(known if known < KILLERS else <uint32_t> KILLERS):
        if board.killers[i].high == mark.high and board.killers[i].low == mark.low:
            return True
    return False


# Notes a packet and returns what to do with it, a Guard; the caller calls note_end. `out` has room for
# PLAIN_SIZE and takes the plain query or the refusal of `written` bytes.
cdef int board_take(const Board* board, Note* note, const uint8_t* packet, size_t length, uint8_t* out,
                    size_t* written) noexcept nogil


cdef class CrashBoard:
    """One board, mapped into this process."""
    cdef Board* board
    cdef readonly int descriptor
    cdef object memory
