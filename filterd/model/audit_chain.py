"""The step of the audit chain as a pure function. ``store`` writes the chain, ``audit`` reads and proves it.

Each entry's hash covers the hash of the entry before it, so that no entry can be altered, dropped or inserted
without a change of every later hash.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
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


def entry_hash(previous: str, entry: AuditEntry) -> str:
    """The entry's hash, 64 hex digits: SHA-256 over the previous hash and the entry as canonical JSON."""
    values = {name: getattr(entry, name) for name in _FIELDS}
    return hashlib.sha256(f"{previous}\n{canonical(values)}".encode()).hexdigest()


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
