# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The Python face of the table of sessions: its file, its lock, and views for whoever asks.

The rules stand in ``rules``. One mutex guards the table. No method holds it for long: what visits many places
does so in parts, and whoever holds it never waits for the GIL.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.unistd cimport close as close_file, usleep

from filterd.accounting.event cimport MOST_CLAIMS, Claim, Event, EventSink
from filterd.accounting.evidence cimport (
    CLOCK_OFF,
    CLOCK_UNPROVEN,
    NO_CLOCK,
    Evidence,
    Nas,
    Remembered,
    clock_of,
    recall,
)
from filterd.accounting.outbox cimport OUTBOX_SIZE, entries_after
from filterd.accounting.message cimport SOURCE_RADIUS, Held, hold
from filterd.accounting.rules cimport count_records, table_apply, table_load
from filterd.accounting.slab cimport head_of, keep_order, record_at
from filterd.accounting.subscribers cimport Subscriber
from filterd.accounting.table cimport (
    Table,
    claim_key,
    is_live,
    rival,
    sweep_some,
    table_find,
    table_free,
    table_full,
    table_register,
    table_start,
)
from filterd.disk.session_file cimport (
    AHEAD,
    ENTRY_BYTES,
    HEAD_SIZE,
    MOST_PREFIXES,
    PORT_RANGE,
    RECORD_CLAIMS,
    RECORD_SIZE,
    Head,
    Record,
    first_port,
    head_is_good,
    head_is_older,
    is_lacking,
    last_port,
    line_of,
    make_head,
    record_is_whole,
    set_unsettled,
    unsettled_of,
    write_anchor,
)
from filterd.policy.fingerprint cimport Fingerprint, unpacked

import fcntl
import os
from threading import Lock

from filterd.accounting.session_view import MESSAGE_KINDS as _MESSAGE_KINDS
from filterd.accounting.session_view import ClockStates, SessionClaim, SessionCounts, SessionView
from filterd.disk.files import make_directory
from filterd.disk.locks import LockedError
from filterd.disk.session_epoch import change_epoch, read_epochs
from filterd.model.session import SessionSource

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t* mutex, void* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)

cdef enum:
    NO_PLACE = 0xFFFFFFFF
    PAIR_SIZE = 24              # a fingerprint and a line
    REGISTERED_AT_ONCE = 1000   # subscribers, with the lock held
    SWEPT_AT_ONCE = 256         # places of the sweep, with the lock held
    ENDED_AT_ONCE = 32          # sessions that it ends meanwhile
    GIVE_WAY = 20               # microseconds between two parts, in which whoever waits gets the lock
    SLICE = 16_384              # places that are visited with the lock held
    UNTIL_TOLD = 0xFFFFFFFF     # `unsettled`: for as long as whoever opened the file says
    SESSION_MEMORY = RECORD_SIZE + 4 * 12 + 4 * 5   # record, chains both ways, marks and heads

cdef uint64_t LINES = <uint64_t>1 << 48     # numbers of lines are below

cdef struct Guarded:
    pthread_mutex_t lock
    Table table


cdef extern from "<sys/mman.h>" nogil:
    int msync(void* start, size_t length, int flags)
    int MS_SYNC


cdef void sync_head(Head* head) noexcept nogil:
    """Bring the head to the disk. An error is no reason to stop: what has been written is in the system's
    memory."""
    msync(head, HEAD_SIZE, MS_SYNC)


cdef void take_event(void* context, const Event* event) noexcept nogil:
    """Apply an event of any thread."""
    cdef Guarded* guarded = <Guarded*>context
    pthread_mutex_lock(&guarded.lock)
    if guarded.table.slab.memory != NULL:
        table_apply(&guarded.table, event)
    pthread_mutex_unlock(&guarded.lock)


cdef int64_t milliseconds(double seconds):
    return <int64_t>(seconds * 1000 + (0.5 if seconds >= 0 else -0.5))


cdef dict by_source(const uint64_t* known):
    """Numbers by source."""
    return {each: known[<int>each] for each in SessionSource}


