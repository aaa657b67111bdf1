"""Proves an export of the audit trail: without a store, without settings, with nothing but the file and keys.

The file is read once, line by line. Every line that is not what it must be is a fault, with its place; the
walk goes on behind it, so that one fault does not hide the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterd.audit.export_earlier import Earlier
from filterd.audit.export_lines import (
    ExportFormatError,
    ExportLine,
    LineSource,
    lines_of,
    record_of,
    require_parts,
)
from filterd.audit.export_signatures import (
    AnchorCheck,
    CheckpointPlace,
    CheckpointWalk,
    raw_of,
    require_signed,
)
from filterd.audit.export_tables import TableWalk
from filterd.model import export_format
from filterd.model.audit_chain import GENESIS, AuditEntry, entry_hash, salted_hash
from filterd.model.export_format import SEAL, TABLES
from filterd.model.signed_text import RECEIPT, key_id_of

MOST_FAULTS = 100
KEY_CAME = "key.sign"
"""the action of the entries that announce keys"""
_HEADER: dict[str, type] = {
    "kind": str,
    "format": str,
    "made_at": str,
    "filterd": str,
    "installation": str,
    "after": dict,
    "sequence": int,
    "hash": str,
    "order": str,
    "keys": list,
    "tables": list,
}
_HEEDED = (export_format.ENTRY, export_format.WITHHELD, export_format.ROW)
_CONTENT: dict[str, type] = {
    "revision": int,
    "at": float,
    "actor": str,
    "action": str,
    "subject": str,
    "reason": str,
    "before": object,
    "after": object,
}
_ENTRY: dict[str, type] = {"kind": str, "sequence": int, "hash": str, "salt": str, **_CONTENT}
_WITHHELD: dict[str, type] = {"kind": str, "sequence": int, "hash": str, "content": str}
_SEAL: dict[str, type] = {
    "installation": str,
    "sequence": int,
    "hash": str,
    "bytes": int,
    "sha256": str,
    "records": dict,
    "tables": dict,
}


@dataclass(frozen=True, slots=True)
class ExportFault:
    """A line that is not what it must be."""

    line: int
    """from 1; 0: the file as a whole"""
    what: str
    """such as ``entry 17``"""
    fault: str


@dataclass(slots=True)
class ExportProof:
    """The result of a walk through an export."""

    faults: list[ExportFault] = field(default_factory=list)
    installation: str = ""
    made_at: str = ""
    entries: int = 0
    withheld: int = 0
    bare_links: int = 0
    """withheld entries of before the salt: their place in the chain rests on the next checkpoint alone"""
    sequence: int = 0
    hash: str = ""
    checkpoints: int = 0
    checkpoint: int = 0
    """the number of the newest one"""
    checkpoint_at: str = ""
    behind_checkpoint: int = 0
    """entries behind the newest one, which the operator's seal alone covers"""
    anchors: int = 0
    stamps_unchecked: int = 0
    lost: list[int] = field(default_factory=list)
    """numbers of checkpoints that a restore of the store lost, as it says itself"""
    replaced_keys: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    orders_not_shown: int = 0
    key_id: str = ""
    """of the key of the seal"""
    earlier: str = ""
    """what it was compared with"""

    @property
    def holds(self) -> bool:
        """True if nothing was found."""
        return not self.faults


def prove_export(
    path: Path,
    trusted: Iterable[bytes],
    earlier: Earlier | None = None,
    check_stamp: AnchorCheck | None = None,
) -> ExportProof:
    """Prove the export of a file. ``trusted``: raw public keys for checkpoints. Raises ``OSError``, and
    ExportFormatError where none of these keys, nor one that they vouch for, signed ``earlier``."""
    walk = ExportWalk(list(trusted), earlier, check_stamp)
    walk.read(path)
    if earlier is not None:
        _require_signature(earlier, walk.vouching)
    return walk.finish()


