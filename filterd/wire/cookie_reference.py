"""The readable reference of the native server cookies (RFC 9018), in plain Python.

A server cookie is version 1, three reserved bytes, the time it was made, and a keyed hash over all of this,
the client cookie and the sender's address. It holds for an hour; one that is half as old is renewed.
"""

from __future__ import annotations

VERSION = 1
LIFE, AHEAD, FRESH = 3600, 300, 1800
"""seconds: how old and how new a cookie may be, and when it is renewed (RFC 9018 §4.3)"""
SECRET_SIZE, CLIENT_SIZE, COOKIE_SIZE, HASHED = 16, 8, 24, 16
_MASK = (1 << 64) - 1
_MAPPED = bytes(10) + b"\xff\xff"


def siphash(key: bytes, text: bytes) -> bytes:
    """SipHash-2-4 with 64 bits of output (Aumasson and Bernstein)."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    state = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]
    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        state[3] ^= word
        _rounds(state, 2)
        state[0] ^= word
    state[2] ^= 0xFF
    _rounds(state, 4)
    return (state[0] ^ state[1] ^ state[2] ^ state[3]).to_bytes(8, "little")


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _MASK


def _rounds(state: list[int], count: int) -> None:
    v0, v1, v2, v3 = state
    for _ in range(count):
        v0, v2 = (v0 + v1) & _MASK, (v2 + v3) & _MASK
        v1, v3 = _rotated(v1, 13) ^ v0, _rotated(v3, 16) ^ v2
        v0 = _rotated(v0, 32)
        v2, v0 = (v2 + v1) & _MASK, (v0 + v3) & _MASK
        v1, v3 = _rotated(v1, 17) ^ v2, _rotated(v3, 21) ^ v0
        v2 = _rotated(v2, 32)
    state[:] = v0, v1, v2, v3


def _signed(secret: bytes, cookie: bytes, address: bytes) -> bytes:
    """The hash over a cookie without its own; an IPv4 address counts with its four bytes (RFC 9018 §4.4)."""
    plain = address[12:] if address.startswith(_MAPPED) else address
    return siphash(secret, cookie[:HASHED] + plain)


def _age(cookie: bytes, now: int) -> int:
    """Seconds, by serial arithmetic (RFC 1982): negative for a cookie of the future."""
    age = (now - int.from_bytes(cookie[12:16], "big")) & 0xFFFFFFFF
    return age - (1 << 32) if age >> 31 else age


def answer(secrets: bytes, sent: bytes, address: bytes, now: int) -> tuple[bool, bytes]:
    """True if the server cookie that a client sent holds, and the 24 bytes of cookie that go back."""
    keys = [secrets[at : at + SECRET_SIZE] for at in range(0, len(secrets), SECRET_SIZE)]
    valid = (
        len(sent) == COOKIE_SIZE
        and sent[CLIENT_SIZE] == VERSION
        and -AHEAD <= _age(sent, now) <= LIFE
        and any(_signed(key, sent, address) == sent[HASHED:] for key in keys)
    )
    if valid and _age(sent, now) <= FRESH:
        return True, sent
    made = sent[:CLIENT_SIZE] + bytes([VERSION, 0, 0, 0]) + now.to_bytes(4, "big")
    return valid, made + _signed(keys[0], made, address)
