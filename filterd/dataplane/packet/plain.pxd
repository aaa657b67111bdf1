# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The plain core of a query, for a resolver that some packet keeps killing: read by a few lines that lean on
nothing else, so that the full parser sees only what every stub resolver sends. ``plain_reference`` is the
twin.

Plain is: at most 512 bytes; a QUERY for one name of the class IN, spelt without pointers, of a type that
clients use; behind it nothing, or one OPT of version 0. Of that OPT the size and DO are kept and all
options are left out. A client subnet is not plain: without it the query would be answered as somebody
else's.
"""

from libc.stdint cimport uint8_t

cdef enum Plain:
    PLAIN_QUERY = 0             # `out` holds it
    PLAIN_REFUSED = 1           # `out` holds the refusal (NOTIMP for other opcodes): header, question if read
    PLAIN_SHORT = 2             # less than a header
    PLAIN_ANSWER = 3            # QR is set

cdef enum:
    PLAIN_SIZE = 288            # header, question of at most 259 bytes, OPT of 11

# `written`: bytes in `out`, which has room for PLAIN_SIZE; `question`: those of them that are the question, 0
# for none.
cdef int plain_query(const uint8_t* packet, size_t length, uint8_t* out, size_t* written,
                     size_t* question) noexcept nogil
