"""Verifies an evidence pack with nothing but itself and the operator's public keys: filterd's own program.

The second one, ``recompute-report.py``, stands in the pack, and shares no code with this one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

from filterd.audit.export_lines import ExportFormatError, ExportLine, record_of
from filterd.audit.export_lines import lines_of as export_lines
from filterd.audit.export_part import prove_lines
from filterd.audit.export_proof import ExportProof
from filterd.audit.pack_archive import LARGEST_SIGNED, PackArchive
from filterd.audit.pack_facts import PackFacts
from filterd.audit.pack_guard import UNREADABLE, guarded
from filterd.audit.record_check import RecordCheck, RecordComparison
from filterd.disk import signing_keys
from filterd.model import evidence_format, signed_text
from filterd.model.evidence_format import EVIDENCE, EvidenceFormatError
from filterd.model.report_record import RecordHead, ReportRecord
from filterd.model.signed_text import RECEIPT, STATEMENT, SignedObject
from filterd.operations.errors import OperationError
from filterd.operations.evidence_pack import bounds
from filterd.operations.evidence_pack.shown import ReportCheck, VerifiedReport
from filterd.operations.reports.measures import now_of
from filterd.operations.trail.verifying import public_keys

_LARGEST_KEYS = 1 << 20
MOST_FAULTS = 200
_OF_RANGES = (evidence_format.REPORTS, evidence_format.DIGESTS, evidence_format.PAGES)
"""what the pack of one order has not"""


@dataclass(slots=True)
class PackProof:
    """The result."""

    faults: list[str] = field(default_factory=list)
    installation: str = ""
    made_at: str = ""
    order: str = ""
    first: str = ""
    last: str = ""
    files: int = 0
    left_out: tuple[Mapping[str, str], ...] = ()
    key_id: str = ""
    entries: int = 0
    statements: int = 0
    receipts: int = 0
    proven: dict[str, int] = field(default_factory=dict)
    """table -> rows that the trail proves"""
    signed: dict[str, int] = field(default_factory=dict)
    """table -> rows for which the operator's signature alone stands"""
    reports: list[VerifiedReport] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """True if nothing was found."""
        return not self.faults


def verify(path: Path, keys: Path) -> PackProof:
    """Verify a pack by the public keys (PEM) of a file. Raises OperationError where one cannot be read."""
    try:
        trusted = public_keys(keys.read_bytes()[:_LARGEST_KEYS])
        with path.open("rb") as file:
            return _Verification(trusted).run(PackArchive(file))
    except OSError as error:
        message = f"{error.filename or path} cannot be read: {error.strerror}"
        raise OperationError(message, "give the path of a file that you can read") from error
    except EvidenceFormatError as error:
        return PackProof(faults=[str(error)])


