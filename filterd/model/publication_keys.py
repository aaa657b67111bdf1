"""The texts about keys that sign published lists, each one line of canonical JSON. Pure.

An *endorsement* is signed by the key before: who has that one alone learns the next. The *index* names every
key with the time in which it signed; the newest key signs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from filterd.model.audit_chain import canonical

ENDORSEMENT = "filterd publication key v1"
INDEX = "filterd publication keys v1"
"""the part ``form`` of each"""


def endorsement(installation: str, at: str, key: tuple[str, str], previous: str) -> bytes:
    """The text by which the key ``previous`` (as minisign writes it) hands over. ``at``: from when the new
    key signs, ISO 8601 in UTC; ``key``: the new one's id and public key."""
    body = {
        "form": ENDORSEMENT,
        "installation": installation,
        "at": at,
        "key_id": key[0],
        "public_key": key[1],
        "previous_key": previous,
    }
    return _line(body)


def index(installation: str, keys: Sequence[dict[str, str]]) -> bytes:
    """The index of keys, oldest first."""
    return _line({"form": INDEX, "installation": installation, "keys": list(keys)})


def _line(body: dict[str, Any]) -> bytes:
    return canonical(body).encode() + b"\n"
