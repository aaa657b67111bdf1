# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Server cookies that any server with the same secret makes and checks alike (RFC 9018).

The native functions are described in ``cookie.pxd``; the readable reference is
:mod:`filterd.wire.cookie_reference`, and the two are kept equal by tests.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from filterd.wire.codec cimport get32, put32
from filterd.wire.siphash cimport get_little64, put_little64, sip_hash64

cdef enum:
    VERSION = 1
    HASHED = 16                  # client cookie, version, reserved bytes, time: what the hash begins with
    LIFE = 3600                  # seconds (RFC 9018 4.3)
    AHEAD = 300                  # seconds that another server's clock may be ahead
    FRESH = 1800                 # seconds after which a cookie is renewed

cdef const uint8_t* MAPPED = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"


cdef uint64_t hash_of(const uint8_t* secret, const uint8_t* cookie, const uint8_t* address) noexcept nogil:
    """Over the first HASHED bytes of the cookie and the address, of 4 or 16 bytes (RFC 9018 4.4)."""
    cdef uint8_t text[HASHED + 16]
    cdef size_t size = 16
    memcpy(text, cookie, HASHED)
    if memcmp(address, MAPPED, 12) == 0:
        address += 12
        size = 4
    memcpy(text + HASHED, address, size)
    return sip_hash64(secret, text, HASHED + size)


cdef bint holds(const CookieSecrets* secrets, const uint8_t* sent, size_t length, const uint8_t* address,
                int32_t age) noexcept nogil:
    """True if a secret made this cookie for this client; the reserved bytes are hashed as they came."""
    cdef int i
    if length != COOKIE_SIZE or sent[CLIENT_SIZE] != VERSION or age > LIFE or age < -AHEAD:
        return False
    for i in range(secrets.count):
        if hash_of(secrets.keys[i], sent, address) == get_little64(sent + HASHED):
            return True
    return False


cdef bint answer_cookie(const CookieSecrets* secrets, const uint8_t* sent, size_t length,
                        const uint8_t* address, uint32_t now, uint8_t* out) noexcept nogil:
    cdef int32_t age = 0         # of serial numbers (RFC 1982), so that the year 2106 changes nothing
    cdef bint valid
    if length == COOKIE_SIZE:
        age = <int32_t>(now - get32(sent + 12))
    valid = holds(secrets, sent, length, address, age)
    if valid and age <= FRESH:
        memcpy(out, sent, COOKIE_SIZE)
        return True
    memcpy(out, sent, CLIENT_SIZE)
    put32(out + CLIENT_SIZE, <uint32_t> VERSION << 24)
    put32(out + 12, now)
    put_little64(out + HASHED, hash_of(secrets.keys[0], out, address))
    return valid


# ---- the Python face ----

cdef int read_secrets(bytes secrets, CookieSecrets* out) except -1:
    if len(secrets) not in (0, SECRET_SIZE, 2 * SECRET_SIZE):
        raise ValueError(f"one or two secrets of {SECRET_SIZE} bytes are expected, not {len(secrets)} bytes")
    out.count = <uint8_t>(len(secrets) // SECRET_SIZE)
    memcpy(out.keys, <const char*> secrets, len(secrets))
    return 0


def answer(bytes secrets not None, bytes sent not None, bytes address not None, uint32_t now):
    """Return whether the server cookie sent still holds, and the 24 bytes of cookie that go back."""
    cdef CookieSecrets native
    cdef uint8_t out[COOKIE_SIZE]
    if not secrets:
        raise ValueError("a cookie takes a secret")
    if len(sent) < CLIENT_SIZE or len(address) != 16:
        raise ValueError("a client cookie has 8 bytes, an address 16")
    read_secrets(secrets, &native)
    valid = answer_cookie(&native, sent, len(sent), address, now, out)
    return bool(valid), out[:COOKIE_SIZE]
