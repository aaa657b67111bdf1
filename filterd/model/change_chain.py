"""The step of the change log's chain as a pure function, and the cursor of a node.

Each row's hash covers the hash of the row before it, so that the same revision in another history (a store
that was restored, replaced or begun anew) has another hash. ``store`` writes the chain; a node checks its
cursor against it at every poll, and each row that it applies.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

HASH_LENGTH = 64
"""hexadecimal digits of a hash: SHA-256"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in one history of the store: a revision, and the hash of its row."""

    revision: int
    hash: str
    """empty for a place that was noted before rows had hashes: it fits no history"""


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One row of the change log; ``at`` is Unix seconds."""

    revision: int
    stream: str
    kind: str
    at: float
    payload: str
    salt: str
    hash: str


def change_hash(
    previous: str, revision: int, stream: str, kind: str, at: float, payload: str, salt: str
) -> str:
    """The hash of one row, in hexadecimal. ``previous`` is that of the row before it, or of the log's floor.

    ``salt`` keeps the hash of an erased row from confirming a guess of what stood in it.
    """
    row = "\n".join((previous, str(revision), stream, kind, repr(float(at)), salt, payload))
    return hashlib.sha256(row.encode()).hexdigest()
