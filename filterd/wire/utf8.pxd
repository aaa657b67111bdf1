# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# How much of an upstream's text is passed on: what is not UTF-8 could break the client that shows it.

from libc.stdint cimport uint8_t


cdef inline size_t utf8_step(const uint8_t* text, size_t left) noexcept nogil:
    """Bytes of the well-formed UTF-8 character at text (RFC 3629 4), 0 if there is none."""
    cdef uint8_t first = text[0], low = 0x80, high = 0xBF
    cdef size_t size, i
    if first < 0x80:
        return 1
    if first < 0xC2 or first > 0xF4:
        return 0
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if first == 0xE0:
        low = 0xA0
    elif first == 0xED:
        high = 0x9F
    elif first == 0xF0:
        low = 0x90
    elif first == 0xF4:
        high = 0x8F
    if left < size or not low <= text[1] <= high:
        return 0
    for i in range(2, size):
        if text[i] & 0xC0 != 0x80:
            return 0
    return size


cdef inline uint8_t text_length(const uint8_t* text, size_t length) noexcept nogil:
    """Bytes of an EDE's text worth passing on: whole UTF-8 characters, 255 at most, no final NUL; or 0."""
    cdef size_t position = 0, step, kept = 0
    if length and text[length - 1] == 0:
        length -= 1
    while position < length:
        step = utf8_step(text + position, length - position)
        if step == 0:
            return 0
        position += step
        if position <= 255:
            kept = position
    return <uint8_t> kept
