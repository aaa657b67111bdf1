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
    pem = [await rotating.public_pem(context, each) for each in Purpose]
    keys.write_text("".join(pem))
    await _export(context, closed, keys)
    await _pack(context, closed, keys)
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


async def _pack(context: Context, closed: Closed, keys: Path) -> None:
    """The pack of the year, what both verifiers say of it, and its rows."""
    path = closed.folder / f"evidence-{YEAR}.tar"
    wanted = await scope.scope_of(context, "", FIRST.isoformat(), LAST.isoformat())
    await writing.write(context, path, wanted)
    proof = verifying.verify(path, keys)
    require(proof.holds, f"filterd finds faults in the pack: {proof.faults[:5]}")
    closed.said += [
        f"filterd evidence verify: {each.name}: {each.figures} figures, {each.differ} differ"
        for each in proof.reports
    ]
    unpacked = closed.folder / "unpacked"
    with tarfile.open(path) as archive:
        archive.extractall(unpacked, filter="data")
    said = _python(closed.folder, unpacked / RECOMPUTE, path.name, keys.name)
    closed.said += [f"{RECOMPUTE}: {each}" for each in said if "figures" in each or each == said[-1]]
    for each in sorted((unpacked / "record").glob("*.jsonl")):
        closed.record[each.stem] = [json.loads(line) for line in each.read_text().splitlines()]
    for name in ("compliance", "transparency"):
        packed = json.loads((unpacked / "reports" / f"{name}.json").read_text())["figures"]
        require(packed == closed.figures[name], f"the pack's {name} report is another one than the command's")


def _python(folder: Path, program: Path, *words: str) -> list[str]:
    """What a program says that is run by plain Python, without filterd. YearError where it finds anything."""
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
