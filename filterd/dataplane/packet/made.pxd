# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The answers that are made here: to blocked and local names, to other classes, and errors. A part of
``stages.pyx``, which calls each at most once for a packet."""

from libc.stdint cimport uint16_t

from filterd.dataplane.packet.stages cimport (
    DROP_UNANSWERABLE,
    PACKET_ANSWER,
    PACKET_DROP,
    Core,
    Exchange,
    Workspace,
)
from filterd.dataplane.tables.atomics cimport bump64
from filterd.policy.decide cimport Verdict
from filterd.wire.respond cimport AnswerOptions


# A PacketStatus each.
cdef int blocked(Core* core, Exchange* x, const Verdict* verdict, AnswerOptions* options,
                 Workspace* work) noexcept nogil
cdef int local(Core* core, Exchange* x, const Verdict* verdict, const AnswerOptions* options,
               Workspace* work) noexcept nogil
cdef int other_class(Core* core, Exchange* x, const AnswerOptions* options, Workspace* work) noexcept nogil
cdef int error(Core* core, const Exchange* x, uint16_t rcode, const AnswerOptions* options,
               Workspace* work) noexcept nogil


cdef inline int sent(Core* core, size_t length, Workspace* work) noexcept nogil:
    work.written = length
    return PACKET_ANSWER if length else drop(core, DROP_UNANSWERABLE)


cdef inline int drop(Core* core, int reason) noexcept nogil:
    bump64(&core.counters.drops[reason])
    return PACKET_DROP
