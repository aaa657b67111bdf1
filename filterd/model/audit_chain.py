"""The step of the audit chain: a pure function. ``store`` is its only writer, ``audit`` reads and proves.

Each entry's hash covers the hash of the entry before it, so no entry can be altered, dropped or put in
between without every later hash changing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

GENESIS = "0" * 64
"""the previous hash of the first entry"""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which object, with its state before and after; ``at`` is Unix seconds."""

    revision: int
    at: float
    actor: str
    action: str
    subject: str
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def entry_hash(previous: str, entry: AuditEntry) -> str:
    """The entry's hash, 64 hex digits: SHA-256 over the previous hash and the entry as canonical JSON."""
    return hashlib.sha256(f"{previous}\n{canonical(asdict(entry))}".encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON in the one form that is digested: sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it stands in the trail; ``sequence`` counts from 1 without a gap."""

    sequence: int
    entry: AuditEntry
    previous_hash: str
    hash: str
