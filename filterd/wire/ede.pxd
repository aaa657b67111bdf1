# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# The extended errors (RFC 8914) that the native stages give; names and numbers are those of ExtendedError.

cdef enum ExtendedError:
    EDE_OTHER = 0
    EDE_STALE_ANSWER = 3
    EDE_FORGED_ANSWER = 4
    EDE_NOT_READY = 14
    EDE_BLOCKED = 15
    EDE_CENSORED = 16
    EDE_FILTERED = 17
    EDE_PROHIBITED = 18
    EDE_STALE_NXDOMAIN = 19
    EDE_NETWORK_ERROR = 23
