# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# Server cookies (RFC 7873) of version 1 (RFC 9018): that a client returns one shows that it receives what is
# sent to its address. Nothing is stored for a client.

from libc.stdint cimport uint8_t, uint32_t


cdef enum:
    SECRET_SIZE = 16
    CLIENT_SIZE = 8            # bytes
    COOKIE_SIZE = 24             # client cookie and server cookie

cdef struct CookieSecrets:       # the first makes cookies, all are believed (RFC 9018 5)
    uint8_t count                # 0 to 2; 0: no cookies are given
    uint8_t keys[2][16]


# The cookie that goes back, at out (COOKIE_SIZE bytes): the client's own server cookie while it is fresh,
# else a new one. True if the server cookie that was sent holds. sent has length bytes, CLIENT_SIZE at least;
# address is the sender's, IPv4 as ::ffff:a.b.c.d; now is Unix seconds; secrets.count is not 0.
cdef bint answer_cookie(const CookieSecrets* secrets, const uint8_t* sent, size_t length,
                        const uint8_t* address, uint32_t now, uint8_t* out) noexcept nogil

# Fills the struct from one or two secrets behind each other, or none; ValueError for another length.
cdef int read_secrets(bytes secrets, CookieSecrets* out) except -1
