# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# What of an upstream's answer is about its question; the rest is left out before anybody sees it.
#
# answer:     the aliases (CNAME) from the question's name on, the DNAMEs above names of that chain, and at
#             its end the records of the asked type; RRSIGs of what is kept
# authority:  SOA, NS and DS at or above names of the chain; NSEC, NSEC3; RRSIGs of these types
# additional: addresses and services (A, AAAA, SVCB, HTTPS and their RRSIGs) of names that kept records name,
#             and of the chain's end

from libc.stdint cimport uint8_t


# Takes a message that strip_opt gave. kept[0] is the length of what was written to out, or 0: nothing is to
# be left out, the message stands as it is. BAD_COUNT: not one question; NO_SPACE; or what is wrong with it.
cdef int scrub(const uint8_t* message, size_t length, uint8_t* out, size_t capacity,
               size_t* kept) noexcept nogil
