"""Findings on signatures: keys damaged or replaced, checkpoints that disagree, anchors that fail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.signing_settings import AnchorKind, AnchorSettings
from filterd.config.value_types import Seconds
from filterd.operations import subscribers
from filterd.operations.doctor import signed
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding
from filterd.operations.publishing import publish
from filterd.operations.signing import Purpose, file_of
from filterd.operations.trail import anchors, checkpoints, figures, statements
from filterd.store import noted_checkpoint
from tests.worlds.findings import ids, values
from tests.worlds.installation import Installation
from tests.worlds.trail import record, tamper


def look(case: Case, *found: AnchorSettings) -> list[Finding]:
    """The findings with these anchors, on a thread beside the loop of the test."""
    settings = replace(case.settings, signing=replace(case.settings.signing, anchors=found))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: list(signed.check(replace(case, settings=settings)))).result()


def kept(tmp_path: Path) -> AnchorSettings:
    """A file."""
    return AnchorSettings(
        "worm", AnchorKind.FILE, tmp_path / "heads", "", None, None, None, Seconds(0), Seconds(9)
    )


@pytest.mark.ring("merge")
async def test_a_sound_installation_with_an_anchor_has_none(
    built: Case, installation: Installation, tmp_path: Path
) -> None:
    async with installation.open("control") as context:
        await checkpoints.make(context)
    assert look(built, kept(tmp_path)) == []
    assert ids(look(built)) == ["signed.no_anchor"]


async def test_a_key_that_was_replaced_is_told_until_it_is_accepted(
    built: Case, installation: Installation, tmp_path: Path
) -> None:
    path = file_of(installation.settings, Purpose.CHECKPOINT)
    async with installation.open("control") as context:
        await checkpoints.make(context)
        path.write_text("damaged")
        assert ids(look(built, kept(tmp_path))) == ["signed.key_damaged"]
        assert path.read_text() == "damaged", "doctor changes nothing"
        made = await checkpoints.make(context)
    assert made is not None
    found = look(built, kept(tmp_path))
    assert values(found, "signed.key_replaced") == {"key": made.key_id, "purpose": "checkpoint"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE signing_key SET accepted_at = 5 WHERE key_id = ?",
        "UPDATE signing_key SET how = 'rotated' WHERE key_id = ?",
    ],
)
async def test_a_key_that_a_hand_has_accepted_in_the_store_is_told(
    built: Case, installation: Installation, tmp_path: Path, change: str
) -> None:
    path = file_of(installation.settings, Purpose.CHECKPOINT)
    async with installation.open("control") as context:
        await checkpoints.make(context)
        path.unlink()
        made = await checkpoints.make(context)
        assert made is not None
        tamper(installation, change, made.key_id)
        assert (await figures.look(context)).unexplained == {made.key_id}
    found = look(built, kept(tmp_path))
    assert values(found, "signed.key_altered")["key"] == made.key_id


async def test_the_key_of_published_lists_is_missed_and_closed(
    built: Case, installation: Installation, tmp_path: Path
) -> None:
    path = file_of(installation.settings, Purpose.LIST)
    async with installation.open("control") as context:
        await publish.publish(context, ("adult-starter",), out=tmp_path / "out")
        await checkpoints.make(context)
    assert look(built, kept(tmp_path)) == []
    path.chmod(0o640)
    found = look(built, kept(tmp_path))
    assert values(found, "signed.key_open") == {"path": str(path), "mode": "0640"}
    assert path.stat().st_mode & 0o777 == 0o640, "doctor changes nothing"
    path.write_text("damaged")
    assert "signed.list_key_unusable" in ids(look(built, kept(tmp_path)))
    path.unlink()
    assert ids(look(built, kept(tmp_path))) == ["signed.list_key_missing"]


async def test_a_record_of_the_last_checkpoint_that_cannot_be_read_is_named_with_what_makes_it_anew(
    built: Case, installation: Installation, tmp_path: Path
) -> None:
    """Doctor said to restore an older store, which did not end it."""
    async with installation.open("control") as context:
        assert await checkpoints.make(context) is not None
        path = noted_checkpoint.path_of(context.store.ledger)
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    found = look(built, kept(tmp_path))
    assert "signed.disagrees" not in ids(found)
    assert values(found, "signed.record_damaged") == {"path": str(path)}
    path.unlink()
    async with installation.open("control") as context:
        await subscribers.add(context, "another")
        assert await checkpoints.make(context) is not None
    assert path.exists()
    assert "signed.record_damaged" not in ids(look(built, kept(tmp_path)))


async def test_a_trail_that_was_altered_is_told(
    built: Case, installation: Installation, tmp_path: Path
) -> None:
    async with installation.open("control") as context:
        made = await checkpoints.make(context)
    assert made is not None
    tamper(installation, "UPDATE audit SET hash = ? WHERE sequence = ?", "f" * 64, made.audit_sequence)
    assert "signed.disagrees" in ids(look(built, kept(tmp_path)))


async def test_what_is_late_is_told(built: Case, installation: Installation, tmp_path: Path) -> None:
    async with installation.open("control") as context:
        await statements.make(context)
        await record(context)
    installation.now += 3 * 86_400
    assert ids(look(built, kept(tmp_path))) == ["signed.late", "signed.statement_late"]


async def test_what_a_clock_that_was_ahead_signed_is_late(
    built: Case, installation: Installation, tmp_path: Path
) -> None:
    async with installation.open("control") as context:
        installation.now += 400 * 86_400
        await statements.make(context)
        await record(context)
    installation.now -= 400 * 86_400
    assert ids(look(built, kept(tmp_path))) == ["signed.late", "signed.statement_late"]


async def test_anchors_that_fail_and_countersignatures_that_are_due(
    built: Case, installation: Installation, tmp_path: Path
) -> None:
    missing = replace(kept(tmp_path), path=tmp_path / "none" / "heads")
    regulator = replace(
        kept(tmp_path), id="crt", kind=AnchorKind.COUNTERSIGN, path=None, key=tmp_path / "pub"
    )
    async with installation.open("control") as context:
        await checkpoints.make(context)
        for _ in range(signed.FAILS):
            await anchors.deliver(context, missing)
    found = look(built, missing, regulator)
    assert ids(found) == ["signed.anchor_fails", "signed.countersignature_due"]
    assert values(found, "signed.anchor_fails")["reason"] == "No such file or directory"
