"""The end of the year: reports in every form, the export of the trail, and an evidence pack.

All are verified, and every figure is computed again from the pack alone by a program that knows nothing of
filterd.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from filterd.operations.context import Context
from filterd.operations.evidence_pack import scope, verifying, writing
from filterd.operations.reports import making
from filterd.operations.reports.making import AskedReport
from filterd.operations.reports.ranges import AskedRange
from filterd.operations.signing import Purpose
from filterd.operations.trail import exporting, rotating
from filterd.operations.trail.exporting import ExportScope
from filterd.operations.trail.verifying import VERIFIER, prove
from filterd.web.published.reporting import giving
from filterd.web.published.reporting.giving import ReportForm, written
from tests.worlds.year.clock import FIRST, LAST, YEAR
from tests.worlds.year.diary import require

ASKED = {
    "compliance": AskedReport("compliance", AskedRange(year=YEAR)),
    "transparency": AskedReport("transparency", AskedRange(year=YEAR)),
    "lmtr-183-xii": AskedReport(range=AskedRange(year=YEAR), preset="lmtr-183-xii"),
    "half-year": AskedReport(range=AskedRange(half=f"{YEAR}-H2"), preset="half-year"),
    "categories": AskedReport(range=AskedRange(year=YEAR), preset="agcom"),
}
FORMS = (ReportForm.HTML, ReportForm.PDF, ReportForm.CSV, ReportForm.JSON)
RECOMPUTE = "recompute-report.py"


@dataclass
class Closed:
    """The files of the end, and what they say."""

    folder: Path
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    """report -> id -> value"""
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    record: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """the rows of the pack"""
    said: list[str] = field(default_factory=list)
    """the verdicts of the verifiers"""


async def close_year(context: Context, folder: Path, *, short: bool) -> Closed:
    """Write everything, and verify it. ``short``: without the forms that take long. Raises YearError."""
    folder.mkdir()
    closed = Closed(folder)
    await _reports(context, closed, FORMS[2:] if short else FORMS)
    keys = folder / "PUB.pem"
    pem = [await rotating.public_pem(context, each) for each in (Purpose.CHECKPOINT, Purpose.RECEIPT)]
    keys.write_text("".join(pem))
    await _export(context, closed, keys)
    closed.record = _rows(await _pack(context, closed, keys, YEARS, short=short))
    await _pack(context, closed, keys, HALF, short=True)
    return closed


async def _reports(context: Context, closed: Closed, forms: tuple[ReportForm, ...]) -> None:
    for name, asked in ASKED.items():
        report, preset = await making.make(context, asked)
        closed.figures[name], closed.warnings[name] = report.figures(), report.warnings
        for language in ("es", "en"):
            for form in forms:
                path = closed.folder / f"{name}.{language}.{form.value}"
                path.write_bytes(await written(context, report, form, language, preset))


async def _export(context: Context, closed: Closed, keys: Path) -> None:
    """The whole trail, and what both verifiers say of it."""
    path = closed.folder / "trail.export"
    await exporting.write(context, path, ExportScope())
    proof = prove(path, keys)
    require(proof.holds, f"filterd finds faults in the export: {proof.faults[:5]}")
    said = _python(closed.folder, VERIFIER, path.name, keys.name)
    closed.said += [
        f"filterd audit verify: {proof.entries} entries, no fault",
        f"{VERIFIER.name}: {said[-1]}",
    ]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A pack, and the reports of ours that it must have figure by figure."""

    name: str
    first: date
    last: date
    same: dict[str, str]
    """report of the pack -> report of ours"""


YEARS = _Wanted(str(YEAR), FIRST, LAST, {"compliance": "compliance", "transparency": "transparency"})
HALF = _Wanted(f"{YEAR}-H2", date(YEAR, 7, 1), LAST, {"transparency": "half-year"})


async def _pack(context: Context, closed: Closed, keys: Path, wanted: _Wanted, *, short: bool) -> Path:
    """A pack, and what both verifiers say of it; returns where it was unpacked."""
    path = closed.folder / f"evidence-{wanted.name}.tar"
    range_ = await scope.scope_of(context, "", wanted.first.isoformat(), wanted.last.isoformat())
    await writing.write(context, path, range_, sheet=None if short else giving.sheet, pdf=not short)
    proof = verifying.verify(path, keys)
    require(proof.holds, f"filterd finds faults in the pack: {proof.faults[:5]}")
    closed.said += [
        f"filterd evidence verify {path.name}: {each.name}: {each.figures} figures, {each.differ} differ"
        for each in proof.reports
    ]
    unpacked = closed.folder / f"unpacked-{wanted.name}"
    with tarfile.open(path) as archive:
        archive.extractall(unpacked, filter="data")
    said = _python(closed.folder, unpacked / RECOMPUTE, path.name, keys.name)
    closed.said += [
        f"{RECOMPUTE} {path.name}: {each}" for each in said if "figures" in each or each == said[-1]
    ]
    for name, ours in wanted.same.items():
        packed = json.loads((unpacked / "reports" / f"{name}.json").read_text())["figures"]
        require(packed == closed.figures[ours], f"{path.name} has other figures than our {ours} report")
    return unpacked


def _rows(unpacked: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of an unpacked pack, by table."""
    files = sorted((unpacked / "record").glob("*.jsonl"))
    return {each.stem: [json.loads(line) for line in each.read_text().splitlines()] for each in files}


def _python(folder: Path, program: Path, *words: str) -> list[str]:
    """The output of a program run by plain Python, without filterd. YearError where it finds anything."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(program), *words],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    require(done.returncode == 0, f"{program.name}: {(done.stdout + done.stderr)[-2_000:]}")
    return done.stdout.splitlines()
