"""Extended DNS errors (RFC 8914): the reason for an answer, as a number that a client may show."""

from __future__ import annotations

from enum import IntEnum


class ExtendedError(IntEnum):
    """The info codes of RFC 8914 §4; comments tell the meaning of those that filterd itself sends."""

    OTHER = 0
    """an upstream's aliases lead nowhere, see ``DANGLING_TEXT``; the answer would take too long to judge; or
    too much is under way"""
    UNSUPPORTED_DNSKEY_ALGORITHM = 1
    UNSUPPORTED_DS_DIGEST = 2
    STALE_ANSWER = 3
    """from the cache, after its TTL, because no upstream answers (RFC 8767)"""
    FORGED_ANSWER = 4
    """in addition, if the answer contains a made-up address"""
    DNSSEC_INDETERMINATE = 5
    DNSSEC_BOGUS = 6
    SIGNATURE_EXPIRED = 7
    SIGNATURE_NOT_YET_VALID = 8
    DNSKEY_MISSING = 9
    RRSIGS_MISSING = 10
    NO_ZONE_KEY_BIT = 11
    NSEC_MISSING = 12
    CACHED_ERROR = 13
    NOT_READY = 14
    """the mandatory rules are not loaded, or the line's choices are not"""
    BLOCKED = 15
    """the operator's own security policy"""
    CENSORED = 16
    """an order of an authority or a mandatory list"""
    FILTERED = 17
    """a choice of the subscriber"""
    PROHIBITED = 18
    """the client may not use this resolver"""
    STALE_NXDOMAIN = 19
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    NO_REACHABLE_AUTHORITY = 22
    """no upstream answered"""
    NETWORK_ERROR = 23
    """the upstreams could not be reached"""
    INVALID_DATA = 24


DANGLING_TEXT = b"the upstream's answer ends at an alias"
"""with OTHER: behind the last alias there are neither records nor an SOA that denies them"""
