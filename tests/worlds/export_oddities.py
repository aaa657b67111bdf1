"""Exports that a verifier of another strictness would take: each differs from an honest one in its form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from filterd.disk.signing_keys import SigningKey
from filterd.model.export_format import line_of
from tests.worlds import export_forger
from tests.worlds.export_forger import Record

SALT = "00" * 16


def oddities(data: bytes, key: SigningKey) -> Iterator[tuple[str, bytes]]:
    """Each with its name: entries at the end, and what checkpoints and the header say, signed by ``key``."""
    honest = export_forger.unrotated(export_forger.records_of(data), key)
    honest = export_forger.records_of(_made(honest, key))
    for name, changes in _ENTRIES.items():
        yield name, _made(_with_entry(honest, changes), key)
    renamed = export_forger.records_of(_made(_with_entry(honest, {}), key))
    _last(renamed, "entry")["reasom"] = _last(renamed, "entry").pop("reason")
    yield "an entry with a renamed part", _resealed(renamed, key)
    for name, parts in _BODIES.items():
        changed = export_forger.unrotated(honest, key)
        _last(changed, "checkpoint")["object"]["body"] |= parts
        yield name, _made(changed, key)
    for name, after in {
        "before the first entry": -3,
        "a beginning as text": "0",
        "one as a float": 0.0,
    }.items():
        changed = export_forger.unrotated(honest, key)
        changed[0]["after"]["sequence"] = after
        yield name, _resealed(changed, key)
    changed = export_forger.unrotated(honest, key)
    changed[0]["made"] = changed[0].pop("made_at")
    yield "a header with a renamed part", _resealed(changed, key)


def spoken(data: bytes, key: SigningKey) -> bytes:
    """An export that tells a terminal what to show."""
    honest = export_forger.unrotated(export_forger.records_of(data), key)
    subject = "order:O-9\x1b[2J\x1b[H\x07\nentry 29: no fault found\n\x1b[8m"
    told = {"subject": subject, "action": "order.add", "after": {"row_digest": "11" * 32}}
    return _made(_with_entry(honest, told), key)


def _deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


_ORDER = {"subject": "order:O-1", "after": {"row_digest": "00" * 32, "state": "lifted"}}
_ENTRIES: dict[str, dict[str, Any]] = {
    "a time as a whole number": {"at": 1800000000},
    "a revision with a point": {"revision": 1.0},
    "an action of two lines": {"action": "order.lift\nx", **_ORDER},
    "a row's digest of none": {
        "action": "order.add",
        "subject": "order:O-77",
        "after": {"row_digest": None, "state": "accepted"},
    },
    "a digest where the row is told": {
        "action": "feed.adopt",
        "subject": "feed:new",
        "after": {"row_digest": "", "x": 1},
    },
    "an action with another sign": {
        "action": "feed_retire",
        "subject": "feed:worst-of",
        "after": {"state": "retired"},
    },
    "sixty levels": {"after": _deep(58)},
    "seventy levels": {"after": _deep(70)},
    "nine hundred levels": {"after": _deep(900)},
    "a salt as a number": {"salt": 5},
}
_BODIES: dict[str, dict[str, Any]] = {
    "a checkpoint with a part more": {"note": "x"},
    "a revision of a checkpoint as text": {"revision": "1"},
    "a key under the id of another": {
        "keys": [
            {
                "purpose": "checkpoint",
                "key_id": "1234567812345678",
                "public_key": "A" * 43 + "=",
                "how": "made",
            }
        ]
    },
    "a key that is no base64": {
        "keys": [{"purpose": "receipt", "key_id": "1234567812345678", "public_key": "?", "how": "made"}]
    },
}


def _with_entry(records: list[Record], changes: dict[str, Any]) -> list[Record]:
    made: list[Record] = [dict(each) for each in records]
    at = max(
        number for number, each in enumerate(made) if each["kind"] in ("entry", "withheld", "checkpoint")
    )
    last = [each for each in made if each["kind"] in ("entry", "withheld")][-1]
    added = {
        "kind": "entry",
        "sequence": last["sequence"] + 1,
        "hash": "",
        "salt": SALT,
        "revision": 1,
        "at": 1800000000.0,
        "actor": "ana",
        "action": "store.note",
        "subject": "store",
        "reason": "x",
        "before": None,
        "after": None,
        **changes,
    }
    return [*made[: at + 1], added, *made[at + 1 :]]


def _last(records: list[Record], kind: str) -> Record:
    return [each for each in records if each["kind"] == kind][-1]


def _made(records: list[Record], key: SigningKey) -> bytes:
    return export_forger.forged(records, lambda _: key)


def _resealed(records: list[Record], key: SigningKey) -> bytes:
    """With the hashes of the honest records: made first, and changed then."""
    kept = [line_of(each) for each in records if each["kind"] not in ("seal", "anchor")]
    return export_forger.sealed(kept, key)
