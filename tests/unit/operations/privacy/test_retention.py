"""Data past its term is deleted, from the store's file too; other data stays; and both are proved."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from filterd.model.subscriber import RequestEvidence
from filterd.model.token import TokenRole
from filterd.operations import audit, subscribers, tokens
from filterd.operations.backup import backup
from filterd.operations.consent import ContractEvent, end
from filterd.operations.context import Context, OperationError
from filterd.operations.privacy import retention
from filterd.operations.privacy.made_backups import NOTE
from filterd.operations.tokens import TokenRequest
from filterd.store.free_pages import residue
from tests.worlds.backups import put_back
from tests.worlds.installation import NOW, Installation

DAY = 86_400.0
YEARS_5 = 1825 * DAY


def evidence(who: str, at: float) -> RequestEvidence:
    """A request by this person."""
    return RequestEvidence(who, "shop", at, "2026-11", f"T-{who}")


async def who_asked(context: Context, subscriber: str) -> list[str]:
    """The people whose requests are still on record."""
    async with context.store.read() as connection:
        from filterd.operations import lines
        from filterd.store import subscribers as rows

        found = await lines.require(connection, subscriber)
        return [each.who for _, each in await rows.requests(connection, found.line)]


@pytest.mark.ring("night")
async def test_evidence_goes_when_its_consent_ended_long_ago_and_not_before(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        for line in ("stays", "left", "again"):
            await subscribers.add(context, line)
            await subscribers.opt_in(context, line, "child", evidence(f"first-{line}", NOW))
        installation.now = NOW + 2000 * DAY  # the consent of all three is older than the term
        assert (await retention.run(context)).deleted["consent"] == 0, "none of them has ended"
        await subscribers.opt_out(context, "left")
        await end(context, "again", ContractEvent.TRANSFERRED, reference="C-2")
        await subscribers.opt_in(context, "again", "teen", evidence("second", installation.now))
        installation.now += YEARS_5 - DAY
        assert (await retention.run(context)).deleted["consent"] == 0
        installation.now += 2 * DAY
        done = await retention.run(context)
        assert done.deleted["consent"] == 3, "the two requests, and the end that is on record as one"
        assert await who_asked(context, "left") == []
        assert await who_asked(context, "again") == ["second"]
        assert await who_asked(context, "stays") == ["first-stays"]


async def test_what_was_deleted_stands_nowhere_in_the_file(installation: Installation) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "home")
        await subscribers.opt_in(context, "home", "child", evidence("Zacarias Quijote", NOW))
        await subscribers.deny(context, "home", "zq-private.example")
        await subscribers.remove(context, "home", "zq-private.example")
        await subscribers.opt_out(context, "home")
        assert b"Zacarias" in everywhere(installation.base)
        installation.now += YEARS_5 + DAY
        await retention.run(context)
        proof = await retention.prove(context)
        assert proof.holds
        assert proof.last_run_at == installation.now
    assert b"Zacarias" not in everywhere(installation.base)
    assert b"zq-private" not in everywhere(installation.base), "nor in the log of changes"


def everywhere(base: Path) -> bytes:
    """The bytes of every file of an installation."""
    return b"".join(path.read_bytes() for path in base.rglob("*") if path.is_file())


@pytest.mark.ring("night")
async def test_a_proof_fails_while_something_is_due_or_pages_are_not_blank(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        for number in range(300):
            await subscribers.add(context, f"line-{number}")
            await subscribers.opt_in(context, f"line-{number}", "child", evidence("w" * 200, NOW))
        installation.now += 40 * DAY
        proof = await retention.prove(context)
        assert not proof.holds
        assert [each.id for each in proof.states if each.due] == ["changes"]
        await retention.run(context)
        assert (await retention.prove(context)).holds
    with closing(sqlite3.connect(installation.database)) as raw:
        raw.execute("PRAGMA secure_delete=OFF")
        raw.execute("DELETE FROM request")
        raw.commit()
    async with installation.open() as context:
        proof = await retention.prove(context)
        assert proof.residue.not_blank > 0
        assert not proof.holds
    assert residue(installation.database).free_pages >= proof.residue.not_blank


@pytest.mark.ring("night")
async def test_stale_numbers_of_pages_are_no_data(installation: Installation, tmp_path: Path) -> None:
    """A trunk page of the free ones keeps the numbers of pages that were taken from it."""
    async with installation.open() as context:
        for number in range(150):
            await subscribers.add(context, f"line-{number}")
            await subscribers.opt_in(context, f"line-{number}", "child", evidence("w" * 200, NOW))
        for number in range(150):
            await subscribers.opt_out(context, f"line-{number}")
        installation.now += YEARS_5 + DAY
        assert (await retention.run(context)).deleted["consent"] == 150
        await backup(context, tmp_path / "copy")
    await put_back(installation, tmp_path / "copy")
    async with installation.open() as context:
        for number in range(20):
            await subscribers.add(context, f"new-{number}")
        await retention.run(context)
        proof = await retention.prove(context)
    stale, page, size = trunk_page(installation.database)
    assert stale, "the case is there: numbers stand behind the count"
    assert proof.holds
    with installation.database.open("r+b") as file:
        file.seek(page * size - 8)
        file.write(b"zacarias")
    assert residue(installation.database).not_blank == 1, "letters are no number of a page of this file"


def trunk_page(path: Path) -> tuple[bytes, int, int]:
    """The bytes behind the count of a store's first trunk page, the page's number, and the size of one."""
    data = path.read_bytes()
    size = int.from_bytes(data[16:18], "big")
    page = int.from_bytes(data[32:36], "big")
    trunk = data[(page - 1) * size : page * size]
    return trunk[8 + 4 * int.from_bytes(trunk[4:8], "big") :].strip(b"\0"), page, size


async def test_old_changes_go_and_nodes_read_the_full_state(installation: Installation) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "home")
        installation.now += 31 * DAY
        await subscribers.add(context, "shop")
        done = await retention.run(context)
        assert done.deleted["changes"] == 1
        async with context.store.read() as connection:
            from filterd.store import change_log

            assert await change_log.floor(connection) == 1
        assert (await audit.verify(context)).holds


async def test_tokens_go_a_year_after_they_ended(installation: Installation) -> None:
    async with installation.open() as context:
        for name in ("billing", "counter"):
            await tokens.add(context, TokenRequest(name, TokenRole.PROVISIONING, system=True))
        await tokens.revoke(context, "billing", reason="leaked")
        installation.now += 366 * DAY  # the other one expired after 90 days
        assert (await retention.run(context)).deleted["tokens"] == 1
        assert [each.name for each in await tokens.list_tokens(context)] == ["counter"]


async def test_backups_go_but_never_the_newest(installation: Installation, tmp_path: Path) -> None:
    places = [tmp_path / f"backup-{number}" for number in range(3)]
    async with installation.open() as context:
        await subscribers.add(context, "home")
        for place in places:
            await backup(context, place)
            installation.now += DAY
        places[1].rename(tmp_path / "moved")
        installation.now += 40 * DAY
        done = await retention.run(context)
        assert done.deleted["backups"] == 1
        assert not places[0].exists()
        assert (tmp_path / "moved").exists(), "what was moved is not ours to find"
        assert places[2].exists()
        state = {each.id: each for each in done.states}["backups"]
        assert (state.rows, state.due) == (1, 0)


@pytest.mark.ring("night")
async def test_a_backup_that_cannot_be_deleted_is_told(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        for name in ("old", "new"):
            await backup(context, tmp_path / name)
            installation.now += DAY
        installation.now += 40 * DAY

        def refuse(_path: str) -> None:
            raise PermissionError(13, "Permission denied")

        with monkeypatch.context() as held:
            held.setattr("shutil.rmtree", refuse)
            done = await retention.run(context)
        assert done.kept == (f"{tmp_path / 'old'}: Permission denied",)
        assert (await retention.overdue(context))["backups"] == 1
        assert (await retention.run(context)).deleted["backups"] == 1
        assert set((await retention.overdue(context)).values()) == {0}


async def test_what_was_set_aside_goes(installation: Installation) -> None:
    aside = installation.settings.state_dir / "nodes.damaged-1"
    aside.mkdir(parents=True)
    (aside / "lines").write_bytes(b"x")
    lost = installation.database.with_name("filterd.db.damaged-1700000000")
    lost.write_bytes(b"x")
    async with installation.open() as context:
        assert (await retention.run(context)).deleted["aside"] == 2  # the clock stands in 2027
    assert not aside.exists()
    assert not lost.exists()


async def test_a_run_is_on_record_with_counts_and_nothing_personal(installation: Installation) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "home")
        await subscribers.opt_in(context, "home", "child", evidence("Zacarias", NOW))
        await retention.run(context)
        entry = (await audit.tail(context, 1))[0].entry
    assert (entry.action, entry.subject) == ("retention.run", "retention")
    assert entry.after is not None
    assert entry.after["deleted"]["consent"] == 0
    assert entry.after["remaining"]["consent"] == 1
    assert entry.after["oldest"]["changes"] == int(NOW)


@pytest.mark.ring("night")
@pytest.mark.parametrize("damage", [b"[{", b"\xff\xfe", b'[{"directory": 1}]'])
async def test_a_damaged_note_of_backups_proves_nothing(
    installation: Installation, tmp_path: Path, damage: bytes
) -> None:
    async with installation.open() as context:
        note = context.settings.state_dir / NOTE
        note.write_bytes(damage)
        for act in (retention.run, retention.prove, retention.show):
            with pytest.raises(OperationError, match="not known which backups there are"):
                await act(context)
        with pytest.raises(OperationError, match="not known which backups there are"):
            await backup(context, tmp_path / "another")
        assert not (tmp_path / "another").exists()
        assert note.read_bytes() == damage
