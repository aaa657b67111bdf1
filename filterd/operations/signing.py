"""The keys that sign: one for checkpoints and public statements, one for receipts, one for published lists.

::

    signer(settings, Purpose.RECEIPT).sign(data)

Whoever needs a key first makes it. Control then announces it in the audit trail and in a checkpoint
(:mod:`filterd.operations.trail.announcing`). That of published lists is minisign's, and is used by
:mod:`filterd.operations.publishing.publisher`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from filterd.config.settings import Settings
from filterd.disk import list_keys, signing_keys
from filterd.disk.signing_keys import SigningKey, SigningKeyError
from filterd.operations.errors import UnusableError


class Purpose(StrEnum):
    """The use of a key: no key has two."""

    CHECKPOINT = "checkpoint"
    """checkpoints and public statements"""
    RECEIPT = "receipt"
    LIST = "list"
    """published lists: made at the first publishing, and by a person alone from then on"""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one purpose."""

    purpose: Purpose
    key_id: str
    """the first 16 hex digits of the SHA-256 of the raw public key"""
    public_key: bytes
    """raw, 32 bytes"""
    sign: Callable[[bytes], bytes] = field(repr=False)
    """the signature of bytes, 64 bytes (Ed25519, RFC 8032)"""

    @property
    def public_pem(self) -> str:
        """The public key in PEM (SubjectPublicKeyInfo)."""
        return signing_keys.public_pem(self.public_key)


def file_of(settings: Settings, purpose: Purpose) -> Path:
    """The file of the private key."""
    if purpose is Purpose.LIST:
        return settings.publish.key_file
    signing = settings.signing
    return signing.checkpoint_key_file if purpose is Purpose.CHECKPOINT else signing.receipt_key_file


def load_key(purpose: Purpose, path: Path, *, close: bool = True) -> SigningKey | None:
    """The key of a file in the form of this purpose, None where there is none. Raises ``OSError`` and
    SigningKeyError."""
    if purpose is Purpose.LIST:
        return list_keys.load(path, close=close)
    return signing_keys.load(path, close=close)


def make_key(purpose: Purpose, path: Path) -> SigningKey:
    """The key of a file, made where there is none. Raises as :func:`load_key`, and LockedError."""
    return list_keys.make(path) if purpose is Purpose.LIST else signing_keys.make(path)


def signer(settings: Settings, purpose: Purpose) -> Signer:
    """The key for checkpoints or receipts, made at the first call. Waits for the disk. Raises
    UnusableError."""
    path = file_of(settings, purpose)
    try:
        return of_key(purpose, signing_keys.make(path))
    except OSError as error:
        message = f"the key {path} cannot be read or made: {error.strerror or 'another process holds it'}"
        raise UnusableError(message, "give its directory to the user that runs filterd") from error
    except SigningKeyError as error:
        remedy = (
            "put the file back from where you keep it, or have a new key made, which the trail then tells:"
            f" filterd key rotate --purpose {purpose} --reason ..."
        )
        raise UnusableError(str(error), remedy) from error


def of_key(purpose: Purpose, key: SigningKey) -> Signer:
    """The signer of a key."""
    return Signer(purpose, key.key_id, key.public_key, key.sign)
