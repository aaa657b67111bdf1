"""A whole list: absence unblocks, guards hold, nothing fails open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.policies import load_policies
from filterd.model.due_item import DueKind
from filterd.model.register import ItemAct, ItemAnswer, ItemReason, RunOrigin, RunState
from filterd.operations.backup import backup
from filterd.operations.context import Context
from filterd.operations.duty import due
from filterd.operations.errors import ConflictError
from filterd.operations.feeds import updating
from filterd.operations.registers import list_files, lists, saying, showing, taking
from filterd.operations.registers.below import kept_back
from filterd.operations.registers.capacity import capacity
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.handed import Handed, TakenDocument
from tests.worlds.backups import put_back
from tests.worlds.installation import Installation

SHIPPED = Path(__file__).parents[4] / "policies"
NAMESPACE = "http://www.hazard.mf.gov.pl/2017/03/21/"


def register_xml(names: Iterable[str], removed: str = "", at: str = "2027-01-15T08:00:00") -> bytes:
    """Poland's register with these names; with ``removed`` each was removed then."""
    gone = f"<DataWykreslenia>{removed}</DataWykreslenia>" if removed else ""
    rows = "".join(
        f'<PozycjaRejestru Lp="{number}"><AdresDomeny>{name}</AdresDomeny>'
        f"<DataWpisu>{at}</DataWpisu>{gone}</PozycjaRejestru>\n"
        for number, name in enumerate(names, start=1)
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<Rejestr xmlns="{NAMESPACE}">\n{rows}</Rejestr>'.encode()


async def pull(context: Context, *names: str) -> TakenDocument:
    """Take the whole register in."""
    return await taking.take(context, "pl", Handed(register_xml(names), RunOrigin.PULL))


def with_room(context: Context, names: int) -> Context:
    """The same with room for so many names."""
    registers = tuple(
        replace(each, capacity=replace(each.capacity, names=names)) for each in context.settings.registers
    )
    return replace(context, settings=replace(context.settings, registers=registers))


async def blocked(context: Context) -> set[str]:
    """The names in force."""
    return await list_files.in_force(context, require_register(context, "pl"))


@pytest.mark.ring("night")
async def test_absence_unblocks_and_each_entry_is_answered(polish: Context) -> None:
    first = await pull(polish, "a.example", "b.example", "portal.example", "com", "bad name")
    assert [(each.value, each.reason) for each in first.items] == [
        ("a.example", None),
        ("b.example", None),
        ("portal.example", ItemReason.PROTECTED),
        ("com", ItemReason.NOT_EXECUTABLE),
        ("bad name", ItemReason.MALFORMED),
    ]
    assert first.run.answered_at == polish.clock()
    assert await blocked(polish) == {"a.example", "b.example"}
    assert (await pull(polish, "a.example", "b.example", "portal.example", "com", "bad name")).repeated
    second = await pull(polish, "b.example", "c.example", "portal.example")
    assert [(each.act, each.value, each.answer) for each in second.items] == [
        (ItemAct.BLOCK, "c.example", ItemAnswer.PROCESSED),
        (ItemAct.UNBLOCK, "a.example", ItemAnswer.PROCESSED),
    ]
    assert await blocked(polish) == {"b.example", "c.example"}
    third = await pull(polish, "a.example", "b.example", "portal.example", "com", "bad name")
    assert not third.repeated  # it came before, and not last
    assert await blocked(polish) == {"a.example", "b.example"}


async def test_what_people_decide_on_is_not_taken_by_a_machine_at_any_depth(
    polish: Context, installation: Installation
) -> None:
    first = await pull(polish, "a.example", "mail.popular.example", "www.portal.example", "sub.help.example")
    refused = {each.value: each.reason for each in first.items if each.reason is not None}
    assert refused == {
        "mail.popular.example": ItemReason.PROTECTED,  # as of documents
        "www.portal.example": ItemReason.PROTECTED,  # nodes would answer it all the same
    }
    assert await blocked(polish) == {"a.example", "sub.help.example"}, "help.example is protected alone"
    installation.write_policy("expected.yaml", "{}\n")
    again = await pull(polish, "a.example", "mail.popular.example", "www.portal.example", "sub.help.example")
    assert not again.repeated, "it is popular no more"
    installation.write_policy("expected.yaml", "popular.example: [gambling]\n")
    await pull(polish, "a.example", "mail.popular.example", "b.example", "sub.help.example")
    assert await blocked(polish) == {"a.example", "b.example", "mail.popular.example", "sub.help.example"}


@pytest.mark.ring("night")
def test_what_is_shipped_keeps_the_parts_of_popular_sites_and_none_of_their_customers() -> None:
    parts = {
        "drive.usercontent.google.com",
        "docs.google.com",
        "web.whatsapp.com",
        "www.sat.gob.mx",
        "app.imss.gob.mx",
    }
    others = {"casino.blogspot.com", "bets.github.io", "d1.cloudfront.net", "google.com", "bets.example"}
    assert kept_back(parts | others, load_policies(SHIPPED)).keys() == parts, "the feed keeps google.com"


@pytest.mark.ring("night")
async def test_many_removals_are_held_until_a_person_confirms(polish: Context) -> None:
    names = [f"n{number}.example" for number in range(5)]
    await pull(polish, *names)
    held = await pull(polish, "n0.example", "new.example")
    assert (held.run.state, held.waiting) == (RunState.HELD, 4)
    assert "4 removals" in held.run.problem
    assert await blocked(polish) == {*names, "new.example"}
    (waits,) = [each for each in (await due.everything(polish)).items if each.kind is DueKind.LIST_HELD]
    assert (waits.reference, waits.note) == ("pl", held.run.problem)
    assert waits.command.startswith("filterd register accept pl ")
    assert waits.due_at <= held.run.received_at + 86_400
    later = await pull(polish, "n0.example", "n1.example", "new.example")  # n1 is there again
    assert (later.run.state, later.items) == (RunState.HELD, ())
    assert await blocked(polish) == {*names, "new.example"}
    register = require_register(polish, "pl")
    assert await lists.accept_removals(polish, register, reason="the ministry confirmed") == 3
    assert await blocked(polish) == {"n0.example", "n1.example", "new.example"}
    assert not (await due.everything(polish)).counts["list_held"]
    with pytest.raises(ConflictError, match="nothing of the register pl is held"):
        await lists.accept_removals(polish, register, reason="again")


@pytest.mark.ring("night")
async def test_a_removal_that_is_told_by_name_does_not_wait_with_those_that_are_held(polish: Context) -> None:
    names = [f"n{number}.example" for number in range(12)]
    await pull(polish, *names)
    held = await pull(polish, *names[:1], *names[5:])
    assert (held.run.state, held.waiting) == (RunState.HELD, 4)
    gone = register_xml(["n1.example"], removed="2027-01-15T08:30:00")
    taken = await taking.take(polish, "pl", Handed(gone, RunOrigin.PUSH))
    assert [(each.value, each.answer) for each in taken.items] == [("n1.example", ItemAnswer.PROCESSED)]
    assert await blocked(polish) == {*names} - {"n1.example"}
    _, items = await showing.show_run(polish, held.run.number)
    assert [each.value for each in items if each.answer is None] == ["n2.example", "n3.example", "n4.example"]
    many = register_xml(names[2:5], removed="2027-01-15T08:31:00")
    taken = await taking.take(polish, "pl", Handed(many, RunOrigin.PUSH))
    assert (taken.run.state, taken.waiting) == (RunState.HELD, 3), "too many at once wait"
    register = require_register(polish, "pl")
    assert await lists.accept_removals(polish, register, reason="the ministry confirmed") == 6
    assert await blocked(polish) == {*names[:1], *names[5:]}
    assert all(
        each.answer is ItemAnswer.PROCESSED for each in (await showing.show_run(polish, taken.run.number))[1]
    )


async def test_empty_and_broken_lists_change_nothing(polish: Context) -> None:
    await pull(polish, "a.example")
    for content in (register_xml(()), register_xml(["b.example"])[:-20], b"", b"<html></html>"):
        with pytest.raises((ConflictError, taking.UnreadableDocumentError)):
            await taking.take(polish, "pl", Handed(content, RunOrigin.PULL))
    assert await blocked(polish) == {"a.example"}


async def test_a_push_tells_changes_alone(polish: Context) -> None:
    await pull(polish, "a.example", "b.example")
    await taking.take(polish, "pl", Handed(register_xml(["c.example"]), RunOrigin.PUSH))
    assert await blocked(polish) == {"a.example", "b.example", "c.example"}
    gone = register_xml(["a.example"], removed="2027-01-15T08:30:00")
    taken = await taking.take(polish, "pl", Handed(gone, RunOrigin.PUSH))
    assert taken.removed == 1
    assert await blocked(polish) == {"b.example", "c.example"}


async def test_a_lost_list_file_unblocks_nothing(polish: Context) -> None:
    await pull(polish, "a.example", "b.example")
    list_files.list_file(polish.settings, "pl").unlink()
    await taking.take(polish, "pl", Handed(register_xml(["c.example"]), RunOrigin.PUSH))
    assert await blocked(polish) == {"a.example", "b.example", "c.example"}


@pytest.mark.ring("night")
async def test_the_same_list_is_judged_anew_where_it_may_change_something(polish: Context) -> None:
    names = [f"n{number}.example" for number in range(4)]
    small, whole = (with_room(polish, most) for most in (2, 100))
    first = await pull(small, *names)
    assert first.refused == {"over_capacity": 2}
    assert (await pull(small, *names)).repeated, "there is no room still"
    again = await pull(whole, *names)
    assert (again.repeated, again.added) == (False, 2)
    assert await blocked(polish) == set(names)
    assert (await pull(whole, *names)).repeated


async def test_what_is_protected_no_more_is_blocked_with_the_same_list(
    polish: Context, installation: Installation
) -> None:
    assert (await pull(polish, "a.example", "portal.example")).refused == {"protected": 1}
    assert (await pull(polish, "a.example", "portal.example")).repeated
    before = (installation.base / "policies" / "protected.yaml").read_text("utf-8")
    installation.write_policy("protected.yaml", before.replace("portal.example", "other.example"))
    again = await pull(polish, "a.example", "portal.example")
    assert [(each.value, each.answer) for each in again.items] == [("portal.example", ItemAnswer.PROCESSED)]
    assert await blocked(polish) == {"a.example", "portal.example"}
    assert (await pull(polish, "a.example", "portal.example")).repeated


async def test_a_list_file_that_was_cut_unblocks_nothing_and_is_written_anew(polish: Context) -> None:
    await pull(polish, "a.example", "b.example", "c.example")
    file = list_files.list_file(polish.settings, "pl")
    file.write_text("a.example\n")
    (update,) = await updating.update(polish, ["pl-list"])
    assert update.outcome == "failed"
    assert "filterd register retry pl" in update.problem
    assert await blocked(polish) == {"a.example", "b.example", "c.example"}
    assert (await pull(polish, "a.example", "b.example", "c.example")).repeated
    await showing.retry_open(polish, "pl")
    assert file.read_text("ascii") == "a.example\nb.example\nc.example\n"
    (update,) = await updating.update(polish, ["pl-list"])
    assert update.outcome == "unchanged"


@pytest.mark.ring("merge")
async def test_a_list_that_a_restore_took_back_is_in_force_as_its_newest_document_says(
    polish: Context, installation: Installation, tmp_path: Path
) -> None:
    await pull(polish, "a.example", "b.example", "c.example")
    await backup(polish, tmp_path / "backup")
    await pull(polish, "a.example", "c.example")
    assert await blocked(polish) == {"a.example", "c.example"}
    done = await put_back(installation, tmp_path / "backup")
    assert any("pl-list" in each for each in done.remarks), "in doubt they stay blocked, and it is told"
    async with installation.open("ana") as context:
        await pull(context, "a.example", "b.example", "c.example")  # listed again, the bytes of before
        assert await blocked(context) == {"a.example", "b.example", "c.example"}
        await pull(context, "a.example", "c.example")
        assert await blocked(context) == {"a.example", "c.example"}


def row_xml(*rows: tuple[str, str, str, str]) -> bytes:
    """Poland's register with these rows of ``Lp``, name, entry and removal."""
    text = "".join(
        f'<PozycjaRejestru Lp="{place}"><AdresDomeny>{name}</AdresDomeny><DataWpisu>{entered}</DataWpisu>'
        + (f"<DataWykreslenia>{removed}</DataWykreslenia>" if removed else "")
        + "</PozycjaRejestru>"
        for place, name, entered, removed in rows
    )
    return f'<Rejestr xmlns="{NAMESPACE}">{text}</Rejestr>'.encode()


async def push(context: Context, *rows: tuple[str, str, str, str]) -> TakenDocument:
    """Push these rows."""
    return await taking.take(context, "pl", Handed(row_xml(*rows), RunOrigin.PUSH))


@pytest.mark.ring("night")
async def test_what_is_older_or_came_before_unblocks_nothing(polish: Context) -> None:
    await pull(polish, "other.example")
    removed = ("20", "n20.example", "2026-01-02", "2026-03-01")
    await push(polish, ("20", "n20.example", "2026-01-02", ""))
    assert (await push(polish, removed)).removed == 1
    await push(polish, ("9", "n20.example", "2026-06-01", ""))
    assert (await push(polish, removed)).repeated
    late = await push(polish, removed, ("21", "more.example", "2026-07-01", ""))  # other bytes, the same row
    assert [(e.value, e.answer, e.detail) for e in late.items if e.act is ItemAct.UNBLOCK] == [
        ("n20.example", ItemAnswer.UNPROCESSED, saying.OLDER)
    ]
    assert await blocked(polish) == {"other.example", "n20.example", "more.example"}
    assert (await push(polish, ("9", "n20.example", "2026-06-01", "2026-06-02"))).removed == 1
    old = await push(polish, ("9", "n20.example", "2026-01-03", ""))
    assert [each.detail for each in old.items] == [saying.OLDER]
    both = [("1", "n15.example", "2020-01-01", "2021-01-01"), ("2", "n15.example", "2026-01-01", "")]
    for rows in (both, [("3", "z.example", "2026-01-01", ""), *both[::-1]]):
        assert (await push(polish, *rows)).removed == 0
        assert "n15.example" in await blocked(polish)


async def test_a_name_that_is_written_is_not_absent(polish: Context) -> None:
    good = ("1", "a.example", "2026-01-01", ""), ("2", "b.example", "2026-01-01", "")
    await taking.take(polish, "pl", Handed(row_xml(*good), RunOrigin.PULL))
    for rows in (
        (("1", "a.example", "not-a-date", ""), good[1]),
        (good[1], ("2", "a.example", "2026-01-01", "")),
        (("1", "a.example", "2026-01-01", "never"), good[1]),
        (("1", "", "2026-01-01", ""), good[1]),  # whose name is missing is not known
    ):
        taken = await taking.take(polish, "pl", Handed(row_xml(*rows), RunOrigin.PULL))
        assert taken.refused == {"malformed": 1}
        assert await blocked(polish) == {"a.example", "b.example"}
    assert taken.run.state is RunState.HELD
    assert "1 rows cannot be read" in taken.run.problem


async def test_a_removal_to_come_waits_for_its_time(installation: Installation, polish: Context) -> None:
    ahead = [("1", "a.example", "2026-01-01", "2099-01-01"), ("2", "b.example", "2026-01-01", "2099-01-01")]
    taken = await taking.take(polish, "pl", Handed(row_xml(*ahead), RunOrigin.PULL))
    noted = [each for each in taken.items if each.act is ItemAct.UNBLOCK]
    assert [(each.done_at, each.detail) for each in noted] == [(0.0, lists.AHEAD)] * 2
    await push(polish, ("2", "b.example", "2026-06-01", ""))  # it was entered again
    await showing.retry_open(polish, "pl")
    assert await blocked(polish) == {"a.example", "b.example"}
    installation.now = 4_080_000_000
    await showing.retry_open(polish, "pl")
    assert await blocked(polish) == {"b.example"}
    await showing.retry_open(polish, "pl")
    assert len(await showing.list_runs(polish, "pl")) == 3, "it is done once"


async def test_a_document_that_two_hand_in_at_once_acts_once(polish: Context) -> None:
    await pull(polish, "a.example")
    one = ("1", "b.example", "2026-01-01", "")
    found = await asyncio.gather(push(polish, one), push(polish, one))
    assert sorted(each.repeated for each in found) == [False, True]


async def test_the_room_is_counted_with_one_connection_of_the_store(
    polish: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool has four: two held at once by each of four readers would stop them all."""
    context = with_room(polish, 100)
    await pull(context, "a.example")
    read, open_now, most = context.store.read, 0, 0

    @asynccontextmanager
    async def counted(**options: bool) -> AsyncIterator[AsyncConnection]:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            async with read(**options) as connection:
                yield connection
        finally:
            open_now -= 1

    monkeypatch.setattr(context.store, "read", counted)
    (use,) = await capacity(context)
    assert (use.used, most) == (1, 1)
