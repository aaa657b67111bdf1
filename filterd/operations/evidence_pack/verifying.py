"""Verifies an evidence pack with nothing but itself and the operator's public keys: filterd's own program.

The second one, ``recompute-report.py``, stands in the pack, and shares no code with this one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

from filterd.audit.export_lines import ExportFormatError, ExportLine, record_of
from filterd.audit.export_lines import lines_of as export_lines
from filterd.audit.export_part import prove_lines
from filterd.audit.export_proof import ExportProof
from filterd.audit.pack_archive import PackArchive
from filterd.audit.pack_facts import PackFacts
from filterd.audit.record_check import RecordCheck, RecordComparison
from filterd.disk import signing_keys
from filterd.model import evidence_format, signed_text
from filterd.model.evidence_format import EVIDENCE, EvidenceFormatError
from filterd.model.report_record import RecordHead, ReportRecord
from filterd.model.signed_text import RECEIPT, STATEMENT, SignedObject
from filterd.operations.errors import OperationError
from filterd.operations.evidence_pack import record_files
from filterd.operations.reports import figures, forms
from filterd.operations.reports.measures import now_of
from filterd.operations.reports.shape import RangeReport
from filterd.operations.trail.verifying import public_keys

_LARGEST_KEYS = 1 << 20
MOST_FAULTS = 200


@dataclass(frozen=True, slots=True)
class VerifiedReport:
    """A report whose figures were computed again."""

    name: str
    figures: int
    differ: int


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

    def run(self, archive: PackArchive) -> PackProof:
        """Look at everything. Raises EvidenceFormatError, ``OSError``."""
        self._archive = archive
        manifest = archive.signed(evidence_format.MANIFEST)
        self._body = manifest.body
        archive.compare(evidence_format.files_of(self._body))
        self.proof.faults += archive.faults
        try:
            self._about()
            self._statements: dict[str, SignedObject] = {
                name: archive.signed(name) for name in archive.named(evidence_format.STATEMENTS, ".json")
            }
            record = self._record()
            self._trail(manifest, record)
            self._each_statement()
            self._receipts()
            self._pages()
            self._compare(record)
            self._reports(record)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            self.add(f"a file has not the form that it must have: {str(error)[:200]}")
        return self.proof

    def add(self, fault: str) -> None:
        if len(self.proof.faults) < MOST_FAULTS:
            self.proof.faults.append(fault)

    def _about(self) -> None:
        body, proof, scope = self._body, self.proof, self._body["scope"]
        proof.installation, proof.made_at = body["installation"], body["made_at"]
        proof.order, proof.first, proof.last = scope["order"], scope["from"], scope["to"]
        proof.files, proof.left_out = len(body["files"]), tuple(body["left_out"])

    def _record(self) -> ReportRecord:
        """The record of the pack. Raises EvidenceFormatError."""
        head = RecordHead(**_object(self._archive.read(evidence_format.HEAD)))
        tables = {}
        for each in fields(ReportRecord):
            if each.name != "head":
                name = f"{evidence_format.RECORD}{each.name}.jsonl"
                row = get_args(get_type_hints(ReportRecord)[each.name])[0]
                data = self._archive.read(name).splitlines(keepends=True)
                tables[each.name] = tuple(row(**_object(line)) for line in data)
        return ReportRecord(head, **tables)

    def _trail(self, manifest: SignedObject, record: ReportRecord) -> None:
        heads = {each.body["head"]["sequence"] for each in self._statements.values()}
        self._facts = PackFacts({record.head.audit_sequence, *heads})
        window = self._archive.window(evidence_format.EXPORT)
        found = prove_lines(window, self._trusted, self._facts.take)
        proof, self._keys, self._receipt_keys = found.proof, found.keys, found.receipt_keys
        self._facts.finish()
        for each in proof.faults:
            self.add(f"{evidence_format.EXPORT}: {each.what}: {each.fault}")
        self.proof.entries, self.proof.key_id = proof.sequence, manifest.key_id
        self._manifest(manifest, proof)

    def _manifest(self, manifest: SignedObject, proof: ExportProof) -> None:
        name, scope = evidence_format.MANIFEST, self._body["scope"]
        if manifest.key_id != proof.key_id:
            self.add(f"{name}: another key signed it than the export's seal")
        elif not self._holds(EVIDENCE, manifest):
            self.add(f"{name}: its signature does not hold")
        end = {"sequence": proof.sequence, "hash": proof.hash}
        if (self._body["installation"], self._body["trail"]) != (proof.installation, end):
            self.add(f"{name}: it is of another installation, or of another end of the trail")
        first = self._archive.window(evidence_format.EXPORT)
        head = record_of(next(iter(export_lines(first))))
        if head["order"] != scope["order"] or not head["tables"]:
            self.add(f"{evidence_format.EXPORT}: it is of another order, or not whole")

    def _holds(self, kind: str, found: SignedObject, keys: Mapping[str, bytes] | None = None) -> bool:
        key = (self._keys if keys is None else keys).get(found.key_id, b"")
        data = signed_text.signed_bytes(kind, found.body)
        return bool(key) and signing_keys.signature_holds(key, found.signature, data)

    def _each_statement(self) -> None:
        for name, found in self._statements.items():
            day, head = _stem(name), found.body["head"]
            if not self._holds(STATEMENT, found):
                self.add(f"{name}: its signature does not hold, or its key is not vouched for")
            told = self._facts.statements.get(day)
            digest = signed_text.digest(self._archive.read(name).decode())
            same = told is not None and told.after["digest"] == digest
            if found.body["day"] != day or not (same or self.proof.order):
                self.add(f"{name}: it is not the one that the trail tells of")
            if self._facts.hashes.get(head["sequence"]) != head["hash"]:
                self.add(f"{name}: it is of another trail")
        self.proof.statements = len(self._statements)

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
            found = self._archive.signed(name)
            if not self._holds(RECEIPT, found, keys):
                self.add(f"{name}: its signature does not hold, or the trail does not announce its key")
            if signed_text.digest(self._archive.read(name).decode()) not in self._facts.receipts:
                self.add(f"{name}: the trail does not tell of it")
            if found.body["order"]["reference"] != _stem(name):
                self.add(f"{name}: it is of another order")
        self.proof.receipts = len(names)

    def _pages(self) -> None:
        if evidence_format.PAGES not in self._archive.files:
            return
        for line in self._archive.read(evidence_format.PAGES).splitlines(keepends=True):
            row = _object(line)
            if self._facts.pages.get(str(row["number"])) != {each: row[each] for each in ("digest", "facts")}:
                self.add(f"{evidence_format.PAGES}: the trail has another record {row['number']}")

    def _compare(self, record: ReportRecord) -> None:
        until = datetime.fromtimestamp(now_of(record.head), ZoneInfo(record.head.zone)).date().isoformat()
        bodies = {_stem(name): each.body for name, each in self._statements.items()}
        check = RecordCheck(record, self._facts, bodies, until)
        found: RecordComparison = check.run(whole=not self.proof.order)
        for each in found.faults:
            self.add(each)
        if record.head.installation != self._body["installation"]:
            self.add(f"{evidence_format.HEAD}: it is of another installation")
        self.proof.proven, self.proof.signed = dict(found.proven), dict(found.signed)

    def _reports(self, record: ReportRecord) -> None:
        if not self.proof.order and self._archive.read(evidence_format.DIGESTS) != record_files.digests(
            record
        ):
            self.add(f"{evidence_format.DIGESTS}: it is not what follows from the record")
        for name in self._archive.named(evidence_format.REPORTS, ".json"):
            report = json.loads(self._archive.read(name))
            told = report["figures"]
            made = figures.REPORTS[report["kind"]](record)
            computed = made.figures()
            differ = [
                each
                for each in sorted(told.keys() | computed.keys())
                if each not in told or each not in computed or told[each] != computed[each]
            ]
            for each in differ:
                self.add(f"{name}: {each} is {told.get(each)!r}, and {computed.get(each)!r} as computed")
            self._shown(name, made, differ=bool(differ))
            self.proof.reports.append(VerifiedReport(name, len(told), len(differ)))

    def _shown(self, name: str, made: RangeReport, *, differ: bool) -> None:
        """Compare what a report shows for machines: its sections, and its CSV."""
        table = f"{name.removesuffix('.json')}.csv"
        if not differ and self._archive.read(name) != forms.as_json(made):
            self.add(f"{name}: it shows something else than its figures")
        if self._archive.read(table) != forms.as_csv(made):
            self.add(f"{table}: it is not what follows from the record")


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".json")


def _block(text: str) -> bytes:
    return (text[text.index("-----BEGIN") :] + "-----END PUBLIC KEY-----\n").encode()


def _object(line: bytes) -> dict[str, Any]:
    """The object of a line of JSON. Raises EvidenceFormatError."""
    try:
        return record_of(ExportLine(0, 0, "", line))
    except ExportFormatError as error:
        msg = f"a row of the record is not in its form: {error}"
        raise EvidenceFormatError(msg) from error
