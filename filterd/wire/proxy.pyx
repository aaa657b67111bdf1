# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The header of the PROXY protocol, version 2, which a trusted front puts before what it passes on.

The native function is described in ``proxy.pxd``; the readable reference is
:mod:`filterd.wire.proxy_reference`, and the two are kept equal by tests.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcmp, memcpy, memset

from filterd.wire.codec cimport MAX_TLV, get16

from filterd.wire.message import ProxyHeader, ProxyProblem

cdef enum:
    SIGNATURE_SIZE = 12
    FIXED = 16                   # signature, version and command, family and transport, length
    MOST = 4096                  # bytes of a header with its TLVs: an endless one would only fill buffers
    VERSION = 2
    LOCAL = 0
    PROXY = 1
    TLV_HEAD = 3                 # type and length
    LAST_TRANSPORT = 2           # DGRAM; 1 STREAM, 0 unspecified

cdef const uint8_t* START = b"\r\n\r\n\x00\r\nQUIT\n"
cdef const uint8_t* MAPPED = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"
cdef size_t[4] SIZES = [0, 4, 16, 108]      # of an address: none, IPv4, IPv6, a path


cdef void find_tlv(const uint8_t* tlvs, size_t length, int wanted, ProxySource* out) noexcept nogil:
    """Note the first TLV of this type; TLVs that do not fit the header end the search."""
    cdef size_t size
    while length >= TLV_HEAD:
        size = get16(tlvs + 1)
        if length - TLV_HEAD < size:
            return
        if tlvs[0] == wanted:
            if size <= MAX_TLV:
                out.tlv = tlvs + TLV_HEAD
                out.tlv_length = size
            return
        tlvs += TLV_HEAD + size
        length -= TLV_HEAD + size


cdef int read_source(uint8_t family, const uint8_t* content, size_t length, int tlv,
                     ProxySource* out) noexcept nogil:
    """The source of a PROXY command; both addresses stand before both ports, and TLVs behind them."""
    cdef uint8_t transport = family & 15
    cdef size_t size, addresses
    family >>= 4
    if family >= 4 or transport > LAST_TRANSPORT:
        return PROXY_BAD_FAMILY
    size = SIZES[family]
    out.has_source = transport != 0 and (family == 1 or family == 2)
    addresses = 2 * size + (4 if out.has_source else 0)
    if length < addresses:
        return PROXY_BAD_LENGTH
    if out.has_source:
        memcpy(out.address, MAPPED, 12)
        memcpy(out.address + 16 - size, content, size)
        out.port = get16(content + 2 * size)
        if tlv:
            find_tlv(content + addresses, length - addresses, tlv, out)
    return PROXY_OK


cdef int read_proxy(const uint8_t* data, size_t length, int tlv, ProxySource* out) noexcept nogil:
    cdef ProxySource found
    cdef uint8_t command
    cdef int status = PROXY_OK
    if length and memcmp(data, START, min(length, <size_t> SIGNATURE_SIZE)) != 0:
        return PROXY_NO_SIGNATURE
    if length < FIXED:
        return PROXY_INCOMPLETE
    if data[12] >> 4 != VERSION:
        return PROXY_BAD_VERSION
    command = data[12] & 15
    if command > PROXY:
        return PROXY_BAD_COMMAND
    memset(&found, 0, sizeof(ProxySource))
    found.length = FIXED + <size_t> get16(data + 14)
    if found.length > MOST:
        return PROXY_BAD_LENGTH
    if length < found.length:
        return PROXY_INCOMPLETE
    if command != LOCAL:
        status = read_source(data[13], data + FIXED, found.length - FIXED, tlv, &found)
    if status == PROXY_OK:
        out[0] = found
    return status


# ---- the Python face ----

SIGNATURE = (<const char*> START)[:SIGNATURE_SIZE]
FIXED_SIZE = FIXED
LONGEST = MOST
PROBLEMS = (None, *ProxyProblem)


def parse_header(bytes data not None, int tlv=0):
    """Return the PROXY header at the start of a datagram or stream, or what is wrong with it."""
    cdef ProxySource found
    cdef bytes address, identity
    cdef int status = read_proxy(<const uint8_t*><const char*> data, len(data), tlv, &found)
    if status != PROXY_OK:
        return PROBLEMS[status]
    if not found.has_source:
        return ProxyHeader(None, found.length)
    address = (<const char*> found.address)[:16]
    identity = (<const char*> found.tlv)[:found.tlv_length] if found.tlv_length else b""
    source = (address.removeprefix((<const char*> MAPPED)[:12]), found.port)
    return ProxyHeader(source, found.length, identity)
