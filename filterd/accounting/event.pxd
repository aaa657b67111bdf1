# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""An accounting event: one message of a NAS, a lease or a command, ready for the table of sessions.

All texts are fingerprints (``policy.fingerprint`` under the installation's key, ``model.identity``): the
table compares them and never needs what they were made of.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from filterd.policy.fingerprint cimport Fingerprint

cdef enum:
    EVENT_START = 1             # Acct-Status-Type (RFC 2866 5.1), where it has one
    EVENT_STOP = 2
    EVENT_INTERIM = 3
    EVENT_ON = 7                # the NAS has begun: it has no session from before
    EVENT_OFF = 8               # the NAS ends: so do its sessions
    EVENT_DISCONNECT = 40       # RFC 5176: the session is about to end
    EVENT_CHANGE = 43           # RFC 5176, CoA-Request: it goes on, perhaps as another line's

    MOST_CLAIMS = 4             # addresses of one session

cdef struct Claim:              # an address or prefix that a session has, or some ports of an address
    uint8_t address[16]         # masked to the prefix; IPv4 as ::ffff:a.b.c.d
    uint8_t length              # of the 16 bytes, 0 to 128
    uint8_t has_ports           # the IPv4 address is shared: `first_port` to `last_port` alone
    uint16_t first_port
    uint16_t last_port

cdef struct Event:
    uint8_t kind                # EVENT_*
    uint8_t source              # model.session.SessionSource
    uint8_t claim_count
    uint8_t refused             # addresses that it names and that its sender may not claim, at most 255
    uint8_t refused_kinds       # a set of their kinds (message.kind_of): what a session has of them goes
    uint8_t stamped             # `stamp` is the NAS's own clock; 0: it is `arrival` less the delay
    uint32_t lasts              # seconds for which the session is good without another word
    Claim claims[MOST_CLAIMS]
    Fingerprint nas             # a lease or command has one of its own: of the file, of the command
    Fingerprint session         # of NAS and Acct-Session-Id; zero: it names none, the claims tell which
    Fingerprint line            # of the subscriber's id; zero: it names none
    int64_t stamp               # milliseconds, Unix time by the NAS's clock: when it happened
    int64_t arrival             # milliseconds, Unix time by our clock
    int64_t delay               # milliseconds for which it waited to be sent (Acct-Delay-Time), not negative


ctypedef void (*EventTaker)(void* context, const Event* event) noexcept nogil


cdef class EventSink:
    cdef EventTaker take        # may be called by several threads at one time; NULL: events are passed over
    cdef void* context


cdef inline void give_event(EventSink sink, const Event* event) noexcept:
    """Hand an event over."""
    if sink.take != NULL:
        sink.take(sink.context, event)
