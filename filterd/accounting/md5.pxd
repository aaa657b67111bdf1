# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""MD5 (RFC 1321) and HMAC-MD5 (RFC 2104), which RADIUS proves its packets with.

Own code, since a bare build has no headers of a cryptographic library; ``hashlib`` is the oracle in tests.
The bodies stand here so that every native caller inlines them.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef enum:
    MD5_SIZE = 16
    MD5_BLOCK = 64

cdef extern from *:
    """
    static const uint32_t filterd_md5_sines[64] = {     /* floor(2^32 * abs(sin(i + 1))), RFC 1321 3.4 */
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
    static const uint8_t filterd_md5_turns[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
    """
    const uint32_t* SINES "filterd_md5_sines"
    const uint8_t* TURNS "filterd_md5_turns"


cdef struct Md5:
    uint32_t state[4]
    uint64_t length             # bytes taken in
    uint8_t waiting[64]         # the first `length % 64` of them are not in the state yet


cdef inline uint32_t little32(const uint8_t* at) noexcept nogil:
    return <uint32_t>at[0] | <uint32_t>at[1] << 8 | <uint32_t>at[2] << 16 | <uint32_t>at[3] << 24


cdef inline uint32_t md5_function(int step, uint32_t b, uint32_t c, uint32_t d) noexcept nogil:
    """The functions F, G, H and I of RFC 1321 3.4."""
    if step < 16:
        return d ^ (b & (c ^ d))
    if step < 32:
        return c ^ (d & (b ^ c))
    if step < 48:
        return b ^ c ^ d
    return c ^ (b | ~d)


cdef inline int md5_word(int step) noexcept nogil:
    """The word of the block that a step takes."""
    if step < 16:
        return step
    if step < 32:
        return (5 * step + 1) & 15
    if step < 48:
        return (3 * step + 5) & 15
    return (7 * step) & 15


cdef inline void md5_block(uint32_t* state, const uint8_t* block) noexcept nogil:
    """Take in one block of 64 bytes."""
    cdef uint32_t words[16]
    cdef uint32_t a = state[0]
    cdef uint32_t b = state[1]
    cdef uint32_t c = state[2]
    cdef uint32_t d = state[3]
    cdef uint32_t mixed
    cdef int step, turn
    for step in range(16):
        words[step] = little32(block + 4 * step)
    for step in range(64):
        mixed = a + md5_function(step, b, c, d) + SINES[step] + words[md5_word(step)]
        turn = TURNS[(step >> 4) * 4 + (step & 3)]
        a = d
        d = c
        c = b
        b += mixed << turn | mixed >> (32 - turn)
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d


cdef inline void md5_start(Md5* hashing) noexcept nogil:
    """The initial state."""
    hashing.state[0] = 0x67452301
    hashing.state[1] = <uint32_t>0xefcdab89
    hashing.state[2] = <uint32_t>0x98badcfe
    hashing.state[3] = 0x10325476
    hashing.length = 0


cdef inline void md5_add(Md5* hashing, const uint8_t* text, size_t size) noexcept nogil:
    """Take in so many bytes more."""
    cdef size_t waiting = hashing.length & 63
    cdef size_t part
    hashing.length += size
    if waiting:
        part = min(size, MD5_BLOCK - waiting)
        memcpy(hashing.waiting + waiting, text, part)
        if waiting + part < MD5_BLOCK:
            return
        md5_block(hashing.state, hashing.waiting)
        text += part
        size -= part
    while size >= MD5_BLOCK:
        md5_block(hashing.state, text)
        text += MD5_BLOCK
        size -= MD5_BLOCK
    if size:
        memcpy(hashing.waiting, text, size)


cdef inline void md5_end(Md5* hashing, uint8_t* out) noexcept nogil:
    """The digest's 16 bytes. What is hashed may not go on."""
    cdef uint64_t bits = hashing.length << 3
    cdef size_t waiting = hashing.length & 63
    cdef int i
    hashing.waiting[waiting] = 0x80
    waiting += 1
    if waiting > 56:
        memset(hashing.waiting + waiting, 0, MD5_BLOCK - waiting)
        md5_block(hashing.state, hashing.waiting)
        waiting = 0
    memset(hashing.waiting + waiting, 0, 56 - waiting)
    for i in range(8):
        hashing.waiting[56 + i] = <uint8_t>(bits >> (8 * i))
    md5_block(hashing.state, hashing.waiting)
    for i in range(16):
        out[i] = <uint8_t>(hashing.state[i >> 2] >> (8 * (i & 3)))


cdef struct HmacKey:            # the states after the key's block, which is the same in each message
    uint32_t inner[4]
    uint32_t outer[4]


cdef inline void hmac_key(HmacKey* out, const uint8_t* secret, size_t size) noexcept nogil:
    """Ready a secret."""
    cdef uint8_t block[64]
    cdef Md5 hashing
    cdef int i
    memset(block, 0, MD5_BLOCK)
    if size > MD5_BLOCK:
        md5_start(&hashing)
        md5_add(&hashing, secret, size)
        md5_end(&hashing, block)
    else:
        memcpy(block, secret, size)
    for i in range(MD5_BLOCK):
        block[i] ^= 0x36
    md5_start(&hashing)
    md5_block(hashing.state, block)
    memcpy(out.inner, hashing.state, 16)
    for i in range(MD5_BLOCK):
        block[i] ^= 0x36 ^ 0x5c
    md5_start(&hashing)
    md5_block(hashing.state, block)
    memcpy(out.outer, hashing.state, 16)


cdef inline void hmac_start(const HmacKey* key, Md5* hashing) noexcept nogil:
    """Begin a message, which `md5_add` takes in."""
    memcpy(hashing.state, key.inner, 16)
    hashing.length = MD5_BLOCK


cdef inline void hmac_end(const HmacKey* key, Md5* hashing, uint8_t* out) noexcept nogil:
    """The message's HMAC of 16 bytes."""
    md5_end(hashing, out)
    memcpy(hashing.state, key.outer, 16)
    hashing.length = MD5_BLOCK
    md5_add(hashing, out, MD5_SIZE)
    md5_end(hashing, out)
