"""Findings on data kept beyond its term, and requests whose term is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.arco import ArcoKind
from filterd.operations import subscribers
from filterd.operations.backup import backup
from filterd.operations.doctor import privacy
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding
from filterd.operations.privacy import arco, preservation
from filterd.operations.privacy.preservation import HoldDemand
from tests.meta.test_known_failures import ROOT
from tests.worlds.findings import ids, values
from tests.worlds.installation import NOW, Installation

DAY = 86_400.0
MEXICO = "jurisdictions/mx.yaml"


def look(case: Case, now: float) -> list[Finding]:
    """The findings at a time, on a thread beside the loop of the test."""
    later = replace(case, machine=replace(case.machine, clock=lambda: now))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: list(privacy.check(later))).result()


@pytest.mark.ring("merge")
async def test_what_is_overdue_is_found(built: Case, installation: Installation, tmp_path: Path) -> None:
    installation.write_policy(MEXICO, (ROOT / "policies" / MEXICO).read_text())
    async with installation.open() as context:
        await subscribers.add(context, "late-home")
        await arco.add(context, "late-home", ArcoKind.ACCESS, channel="letter", ticket="K-1")
        await backup(context, tmp_path / "copy")
    assert ids(look(built, NOW)) == []
    found = look(built, NOW + 40 * DAY)
    assert ids(found) == ["privacy.overdue", "privacy.arco", "privacy.backup"]
    assert values(found, "privacy.arco") == {"count": 1}
    assert "changes" in str(values(found, "privacy.overdue")["classes"])


@pytest.mark.ring("merge")
async def test_a_hold_is_found_before_it_ends_and_while_deletion_waits_for_it(
    built: Case, installation: Installation
) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "held-home")
        demand = HoldDemand("A", "O", "D", "G", "R", days=40, classes=("changes",))
        made = (await preservation.add(context, demand)).hold
    assert ids(look(built, NOW)) == []
    found = look(built, NOW + 35 * DAY)
    assert ids(found) == ["privacy.hold_ends", "privacy.held"]
    assert values(found, "privacy.hold_ends")["hold"] == made.reference
    assert "changes" in str(values(found, "privacy.held")["classes"])
    assert ids(look(built, NOW + 41 * DAY)) == ["privacy.overdue"]


@pytest.mark.ring("merge")
def test_a_store_that_cannot_be_read_is_left_to_its_own_check(built: Case) -> None:
    built.store.write_bytes(b"no database" * 500)
    assert look(built, NOW) == []
