# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# The header of the PROXY protocol, version 2, which a trusted front puts before what it passes on. Who may
# send one is the caller's business.

from libc.stdint cimport uint8_t, uint16_t


cdef enum ProxyStatus:
    PROXY_OK = 0
    PROXY_INCOMPLETE = 1         # a stream may bring the rest; a datagram is refused
    PROXY_NO_SIGNATURE = 2       # no header of version 2; nor will more bytes make it one
    PROXY_BAD_VERSION = 3
    PROXY_BAD_COMMAND = 4        # neither LOCAL nor PROXY
    PROXY_BAD_FAMILY = 5         # or transport
    PROXY_BAD_LENGTH = 6         # does not fit the family, or is too long

cdef struct ProxySource:
    size_t length                # of the header: where the message begins
    bint has_source              # False: LOCAL, or a family without IP addresses: the peer is the client
    uint8_t address[16]          # IPv4 as ::ffff:a.b.c.d
    uint16_t port
    const uint8_t* tlv           # the text of the TLV that was asked for; borrowed
    size_t tlv_length            # 0: there is none


# A ProxyStatus; out is written for PROXY_OK alone. `tlv`: the type of the TLV to look for, 0: none; the first
# one of that type counts, where it has 1 to MAX_TLV bytes. No other TLV is looked at, nor their checksum.
cdef int read_proxy(const uint8_t* data, size_t length, int tlv, ProxySource* out) noexcept nogil
