"""The step of the audit chain as a pure function. ``store`` writes the chain, ``audit`` reads and proves it.

Each entry's hash covers the hash of the entry before it, so that no entry can be altered, dropped or inserted
without a change of every later hash.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any

GENESIS = "0" * 64
"""the previous hash of the first entry"""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An action of an actor on a subject, with the state before and after; ``at`` is Unix seconds."""

    revision: int
    at: float
    actor: str
    action: str
    subject: str
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


_FIELDS = tuple(each.name for each in fields(AuditEntry))


def entry_hash(previous: str, entry: AuditEntry, salt: str = "") -> str:
    """The entry's hash, 64 hex digits: SHA-256 over the hash before it and what stands for its content.

    Without a salt, as entries of earlier versions are, that is the entry as canonical JSON. With one it is
    :func:`content_digest`: who is given that digest alone can follow the chain past an entry that is withheld
    from them.
    """
    if salt:
        return salted_hash(previous, content_digest(entry, salt))
    return hashlib.sha256(f"{previous}\n{canonical(_values(entry))}".encode()).hexdigest()


def content_digest(entry: AuditEntry, salt: str) -> str:
    """The digest of an entry, 64 hex digits. The salt, 16 random bytes in hexadecimal, keeps anybody who has
    the digest from trying out what the entry says."""
    return hashlib.sha256(f"{salt}\n{canonical(_values(entry))}".encode()).hexdigest()


def salted_hash(previous: str, content: str) -> str:
    """The hash of an entry with this content digest, 64 hex digits."""
    return hashlib.sha256(f"2\n{previous}\n{content}".encode()).hexdigest()


def _values(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _FIELDS}


def canonical(value: Any) -> str:
    """Canonical JSON for digests: sorted keys, no spaces, UTF-8 unescaped."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry of the stored trail; ``sequence`` counts from 1 without a gap."""

    sequence: int
    entry: AuditEntry
    previous_hash: str
    hash: str
    salt: str = field(default="", repr=False)
