"""Evidence is of its time and of the present holder, and nothing of the holder before is told to the next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.subscriber import MOST_FAILURES, AskerRole, RequestEvidence
from filterd.operations import (
    authorisations,
    consent,
    consent_history,
    consent_proof,
    erasure,
    shared_evidence,
    snapshots,
    subscribers,
    view_codes,
)
from filterd.operations.backup import backup
from filterd.operations.consent import ContractEvent
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, NotAllowedError
from filterd.operations.feeds import updating
from filterd.operations.importing import import_file
from filterd.store import notices
from filterd.store.engine import database_path
from filterd.store.ledger import AUTHORISATION_END, ENDED, EVIDENCE_REJECTION, SECURITY_LEFT
from filterd.store.notices import NoticeFilter
from tests.worlds.backups import filled, put_back
from tests.worlds.installation import NOW, Installation

EVIDENCE = RequestEvidence("the holder", "phone", NOW - 60, "2026-11", "T-1")


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as opened:
        await subscribers.add(opened, "S-1")
        yield opened


def later(installation: Installation, seconds: float) -> None:
    installation.now += seconds


async def kinds_told(context: Context, subscriber: str) -> list[str]:
    async with context.store.read() as connection:
        found = await notices.page(connection, NoticeFilter(subscriber=subscriber), limit=100)
    return [each.kind for each in found]


@pytest.mark.parametrize("end", ["opt_out", ContractEvent.TRANSFERRED, ContractEvent.MOVED])
async def test_consent_that_ended_does_not_come_back_by_the_words_of_before(
    context: Context, installation: Installation, end: str
) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    later(installation, 3600)
    if end == "opt_out":
        await subscribers.opt_out(context, "S-1")
    else:
        await consent.end(context, "S-1", ContractEvent(end), reference="C-1")
    later(installation, 3600)
    with pytest.raises(ConflictError, match="older than the end of the consent"):
        await subscribers.opt_in(context, "S-1", "child", replace(EVIDENCE, reference="T-2"))
    with pytest.raises(ConflictError, match="the reference is that of a request before"):
        await subscribers.opt_in(
            context, "S-1", "child", replace(EVIDENCE, at=installation.now, reference="t-1")
        )
    fresh = replace(EVIDENCE, at=installation.now, reference="T-2")
    assert (await subscribers.opt_in(context, "S-1", "child", fresh)).choices.opted_in


async def test_a_line_that_is_in_may_give_its_evidence_again(context: Context) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    assert (await subscribers.opt_in(context, "S-1", "teen", EVIDENCE)).choices.profile == "teen"


async def test_what_the_holder_before_was_to_be_told_is_told_to_nobody(
    context: Context, installation: Installation
) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    await subscribers.deny(context, "S-1", "own.example")
    assert await kinds_told(context, "S-1") == ["opt_in", "own_names"]
    await consent.end(context, "S-1", ContractEvent.TRANSFERRED, reference="C-1")
    assert await kinds_told(context, "S-1") == ["transferred"]


async def test_events_that_change_nothing_tell_nobody(context: Context) -> None:
    for event in (ContractEvent.ADDED, ContractEvent.SUSPENDED, ContractEvent.REACTIVATED):
        await consent.end(context, "S-1", event, reference="C-1")
    await consent.end(context, "S-1", ContractEvent.TRANSFERRED, reference="C-2")
    assert await kinds_told(context, "S-1") == []


async def test_a_code_ends_with_the_contract(context: Context) -> None:
    made = await view_codes.issue(context, "S-1")
    await consent.end(context, "S-1", ContractEvent.MOVED, reference="C-1")
    await subscribers.deny(context, "S-1", "new.example")
    with pytest.raises(NotAllowedError):
        await view_codes.view(context, "S-1", made.code)


async def test_events_of_a_contract_are_no_requests(context: Context) -> None:
    await updating.update(context)
    await snapshots.build(context)
    await consent.end(context, "S-1", ContractEvent.ADDED, reference="C-1")
    proof = await consent_proof.prove(context, "S-1")
    assert (proof.requests, proof.never_asked) == (0, True)
    (found,) = (await consent_history.record(context, "S-1")).requests
    assert found.of_contract


async def test_the_export_begins_with_the_present_holder(
    context: Context, installation: Installation
) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    await consent.end(context, "S-1", ContractEvent.TRANSFERRED, reference="C-1")
    held = await erasure.export(context, "S-1")
    assert held["requests"] == held["notices"] == held["authorisations"] == []


@pytest.mark.ring("merge")
async def test_a_leave_and_a_lock_stay_after_a_restore(installation: Installation, tmp_path: Path) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        brother = await authorisations.add(context, "home", "brother", reference="A-1", channel="phone")
        saved = tmp_path / "later"
        await backup(context, saved)
        await subscribers.leave_security(context, "home")
        wrong = brother.credential[:-4] + ("AAAA" if brother.credential[-4:] != "AAAA" else "BBBB")
        asked = replace(EVIDENCE, role=AskerRole.AUTHORISED)
        for _ in range(MOST_FAILURES):
            with pytest.raises(NotAllowedError):
                await authorisations.proven(context, "home", asked, wrong)
    done = await put_back(installation, saved)
    assert {SECURITY_LEFT: 1, AUTHORISATION_END: 1}.items() <= done.ended_again.items()
    assert made.exists()
    async with installation.open() as again:
        assert (await subscribers.show(again, "home")).choices.security_left
        with pytest.raises(NotAllowedError):
            await authorisations.proven(again, "home", asked, brother.credential)


@pytest.mark.ring("merge")
async def test_a_rejection_of_shared_evidence_stays_after_a_restore(
    installation: Installation, tmp_path: Path
) -> None:
    await filled(installation, tmp_path)
    file = tmp_path / "rows.csv"
    file.write_text("subscriber,profile\nA,child\nB,child\n")
    async with installation.open() as context:
        kept = await import_file(context, file, evidence=EVIDENCE, shared="old contracts")
        saved = tmp_path / "later"
        await backup(context, saved)
        await shared_evidence.reject(context, kept.shared, reason="the form is forged")
    done = await put_back(installation, saved)
    assert done.ended_again[EVIDENCE_REJECTION] == 1
    async with installation.open() as again:
        (found,) = await shared_evidence.list_shared(again)
        assert (found.evidence.state, found.waiting) == ("rejected", 0)


@pytest.mark.parametrize("cut", [True, False])
async def test_a_ledger_that_lost_endings_is_noticed_by_a_restore(
    installation: Installation, tmp_path: Path, cut: bool
) -> None:
    made = await filled(installation, tmp_path)
    async with installation.open() as context:
        await subscribers.opt_out(context, "home")
        ended = context.store.ledger.directory / ENDED
    if cut:
        ended.write_bytes(ended.read_bytes()[:-10])
    else:
        ended.unlink()
    path = database_path(installation.url)
    path.rename(tmp_path / "store")
    with pytest.raises(OperationError, match="endings are missing"):
        await put_back(installation, made)
    (tmp_path / "store").rename(path)
    assert (await put_back(installation, made)).ended_again == {"opt_out": 1}, "the store has it"


async def test_support_sees_nothing_of_the_holder_before(
    context: Context, installation: Installation
) -> None:
    await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
    await authorisations.add(context, "S-1", "brother", reference="A-1", channel="phone")
    await consent.end(context, "S-1", ContractEvent.TRANSFERRED, reference="C-1")
    later(installation, 3600)
    fresh = replace(EVIDENCE, who="the next one", at=installation.now, reference="T-2")
    await subscribers.opt_in(context, "S-1", "teen", fresh)
    whole = await consent_history.record(context, "S-1")
    shown = consent_history.of_present_holder(whole)
    assert [each.evidence.who for each in shown.requests] == ["the next one"]
    assert [each.action for each in shown.changes] == ["opt_in"]
    assert (len(whole.authorisations), shown.authorisations) == (1, ())
