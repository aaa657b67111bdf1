"""Sealed text: encrypted and authenticated with AES-256-GCM, in chunks, for files of any length.

::

    header    magic "FDSEAL01", the key's id (8 bytes), a random salt (32 bytes)
    chunk*    65,536 bytes of text, encrypted, with a tag of 16 bytes; the last one may be shorter, also empty

Each text has a key of its own: HKDF-SHA256 of the named key and the salt. So a nonce is never used twice
under a key, however many texts there are. The nonce of a chunk is its number (11 bytes) and 1 for the last
chunk, else 0: a text that was cut, lengthened or put in another order does not open. Every chunk is bound to
the header and to what the text is of (``purpose``), so that no text passes for another.

What was altered is refused with the chunk in which it shows; chunks before that have been given out by then.
Who makes something of a text therefore waits for its end, or compares its digest.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from filterd.disk.key_ring import ID_DIGITS, KeyRing, NamedKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"FDSEAL01"
CHUNK = 1 << 16
_TAG = 16
_SALT = 32
_KEY_ID = ID_DIGITS // 2
HEADER = len(MAGIC) + _KEY_ID + _SALT


class SealedError(OSError):
    """A sealed text that does not open: its key is not there, or it is not what was written."""

    def __init__(self, says: str) -> None:
        """``says`` names no part of the text."""
        super().__init__(errno.EBADMSG, says)

    def __str__(self) -> str:
        """The text alone."""
        return str(self.strerror)


class KeyMissingError(SealedError):
    """The key that a text was sealed with is not there."""


def seal(
    pieces: Iterable[bytes], key: NamedKey, purpose: bytes, random: Callable[[int], bytes] = os.urandom
) -> Iterator[bytes]:
    """The sealed form of a text that comes in pieces of any length."""
    header = MAGIC + bytes.fromhex(key.id) + random(_SALT)
    cipher = _cipher(key.key, header)
    yield header
    number, waiting = 0, bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) > CHUNK:  # at least a byte is left for the last chunk, unless there is no text
            yield _chunk(cipher, number, bytes(waiting[:CHUNK]), header + purpose)
            number += 1
            del waiting[:CHUNK]
    yield _chunk(cipher, number, bytes(waiting), header + purpose, last=True)


def open_sealed(read: Callable[[int], bytes], ring: KeyRing, purpose: bytes) -> Iterator[bytes]:
    """The text of a sealed form, of which ``read`` gives the next bytes, fewer only at the end. Raises
    SealedError."""
    header = read(HEADER)
    cipher = _cipher(_key_of(header, ring), header)
    number, chunk = 0, read(CHUNK + _TAG)
    while True:
        following = read(CHUNK + _TAG) if len(chunk) == CHUNK + _TAG else b""
        yield _opened(cipher, number, chunk, header + purpose, last=not following)
        if not following:
            return
        number, chunk = number + 1, following


def is_sealed(start: bytes) -> bool:
    """Return whether what begins like this is a sealed text; ours in clear begin in lower case."""
    return start.startswith(MAGIC)


def key_id_of(header: bytes) -> str:
    """The id of the key that a text was sealed with."""
    return header[len(MAGIC) : len(MAGIC) + _KEY_ID].hex()


def _key_of(header: bytes, ring: KeyRing) -> bytes:
    if len(header) != HEADER or not is_sealed(header):
        says = "it is no sealed text"
        raise SealedError(says)
    key = ring.find(key_id_of(header))
    if key is None:
        says = f"the key {key_id_of(header)} that it was sealed with is not there"
        raise KeyMissingError(says)
    return key


def _cipher(key: bytes, header: bytes) -> AESGCM:
    # Imported here: most commands, and every resolver, need none of it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), 32, header[-_SALT:], MAGIC).derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes((last,))


def _chunk(cipher: AESGCM, number: int, text: bytes, bound: bytes, *, last: bool = False) -> bytes:
    return cipher.encrypt(_nonce(number, last=last), text, bound)


def _opened(cipher: AESGCM, number: int, chunk: bytes, bound: bytes, *, last: bool) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(_nonce(number, last=last), chunk, bound)
    except (InvalidTag, ValueError):
        says = f"it was altered or cut, in part {number + 1}"
        raise SealedError(says) from None
