"""Follows the signed checkpoints of an export: their numbers, links and keys, and what they cover."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from filterd.audit.export_lines import ExportFormatError, require_parts
from filterd.disk.signing_keys import signature_holds
from filterd.model import signed_text
from filterd.model.checkpoint import FIRST_PREVIOUS
from filterd.model.signed_text import CHECKPOINT

_BODY: dict[str, type] = {
    "installation": str,
    "number": int,
    "at": str,
    "sequence": int,
    "hash": str,
    "revision": int,
    "change_hash": str,
    "previous": str,
    "key_id": str,
    "keys": list,
}
_ANNOUNCED: dict[str, type] = {"purpose": str, "key_id": str, "public_key": str, "how": str}
_LOST: dict[str, type] = {"number": int, "sequence": int, "hash": str, "digest": str}
_ANCHOR: dict[str, type] = {
    "kind": str,
    "anchor": str,
    "type": str,
    "checkpoint": int,
    "digest": str,
    "told_at": int,
    "public_key": str,
    "proof": str,
}
AnchorCheck = Callable[[bytes, str], str]
"""whether a time stamp (DER) is one on a text: why not, or empty"""


@dataclass(frozen=True, slots=True)
class CheckpointPlace:
    """A checkpoint that was followed."""

    number: int
    sequence: int
    hash: str
    digest: str
    text: str
    at: str


def raw_of(text: object, size: int) -> bytes:
    """The bytes of canonical base64. Raises ExportFormatError for anything else, or another size."""
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        raw = b""
    if len(raw) != size or base64.b64encode(raw).decode() != text:
        msg = "a key or signature is not in base64"
        raise ExportFormatError(msg)
    return raw


def require_signed(kind: str, value: Any, keys: dict[str, bytes]) -> dict[str, Any]:
    """The body of a signed object. Raises ExportFormatError where no known key signed it."""
    require_parts(value, {"body": dict, "key_id": str, "signature": str})
    signature = raw_of(value["signature"], 64)
    public = keys.get(value["key_id"])
    if public is None:
        msg = f"the key {value['key_id'][:16]} that signed it is not known"
        raise ExportFormatError(msg)
    if not signature_holds(public, signature, signed_text.signed_bytes(kind, value["body"])):
        msg = "its signature is wrong"
        raise ExportFormatError(msg)
    body: dict[str, Any] = value["body"]
    return body


class CheckpointWalk:
    """Takes the checkpoints in their order. ``trusted``: the raw public keys that the verifier was given;
    ``known``: those that the export names, by id, which prove nothing by themselves."""

    def __init__(self, trusted: Iterable[bytes], known: dict[str, bytes], installation: str) -> None:
        self._trusted = frozenset(trusted)
        self.keys = {**known, **{signed_text.key_id_of(each): each for each in self._trusted}}
        self._installation = installation
        self.count = 0
        self.anchors = 0
        self.stamps_unchecked = 0
        self.last: CheckpointPlace | None = None
        self._purposes: dict[str, set[str]] = {}
        self.signers: dict[str, bytes] = {}
        """the keys that signed checkpoints, by id"""
        self.current = ""
        """the id of the key that has to sign the next one"""
        self.is_trusted = False
        """true once a given key has signed one"""
        self.replaced: list[str] = []
        self.lost: list[int] = []

    def take(self, value: Any, place: tuple[int, str], first_of_part: bool) -> str:
        """Follow one checkpoint, which covers the entry of ``place``; why it cannot be followed, or empty.
        ``first_of_part``: an export of a part begins with it."""
        body = require_signed(signed_text.CHECKPOINT, value, self.keys)
        require_parts(body, _BODY, {"lost": dict})
        text = signed_text.text_of(value)
        self.count += 1
        if first_of_part:  # what announced its key stands before the part
            self.announced(value["key_id"], CHECKPOINT)
        fault = self._link_fault(body, first_of_part) or self._place_fault(body, place, value)
        fault = fault or self._key_fault(body)
        self.is_trusted = self.is_trusted or self.keys[value["key_id"]] in self._trusted
        self.last = CheckpointPlace(
            body["number"], body["sequence"], body["hash"], signed_text.digest(text), text, body["at"]
        )
        return fault

    def announced(self, key_id: str, purpose: str) -> None:
        """Take in that the trail announces a key for a purpose, in an entry or a checkpoint."""
        self._purposes.setdefault(key_id, set()).add(purpose)

    def only_for(self, purpose: str) -> frozenset[str]:
        """The ids of the keys that the trail announces for this purpose, and for no other."""
        return frozenset(name for name, found in self._purposes.items() if found == {purpose})

    def purpose_fault(self, key_id: str) -> str:
        """Why a key may not sign checkpoints and seals, by what the trail says of it; empty where it may. A
        key serves one purpose: who has the one for receipts can sign no trail."""
        others = self._purposes.get(key_id, set()) - {CHECKPOINT}
        if others:
            return f"the trail announces the key {key_id} for another purpose: {min(others)[:20]}"
        if self.count and key_id not in self._purposes:
            return f"the trail does not announce the key {key_id} for checkpoints"
        return ""

    def _link_fault(self, body: dict[str, Any], first_of_part: bool) -> str:
        before, lost = (0, FIRST_PREVIOUS), body.get("lost")
        if self.last is not None:
            before = (self.last.number, self.last.digest)
        elif first_of_part:
            return ""
        if lost is not None:
            require_parts(lost, _LOST)
            self.lost.append(lost["number"])
            before = (max(before[0], lost["number"]), before[1])
        if body["number"] <= (0 if self.last is None else self.last.number):
            return "a checkpoint of this number stood before: a fork, or one that was put in again"
        if body["number"] != before[0] + 1:
            return f"checkpoints between {before[0]} and {body['number']} are missing"
        return "" if body["previous"] == before[1] else "it does not follow the checkpoint before it"

    def _place_fault(self, body: dict[str, Any], place: tuple[int, str], value: Any) -> str:
        if body["installation"] != self._installation:
            return "it is of another installation"
        if body["key_id"] != value["key_id"]:
            return "it names another key than the one that signed it"
        if body["sequence"] != place[0]:
            return f"it covers entry {body['sequence']}, and stands behind entry {place[0]}"
        return "" if body["hash"] == place[1] else f"it covers another entry {place[0]} than stands here"

    def _key_fault(self, body: dict[str, Any]) -> str:
        """Follow the keys: the one in use signs the checkpoint that announces the next."""
        fault, key = "", body["key_id"]
        announced = {}
        for each in body["keys"]:
            require_parts(each, _ANNOUNCED)
            raw = raw_of(each["public_key"], 32)
            if signed_text.key_id_of(raw) != each["key_id"]:
                return "it announces a key under the id of another"
            self.announced(each["key_id"], each["purpose"])
            if each["purpose"] == CHECKPOINT:
                announced[each["key_id"]] = (raw, each["how"])
        if self.current and key != self.current:
            self.replaced.append(key)
            if key in self.signers:
                fault = f"the key {key} signed it, which was replaced before"
            elif self.keys[key] not in self._trusted:
                fault = f"the key {key} took the place of {self.current}, which did not sign for it"
        fault = fault or self.purpose_fault(key)
        self.signers[key] = self.keys[key]
        self.current = key
        for identifier, (raw, how) in announced.items():
            self.keys[identifier] = raw
            if how == "rotated":
                self.current = identifier
        return fault

    def take_anchor(self, record: dict[str, Any], check: AnchorCheck | None) -> str:
        """Compare an anchor with the checkpoint before it; why it does not hold, or empty."""
        require_parts(record, _ANCHOR)
        self.anchors += 1
        if self.last is None or (record["checkpoint"], record["digest"]) != (
            self.last.number,
            self.last.digest,
        ):
            return "it is on another checkpoint than the one before it"
        if record["type"] == "countersign":
            public = raw_of(record["public_key"], 32)
            holds = signature_holds(public, raw_of(record["proof"], 64), self.last.text.encode())
            return "" if holds else "the countersignature is wrong"
        if record["type"] != "rfc3161":
            return "it is an anchor of no known kind"
        try:
            stamp = base64.b64decode(record["proof"], validate=True)
        except ValueError:
            return "its time stamp is not in base64"
        if check is None:
            self.stamps_unchecked += 1
            return ""
        return check(stamp, self.last.text)
