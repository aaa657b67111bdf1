# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Seeded hashing for the tables and the cache: SipHash-1-3 with a 64-bit result, bodies inline.

Clients choose the keys of the cache and, within their prefix, of the address tables, so every table has a
secret seed. A hash here only says where to look: each hit is compared with its key. It is not the
fingerprint of the policy snapshot (SipHash-2-4, 128 bits), which has no key to compare with.
"""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    static inline uint64_t filterd_high_product(uint64_t a, uint64_t b) {
        return (uint64_t)(((unsigned __int128)a * b) >> 64);
    }
    """
    uint64_t high_product "filterd_high_product"(uint64_t a, uint64_t b) noexcept nogil


cdef inline uint64_t home_of(uint64_t hash, uint64_t size) noexcept nogil:
    """Place of ``hash`` in a table of any ``size``; a greater hash never comes earlier."""
    return high_product(hash, size)


cdef struct Seed:
    uint64_t first
    uint64_t second


cdef inline Seed seed_from(const uint8_t* secret) noexcept nogil:
    """The seed in 16 secret bytes."""
    cdef Seed seed
    memcpy(&seed.first, secret, 8)
    memcpy(&seed.second, secret + 8, 8)
    return seed


cdef inline uint64_t rotate(uint64_t word, int bits) noexcept nogil:
    return (word << bits) | (word >> (64 - bits))


cdef inline void sip_round(uint64_t* v) noexcept nogil:
    """One SipRound over the four state words."""
    v[0] += v[1]
    v[1] = rotate(v[1], 13) ^ v[0]
    v[0] = rotate(v[0], 32)
    v[2] += v[3]
    v[3] = rotate(v[3], 16) ^ v[2]
    v[0] += v[3]
    v[3] = rotate(v[3], 21) ^ v[0]
    v[2] += v[1]
    v[1] = rotate(v[1], 17) ^ v[2]
    v[2] = rotate(v[2], 32)


cdef inline uint64_t keyed_hash(
    const Seed* seed, const uint8_t* key, size_t length, uint64_t tweak
) noexcept nogil:
    """SipHash-1-3 of ``tweak`` (8 bytes: what is fixed-width in the key) followed by ``key``.

    Words are read in the machine's byte order: the value never leaves the process.
    """
    cdef uint64_t v[4]
    cdef uint64_t word
    cdef size_t left = length
    cdef const uint8_t* at = key
    v[0] = seed.first ^ <uint64_t>0x736F6D6570736575
    v[1] = seed.second ^ <uint64_t>0x646F72616E646F6D
    v[2] = seed.first ^ <uint64_t>0x6C7967656E657261
    v[3] = seed.second ^ <uint64_t>0x7465646279746573
    v[3] ^= tweak
    sip_round(v)
    v[0] ^= tweak
    while left >= 8:
        memcpy(&word, at, 8)
        v[3] ^= word
        sip_round(v)
        v[0] ^= word
        at += 8
        left -= 8
    word = 0
    if left != 0:  # memcpy may not be given the NULL of an empty key
        memcpy(&word, at, left)
    word |= <uint64_t>((length + 8) & 0xFF) << 56
    v[3] ^= word
    sip_round(v)
    v[0] ^= word
    v[2] ^= 0xFF
    sip_round(v)
    sip_round(v)
    sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
