"""Writes an export anew: what somebody makes who has a key, and may say in it whatever they like."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from filterd.disk.signing_keys import SigningKey
from filterd.model import signed_text
from filterd.model.audit_chain import AuditEntry, canonical, entry_hash, salted_hash
from filterd.model.checkpoint import FIRST_PREVIOUS
from filterd.model.export_format import line_of

Record = dict[str, Any]
Signer = Callable[[Record], SigningKey]
_CONTENT = ("revision", "at", "actor", "action", "subject", "reason", "before", "after")


def records_of(data: bytes) -> list[Record]:
    """The records of an export."""
    return [json.loads(line) for line in data.splitlines()]


def forged(records: list[Record], signer: Signer) -> bytes:
    """An export of these records, in which every hash, checkpoint and the seal are made anew. ``signer``: the
    key that signs a checkpoint or the seal. Anchors are left out."""
    before = records[0]["after"]["hash"]
    sequence, number, previous = records[0]["after"]["sequence"], 0, FIRST_PREVIOUS
    made: list[Record] = []
    for record in records:
        each: Record = json.loads(canonical(record))
        if each["kind"] in ("entry", "withheld"):
            before, sequence = _hash(each, before), each["sequence"]
            each["hash"] = before
        elif each["kind"] == "checkpoint":
            key, body, number = signer(each), each["object"]["body"], number + 1
            body |= {"number": number, "previous": previous, "key_id": key.key_id}
            body |= {"sequence": sequence, "hash": before}
            each["object"] = signed_text.signed("checkpoint", body, key.key_id, key.sign)
            previous = signed_text.digest(signed_text.text_of(each["object"]))
        if each["kind"] not in ("anchor", "seal"):
            made.append(each)
    made[0] |= {"sequence": sequence, "hash": before}
    return sealed([line_of(each) for each in made], signer(records[-1]))


def _hash(record: Record, before: str) -> str:
    if record["kind"] == "withheld":
        return salted_hash(before, record["content"]) if record["content"] else str(record["hash"])
    entry = AuditEntry(**{name: record[name] for name in _CONTENT})
    return entry_hash(before, entry, record["salt"])


def sealed(kept: list[bytes], key: SigningKey) -> bytes:
    """These lines, the header first, and the seal that a key puts on them."""
    records = [json.loads(line) for line in kept]
    last = [each for each in records if each["kind"] in ("entry", "withheld")][-1]
    body: Record = {
        "installation": records[0]["installation"],
        "sequence": last["sequence"],
        "hash": last["hash"],
        "bytes": sum(map(len, kept)),
        "sha256": hashlib.sha256(b"".join(kept)).hexdigest(),
        "records": {},
        "tables": {},
    }
    for each in records:
        body["records"][each["kind"]] = body["records"].get(each["kind"], 0) + 1
    for table in records[0]["tables"]:
        rows = [line for line, each in zip(kept, records, strict=True) if each.get("table") == table]
        body["tables"][table] = {"rows": len(rows), "sha256": hashlib.sha256(b"".join(rows)).hexdigest()}
    object_ = signed_text.signed("export", body, key.key_id, key.sign)
    return b"".join(kept) + line_of({"kind": "seal", "object": object_})


def tampered(records: list[Record]) -> list[Record]:
    """The records, with the lifting of an order told three days earlier."""
    made: list[Record] = json.loads(canonical(records))
    (lift,) = [each for each in made if each.get("action") == "order.lift"]
    lift["at"] -= 3 * 86_400.0
    return made


def by_receipt_key(data: bytes, checkpoint: SigningKey, receipt: SigningKey) -> Iterator[tuple[str, bytes]]:
    """What somebody makes who has the key for receipts alone, or has both: each with what it is."""
    records = tampered(unrotated(records_of(data), checkpoint))
    for what, changed in (
        ("", records),
        (", announced for checkpoints", _announced(records, receipt, "checkpoint", "")),
        (
            ", announced for checkpoints in the checkpoint alone",
            _announced(records, receipt, "checkpoint", "e"),
        ),
        (", not announced", _announced(records, receipt, "", "")),
        (", announced for receipts at the end alone", _late(records, receipt)),
    ):
        yield f"all by the receipt key{what}", forged(changed, lambda _: receipt)
    newest = [each for each in records if each["kind"] == "checkpoint"][-1]
    yield (
        "the seal by the receipt key",
        forged(records, lambda each: receipt if each["kind"] == "seal" else checkpoint),
    )
    yield (
        "the newest checkpoint and the seal by it",
        forged(records, lambda each: receipt if each["kind"] == "seal" or each == newest else checkpoint),
    )


def by_replaced_key(data: bytes, old: SigningKey, new: SigningKey) -> Iterator[tuple[str, bytes]]:
    """What somebody makes who has a key that was rotated away, behind its rotation: by both keys the record
    is an honest one (see :func:`rotated`)."""
    records = rotated(unrotated(records_of(data), old), new)
    newest = [each for each in records if each["kind"] == "checkpoint"][-1]
    yield (
        "the seal",
        forged(records, lambda each: old if each["kind"] == "seal" else by(records, old, new)(each)),
    )
    yield (
        "the newest checkpoint and the seal",
        forged(
            records,
            lambda each: old if each["kind"] == "seal" or each == newest else by(records, old, new)(each),
        ),
    )


def without_salt(data: bytes, key: SigningKey) -> bytes:
    """What the operator makes who invents what stands before a checkpoint that somebody kept: entries as of
    before the salt, and under each checkpoint the true hash alone."""
    records = tampered(records_of(data))
    before = records[0]["after"]["hash"]
    for number, each in enumerate(records):
        under = number + 1 < len(records) and records[number + 1]["kind"] == "checkpoint"
        if each["kind"] == "withheld" or (each["kind"] == "entry" and under):
            each |= {"kind": "withheld", "content": ""}
            for name in (*_CONTENT, "salt"):
                each.pop(name, None)
        elif each["kind"] == "entry":
            each["salt"] = ""
            each["hash"] = _hash(each, before)
        before = each.get("hash", before)
    return sealed([line_of(each) for each in records if each["kind"] != "seal"], key)


def unrotated(records: list[Record], key: SigningKey) -> list[Record]:
    """The records, in which no key was rotated: ``key`` is there from the first checkpoint on."""
    made: list[Record] = json.loads(canonical(records))
    first = True
    for each in made:
        if each["kind"] == "checkpoint":
            body = each["object"]["body"]
            told = [one for one in body["keys"] if one["purpose"] != "checkpoint"]
            body["keys"] = [*told, _told(key, "made")] if first else told
            first = False
        if each.get("action") == "key.sign" and each["after"]["purpose"] == "checkpoint":
            each["after"] = {**each["after"], **_told(key, "made")}
    made[0]["keys"] = [{"key_id": key.key_id, "public_key": _told(key, "")["public_key"]}]
    return made


def rotated(records: list[Record], key: SigningKey) -> list[Record]:
    """The records, in which the second checkpoint announces another key."""
    made: list[Record] = json.loads(canonical(records))
    second = [each for each in made if each["kind"] == "checkpoint"][1]
    second["object"]["body"]["keys"].append(_told(key, "rotated"))
    made[0]["keys"].append({"key_id": key.key_id, "public_key": _told(key, "")["public_key"]})
    return made


def by(records: list[Record], old: SigningKey, new: SigningKey) -> Signer:
    """The signer of records in which the second checkpoint announces ``new``."""
    early = [each for each in records if each["kind"] == "checkpoint"][:2]
    return lambda each: old if each in early else new


def _told(key: SigningKey, how: str) -> dict[str, str]:
    public = base64.b64encode(key.public_key).decode()
    return {"purpose": "checkpoint", "key_id": key.key_id, "public_key": public, "how": how}


def _announced(records: list[Record], key: SigningKey, purpose: str, keep: str) -> list[Record]:
    """The records, in which a key is announced for a purpose; for none where it is empty."""
    made: list[Record] = json.loads(canonical(records))
    for each in made:
        after: Any = each.get("after")
        if each.get("action") == "key.sign" and after["key_id"] == key.key_id and not keep:
            each["after"] = {**after, "purpose": purpose} if purpose else {**after, "key_id": "0" * 16}
        if each["kind"] == "checkpoint":
            body = each["object"]["body"]
            told = [{**one, "purpose": purpose or one["purpose"]} for one in body["keys"]]
            body["keys"] = [one for one in told if purpose or one["key_id"] != key.key_id]
    return made


def _late(records: list[Record], key: SigningKey) -> list[Record]:
    made = _announced(records, key, "checkpoint", "")
    (told,) = [
        each for each in made if each.get("action") == "key.sign" and each["after"]["key_id"] == key.key_id
    ]
    told["after"]["key_id"] = "0" * 16
    last = [each for each in made if each["kind"] == "entry" and each["action"] != "key.sign"][-1]
    last |= {"action": "key.sign", "after": {**told["after"], "key_id": key.key_id, "purpose": "receipt"}}
    return made
