# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Fingerprints of names and address prefixes; the Python face of the inline SipHash in ``fingerprint.pxd``.

The readable twin is ``fingerprint_reference``.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from filterd.wire.codec cimport Name

from filterd.policy.canonical import wire_of


cdef void suffixes(const uint8_t* key, const Name* name, Fingerprint* out) noexcept nogil:
    cdef int i
    cdef uint8_t start
    for i in range(name.labels):
        start = name.offsets[i]
        sip_hash(key, name.bytes + start, name.length - start, out + i)
    sip_hash(key, name.bytes + name.length - 1, 1, out + name.labels)


cdef void address_fingerprint(const uint8_t* key, uint8_t family, uint8_t length, const uint8_t* address,
                              Fingerprint* out) noexcept nogil:
    cdef Prefixed numbers
    prefixed(key, family, address, &numbers)
    prefix_value(&numbers, length, out)


cdef bytes packed(const Fingerprint* value):
    """The 16 output bytes in the paper's order."""
    cdef uint8_t text[16]
    put_little64(text, value.high)
    put_little64(text + 8, value.low)
    return text[:16]


cdef int unpacked(bytes text, Fingerprint* out) except -1:
    if len(text) != FINGERPRINT_SIZE:
        raise ValueError(f"a fingerprint has {FINGERPRINT_SIZE} bytes, not {len(text)}")
    out.high = get_little64(<const uint8_t*>text)
    out.low = get_little64(<const uint8_t*>text + 8)
    return 0


cdef const uint8_t* checked_key(bytes key) except NULL:
    if len(key) != KEY_SIZE:
        raise ValueError(f"a fingerprint key has {KEY_SIZE} bytes, not {len(key)}")
    return <const uint8_t*>key


def fingerprint(bytes key not None, bytes data not None):
    """Return SipHash-2-4-128 of ``data``; ValueError for a key that is not 16 bytes long."""
    cdef Fingerprint value
    sip_hash(checked_key(key), <const uint8_t*>data, len(data), &value)
    return packed(&value)


cdef int read_wire(bytes wire, Name* name) except -1:
    """Fill ``name`` from a lower-cased wire name; ValueError when it is none (RFC 1035, 3.1)."""
    cdef Py_ssize_t size = len(wire)
    cdef const uint8_t* text = <const uint8_t*>wire
    cdef Py_ssize_t at = 0
    if size < 1 or size > 255:
        raise ValueError(f"a wire name has 1 to 255 bytes, not {size}")
    name.labels = 0
    while at < size and text[at] != 0:
        if text[at] > 63:
            raise ValueError(f"a label has at most 63 bytes, not {text[at]}")
        name.offsets[name.labels] = <uint8_t>at
        name.labels += 1
        at += text[at] + 1
    if at != size - 1:
        raise ValueError("a wire name ends with its root byte")
    name.length = <uint8_t>size
    memcpy(name.bytes, text, size)
    return 0


def suffix_fingerprints(bytes key not None, bytes wire not None):
    """Return the fingerprint of each suffix of a wire name, the whole name first, the root last."""
    cdef Name name
    cdef Fingerprint out[MAX_SUFFIXES]
    cdef const uint8_t* secret = checked_key(key)
    read_wire(wire, &name)
    suffixes(secret, &name, out)
    return [packed(&out[i]) for i in range(name.labels + 1)]


def fingerprint_name(bytes key not None, str text not None):
    """Return the fingerprint of a name in canonical text; ValueError when it is no name."""
    return fingerprint(key, wire_of(text))


def prefix_fingerprint(bytes key not None, int family, int length, bytes address not None):
    """Return the fingerprint of an address prefix, the bits beyond ``length`` taken as zero."""
    cdef Fingerprint value
    cdef const uint8_t* secret = checked_key(key)
    if (family, len(address)) not in ((4, 4), (6, 16)) or not 0 <= length <= 8 * len(address):
        raise ValueError(f"no prefix of family {family}: {length} bits of {len(address)} bytes")
    address_fingerprint(secret, <uint8_t>family, <uint8_t>length, <const uint8_t*>address, &value)
    return packed(&value)
