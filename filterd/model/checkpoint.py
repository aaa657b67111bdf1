"""Checkpoints of the audit trail: what a signed one says, and what it must agree with. Pure.

The body of a checkpoint has these keys:

``installation``
    32 hex digits, made once;
``number``, ``at``
    they count up from 1; when it was signed, ISO 8601 in UTC to the second;
``sequence``, ``hash``
    of the last entry of the audit trail that it covers;
``revision``, ``change_hash``
    of the last change of the change log then;
``previous``
    the digest of the checkpoint before it, 64 zeros for the first;
``key_id``
    of the key that signs it;
``keys``
    the keys that it announces, each ``{purpose, key_id, public_key, how}``: ``public_key`` is base64 of the
    raw key, ``how`` one of :class:`KeyOrigin`;
``lost``
    only in the first one after a restore: ``{number, sequence, hash, digest}`` of the newest checkpoint
    before it, which the backup did not have.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from filterd.model import signed_text
from filterd.model.signed_text import SignedTextError

FIRST_PREVIOUS = "0" * 64
_KEYS = frozenset(
    (
        "installation",
        "number",
        "at",
        "sequence",
        "hash",
        "revision",
        "change_hash",
        "previous",
        "key_id",
        "keys",
    )
)


class KeyOrigin(StrEnum):
    """How a key came into use."""

    MADE = "made"
    """the first of its purpose"""
    ROTATED = "rotated"
    """the key before it signed the checkpoint that announces it"""
    REPLACED = "replaced"
    """it stands where another key stood: lost, damaged or swapped; nothing vouches for it"""


@dataclass(frozen=True, slots=True)
class AnnouncedKey:
    """A public key that was in use."""

    number: int
    purpose: str
    key_id: str
    public_key: str
    """base64 of 32 bytes"""
    how: KeyOrigin
    at: float
    """Unix seconds"""
    checkpoint: int
    """the number of the checkpoint that announced it; 0: none yet"""
    accepted_at: float
    """when a person accepted a key that replaced another; 0: nobody did"""

    @property
    def unexplained(self) -> bool:
        """True while nobody has accepted a key that replaced another one."""
        return self.how is KeyOrigin.REPLACED and not self.accepted_at

    @property
    def told(self) -> dict[str, str]:
        """It as a checkpoint announces it."""
        return {
            "purpose": self.purpose,
            "key_id": self.key_id,
            "public_key": self.public_key,
            "how": self.how.value,
        }


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stored checkpoint: the columns that find it, and the signed text."""

    number: int
    at: float
    """Unix seconds"""
    audit_sequence: int
    audit_hash: str
    revision: int
    change_hash: str
    previous: str
    key_id: str
    signature: str
    """base64"""
    digest: str
    text: str


def of_text(text: str, at: float) -> Checkpoint:
    """The row of a signed text. Raises SignedTextError for anything but a checkpoint."""
    found = signed_text.read(text)
    body = found.body
    if not body.keys() >= _KEYS or not _well_typed(body) or body["key_id"] != found.key_id:
        msg = "it is no checkpoint"
        raise SignedTextError(msg)
    return Checkpoint(
        number=body["number"],
        at=at,
        audit_sequence=body["sequence"],
        audit_hash=body["hash"],
        revision=body["revision"],
        change_hash=body["change_hash"],
        previous=body["previous"],
        key_id=found.key_id,
        signature=base64.b64encode(found.signature).decode("ascii"),
        digest=signed_text.digest(text),
        text=text,
    )


def row_fault(row: Checkpoint) -> str:
    """Why a stored row is not what was signed; empty where its columns and its text agree."""
    try:
        said = of_text(row.text, row.at)
    except SignedTextError as error:
        return f"its text was altered: {error}"
    return "" if said == row else "its columns differ from what was signed"


def body_of(row: Checkpoint) -> dict[str, Any]:
    """What a checkpoint says. Raises SignedTextError where its text was altered."""
    return signed_text.read(row.text).body


def _well_typed(body: dict[str, Any]) -> bool:
    numbers = all(type(body[each]) is int and body[each] >= 0 for each in ("number", "sequence", "revision"))
    texts = ("installation", "at", "hash", "change_hash", "previous", "key_id")
    return numbers and all(isinstance(body[each], str) for each in texts) and isinstance(body["keys"], list)
