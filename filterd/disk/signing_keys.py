"""Files of Ed25519 signing keys: PKCS #8 in PEM (RFC 5958, RFC 8410), which OpenSSL reads, mode 0600.

The line with the checksum (:mod:`filterd.disk.checked_file`) stands before the PEM, where RFC 7468 has room
for text: without it, a changed letter makes another key. A PEM alone, with nothing before or behind it, is
taken too: a version before this form or a person made it.

A file is made complete and linked to its name, so that two processes that come first make one key. Beside it
``NAME.next`` holds the next key while a rotation is under way. A file that cannot be read as a key is never
overwritten: :func:`set_damaged_aside` renames it.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filterd.disk import checked_file
from filterd.disk.checked_file import DamagedFileError
from filterd.disk.files import close_to_others, make_directory, rename_file, replace_file, sync_directory
from filterd.disk.keys import seal
from filterd.disk.locks import sharing
from filterd.model.signed_text import key_id_of

LOCK_WAIT = 5.0
LARGEST = 4096
_PEM = re.compile(rb"-----BEGIN PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]+-----END PRIVATE KEY-----\s*")
"""a PEM and nothing else: what stands before it may be a line with a checksum that was altered"""


class SigningKeyError(ValueError):
    """The file holds no Ed25519 private key. The message names the file and nothing of its content."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs; of it only id and public key are ever shown."""

    key_id: str
    public_key: bytes
    """raw, 32 bytes (RFC 8032)"""
    sign: Callable[[bytes], bytes]
    """the signature of bytes, 64 bytes"""


def next_of(path: Path) -> Path:
    """The file of the key that a rotation puts in the place of ``path``."""
    return path.with_name(f"{path.name}.next")


def load(path: Path, *, close: bool = True) -> SigningKey | None:
    """The key of a file, None where there is none. A file that others can read is closed to them, unless
    ``close`` is false. Raises ``OSError`` and SigningKeyError."""
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        with path.open("rb") as file:
            data = file.read(LARGEST)
    except FileNotFoundError:
        return None
    if close:
        close_to_others(path)
    try:
        found = load_pem_private_key(checked_file.content_of(data, path, _PEM), None)
    except DamagedFileError as error:
        raise _no_key(path) from error
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise _no_key(path) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise _no_key(path)
    public = found.public_key().public_bytes_raw()
    return SigningKey(key_id_of(public), public, found.sign)


def make(path: Path) -> SigningKey:
    """The key of a file, made where there is none. Raises as :func:`load`, and LockedError."""
    found = load(path)
    if found is not None:
        _add_checksum(path)
        return found
    link_new(path, checked_file.checked(_new_pem()))
    found = load(path)
    if found is None:
        raise _no_key(path)
    return found


def _add_checksum(path: Path) -> None:
    with contextlib.suppress(OSError):
        data = path.read_bytes()
        if not data.startswith(checked_file.MAGIC):
            seal(path, data)


def link_new(path: Path, content: bytes) -> None:
    """Write the file of a key, whole or not at all, where there is none. Raises ``OSError`` and
    LockedError."""
    make_directory(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    with sharing(path.parent, LOCK_WAIT):
        replace_file(draft, (content,))
        try:
            path.hardlink_to(draft)  # it never takes the place of another process's
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        sync_directory(path.parent)


def take_next(path: Path) -> None:
    """Put the next key in the place of the present one, which is gone then. Raises ``OSError``."""
    rename_file(next_of(path), path)


def set_damaged_aside(path: Path) -> Path:
    """Rename a file that holds no key to ``NAME.damaged-N``; return its new name. Raises ``OSError``."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    rename_file(path, aside)
    return aside


def public_pem(public_key: bytes) -> str:
    """A raw public key as PEM (SubjectPublicKeyInfo, RFC 8410 section 4)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def public_key_of(pem: bytes) -> bytes:
    """The raw public key of a PEM text. Raises ValueError for anything but an Ed25519 public key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        found = load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(found, Ed25519PublicKey):
        msg = "it is no Ed25519 key"
        raise ValueError(msg)
    return found.public_bytes_raw()


def signature_holds(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """True if the signature on the data is this key's (Ed25519, RFC 8032)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _new_pem() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _no_key(path: Path) -> SigningKeyError:
    return SigningKeyError(f"{path} holds no Ed25519 private key in PEM form")
