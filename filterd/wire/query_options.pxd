# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# The options of a query's OPT record: a part of ``codec.pyx``, inlined into it.

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from filterd.wire.codec cimport BAD_OPTION, MAX_ID, OK, Query, get16


cdef inline int read_client_subnet(const uint8_t* data, size_t length, Query* out) noexcept nogil:
    """RFC 7871 6: family, prefix, scope 0, and the address bytes that the prefix needs, spare bits 0.

    Unknown families are ignored, as unknown options are. Two subnets are refused: where a forwarder adds its
    own behind its client's, the client would say whose line it is.
    """
    cdef unsigned int family, prefix, size
    if length < 4 or out.ecs_family != 0:
        return BAD_OPTION
    family = get16(data)
    prefix = data[2]
    if family != 1 and family != 2:
        return OK
    size = (prefix + 7) // 8
    if data[3] != 0 or prefix > (32 if family == 1 else 128) or length != 4 + size:
        return BAD_OPTION
    if prefix % 8 and data[3 + size] & (0xFF >> (prefix % 8)):
        return BAD_OPTION
    out.ecs_family = <uint8_t> family
    out.ecs_prefix = <uint8_t> prefix
    memcpy(out.ecs_address, data + 4, size)
    return OK


cdef inline int read_id(unsigned int option, const uint8_t* data, size_t length, Query* out) noexcept nogil:
    """An identity that a front adds. Two of one kind are refused, for the same reason as two subnets."""
    if out.ids_seen >> option & 1:
        return BAD_OPTION
    out.ids_seen |= 1 << option
    if length <= MAX_ID:
        out.ids[option] = data
        out.id_lengths[option] = <uint8_t> length
    return OK


cdef inline int read_options(const uint8_t* data, size_t length, Query* out) noexcept nogil:
    """The options of a query's OPT record; those that we do not know are passed over (RFC 6891 6.1.2)."""
    cdef size_t position = 0, size
    cdef unsigned int code
    while position < length:
        if length - position < 4:
            return BAD_OPTION
        code = get16(data + position)
        size = get16(data + position + 2)
        position += 4
        if length - position < size:
            return BAD_OPTION
        if code == 8:
            if read_client_subnet(data + position, size, out) != OK:
                return BAD_OPTION
        elif code == 3:
            out.wants_nsid = True
        elif code == 11:
            out.wants_keepalive |= size == 0             # RFC 7828 3.2.1: a client gives no timeout
        elif code == 10 and out.cookie_length == 0:      # of several the first counts
            if size != 8 and not 16 <= size <= 40:       # RFC 7873 5.2.2
                return BAD_OPTION
            memcpy(out.cookie, data + position, size)
            out.cookie_length = <uint8_t> size
        elif code == 65001 or code == 65073 or code == 65074:
            if read_id(0 if code == 65001 else code - 65072, data + position, size, out) != OK:
                return BAD_OPTION
        position += size
    return OK
