# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# Where names stand in the data of records, by type.

from libc.stdint cimport uint8_t


cdef inline bint naptr_prefix(const uint8_t* data, size_t size, size_t* prefix) noexcept nogil:
    """Order, preference and three strings stand before a NAPTR's name (RFC 3403 4.1). False: cut short."""
    cdef size_t position = 4
    cdef int _i
    for _i in range(3):
        if position >= size:
            return False
        position += 1 + data[position]
    prefix[0] = position
    return True


cdef inline bint data_layout(unsigned int kind, const uint8_t* data, size_t size, size_t* prefix, int* names,
                             int* rest) noexcept nogil:
    """Behind prefix bytes stand so many names, then rest bytes (-1: any number). False: cut short.

    These are the types whose names a sender may have compressed (RFC 1035, RFC 3597 4) and those, like DNAME,
    where it must not and a lenient reader follows all the same.
    """
    prefix[0] = 0
    names[0] = 1
    rest[0] = 0
    if kind in (2, 3, 4, 5, 7, 8, 9, 12, 23, 39):    # NS MD MF CNAME MB MG MR PTR NSAP-PTR DNAME
        return True
    if kind == 6:                                    # SOA
        names[0] = 2
        rest[0] = 20
    elif kind in (14, 17, 58):                       # MINFO RP TALINK
        names[0] = 2
    elif kind in (15, 18, 21, 36, 107):              # MX AFSDB RT KX LP
        prefix[0] = 2
    elif kind == 26:                                 # PX
        prefix[0] = 2
        names[0] = 2
    elif kind == 33:                                 # SRV
        prefix[0] = 6
    elif kind in (24, 46):                           # SIG RRSIG
        prefix[0] = 18
        rest[0] = -1
    elif kind in (30, 47):                           # NXT NSEC
        rest[0] = -1
    elif kind in (64, 65):                           # SVCB HTTPS
        prefix[0] = 2
        rest[0] = -1
    elif kind == 35:
        return naptr_prefix(data, size, prefix)
    else:
        names[0] = 0
        rest[0] = -1
    return True
