# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The letters of names, which are compared without their case (RFC 4343)."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy


cdef inline void fold_letters(uint8_t* bytes, unsigned int length) noexcept nogil:
    """Put a name in lower case, eight bytes at a time, up to a multiple of eight.

    Lengths of labels are at most 63, below all letters. A byte's high bit in ``letters`` says that its lower
    seven bits are from 0x41 to 0x5A and that it is ASCII.
    """
    cdef unsigned int i
    cdef uint64_t word, low, letters
    for i in range(0, length, 8):
        memcpy(&word, bytes + i, 8)
        low = word & <uint64_t>0x7f7f7f7f7f7f7f7f
        letters = ((low + <uint64_t>0x3f3f3f3f3f3f3f3f) ^ (low + <uint64_t>0x2525252525252525)) & ~word
        word |= (letters & <uint64_t>0x8080808080808080) >> 2
        memcpy(bytes + i, &word, 8)
