# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# What of an upstream's answer is about its question; the rest is left out before anybody sees it.
#
# answer:     the aliases (CNAME) from the question's name on, the DNAMEs above names of that chain, and at
#             its end the records of the asked type; RRSIGs of what is kept
# authority:  NSEC and NSEC3; SOA at or above names of the chain where the asked type is not there; RRSIGs of
#             these types
# additional: nothing
#
# No answer (NOT_AN_ANSWER) is a message
# - of another rcode than NOERROR, SERVFAIL, NXDOMAIN and YXDOMAIN (a DNAME made the name too long, RFC 6672);
# - of another rcode than NOERROR that has records of the asked type all the same, other than aliases;
# - that refers to other servers (RFC 2308 2.2): NOERROR, not AA, nothing that belongs into the answer
#   section, no SOA, and NS at or above the query name.
#
# A chain that leads to neither records nor an SOA is kept, with TTLs of at most DANGLING_TTL and an EDE.

from libc.stdint cimport uint8_t

from filterd.wire.codec cimport EdeList

cdef enum:
    DANGLING_TTL = 30            # seconds


# Takes a message that strip_opt gave. kept[0] is the length of what was written to out, or 0: nothing is to
# be changed, the message stands as it is; where a chain leads nowhere an EDE is added if there is room.
# NOT_AN_ANSWER; BAD_COUNT: not one question; NO_SPACE; or what is wrong with it.
cdef int scrub(const uint8_t* message, size_t length, uint8_t* out, size_t capacity,
               size_t* kept, EdeList* edes) noexcept nogil
# OK, NOT_AN_ANSWER, or what is wrong with the question or the records that were looked at.
cdef int answer_status(const uint8_t* message, size_t length) noexcept nogil
