# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The Python face of the stages, and the core that it publishes to the threads without the GIL.

The slow path uses `core` itself, under the GIL. Threads take a copy of the core that is shown: `serial` moves
after `shown` does, so a thread that finds it moved copies what is shown, between two packets, while it is
awake (see `epoch`). What an older core points to is kept until every thread has passed.
"""

from libc.stdint cimport uint64_t

from filterd.dataplane.packet.identify cimport Unread
from filterd.dataplane.packet.stages cimport Core, Counters, Exchange, Workspace
from filterd.dataplane.tables.addresses cimport Addresses
from filterd.policy.decide cimport CLASS_BITS


cdef class Pending:
    """A query that has to be forwarded."""
    cdef Exchange x


cdef class Tally:
    """Counts of one thread. They stay with the plane when the thread ends."""
    cdef Counters counters


cdef class UnreadHandle:
    """The lines with unread changes, and the object that owns what the struct points to."""
    cdef Unread unread
    cdef object kept


cdef class CategoryBlocks:
    """Blocks by class bit, for as long as the bits mean what `classes` says."""
    cdef uint64_t counts[CLASS_BITS]
    cdef readonly object classes


cdef class Plane:
    """Owns a core and all that it points to."""
    cdef Core core
    cdef Core* shown            # atomic; nobody alters it
    cdef uint64_t serial        # of what is shown; atomic
    cdef Workspace* work
    cdef object state
    cdef object lines
    cdef object bindings
    cdef UnreadHandle unread    # or None
    cdef object sessions
    cdef object identity_rules
    cdef object allowed
    cdef object forwarders
    cdef object proxies
    cdef object cache
    cdef Addresses nothing      # a table that stays empty
    cdef object limiter
    cdef object rates
    cdef readonly object board
    cdef dict categories
    cdef dict observed
    cdef list tallies
    cdef list blocks            # newest last
    cdef readonly object due

    cdef int take_front(self, Exchange* x, bytes address, bytes header) except -1
    cdef object outcome(self, int status, Pending pending)
    cdef int use_unread(self, object unread) except -1
    cdef int find_by_more(self) except -1
    cdef Tally join(self)
    cdef int count_by(self, classes) except -1
    cdef int show(self, tuple before) except -1
    cdef int fold_categories(self) except -1