cdef object view_of(const Record* record):
    """A record in the form for Python."""
    cdef list claims = []
    cdef const uint8_t* address
    cdef int i
    for i in range(record.claim_count):
        address = record.addresses[i]
        if record.lengths[i] == PORT_RANGE:
            ports = (first_port(address), last_port(address))
            claims.append(SessionClaim(bytes(10) + b"\xff\xff" + address[:4], 128, ports))
        else:
            claims.append(SessionClaim(address[:16], record.lengths[i]))
    return SessionView(
        tuple(claims), line_of(record), SessionSource(record.origin >> 6), record.origin & 63,
        record.stamp / 1000.0, float(record.confirmed), float(record.until)
    )


cdef class Sessions(EventSink):
    cdef Guarded guarded
    cdef object clock
    cdef int file
    cdef readonly str damage
    cdef readonly bint begun_empty
    cdef object note
    cdef object epochs          # one change of the epoch at a time
    cdef uint64_t epoch         # that of the file's head
    cdef readonly object stream

    def __cinit__(self, *_arguments, **_named):
        self.file = -1
        memset(&self.guarded, 0, sizeof(Guarded))
        pthread_mutex_init(&self.guarded.lock, NULL)

    def __init__(self, path, bytes key not None, uint32_t most, int64_t stale_after, clock, *,
                 bint expected=False, note=None):
        cdef uint32_t there = 0
        cdef Table* table = &self.guarded.table
        cdef int64_t now = <int64_t>clock()
        if len(key) != 16:
            raise ValueError(f"a key has 16 bytes, not {len(key)}")
        if table.slab.memory != NULL:
            raise RuntimeError("the table of sessions is open already")
        self.clock = clock
        self.damage = ""
        self.begun_empty = False
        self.note = note
        self.epochs = Lock()
        self.stream = int.from_bytes(os.urandom(8), "little") | 1
        if path is not None:
            there = self._open_file(path, expected)
        memcpy(table.key, <const uint8_t*>key, 16)
        table.stale_after = stale_after * 1000
        if not table_start(table, self.file, there, most):
            raise MemoryError(f"no memory for {most} sessions")
        if path is not None:
            self._read_file(path, expected, now)
            self._begin_epoch()
            self.epoch = head_of(&table.slab).epoch
        self.context = &self.guarded
        self.take = take_event

    cdef uint32_t _open_file(self, path, bint expected) except? 0xFFFFFFFF:
        """Open or make the file; the places that it has room for."""
        cdef long size
        make_directory(path.parent)
        was_there = path.exists()
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"another process has the sessions in {path}") from None
        size = os.fstat(self.file).st_size
        if size < HEAD_SIZE:
            if was_there and (size != 0 or expected):
                self._lost(f"{path} is cut off")
            elif expected:
                self._lost(f"{path} is gone")
            os.posix_fallocate(self.file, 0, HEAD_SIZE)
            size = HEAD_SIZE
        size = (size - HEAD_SIZE) // RECORD_SIZE
        os.ftruncate(self.file, HEAD_SIZE + size * RECORD_SIZE)  # a record that was cut off is none
        return <uint32_t>size

    cdef _lost(self, str how):
        self.begun_empty = True
        self.damage = how

    cdef _read_file(self, path, bint expected, int64_t now):
        """Index what the file holds; begin it anew where its head is damaged. That sessions are missing
        stands in the head, on the disk, before the first damaged record goes."""
        cdef Table* table = &self.guarded.table
        cdef Head* head = head_of(&table.slab)
        cdef uint64_t damaged = 0
        cdef uint64_t good = 0
        if not self.begun_empty and head_is_good(head) and not self._is_of_this_epoch(head, expected):
            self._lost(f"{path} is an older copy: {self.note} names another epoch")
        if self.begun_empty or not head_is_good(head):
            if not self.begun_empty and head_is_older(head):
                self._lost(f"{path} is of version {head.version}, which had fewer checksums")
            elif not self.begun_empty and any(table.slab.memory[i] != 0 for i in range(HEAD_SIZE)):
                self._lost(f"the head of {path} is damaged")
            elif not self.begun_empty and (table.slab.there != 0 or expected):
                self._lost(f"{path} has no head")
            with nogil:
                make_head(head, UNTIL_TOLD if self.begun_empty else 0)
                sync_head(head)
                memset(table.slab.memory + HEAD_SIZE, 0, <size_t>table.slab.there * RECORD_SIZE)
            return
        with nogil:
            count_records(table, &good, &damaged)
        if good + damaged < head.in_use:
            self._lost(f"{head.in_use - good - damaged} of {head.in_use} records of {path} are missing")
        elif is_lacking(damaged):
            self._lost(f"{damaged} records of {path} are damaged, {good} are good")
        elif any_ahead(table, now):
            self._lost(f"{path} has records of a time that has not come: the machine's clock was set back")
        if self.begun_empty:
            set_unsettled(head, UNTIL_TOLD)
            sync_head(head)
        with nogil:
            keep_order()
            head.in_use = <uint32_t>(good + damaged)
            table_load(table, now)

    cdef bint _is_of_this_epoch(self, const Head* head, bint expected) except -1:
        """False where the note beside the directory names another epoch, or none, as it does for a copy of an
        earlier one that was put back. An empty file lacks nothing where no session was ever known; a kill in
        the first moment of a new one leaves it without an epoch."""
        cdef bint empty = head.in_use == 0 and self.guarded.table.slab.there == 0
        return (self.note is None or head.epoch in read_epochs(self.note)
                or (empty and (head.epoch == 0 or not expected)))

    cdef _begin_epoch(self):
        """Begin one with this opening; on a disk that refuses, a file that has one keeps it."""
        try:
            self.change_epoch()
        except OSError:
            if head_of(&self.guarded.table.slab).epoch == 0:
                raise

    def change_epoch(self):
        """Begin a new epoch."""
        cdef uint64_t present
        if self.note is None:
            return
        with self.epochs:
            present = head_of(&self._open().slab).epoch
            self._done()
            change_epoch(self.note, present, self._write_epoch)

    def _write_epoch(self, uint64_t epoch):
        head_of(&self._open().slab).epoch = epoch
        self.epoch = epoch
        self._done()
        sync_head(head_of(&self.guarded.table.slab))

    def anchor(self, bytes boot not None, double offset):
        """Write the clock into the head."""
        cdef int64_t now = milliseconds(self.clock())
        cdef int64_t difference = milliseconds(offset)
        cdef Head* head = NULL
        if len(boot) != 16:
            raise ValueError(f"the id of a boot has 16 bytes, not {len(boot)}")
        head = head_of(&self._open().slab)
        write_anchor(head, <const uint8_t*>boot, difference, now)
        self._done()

    def __dealloc__(self):
        self._free()
        if self.file >= 0:
            close_file(self.file)
        pthread_mutex_destroy(&self.guarded.lock)

    cdef void _free(self):
        if self.guarded.table.slab.links != NULL or self.guarded.table.slab.memory != NULL:
            table_free(&self.guarded.table)
            memset(&self.guarded.table, 0, sizeof(Table))

    def close(self):
        """Let the file go. Nobody else may be using the table."""
        pthread_mutex_lock(&self.guarded.lock)
        self._free()
        pthread_mutex_unlock(&self.guarded.lock)
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    cdef Table* _open(self) except NULL:
        """Take the lock; ValueError where the table is closed. The GIL is kept: it is taken before the lock,
        and never while that is held."""
        pthread_mutex_lock(&self.guarded.lock)
        if self.guarded.table.slab.memory == NULL:
            pthread_mutex_unlock(&self.guarded.lock)
            raise ValueError("the table of sessions is closed")
        return &self.guarded.table

    cdef inline void _done(self) noexcept nogil:
        pthread_mutex_unlock(&self.guarded.lock)

    @property
    def disordered(self):
        """True once another hand changed the file beneath the table: nothing is taken from it or put into it
        any more. Its records are looked at by the sweep, and before a receiver gets all of them."""
        cdef Table* table = self._open()
        cdef const Head* head = head_of(&table.slab)
        if self.file >= 0 and (not head_is_good(head) or head.epoch != self.epoch):
            table.disordered = True
        cdef bint found = table.disordered
        self._done()
        return found

    @property
    def unsettled(self):
        """The seconds for which sessions of before may be missing, as the file keeps it; 0: none are."""
        cdef uint32_t found = unsettled_of(head_of(&self._open().slab))
        self._done()
        return found

    def settle(self, uint32_t left):
        """Sessions may be missing for so many seconds more; 0: all that go on were told again."""
        cdef Head* head = head_of(&self._open().slab)
        cdef bint ended = left == 0 and unsettled_of(head) != 0
        set_unsettled(head, left)
        self._done()
        if ended and self.file >= 0:
            sync_head(head)

    @property
    def most(self):
        """The most sessions that there is room for."""
        cdef uint32_t found = self._open().slab.most
        self._done()
        return found

    @property
    def sequence(self):
        """The number of the newest change."""
        cdef uint64_t found = self._open().outbox.sequence
        self._done()
        return found

    def register(self, bytes subscriber not None, uint64_t line):
        """Tell the line of a subscriber, by fingerprint."""
        if not 0 < line < LINES:
            raise ValueError(f"{line} is no number of a line")
        self._set_line(subscriber, line)

    def forget(self, bytes subscriber not None):
        """A subscriber is registered no longer."""
        self._set_line(subscriber, 0)

    def register_many(self, const uint8_t[::1] pairs not None):
        """Tell the lines of many subscribers."""
        cdef int64_t now = <int64_t>self.clock()
        cdef size_t count = <size_t>pairs.shape[0] // PAIR_SIZE
        cdef size_t at = 0
        cdef size_t done = 0
        cdef Table* table
        if pairs.shape[0] != <Py_ssize_t>(count * PAIR_SIZE):
            raise ValueError(f"a subscriber has {PAIR_SIZE} bytes")
        for at in range(count):
            if not 0 < line_in(&pairs[at * PAIR_SIZE]) < LINES:
                raise ValueError(f"{line_in(&pairs[at * PAIR_SIZE])} is no number of a line")
        at = 0
        while at < count:
            table = self._open()
            with nogil:
                done = register_some(table, &pairs[at * PAIR_SIZE], min(count - at, REGISTERED_AT_ONCE), now)
                self._done()
            at += done
            if done == 0:
                raise MemoryError("no memory for one more subscriber")

    cdef _set_line(self, bytes subscriber, uint64_t line):
        cdef Fingerprint fingerprint
        cdef int64_t now = <int64_t>self.clock()
        cdef bint good
        unpacked(subscriber, &fingerprint)
        good = table_register(self._open(), <const uint32_t*>&fingerprint, line, now)
        self._done()
        if not good:
            raise MemoryError("no memory for one more subscriber")

    @property
    def stale_after(self):
        """The age in seconds from which evidence of a NAS claims nothing."""
        cdef int64_t found = self._open().stale_after
        self._done()
        return found // 1000

    @stale_after.setter
    def stale_after(self, int64_t seconds):
        self._open().stale_after = seconds * 1000
        self._done()

    def put(self, claims, *, bytes subscriber, bytes session, bytes nas, int source, double stamp,
            uint32_t lasts, int kind):
        """Give it one event of a lease or a command. False: there is no room for a new session."""
        cdef Event event
        cdef uint64_t refused
        cdef bint taken
        fill(&event, claims, subscriber, session, nas)
        event.source = <uint8_t>int(SessionSource(source))
        event.kind = <uint8_t>kind
        event.lasts = lasts
        event.stamp = milliseconds(stamp)
        event.arrival = milliseconds(self.clock())
        pthread_mutex_lock(&self.guarded.lock)
        refused = self.guarded.table.tally.refused_full
        if self.guarded.table.slab.memory != NULL:
            table_apply(&self.guarded.table, &event)
        taken = self.guarded.table.tally.refused_full == refused
        pthread_mutex_unlock(&self.guarded.lock)
        return taken

    def give(self, claims, *, bytes subscriber, bytes session, bytes nas, double stamp, double arrival,
             uint32_t lasts, int kind, double delay=0):
        """Give it one RADIUS event."""
        cdef Event event
        fill(&event, claims, subscriber, session, nas)
        event.source = SOURCE_RADIUS
        event.kind = <uint8_t>kind
        event.stamped = 1
        event.lasts = lasts
        event.stamp = milliseconds(stamp)
        event.arrival = milliseconds(arrival)
        event.delay = milliseconds(delay)
        take_event(&self.guarded, &event)

    def find(self, bytes address not None, uint32_t port=0):
        """The session that has the address."""
        cdef int64_t now = <int64_t>self.clock()
        cdef Record found
        cdef uint32_t place
        cdef Table* table
        if len(address) != 16 or port > 65_535:
            raise ValueError("an address has 16 bytes, a port is at most 65535")
        table = self._open()
        place = table_find(table, <const uint8_t*>address, port, now)
        if place != 0:
            found = record_at(&table.slab, place)[0]
        self._done()
        return None if place == 0 else view_of(&found)

    def holder(self, claim not None):
        """The session that has this very claim."""
        cdef int64_t now = <int64_t>self.clock()
        cdef Event event
        cdef Held held
        cdef Record found
        cdef uint32_t at
        cdef Table* table
        fill(&event, [claim], bytes(16), bytes(16), bytes(16))
        if not hold(&event.claims[0], &held):
            return None
        table = self._open()
        at = rival(table, 0, &held, 0)
        while at != 0 and not is_live(table, record_at(&table.slab, at // RECORD_CLAIMS), now):
            at = rival(table, 0, &held, at)
        if at != 0:
            found = record_at(&table.slab, at // RECORD_CLAIMS)[0]
        self._done()
        return None if at == 0 else view_of(&found)

    def is_ambiguous(self, bytes address not None):
        """True where two lines are known to claim the address, or a prefix around it."""
        cdef bint found
        if len(address) != 16:
            raise ValueError("an address has 16 bytes")
        found = is_contradicted(self._open(), <const uint8_t*>address)
        self._done()
        return found

    def of_line(self, uint64_t line, uint32_t most):
        """The first sessions of a line, and the number of all."""
        cdef list found = []
        cdef Record record
        cdef uint32_t place = 0
        cdef uint64_t count = 0
        cdef int64_t now = <int64_t>self.clock()
        cdef Table* table
        while place != NO_PLACE and count < most:
            table = self._open()
            with nogil:
                place = next_of_line(table, place, line, now, &record)
                self._done()
            if record.claim_count != 0:
                found.append(view_of(&record))
                count += 1
        while place != NO_PLACE:
            table = self._open()
            with nogil:
                place = count_of_line(table, place, line, now, &count)
                self._done()
        return found, count

    def count_lines(self, const uint64_t[::1] lines not None):
        """The sessions of some lines, by what told of them."""
        cdef uint64_t counts[4]
        cdef uint32_t place = 0
        cdef Py_ssize_t at
        cdef Py_ssize_t count = lines.shape[0]
        cdef int64_t now = <int64_t>self.clock()
        cdef Table* table
        for at in range(1, count):
            if lines[at - 1] >= lines[at]:
                raise ValueError("lines are in ascending order, each once")
        memset(counts, 0, sizeof(counts))
        while place != NO_PLACE and count != 0:
            table = self._open()
            with nogil:
                place = count_of_lines(table, place, &lines[0], count, now, counts)
                self._done()
        return by_source(counts)

    def counts(self):
        """Numbers of the table."""
        cdef Table* table = self._open()
        cdef Table copy = table[0]
        self._done()
        tally = copy.tally
        return SessionCounts(
            registered=by_source(tally.known[1]), unregistered=by_source(tally.known[0]),
            oldest=float(copy.oldest), stale=tally.stale, subscribers=copy.subscribers.count,
            nases=copy.evidence.nas_count, remembered=copy.evidence.remembered, events=tally.events,
            refused_full=tally.refused_full, late=tally.late, unknown=tally.unknown, lost=tally.lost,
            taken=tally.taken, ambiguous=tally.ambiguous, damaged=tally.damaged,
            ahead={word: tally.ahead[<int>kind] for kind, word in _MESSAGE_KINDS.items()},
            memory=copy.slab.used * <uint64_t>SESSION_MEMORY
            + copy.subscribers.count * <uint64_t>(sizeof(Subscriber) + 4)
            + copy.evidence.remembered * <uint64_t>(sizeof(Remembered) + 4)
            + copy.evidence.nas_count * <uint64_t>sizeof(Nas),
        )

    def clock_states(self):
        """Numbers of NASes by the state of their clocks."""
        cdef uint64_t numbers[4]
        cdef uint64_t steps = 0
        cdef uint64_t without_place = 0
        cdef uint32_t place = 1
        cdef Table* table
        memset(numbers, 0, sizeof(numbers))
        while place != 0:
            table = self._open()
            with nogil:
                place = count_clocks(table, place, numbers)
                steps = table.evidence.steps
                without_place = table.evidence.without_place
                self._done()
        return ClockStates(
            known=sum(numbers) - numbers[<int>NO_CLOCK], unproven=numbers[<int>CLOCK_UNPROVEN],
            off=numbers[<int>CLOCK_OFF], steps=steps, without_place=without_place,
        )

    def changes(self, uint64_t after, uint32_t most):
        """The entries behind ``after``, or None where they are no longer known."""
        cdef int64_t now = <int64_t>self.clock()
        cdef uint32_t room = most if most < OUTBOX_SIZE else OUTBOX_SIZE
        cdef bytes entries = PyBytes_FromStringAndSize(NULL, room * ENTRY_BYTES)
        cdef int64_t count = entries_after(&self._open().outbox, after, room, now,
                                           <uint8_t*>PyBytes_AS_STRING(entries))
        self._done()
        return None if count < 0 else (after + count, entries[: count * ENTRY_BYTES])

    def full(self, uint32_t cursor, uint32_t most, *, bint unregistered=False):
        """The entries of some sessions, and the cursor to go on with."""
        cdef int64_t now = <int64_t>self.clock()
        cdef uint32_t room = most if most < OUTBOX_SIZE else OUTBOX_SIZE
        cdef bytes entries = PyBytes_FromStringAndSize(NULL, room * ENTRY_BYTES)
        cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(entries)
        cdef uint32_t count
        cdef bint disordered
        cdef Table* table
        if most < RECORD_CLAIMS * MOST_PREFIXES:
            raise ValueError(f"a part has room for {RECORD_CLAIMS * MOST_PREFIXES} entries at least")
        table = self._open()
        with nogil:
            count = table_full(table, &cursor, room, now, unregistered, out)
            disordered = table.disordered
            self._done()
        if disordered and not unregistered:     # a receiver would take a part for all of them
            raise OSError("the file of sessions was changed by another hand")
        return cursor, entries[: count * ENTRY_BYTES]

    def sweep(self, uint32_t most):
        """Visit ``most`` places and drop what is over."""
        cdef int64_t now = <int64_t>self.clock()
        cdef uint32_t left = 0
        cdef uint32_t part
        cdef uint32_t visited
        cdef Table* table
        while True:
            table = self._open()
            most = min(most, table.slab.used)
            part = min(most, <uint32_t>SWEPT_AT_ONCE)
            with nogil:
                visited = sweep_some(table, part, ENDED_AT_ONCE, now)
                left = table.urgent
                self._done()
            most -= visited
            if most == 0 or visited == 0:
                return left
            with nogil:
                usleep(GIVE_WAY)


cdef inline uint64_t line_in(const uint8_t* pair) noexcept nogil:
    """The line of a pair of fingerprint and line."""
    cdef uint64_t line
    memcpy(&line, pair + 16, 8)
    return line


cdef bint any_ahead(const Table* table, int64_t now) noexcept nogil:
    """True where a session was confirmed in the future, so that its deadline tells nothing."""
    cdef uint32_t place
    for place in range(1, table.slab.used + 1):
        if record_at(&table.slab, place).confirmed > now + AHEAD and record_is_whole(
            record_at(&table.slab, place)
        ):
            return True
    return False


cdef size_t register_some(Table* table, const uint8_t* pairs, size_t count, int64_t now) noexcept nogil:
    """Register subscribers; how many there was memory for."""
    cdef uint32_t subscriber[3]
    cdef size_t at
    for at in range(count):
        memcpy(subscriber, pairs + at * PAIR_SIZE, 12)
        if not table_register(table, subscriber, line_in(pairs + at * PAIR_SIZE), now):
            return at
    return count


cdef bint is_contradicted(const Table* table, const uint8_t* address) noexcept nogil:
    """True where the memory of the address, or of a prefix around it, is of two lines."""
    cdef uint8_t prefix[16]
    cdef const Remembered* known
    cdef int length
    memcpy(prefix, address, 16)
    for length in range(128, -1, -1):
        if length < 128:
            prefix[length >> 3] &= <uint8_t>~(0x80 >> (length & 7))
        known = recall(<Evidence*>&table.evidence, claim_key(table, prefix, <uint8_t>length))
        if known != NULL and known.subscriber == 0:
            return True
    return False


cdef uint32_t count_clocks(const Table* table, uint32_t place, uint64_t* numbers) noexcept nogil:
    """Count a slice of the NASes from ``place`` on; where to go on, or 0."""
    cdef uint32_t end = place + SLICE
    while place <= table.evidence.nas_count and place < end:
        numbers[clock_of(&table.evidence, place)] += 1
        place += 1
    return 0 if place > table.evidence.nas_count else place


cdef uint32_t next_of_line(const Table* table, uint32_t place, uint64_t line, int64_t now,
                           Record* found) noexcept nogil:
    """Copy the next session of the line within a slice of places behind ``place``; where to go on, or
    NO_PLACE."""
    cdef uint32_t end = place + SLICE
    cdef const Record* record
    memset(found, 0, sizeof(Record))
    while place < table.slab.used and line != 0:
        place += 1
        record = record_at(&table.slab, place)
        if record.claim_count != 0 and line_of(record) == line and is_live(table, record, now):
            found[0] = record[0]
            return place
        if place == end:
            return place
    return NO_PLACE


cdef uint32_t count_of_line(const Table* table, uint32_t place, uint64_t line, int64_t now,
                            uint64_t* count) noexcept nogil:
    """Count the sessions of the line within a slice of places behind ``place``; where to go on, or
    NO_PLACE."""
    cdef uint32_t end = place + SLICE
    cdef const Record* record
    while place < table.slab.used and line != 0:
        place += 1
        record = record_at(&table.slab, place)
        count[0] += record.claim_count != 0 and line_of(record) == line and is_live(table, record, now)
        if place == end:
            return place
    return NO_PLACE


cdef uint32_t count_of_lines(const Table* table, uint32_t place, const uint64_t* lines, Py_ssize_t many,
                             int64_t now, uint64_t* counts) noexcept nogil:
    """Count the sessions of these lines, in ascending order, by what told of them, within a slice of places
    behind ``place``; where to go on, or NO_PLACE."""
    cdef uint32_t end = place + SLICE
    cdef const Record* record
    while place < table.slab.used:
        place += 1
        record = record_at(&table.slab, place)
        if (record.claim_count != 0 and is_among(lines, many, line_of(record))
                and is_live(table, record, now)):
            counts[record.origin >> 6] += 1
        if place == end:
            return place
    return NO_PLACE


cdef bint is_among(const uint64_t* lines, Py_ssize_t many, uint64_t line) noexcept nogil:
    """True if ``lines``, in ascending order, have this line; 0 is the number of none."""
    cdef Py_ssize_t first = 0
    cdef Py_ssize_t middle
    while first < many:
        middle = (first + many) >> 1
        if lines[middle] < line:
            first = middle + 1
        elif lines[middle] > line:
            many = middle
        else:
            return line != 0
    return False


cdef fill(Event* event, claims, bytes subscriber, bytes session, bytes nas):
    """Claims and fingerprints of an event. ValueError for what is none."""
    cdef Claim* claim
    memset(event, 0, sizeof(Event))
    if len(claims) > MOST_CLAIMS:
        raise ValueError(f"a session has {MOST_CLAIMS} addresses at most, not {len(claims)}")
    for address, length, ports in claims:
        if len(address) != 16 or not 0 <= length <= 128:
            raise ValueError("a claim has an address of 16 bytes, a length up to 128, and ports or None")
        claim = event.claims + event.claim_count
        memcpy(claim.address, <const uint8_t*><bytes>address, 16)
        claim.length = length
        if ports is not None:
            first, last = ports
            if not 0 <= first <= last <= 65_535:
                raise ValueError(f"{first}-{last} is no range of ports")
            claim.has_ports = 1
            claim.first_port = first
            claim.last_port = last
        event.claim_count += 1
    unpacked(subscriber, &event.line)
    unpacked(session, &event.session)
    unpacked(nas, &event.nas)
