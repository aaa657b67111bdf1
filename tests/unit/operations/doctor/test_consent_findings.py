"""Findings about consent: texts that are not what was shown, and evidence that is not of one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.subscriber import RequestEvidence
from filterd.operations import subscribers
from filterd.operations.doctor import consent
from filterd.operations.doctor.case import Case
from filterd.operations.importing import import_file
from tests.unit.operations.doctor.test_store import look
from tests.worlds.findings import ids, values
from tests.worlds.installation import Installation

TEXT = "since: 2026-11-01\ntext: {es: ¿Quieres encender el filtro?, en: Do you want to turn the filter on?}\n"
EVIDENCE = RequestEvidence("the holder", "phone", 1_793_600_000.0, "2026-11", "T-1")


@pytest.fixture
def text(installation: Installation) -> Path:
    """The file of a text of consent."""
    installation.write_policy("consent/2026-11.yaml", TEXT)
    return installation.base / "policies" / "consent" / "2026-11.yaml"


async def test_a_text_that_is_not_what_was_shown(case: Case, installation: Installation, text: Path) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "S-1")
        await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    assert ids(look(consent.check, case)) == []
    text.write_text(TEXT.replace("encender", "prender"))
    found = look(consent.check, case)
    assert ids(found) == ["consent.text"]
    assert values(found, "consent.text")["version"] == "2026-11"
    text.unlink()
    assert ids(look(consent.check, case)) == ["consent.text"]
    text.write_text(TEXT)
    assert ids(look(consent.check, case)) == []


async def test_evidence_that_is_not_of_one_line(
    case: Case, installation: Installation, text: Path, tmp_path: Path
) -> None:
    file = tmp_path / "lines.csv"
    file.write_text("subscriber,profile\nA,child\nB,child\n")
    async with installation.open() as context:
        for line in ("S-1", "S-2"):
            await subscribers.add(context, line)
            await subscribers.opt_in(context, line, "child", EVIDENCE)
        memo = replace(EVIDENCE, reference="memo 1")
        await import_file(context, file, evidence=memo, shared="one memo")
    found = look(consent.check, case)
    assert ids(found) == ["consent.waiting", "consent.repeated"]
    assert values(found, "consent.waiting") == values(found, "consent.repeated") == {"count": 2}
