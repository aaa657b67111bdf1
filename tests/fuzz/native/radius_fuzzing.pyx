# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The fuzz target ``radius``, driven by libFuzzer: a datagram of accounting is read, proven, answered and
turned into an event. Built by .ci/fuzz, never part of filterd.

An input is two bytes that say who sends it and how it is signed (tests/fuzz/radius_seeds.py), and the packet,
which is copied to memory of its own exact size. What comes of it is checked: the answer's length and id, the
bounds of the claims, that each lies where its sender may claim it, and that padding changes nothing. A check
that fails aborts, and libFuzzer saves the input.
"""

import sys

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memcmp, memcpy, memset

from filterd.accounting.event cimport MOST_CLAIMS, Claim
from filterd.accounting.md5 cimport MD5_SIZE, Md5, hmac_end, hmac_start, md5_add, md5_end, md5_start
from filterd.accounting.radius cimport (
    MOST_TOLD,
    RADIUS_ACCEPTED,
    RADIUS_HEADER,
    RADIUS_MOST,
    RADIUS_NO_ADDRESS,
    RADIUS_NO_LINE,
    RADIUS_OUTCOMES,
    RADIUS_UNSUPPORTED,
    Network,
    RadiusArrival,
    RadiusJudged,
    RadiusRule,
    RadiusSecret,
    RadiusSender,
    networks_of,
    radius_judge,
    radius_sender,
    rule_of,
)
from filterd.wire.codec cimport get16

cdef extern from * nogil:
    """
    typedef int (*OneInput)(const uint8_t *data, size_t size);
    int LLVMFuzzerRunDriver(int *argc, char ***argv, OneInput one);
    """
    ctypedef int (*OneInput)(const uint8_t* data, size_t size) noexcept nogil
    int LLVMFuzzerRunDriver(int* argc, char*** argv, OneInput one)

cdef enum:
    SENDERS = 4                 # at most
    RULES = 4
    NETWORKS = 8
    HEAD = 2                    # bytes before the packet
    SIGNED = 1                  # in the second byte
    SECOND = 2                  # by the second secret, where there is one
    PADDED = 4

cdef RadiusSender[SENDERS] senders
cdef RadiusRule[RULES] rules
cdef Network[SENDERS][NETWORKS] networks
cdef RadiusArrival came
cdef uint8_t[16] key
cdef uint8_t[16] sender_address


cdef void must(bint holds, int line) noexcept nogil:
    """Ends the run where something does not hold; ``line`` says what, in this file."""
    if not holds:
        fprintf(stderr, "radius_fuzzing.pyx: check %d does not hold\n", line)
        abort()


cdef void sign(uint8_t* packet, size_t size, const RadiusSecret* secret) noexcept nogil:
    """Fill in both authenticators of a request, as far as its attributes can be walked."""
    cdef Md5 hashing
    cdef size_t length = get16(packet + 2)
    cdef size_t at = RADIUS_HEADER
    if length < RADIUS_HEADER or length > size:
        return
    if packet[0] != 12:
        memset(packet + 4, 0, MD5_SIZE)
    while at + 2 <= length and packet[at + 1] >= 2:
        if packet[at] == 80 and packet[at + 1] == 18 and at + 18 <= length:
            memset(packet + at + 2, 0, MD5_SIZE)
            hmac_start(&secret.key, &hashing)
            md5_add(&hashing, packet, length)
            hmac_end(&secret.key, &hashing, packet + at + 2)
            break
        at += packet[at + 1]
    if packet[0] == 12:
        return
    md5_start(&hashing)
    md5_add(&hashing, packet, length)
    md5_add(&hashing, secret.text, secret.size)
    md5_end(&hashing, packet + 4)


cdef bint is_in(const Network* network, const Claim* claim) noexcept nogil:
    """True if a claim lies in a network, bit by bit."""
    cdef int bit
    if claim.length < network.length:
        return False
    for bit in range(network.length):
        if (network.start[bit >> 3] ^ claim.address[bit >> 3]) >> (7 - (bit & 7)) & 1:
            return False
    return True


cdef void check_claim(const RadiusSender* sender, const Claim* claim) noexcept nogil:
    """Check that a claim is masked, a line's, and its sender's."""
    cdef bint found = sender.network_count == 0
    cdef bint mapped = memcmp(claim.address, b"\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0
    cdef int bit
    must(claim.length <= 128 and not claim.has_ports, 1)
    for bit in range(claim.length, 128):
        must((claim.address[bit >> 3] >> (7 - (bit & 7)) & 1) == 0, 2)
    if mapped:
        must(claim.length == 128 and claim.address[12] not in (0, 127) and claim.address[12] < 224, 3)
        must(claim.address[12] != 169 or claim.address[13] != 254, 4)
    else:
        must(claim.length >= 40 and claim.address[0] not in (0, 0xFF), 5)
        must(claim.address[0] != 0xFE or claim.address[1] & 0xC0 != 0x80, 6)
    for bit in range(sender.network_count):
        found = found or is_in(sender.networks + bit, claim)
    must(found, 7)


cdef void check(const uint8_t* packet, size_t size, const RadiusSender* sender, const uint8_t* answer,
                const RadiusJudged* judged) noexcept nogil:
    """Check what has become of a datagram."""
    cdef int i
    must(0 <= judged.outcome and judged.outcome < RADIUS_OUTCOMES, 8)
    must(judged.answer_size <= size and judged.secret < sender.secret_count, 9)
    if judged.answer_size:
        must(judged.answer_size >= RADIUS_HEADER and get16(answer + 2) == judged.answer_size, 10)
        must(answer[1] == packet[1], 11)
        must(judged.outcome in (RADIUS_ACCEPTED, RADIUS_NO_LINE, RADIUS_NO_ADDRESS, RADIUS_UNSUPPORTED), 12)
    if judged.tells:
        must(judged.answer_size > 0 and judged.outcome != RADIUS_UNSUPPORTED, 13)
        must(judged.event.claim_count <= MOST_CLAIMS, 14)
        must(judged.event.claim_count + judged.event.refused <= MOST_TOLD, 15)
        must((judged.event.refused == 0) == (judged.event.refused_kinds == 0), 16)
        for i in range(judged.event.claim_count):
            check_claim(sender, &judged.event.claims[i])


cdef int one_radius(const uint8_t* data, size_t size) noexcept nogil:
    cdef const RadiusSender* sender
    cdef const RadiusRule* rule
    cdef RadiusJudged judged, again
    cdef uint8_t* packet
    cdef uint8_t* answer
    cdef size_t length
    if size < HEAD or size > RADIUS_MOST:
        return 0
    sender = &senders[data[0] % SENDERS]
    rule = &rules[(data[0] >> 2) % RULES]
    length = size - HEAD
    packet = <uint8_t*>malloc(length if length else 1)
    answer = <uint8_t*>malloc(length if length else 1)
    must(packet != NULL and answer != NULL, 17)
    memcpy(packet, data + HEAD, length)
    if data[1] & SIGNED and length >= RADIUS_HEADER:
        sign(packet, length, &sender.secrets[1 if data[1] & SECOND and sender.secret_count > 1 else 0])
    radius_judge(packet, length, sender, rule, &came, answer, &judged)
    check(packet, length, sender, answer, &judged)
    if data[1] & PADDED and length >= RADIUS_HEADER and get16(packet + 2) < length:
        radius_judge(packet, get16(packet + 2), sender, rule, &came, answer, &again)
        must(again.outcome == judged.outcome and again.tells == judged.tells, 18)
        must(again.answer_size == judged.answer_size, 19)
        must(not again.tells or memcmp(&again.event, &judged.event, sizeof(again.event)) == 0, 20)
    free(packet)
    free(answer)
    return 0


def run(target, list arguments, clients, line_rules):
    """Give this process to libFuzzer, which ends it. ``clients``: of (RadiusClient, entries of its networks);
    ``line_rules``: LineRule each. Both must outlive the process."""
    cdef char* argv[64]
    cdef char** start = argv
    cdef int argc = 0
    if len(clients) != SENDERS or len(line_rules) != RULES or len(arguments) > 60:
        raise ValueError(f"there are {SENDERS} senders and {RULES} rules")
    memset(key, 7, 16)
    memset(sender_address, 9, 16)
    came.key = key
    came.sender = sender_address
    came.at = <int64_t>1_790_000_000_123
    for at, (client, entries) in enumerate(clients):
        if len(entries) > NETWORKS:
            raise ValueError(f"a client has at most {NETWORKS} networks")
        radius_sender(client, key, &senders[<int>at])
        networks_of(entries, &networks[<int>at][0])
        senders[<int>at].networks = &networks[<int>at][0]
        senders[<int>at].network_count = len(entries)
    for at, each in enumerate(line_rules):
        rule_of(each, &rules[<int>at])
    itself = f"{sys.executable} -m tests.fuzz.run {target}"
    encoded = [each.encode() for each in [itself, *arguments]]
    for each in encoded:
        argv[argc] = each
        argc += 1
    argv[argc] = NULL
    return LLVMFuzzerRunDriver(&argc, &start, one_radius)
