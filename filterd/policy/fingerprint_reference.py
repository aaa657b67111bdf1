"""The readable twin of ``fingerprint``: SipHash-2-4 with 128 bits of output, and its inputs.

Aumasson and Bernstein, "SipHash: a fast short-input PRF", with the output widened as in its reference code.
"""

from __future__ import annotations

from functools import lru_cache

_MASK = (1 << 64) - 1
ADDRESS_MARK = 0x40
"""first byte of an address input: no label has that length (RFC 1035, 3.1)"""


@lru_cache(maxsize=1 << 14)
def fingerprint(key: bytes, data: bytes) -> bytes:
    """SipHash-2-4-128 of ``data`` under a key of 16 bytes."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    state = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D ^ 0xEE,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        state[3] ^= word
        _rounds(state, 2)
        state[0] ^= word
    state[2] ^= 0xEE
    _rounds(state, 4)
    high = state[0] ^ state[1] ^ state[2] ^ state[3]
    state[1] ^= 0xDD
    _rounds(state, 4)
    low = state[0] ^ state[1] ^ state[2] ^ state[3]
    return high.to_bytes(8, "little") + low.to_bytes(8, "little")


def _rotated(word: int, bits: int) -> int:
    """A 64-bit word rotated left."""
    return (word << bits | word >> (64 - bits)) & _MASK


def _rounds(state: list[int], count: int) -> None:
    """SipRound, ``count`` times, in place."""
    v0, v1, v2, v3 = state
    for _ in range(count):
        v0, v2 = (v0 + v1) & _MASK, (v2 + v3) & _MASK
        v1, v3 = _rotated(v1, 13) ^ v0, _rotated(v3, 16) ^ v2
        v0 = _rotated(v0, 32)
        v2, v0 = (v2 + v1) & _MASK, (v0 + v3) & _MASK
        v1, v3 = _rotated(v1, 17) ^ v2, _rotated(v3, 21) ^ v0
        v2 = _rotated(v2, 32)
    state[:] = v0, v1, v2, v3


def suffixes(wire: bytes) -> list[bytes]:
    """Every suffix of a wire name: the whole name first, the root last."""
    found = []
    at = 0
    while wire[at]:
        found.append(wire[at:])
        at += 1 + wire[at]
    return [*found, wire[at:]]


def suffix_fingerprints(key: bytes, wire: bytes) -> list[bytes]:
    """The fingerprint of each suffix of a lower-cased wire name: the whole name first, the root last."""
    return [fingerprint(key, suffix) for suffix in suffixes(wire)]


def prefix_fingerprint(key: bytes, family: int, length: int, address: bytes) -> bytes:
    """The fingerprint of an address prefix, the bits beyond ``length`` taken as zero."""
    size = 8 * len(address)
    masked = int.from_bytes(address, "big") >> (size - length) << (size - length)
    return fingerprint(key, bytes([ADDRESS_MARK, family, length]) + masked.to_bytes(len(address), "big"))
