"""A whole list: absence unblocks, guards hold, nothing fails open."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from filterd.model.due_item import DueKind
from filterd.model.register import ItemAct, ItemAnswer, ItemReason, RunOrigin, RunState
from filterd.operations.context import Context
from filterd.operations.duty import due
from filterd.operations.errors import ConflictError
from filterd.operations.registers import list_files, lists, taking
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.handed import Handed, TakenDocument

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


async def blocked(context: Context) -> set[str]:
    """The names in force."""
    return await list_files.in_force(context, require_register(context, "pl"))


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
