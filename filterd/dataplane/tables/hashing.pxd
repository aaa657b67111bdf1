# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Seeded hashing for the tables and the cache: SipHash-1-3 with a 64-bit result, bodies inline.

Clients choose the keys of the cache and, within their prefix, of the address tables, so every table has a
secret seed. A hash here only says where to look: each hit is compared with its key. It is not the
fingerprint of the policy snapshot (SipHash-2-4, 128 bits), which has no key to compare with.
"""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from filterd.wire.siphash cimport SipState, sip_result, sip_round, sip_start

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


cdef inline void take_word(SipState* s, uint64_t word) noexcept nogil:
    """Take in one word, by one round."""
    s.v3 ^= word
    sip_round(s)
    s.v0 ^= word


cdef inline uint64_t keyed_hash(
    const Seed* seed, const uint8_t* key, size_t length, uint64_t tweak
) noexcept nogil:
    """SipHash-1-3 of ``tweak`` (8 bytes: what is fixed-width in the key) followed by ``key``.

    Words are read in the machine's byte order: the value never leaves the process.
    """
    cdef SipState s
    cdef uint64_t word
    cdef size_t left = length
    cdef const uint8_t* at = key
    sip_start(&s, seed.first, seed.second)
    take_word(&s, tweak)
    while left >= 8:
        memcpy(&word, at, 8)
        take_word(&s, word)
        at += 8
        left -= 8
    word = 0
    if left != 0:  # memcpy may not be given the NULL of an empty key
        memcpy(&word, at, left)
    take_word(&s, word | <uint64_t>((length + 8) & 0xFF) << 56)
    s.v2 ^= 0xFF
    sip_round(&s)
    sip_round(&s)
    sip_round(&s)
    return sip_result(&s)
