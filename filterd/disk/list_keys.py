"""Files of the key that signs published lists: minisign's secret key, without a password, mode 0600.

Beside it ``NAME.next`` holds the next key while a rotation is under way, as beside the other keys that sign
(:mod:`filterd.disk.signing_keys`). Minisign's own checksum is compared: its library does so only for a key
that has a password.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from filterd.disk.files import close_to_others
from filterd.disk.signing_keys import LARGEST, SigningKey, SigningKeyError, link_new
from filterd.model.signed_text import key_id_of

COMMENT = "filterd publication key"
"""the trusted comment of what is signed about keys; that of a list has its id and serial"""
_RAW = slice(10, None)
"""of a public key: two bytes of its kind and eight of its id stand before"""
_KIND, _SECRET, _CHECKSUM = slice(0, 2), slice(54, 126), slice(126, 158)
"""of a secret key: two bytes of its kind; its id, seed and public key; BLAKE2b-256 of both, or zeros where
another program writes none"""


class PasswordError(SigningKeyError):
    """The key has a password, which nobody is there to give."""


@dataclass(frozen=True, slots=True)
class ListSigningKey(SigningKey):
    """A key that signs lists. ``sign`` gives the signature's file of a text about keys."""

    minisign: str
    """the public key as minisign writes it: ``RWQ`` and 53 more characters"""


def load(path: Path, *, close: bool = True) -> ListSigningKey | None:
    """The key of a file, None where there is none. A file that others can read is closed to them, unless
    ``close`` is false. Raises ``OSError``, SigningKeyError, and PasswordError."""
    import minisign

    try:
        with path.open("rb") as file:
            data = file.read(LARGEST)
    except FileNotFoundError:
        return None
    if close:
        close_to_others(path)
    try:
        key = minisign.SecretKey.from_bytes(data)
    except minisign.Error:
        message = f"{path}: no secret key of minisign"
        raise SigningKeyError(message) from None
    if key.is_encrypted():
        message = f"the key {path} has a password, which nobody is there to give"
        raise PasswordError(message)
    if not _is_whole(data):
        message = f"{path} does not match its checksum"
        raise SigningKeyError(message)
    public = key.get_public_key().to_base64().decode("ascii")
    raw = raw_of(public)

    def sign(text: bytes) -> bytes:
        return bytes(key.sign(text, trusted_comment=COMMENT)) + b"\n"

    return ListSigningKey(key_id_of(raw), raw, sign, public)


def _is_whole(data: bytes) -> bool:
    """True if the checksum in the file of a secret key without a password holds."""
    raw = base64.b64decode(data.splitlines()[1])
    wanted = hashlib.blake2b(raw[_KIND] + raw[_SECRET], digest_size=32).digest()
    return raw[_CHECKSUM] in (wanted, bytes(32))


def make(path: Path) -> ListSigningKey:
    """The key of a file, made where there is none. Raises as :func:`load`, and LockedError."""
    import minisign

    found = load(path)
    if found is None:
        link_new(path, bytes(minisign.KeyPair.generate().secret_key) + b"\n")
        found = load(path)
    if found is None:
        message = f"{path} was removed just now"
        raise SigningKeyError(message)
    return found


def raw_of(public_key: str) -> bytes:
    """The raw Ed25519 key, 32 bytes, of a public key of minisign. Raises ValueError for what is no base64."""
    return base64.b64decode(public_key, validate=True)[_RAW]


def shown_id(public_key: str) -> str:
    """The id of a public key of minisign as minisign prints it: 16 hexadecimal digits."""
    return base64.b64decode(public_key, validate=True)[2:10][::-1].hex().upper()