class _Verification:
    def __init__(self, trusted: list[bytes]) -> None:
        self._trusted = trusted
        self.proof = PackProof()
        self._keys: dict[str, bytes] = {}
        self._statements: dict[str, Mapping[str, Any]] = {}
        """day -> body"""
        self._is_signed = False

    def run(self, archive: PackArchive) -> PackProof:
        """Look at everything. Raises EvidenceFormatError, ``OSError``."""
        self._archive = archive
        manifest = archive.signed(evidence_format.MANIFEST)
        self._body = manifest.body
        archive.compare(evidence_format.files_of(self._body))
        self.proof.faults += archive.faults
        self._step(evidence_format.MANIFEST, self._about)
        self._step(evidence_format.EXPORT, lambda: self._trail(manifest))
        if not self._is_signed:
            self.add("nothing else in it was looked at, since its manifest is not signed as it must be")
            return self.proof
        self._step(evidence_format.STATEMENTS, self._each_statement)
        self._step(evidence_format.RECEIPTS, self._receipts)
        self._step(evidence_format.PAGES, self._pages)
        self._step(evidence_format.RECORD, self._of_record)
        return self.proof

    def _step(self, name: str, check: Callable[[], None]) -> None:
        guarded(name, check, self.add)

    def _of_record(self) -> None:
        record = self._record()
        left_out = {each["name"] for each in self.proof.left_out}
        self._step(evidence_format.RECORD, lambda: self._compare(record, left_out))
        self._step(evidence_format.HEAD, lambda: self._bounds(record))
        if not self.proof.order:
            self.proof.reports = ReportCheck(self._archive, record, left_out, self.add).run()

    def _bounds(self, record: ReportRecord) -> None:
        for each in bounds.faults(self._body, record.head, self._archive.moment, self._facts.newest_before):
            self.add(each)

    def add(self, fault: str) -> None:
        if len(self.proof.faults) < MOST_FAULTS:
            self.proof.faults.append(fault)

    def _about(self) -> None:
        body, proof, scope = self._body, self.proof, self._body["scope"]
        proof.installation, proof.made_at = body["installation"], body["made_at"]
        proof.order, proof.first, proof.last = scope["order"], scope["from"], scope["to"]
        proof.files = len(body["files"])
        proof.left_out = tuple(
            {"name": str(each["name"]), "why": str(each["why"])} for each in body["left_out"]
        )
        for name in self._archive.files:
            if not evidence_format.is_known(name) or (scope["order"] and name.startswith(_OF_RANGES)):
                self.add(f"{name}: a pack has no such file, and no program verifies it")

    def _record(self) -> ReportRecord:
        """The record of the pack. Raises EvidenceFormatError."""
        head = RecordHead(**_object(evidence_format.HEAD, self._archive.read(evidence_format.HEAD)))
        tables = {}
        for each in fields(ReportRecord):
            if each.name != "head":
                name = f"{evidence_format.RECORD}{each.name}.jsonl"
                row = get_args(get_type_hints(ReportRecord)[each.name])[0]
                tables[each.name] = tuple(row(**_object(name, line)) for line in self._archive.lines(name))
        return ReportRecord(head, **tables)

    def _wanted(self) -> set[int]:
        """The sequences of the entries that statements and the record name."""
        found: set[int] = set()

        def take(name: str) -> None:
            body = _object(name, self._archive.read(name, LARGEST_SIGNED).rstrip(b"\n") + b"\n")
            told = body if name == evidence_format.HEAD else body["body"]["head"]
            found.add(int(told["audit_sequence" if name == evidence_format.HEAD else "sequence"]))

        for name in (evidence_format.HEAD, *self._archive.named(evidence_format.STATEMENTS, ".json")):
            guarded(name, partial(take, name), lambda _: None)  # its own check says so
        return found

    def _trail(self, manifest: SignedObject) -> None:
        made_at = 0.0
        with contextlib.suppress(*UNREADABLE):  # the record's own check says so
            made_at = bounds.made_at(self._body)
        self._facts = PackFacts(self._wanted(), made_at)
        window = self._archive.window(evidence_format.EXPORT)
        found = prove_lines(window, self._trusted, self._take)
        proof, self._keys, self._receipt_keys = found.proof, found.keys, found.receipt_keys
        for each in proof.faults:
            self.add(f"{evidence_format.EXPORT}: {each.what}: {each.fault}")
        self.proof.entries, self.proof.key_id = proof.sequence, manifest.key_id
        self._manifest(manifest, proof)
        self._facts.finish()

    def _take(self, record: dict[str, Any]) -> None:
        name = f"{evidence_format.EXPORT}: {str(record.get('sequence', record.get('subject')))[:99]}"
        self._step(name, lambda: self._facts.take(record))

    def _manifest(self, manifest: SignedObject, proof: ExportProof) -> None:
        name, scope = evidence_format.MANIFEST, self._body["scope"]
        if manifest.key_id != proof.key_id:
            self.add(f"{name}: another key signed it than the export's seal")
        elif not self._holds(EVIDENCE, manifest):
            self.add(f"{name}: its signature does not hold")
        else:
            self._is_signed = True
        end = {"sequence": proof.sequence, "hash": proof.hash}
        if (self._body["installation"], self._body["trail"]) != (proof.installation, end):
            self.add(f"{name}: it is of another installation, or of another end of the trail")
        first = self._archive.window(evidence_format.EXPORT)
        head = next((record_of(each) for each in export_lines(first)), {"order": None})
        if head["order"] != scope["order"] or not head["tables"]:
            self.add(f"{evidence_format.EXPORT}: it is of another order, or not whole")

    def _holds(self, kind: str, found: SignedObject, keys: Mapping[str, bytes] | None = None) -> bool:
        key = (self._keys if keys is None else keys).get(found.key_id, b"")
        data = signed_text.signed_bytes(kind, found.body)
        return bool(key) and signing_keys.signature_holds(key, found.signature, data)

    def _each_statement(self) -> None:
        for name in self._archive.named(evidence_format.STATEMENTS, ".json"):
            self._step(name, partial(self._statement, name))

    def _statement(self, name: str) -> None:
        found, day = self._archive.signed(name), _stem(name)
        self._statements[day] = found.body
        head, told = found.body["head"], self._facts.statements.get(day)
        if not self._holds(STATEMENT, found):
            self.add(f"{name}: its signature does not hold, or its key is not vouched for")
        digest = signed_text.digest(self._archive.read(name).decode())
        same = told is not None and told.after["digest"] == digest
        if found.body["day"] != day or not (same or self.proof.order):
            self.add(f"{name}: it is not the one that the trail tells of")
        if self._facts.hashes.get(head["sequence"]) != head["hash"]:
            self.add(f"{name}: it is of another trail")
        self.proof.statements += 1

    def _receipts(self) -> None:
        names = list(self._archive.named(evidence_format.RECEIPTS, ".json"))
        keys: dict[str, bytes] = {}
        if names:
            pem = self._archive.read(evidence_format.RECEIPT_KEYS).decode()
            blocks = pem.split("-----END PUBLIC KEY-----")[:-1]
            raws = [signing_keys.public_key_of(_block(each)) for each in blocks]
            every = {signed_text.key_id_of(each): each for each in raws}
            keys = {name: each for name, each in every.items() if name in self._receipt_keys}
        for name in names:
            self._step(name, partial(self._receipt, name, keys))
        self.proof.receipts = len(names)

    def _receipt(self, name: str, keys: Mapping[str, bytes]) -> None:
        found = self._archive.signed(name)
        if not self._holds(RECEIPT, found, keys):
            self.add(f"{name}: its signature does not hold, or the trail does not announce its key")
        if signed_text.digest(self._archive.read(name).decode()) not in self._facts.receipts:
            self.add(f"{name}: the trail does not tell of it")
        if found.body["order"]["reference"] != _stem(name):
            self.add(f"{name}: it is of another order")

    def _pages(self) -> None:
        if self.proof.order:
            return
        for line in self._archive.lines(evidence_format.PAGES):
            row = _object(evidence_format.PAGES, line)
            if self._facts.pages.get(str(row["number"])) != {each: row[each] for each in ("digest", "facts")}:
                self.add(f"{evidence_format.PAGES}: the trail has another record {row['number']}")

    def _compare(self, record: ReportRecord, left_out: set[str]) -> None:
        until = datetime.fromtimestamp(now_of(record.head), ZoneInfo(record.head.zone)).date().isoformat()
        deleted = f"{evidence_format.RECORD}list_periods.jsonl" in left_out
        check = RecordCheck(record, self._facts, self._statements, until, deleted)
        found: RecordComparison = check.run(whole=not self.proof.order)
        for each in found.faults:
            self.add(each)
        self.proof.proven, self.proof.signed = dict(found.proven), dict(found.signed)


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".json")


def _block(text: str) -> bytes:
    return (text[text.index("-----BEGIN") :] + "-----END PUBLIC KEY-----\n").encode()


def _object(name: str, line: bytes) -> dict[str, Any]:
    """The object of a line of JSON of a file. Raises EvidenceFormatError."""
    try:
        return record_of(ExportLine(0, 0, "", line))
    except ExportFormatError as error:
        msg = f"{name}: a line of it is not in its form: {error}"
        raise EvidenceFormatError(msg) from error
