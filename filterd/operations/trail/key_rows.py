"""Compares the rows of keys that sign with the entries and the checkpoints that told of the keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.audit_chain import AuditEntry
from filterd.model.checkpoint import AnnouncedKey, KeyOrigin
from filterd.store import checkpoints, told_rows

SIGN, ACCEPT = "key.sign", "key.accept"
GONE = "the row of this key is gone"
UNKNOWN = "no entry tells of this key"
ALTERED = "its row is not what was announced"
UNACCEPTED = "its row does not have it accepted as the trail tells"


async def altered(connection: AsyncConnection) -> list[tuple[str, str]]:
    """The keys whose row is not what the trail tells: the subject there, and why."""
    told = await told_rows.entries_of_keys(connection, (SIGN, ACCEPT))
    return compare(await checkpoints.keys(connection), told)


def compare(keys: Sequence[AnnouncedKey], told: Sequence[AuditEntry]) -> list[tuple[str, str]]:
    """The same, of rows and entries in their order: the entry of a key and its row are written together."""
    signs = [each for each in told if each.action == SIGN]
    accepted = defaultdict[str, list[float]](list)
    for each in told:
        if each.action == ACCEPT:
            accepted[each.subject].append(each.at)
    found = []
    for number, key in enumerate(keys, start=1):
        fault = _fault(key, number, signs[number - 1] if number <= len(signs) else None)
        if not fault:  # the first one that waits is the one that is accepted
            waits, times = key.how is KeyOrigin.REPLACED, accepted[f"key:{key.key_id}"]
            at = times.pop(0) if waits and times else 0.0
            fault = "" if key.accepted_at == at else UNACCEPTED
        if fault:
            found.append((f"key:{key.key_id}", fault))
    return found + [(each.subject, GONE) for each in signs[len(keys) :]]


def _fault(key: AnnouncedKey, number: int, sign: AuditEntry | None) -> str:
    if sign is None:
        return UNKNOWN
    said = sign.after or {}
    same = (key.number, key.at, f"key:{key.key_id}") == (number, sign.at, sign.subject)
    same = same and all(said.get(name) == value for name, value in key.told.items())
    return "" if same else ALTERED
