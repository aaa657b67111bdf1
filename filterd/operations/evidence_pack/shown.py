"""Computes the reports of a pack again, and compares what each of their forms for machines shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial

from filterd.audit.pack_archive import PackArchive
from filterd.audit.pack_guard import guarded
from filterd.model import evidence_format
from filterd.model.report_record import ReportRecord
from filterd.operations.evidence_pack import record_files
from filterd.operations.reports import figures, forms


@dataclass(frozen=True, slots=True)
class VerifiedReport:
    """A report whose figures were computed again."""

    name: str
    figures: int
    differ: int


@dataclass(slots=True)
class ReportCheck:
    """The reports of one pack. ``left_out``: the files that it says it has not; ``add`` takes a fault."""

    archive: PackArchive
    record: ReportRecord
    left_out: Collection[str]
    add: Callable[[str], None]
    found: list[VerifiedReport] = field(default_factory=list)

    def run(self) -> list[VerifiedReport]:
        """Look at all, and at the table of digests."""
        self._guarded(evidence_format.DIGESTS, self._digests)
        for kind in sorted(figures.REPORTS):
            self._guarded(f"{evidence_format.REPORTS}{kind}.json", partial(self._json, kind))
            self._guarded(f"{evidence_format.REPORTS}{kind}.csv", partial(self._csv, kind))
        for name in self.archive.named(evidence_format.REPORTS, ""):
            stem, _, rest = name.removeprefix(evidence_format.REPORTS).partition(".")
            if stem not in figures.REPORTS or (rest.endswith(("json", "csv")) and "." in rest):
                self.add(f"{name}: no program verifies it")
        return self.found

    def _guarded(self, name: str, check: Callable[[], None]) -> None:
        if name not in self.archive.files and name in self.left_out:
            return
        guarded(name, check, self.add)

    def _digests(self) -> None:
        if self.archive.read(evidence_format.DIGESTS) != record_files.digests(self.record):
            self.add(f"{evidence_format.DIGESTS}: it is not what follows from the record")

    def _json(self, kind: str) -> None:
        name = f"{evidence_format.REPORTS}{kind}.json"
        data, made = self.archive.read(name), figures.REPORTS[kind](self.record)
        told, computed = json.loads(data)["figures"], made.figures()
        differ = [
            each
            for each in sorted(told.keys() | computed.keys())
            if each not in told or each not in computed or told[each] != computed[each]
        ]
        for each in differ:
            self.add(f"{name}: {each} is {told.get(each)!r}, and {computed.get(each)!r} as computed")
        if not differ and data != forms.as_json(made):
            self.add(f"{name}: it shows something else than its figures")
        self.found.append(VerifiedReport(name, len(told), len(differ)))

    def _csv(self, kind: str) -> None:
        name = f"{evidence_format.REPORTS}{kind}.csv"
        if self.archive.read(name) != forms.as_csv(figures.REPORTS[kind](self.record)):
            self.add(f"{name}: it is not what follows from the record")
