"""A restored backup brings back no consent, nobody's authority and no pending opt-in that ended after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.subscriber import AskerRole
from filterd.operations import authorisations, consent, shared_evidence, subscribers
from filterd.operations.backup import backup
from filterd.operations.consent import ContractEvent
from filterd.operations.errors import NotAllowedError
from filterd.operations.importing import import_file
from tests.worlds.backups import EVIDENCE, put_back
from tests.worlds.installation import Installation, as_person


@pytest.mark.ring("merge")
async def test_a_credential_that_was_revoked_after_the_backup_stays_so(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "S-1")
        made = await authorisations.add(context, "S-1", "her brother", reference="call 9")
        await backup(context, tmp_path / "backup")
        await authorisations.revoke(context, "S-1", made.authorisation.reference_text, reason="asked")
    done = await put_back(installation, tmp_path / "backup")
    assert done.ended_again == {"authorisation": 1}
    async with installation.open() as context:
        evidence = replace(EVIDENCE, role=AskerRole.AUTHORISED)
        with pytest.raises(NotAllowedError):
            await subscribers.opt_in(context, "S-1", "child", evidence, credential=made.credential)


@pytest.mark.ring("merge")
@pytest.mark.parametrize("event", [each for each in ContractEvent if each.ends_consent])
async def test_a_contract_that_ended_after_the_backup_leaves_nothing(
    event: ContractEvent, installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        for line in ("S-1", "S-2"):
            await subscribers.add(context, line)
            await subscribers.deny(context, line, "unwanted.example")
            await authorisations.add(context, line, "her brother", reference="call 9")
        await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
        await backup(context, tmp_path / "backup")
        for line in ("S-1", "S-2"):
            await consent.end(context, line, event, reference="C-1")
    done = await put_back(installation, tmp_path / "backup")
    assert (done.ended_again["contract"], done.ended_again["authorisation"]) == (2, 2)
    async with installation.open() as context:
        for line in ("S-1", "S-2"):
            found = await subscribers.show(context, line)
            assert (found.choices.opted_in, found.choices.own_names) == (False, ())
            _, asked = await consent.requests(context, line)
            assert asked[-1].kind == consent.ENDED_AGAIN


@pytest.mark.ring("merge")
async def test_a_line_that_said_no_is_not_opted_in_by_what_waits_in_the_backup(
    installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "lines.csv"
    file.write_text("subscriber,profile\nA,child\nB,child\n")
    async with installation.open() as context:
        kept = await import_file(context, file, evidence=EVIDENCE, shared="one memo")
        await backup(context, tmp_path / "backup")
        await subscribers.opt_out(context, "A")
    await put_back(installation, tmp_path / "backup")
    async with installation.open() as context:
        done = await shared_evidence.approve(as_person(context, "bob"), kept.shared)
        assert done.opted_in == 1
        assert not (await subscribers.show(context, "A")).choices.opted_in