def _require_signature(earlier: Earlier, keys: dict[str, bytes]) -> None:
    if earlier.export is None:
        earlier.require_signature(keys)
        return
    walk = ExportWalk(list(keys.values()), None, None)
    walk.read(earlier.export)
    if not (walk.is_sealed and walk.is_vouched):
        msg = "its seal does not hold, or none of the keys has signed any of it"
        raise ExportFormatError(msg)


class ExportWalk:
    """Follows the lines of one export."""

    def __init__(self, trusted: list[bytes], earlier: Earlier | None, check: AnchorCheck | None) -> None:
        self.proof = ExportProof()
        self.line = 0
        self._trusted, self._earlier, self._check = trusted, earlier, check
        self._header: dict[str, Any] = {}
        self._signed = CheckpointWalk(trusted, {}, "")
        self._tables = TableWalk([], "")
        self._counts: Counter[str] = Counter()
        self._sequence, self._hash = 0, GENESIS
        self._salted = False
        self._rows_began = False
        self._sealed = False
        self.is_sealed = False
        """true once its seal was found to hold"""
        self.heed: Callable[[dict[str, Any]], None] | None = None  # takes entries and rows without a fault

    def read(self, path: Path) -> None:
        """Follow every line of a file. Raises ``OSError``."""
        with path.open("rb") as file:
            self.read_from(file)

    def read_from(self, file: LineSource) -> None:
        """Follow every line that it gives. Raises ``OSError``."""
        try:
            for line in lines_of(file):
                self.take(line)
                if len(self.proof.faults) >= MOST_FAULTS:
                    self.add("the file", "there are more faults; the rest was not looked at", 0)
                    break
        except ExportFormatError as error:
            self.add(f"line {self.line + 1}", str(error), self.line + 1)

    @property
    def vouching(self) -> dict[str, bytes]:
        """The keys that were given, and those that sign what they vouch for, by id."""
        given = {key_id_of(each): each for each in self._trusted}
        return {**given, **(self._signed.signers if self.is_vouched else {})}

    @property
    def receipt_keys(self) -> frozenset[str]:
        """The ids of the keys that are announced for receipts alone."""
        return self._signed.only_for(RECEIPT)

    @property
    def is_vouched(self) -> bool:
        """True if a key that was given has signed any of it."""
        seal_key = self._signed.keys.get(self.proof.key_id)
        return self._signed.is_trusted or (not self._signed.count and seal_key in self._trusted)

    def add(self, what: str, fault: str, line: int) -> None:
        """Add a fault."""
        self.proof.faults.append(ExportFault(line, what, fault))

    def take(self, line: ExportLine) -> None:
        """Follow one line."""
        self.line = line.number
        what = f"line {line.number}"
        try:
            record = record_of(line)
            what = _named(record, what)
            fault = self._fault(record, line)
            if self.heed is not None and not fault and record["kind"] in _HEEDED:
                self.heed(record)
        except ExportFormatError as error:
            fault = str(error)
        if fault:
            self.add(what, fault, line.number)

    def _fault(self, record: dict[str, Any], line: ExportLine) -> str:
        kind = record.get("kind")
        if self._sealed:
            return "it stands behind the seal"
        if (kind == export_format.HEADER) != (line.number == 1):
            return "the header must be the first line, and no other"
        if kind == export_format.SEALED:
            fault = self._seal(record, line)
            self.is_sealed = not fault
            return fault
        self._counts[str(kind)] += 1
        if kind == export_format.HEADER:
            return self._begin(record)
        if kind == export_format.ROW:
            self._rows_began = True
            return self._tables.take_row(record, line.data)
        return "it stands behind rows" if self._rows_began else self._of_trail(record)

    def _of_trail(self, record: dict[str, Any]) -> str:
        kind = record.get("kind")
        if kind == export_format.CHECKPOINT:
            return self._checkpoint(record)
        if kind == export_format.ANCHOR:
            return self._signed.take_anchor(record, self._check)
        if kind in (export_format.ENTRY, export_format.WITHHELD):
            return self._entry(record)
        if kind == export_format.DAMAGED:
            return self._damaged(record)
        return "it is a record of no known kind"

    def _begin(self, record: dict[str, Any]) -> str:
        require_parts(record, _HEADER)
        require_parts(record["after"], {"sequence": int, "hash": str})
        if record["format"] != export_format.FORMAT:
            return f"it is no export of the format {export_format.FORMAT}"
        known = {}
        for each in record["keys"]:
            require_parts(each, {"key_id": str, "public_key": str})
            raw = raw_of(each["public_key"], 32)
            known[key_id_of(raw)] = raw
        self._header = record
        self._signed = CheckpointWalk(self._trusted, known, record["installation"])
        self._tables = TableWalk(record["tables"], record["order"])
        self._sequence, self._hash = record["after"]["sequence"], record["after"]["hash"]
        self.proof.installation, self.proof.made_at = record["installation"], record["made_at"]
        return self._header_fault(record)

    def _header_fault(self, record: dict[str, Any]) -> str:
        whole = self._sequence == 0
        if self._sequence < 0:
            return "it begins before the first entry"
        if whole and self._hash != GENESIS:
            return "the trail does not begin at its beginning"
        tables = [each.name for each in TABLES if not record["order"] or each.name == "order"]
        if record["tables"] not in ([], tables) or (record["tables"] and not whole):
            return "it has not the tables that it must have"
        return ""

    def _checkpoint(self, record: dict[str, Any]) -> str:
        require_parts(record, {"kind": str, "object": dict})
        at_start = self._signed.last is None and self._counts[export_format.CHECKPOINT] == 1
        of_part = at_start and self._sequence == self._header.get("after", {}).get("sequence", 0) > 0
        fault = self._signed.take(record["object"], (self._sequence, self._hash), of_part)
        if not (self._salted or of_part):
            fault = fault or "the entry that it covers has no salt: nothing binds those before that one"
        if self._earlier is not None and self._signed.last is not None:
            fault = fault or self._earlier.checkpoint_fault(self._signed.last)
        return fault

    def _entry(self, record: dict[str, Any]) -> str:
        shown = record["kind"] == export_format.ENTRY
        require_parts(record, _ENTRY if shown else _WITHHELD)
        if self._sequence and self._signed.last is None and self._sequence == self._first > 0:
            self.add(_named(record, ""), "the part does not begin with a checkpoint", self.line)
        previous, fault = self._hash, ""
        if record["sequence"] != self._sequence + 1:
            fault = f"it does not follow entry {self._sequence}"
        fault = fault or self._hash_fault(record, previous, shown)
        self._sequence, self._hash = record["sequence"], record["hash"]
        self.proof.entries += 1
        if shown:
            self._tables.take_entry(record)
            self._take_key(record)
        if self._earlier is not None:
            fault = fault or self._earlier.entry_fault(self._sequence, self._hash)
        return fault

    def _take_key(self, record: dict[str, Any]) -> None:
        after = record["after"]
        if record["action"] == KEY_CAME and isinstance(after, dict):
            self._signed.announced(str(after.get("key_id")), str(after.get("purpose")))

    @property
    def _first(self) -> int:
        return int(self._header["after"]["sequence"]) if self._header else 0

    def _hash_fault(self, record: dict[str, Any], previous: str, shown: bool) -> str:
        if shown:
            entry = AuditEntry(**{name: record[name] for name in _CONTENT})
            expected, salted = entry_hash(previous, entry, record["salt"]), bool(record["salt"])
        elif record["content"]:
            self.proof.withheld += 1
            expected, salted = salted_hash(previous, record["content"]), True
        else:
            self.proof.withheld += 1
            self.proof.bare_links += 1
            expected, salted = record["hash"], False
        if not salted and (self._salted or self._signed.count):
            return "it has no salt, and stands behind a checkpoint or entries that have one"
        self._salted = self._salted or salted
        return "" if record["hash"] == expected else "its hash is not that of what stands before it and in it"

    def _damaged(self, record: dict[str, Any]) -> str:
        if type(record.get("sequence")) is int and isinstance(record.get("hash"), str):
            self._sequence, self._hash = record["sequence"], record["hash"]
            self.proof.entries += 1
        return f"filterd exported it as damaged: {str(record.get('fault', ''))[:200]}"

    def _seal(self, record: dict[str, Any], line: ExportLine) -> str:
        self._sealed = True
        require_parts(record, {"kind": str, "object": dict})
        body = require_signed(SEAL, record["object"], self._signed.keys)
        require_parts(body, _SEAL)
        self.proof.key_id = record["object"]["key_id"]
        end = (self._header.get("installation"), self._sequence, self._hash)
        if (body["bytes"], body["sha256"]) != (line.offset, line.digest):
            return "the bytes before it are not those that were sealed"
        if body["records"] != dict(self._counts):
            return "it tells of other records than stand here"
        if (body["installation"], body["sequence"], body["hash"]) != end:
            return "it tells of another end of the trail than stands here"
        if body["tables"] != {name: each.told for name, each in self._tables.digests.items()}:
            return "it tells of other tables than stand here"
        if self._signed.current and self.proof.key_id != self._signed.current:
            return f"the key {self.proof.key_id} signed it, and {self._signed.current} is in use"
        signers = [*self._signed.signers, self.proof.key_id]
        return next(filter(None, map(self._signed.purpose_fault, signers)), "")

    def finish(self) -> ExportProof:
        """Look at what is missing, and give the result."""
        if not self._sealed:
            self.add("the file", "its seal is missing: the file was cut", 0)
        if self._header and (self._sequence, self._hash) != (self._header["sequence"], self._header["hash"]):
            self.add("the trail", f"it ends at entry {self._sequence}, not as the header says", 0)
        for each in self._tables.missing()[:MOST_FAULTS]:
            self.add(each, "the trail tells of this row, and it is gone", 0)
        if not self.is_vouched:
            self.add("the file", "no key that was given has signed any of it", 0)
        if self._earlier is not None:
            fault = self._earlier.end_fault(self._sequence, self._first)
            if fault:
                self.add("the trail", fault, 0)
        return self._told()

    def _told(self) -> ExportProof:
        proof, signed = self.proof, self._signed
        last = signed.last or CheckpointPlace(0, self._first, "", "", "", "")
        proof.sequence, proof.hash = self._sequence, self._hash
        proof.checkpoints, proof.checkpoint, proof.checkpoint_at = signed.count, last.number, last.at
        proof.behind_checkpoint = self._sequence - last.sequence
        proof.anchors, proof.stamps_unchecked = signed.anchors, signed.stamps_unchecked
        proof.lost, proof.replaced_keys = signed.lost, signed.replaced
        proof.rows = {name: each.rows for name, each in self._tables.digests.items()}
        proof.orders_not_shown = self._tables.not_recomputed
        proof.earlier = "" if self._earlier is None else self._earlier.what
        return proof


def _named(record: dict[str, Any], otherwise: str) -> str:
    kind = record.get("kind")
    if kind in (export_format.ENTRY, export_format.WITHHELD, export_format.DAMAGED) and "sequence" in record:
        return f"entry {str(record['sequence'])[:20]}"
    if kind == export_format.ROW:
        return f"row {str(record.get('subject'))[:80]} of the table {str(record.get('table'))[:20]}"
    if kind == export_format.CHECKPOINT:
        body = record.get("object")
        body = body.get("body") if isinstance(body, dict) else None
        return f"checkpoint {str(body.get('number') if isinstance(body, dict) else '')[:20]}"
    return str(kind)[:20] if isinstance(kind, str) else otherwise
