# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""An accounting packet: its attributes, its proof, its answer, and the event that it tells of.

The calls come in this order: `radius_read`, `radius_verify`, `radius_answer` and `radius_event`;
`radius_judge` makes them all. The readable reference is ``radius_reference``.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from filterd.accounting.event cimport Event
from filterd.accounting.md5 cimport HmacKey
from filterd.policy.fingerprint cimport Fingerprint

cdef enum:
    RADIUS_HEADER = 20
    RADIUS_MOST = 4096              # bytes of a packet (RFC 2865 3)
    MOST_STEPS = 8
    MOST_TOLD = 16                  # attributes with an address that are looked at
    MOST_SECRETS = 2                # of a client: the new one and the old one while they are changed
    CODE_ACCOUNTING = 4             # Accounting-Request
    CODE_STATUS_SERVER = 12
    CODE_DISCONNECT = 40
    CODE_CHANGE = 43

cdef enum RadiusOutcome:            # radius_types.PacketOutcome, in its order
    RADIUS_ACCEPTED = 0
    RADIUS_UNKNOWN_CLIENT = 1
    RADIUS_MALFORMED = 2
    RADIUS_UNSUPPORTED = 3
    RADIUS_BAD_AUTHENTICATOR = 4
    RADIUS_NO_PROOF = 5             # no Message-Authenticator
    RADIUS_NO_LINE = 6
    RADIUS_NO_ADDRESS = 7
    RADIUS_OUTCOMES = 8

cdef enum NormalStep:
    STEP_REALM = 1
    STEP_CASE = 2
    STEP_MAC = 3


cdef struct Part:                   # of a packet
    uint16_t at
    uint16_t size                   # 0: it is not there

cdef struct RadiusRule:             # the attribute that names the line
    uint32_t vendor
    uint8_t number
    uint8_t step_count
    uint8_t steps[MOST_STEPS]       # NormalStep

cdef struct RadiusSecret:
    const uint8_t* text
    size_t size
    HmacKey key

cdef struct Network:
    uint8_t start[16]               # IPv4 as ::ffff:a.b.c.d
    uint8_t length                  # of the 16 bytes

cdef struct RadiusSender:           # a client of accounting
    RadiusSecret secrets[2]         # MOST_SECRETS; either proves a packet
    uint8_t secret_count
    bint sent                       # Event-Timestamp is the time of sending
    bint needs_proof                # packets without Message-Authenticator are dropped
    Fingerprint authority           # a part of each NAS that it speaks for
    const Network* networks         # ordered, none in another: claims count in these alone
    int32_t network_count           # 0: anywhere

cdef struct RadiusPacket:
    uint16_t length                 # what stands behind is padding
    uint16_t proof_at               # of Message-Authenticator's value; 0: there is none
    uint8_t code
    bint has_status
    bint told_delay
    bint told_time
    uint32_t status                 # Acct-Status-Type
    uint32_t delay                  # Acct-Delay-Time
    uint32_t time                   # Event-Timestamp
    Part nas_identifier
    Part nas_ipv4
    Part nas_ipv6
    Part session
    Part line
    uint16_t told_count
    uint16_t told[16]               # MOST_TOLD: where the values with an address stand
    uint8_t secret                  # the place of the one that proves it, once it is verified

cdef struct RadiusArrival:          # of a packet
    const uint8_t* key              # of fingerprints, 16 bytes
    const uint8_t* sender           # 16 bytes
    int64_t at                      # milliseconds, Unix time

cdef struct RadiusJudged:           # what becomes of a datagram
    int outcome                     # RadiusOutcome
    size_t answer_size              # 0: silence
    bint tells                      # `event` is for the table of sessions
    uint8_t secret                  # the place of the one that proves it
    Event event


# ACCEPTED or MALFORMED; `out` keeps places in `packet`.
cdef int radius_read(const uint8_t* packet, size_t size, const RadiusRule* rule,
                     RadiusPacket* out) noexcept nogil
# ACCEPTED if who sent it knows a secret of the sender's; `read.secret` is its place then.
cdef int radius_verify(const uint8_t* packet, RadiusPacket* read, const RadiusSender* sender) noexcept nogil
# Write the answer, made with the secret that proved the request, and return its size, which is never more
# than the request's.
cdef size_t radius_answer(const uint8_t* packet, const RadiusPacket* read, const RadiusSender* sender,
                          uint8_t* out) noexcept nogil
cdef void radius_event(const uint8_t* packet, const RadiusPacket* read, const RadiusSender* sender,
                       const RadiusRule* rule, const RadiusArrival* arrival, Event* out) noexcept nogil
# Judge a datagram. `answer` has room for as much as the datagram has, at most RADIUS_MOST.
cdef void radius_judge(const uint8_t* packet, size_t size, const RadiusSender* sender, const RadiusRule* rule,
                       const RadiusArrival* arrival, uint8_t* answer, RadiusJudged* out) noexcept nogil

# For Python: a rule of (vendor, number, steps); ValueError when it is none.
cdef int rule_of(object rule, RadiusRule* out) except -1
# A client (RadiusClient) under the key of fingerprints: ValueError for an empty secret. The secrets' text is
# the client's own, and the networks are left to the caller.
cdef int radius_sender(object client, const uint8_t* key, RadiusSender* out) except -1
# Write networks ((start, length) of ClaimNetworks.entries), which there is room for.
cdef int networks_of(tuple entries, Network* out) except -1
# A native event as radius_types.ReadEvent.
cdef object event_for_python(const Event* event)
