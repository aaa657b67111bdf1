"""A document becomes one order, once; each item has its answer."""

from __future__ import annotations

import asyncio
from dataclasses import fields

import pytest

from filterd.model.order import OrderState
from filterd.model.order_rows import CONTINUES
from filterd.model.register import ItemAnswer, ItemReason, RunOrigin
from filterd.operations import audit
from filterd.operations import confidential as sealing
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.orders import limits, showing, suspending
from filterd.operations.registers import adopting, recording, taking
from filterd.operations.registers.capacity import capacity
from filterd.operations.registers.handed import Handed, TakenDocument
from filterd.operations.reports import figures, reading
from filterd.store import orders as order_rows
from filterd.store import registers as rows
from tests.unit.operations.registers.conftest import adopted, with_registers
from tests.worlds.installation import Installation, as_person

PROTECTED, OVER = ItemReason.PROTECTED, ItemReason.OVER_CAPACITY


def document(number: str, *rows_: str) -> Handed:
    """A document with rows ``action,entry``."""
    lines = ["document,action,entry", *(f"{number},{each}" for each in rows_)]
    return Handed("\r\n".join(lines).encode(), RunOrigin.FILE)


def reasons(taken: TakenDocument) -> list[ItemReason | None]:
    """The reason of each item, in order."""
    return [each.reason for each in taken.items]


async def names_of(context: Context, reference: str) -> list[str]:
    """The names of an order."""
    return [name for name, _ in (await showing.show(context, reference)).demand.names]


async def test_a_document_is_an_order_in_force_and_every_item_is_answered(own: Context) -> None:
    handed = document(
        "D-1",
        ",Bad.Example.",
        "block,portal.example",
        "block,popular.example",
        "block,https://site.example/page",
        "block,192.0.2.77",
        "block,com",
        "block,root-servers.net",
        "block,ipv4only.arpa",
        "block,not a name",
        "perhaps,other.example",
    )
    taken = await taking.take(own, "own", handed)
    no, bad = ItemReason.NOT_EXECUTABLE, ItemReason.MALFORMED
    assert reasons(taken) == [None, PROTECTED, PROTECTED, no, no, no, no, no, bad, bad]
    assert [each.line for each in taken.items] == list(range(2, 12))
    assert taken.items[0].answer is ItemAnswer.PROCESSED
    assert taken.items[0].due_at == own.clock() + 48 * 3600
    order = await showing.show(own, "O-1")
    assert (order.state, order.approvals) == (OrderState.ACCEPTED, ("ana", "bob"))
    assert order.demand.document == "D-1"
    assert await names_of(own, "O-1") == ["bad.example"]
    assert order.in_force(own.clock())
    (entry,) = [e for e in await audit.tail(own, 10) if e.entry.action == "register.take"]
    assert "bad.example" not in str(entry)


async def test_the_same_document_changes_nothing_and_another_one_of_its_number_is_refused(
    own: Context,
) -> None:
    first = await taking.take(own, "own", document("D-1", "block,one.example"))
    again = await taking.take(own, "own", document("D-1", "block,one.example"))
    assert again.repeated
    assert (again.run, again.items) == (first.run, first.items)
    with pytest.raises(ConflictError, match="other content"):
        await taking.take(own, "own", document("D-1", "block,two.example"))
    assert len(await showing.list_orders(own)) == 1
    assert "register.refuse" in [each.entry.action for each in await audit.tail(own, 1)]


async def test_a_dry_run_tells_all_and_changes_nothing(own: Context) -> None:
    looked = await taking.take(
        own, "own", document("D-1", "block,one.example", "block,portal.example"), dry_run=True
    )
    assert (looked.dry, looked.added, looked.refused) == (True, 1, {"protected": 1})
    assert not await showing.list_orders(own)
    async with own.store.read() as connection:
        assert await rows.runs(connection) == []


async def test_what_does_not_fit_is_answered_and_nothing_gives_way(own: Context) -> None:
    names = [f"block,n{number}.example" for number in range(3)]
    await taking.take(own, "own", document("D-1", *names))
    (use,) = await capacity(own)
    assert (use.declared, use.used, use.room, use.alarms) == (4, 3, 1, False)
    taken = await taking.take(own, "own", document("D-2", "block,fits.example", "block,full.example"))
    assert reasons(taken) == [None, OVER]
    assert len(await names_of(own, "O-1")) == 3
    (use,) = await capacity(own)
    assert use.alarms
    (row,) = await recording.capacity_rows(own)
    assert (row.declared, row.used) == (4, 4)
    async with own.store.read() as connection:
        told = await recording.answers(connection, own.settings, 0, own.clock() + 1)
    assert [(each.document, each.item, each.answer, each.reason) for each in told[3:]] == [
        ("D-2", 1, "processed", ""),
        ("D-2", 2, "unprocessed", "over_capacity"),
    ]
    assert {each.authority for each in told} == {"mf"}


async def test_an_unblock_ends_its_entry_alone(own: Context) -> None:
    await taking.take(own, "own", document("D-1", "block,one.example", "block,two.example"))
    taken = await taking.take(own, "own", document("D-2", "unblock,one.example", "unblock,never.example"))
    assert reasons(taken) == [None, None]
    assert (await showing.show(own, "O-1")).state is OrderState.LIFTED
    assert await names_of(own, "O-2") == ["two.example"]
    assert (await showing.show(own, "O-2")).demand.document == "D-1"
    await taking.take(own, "own", document("D-3", "unblock,two.example"))
    assert [each.state for each in await showing.list_orders(own)] == [OrderState.LIFTED] * 2


async def test_the_rest_of_a_suspended_order_stays_suspended(own: Context) -> None:
    await taking.take(own, "own", document("D-1", "block,sus-a.example", "block,sus-b.example"))
    until = int(own.clock()) + 86_400
    await suspending.suspend(own, "O-1", until=until, document="S-1", reason="the authority asks")
    before = await showing.show(own, "O-1")
    await taking.take(own, "own", document("D-2", "unblock,sus-a.example"))
    after = await showing.show(own, "O-2")
    assert await names_of(own, "O-2") == ["sus-b.example"]
    assert (after.state, after.not_before) == (OrderState.SUSPENDED, until)
    assert not after.in_force(own.clock()) and not after.damage
    kept = ("steps", "approvals", "accepted_at", "reason", "review_at")
    assert [getattr(after, each) for each in kept] == [getattr(before, each) for each in kept]
    for part in fields(after.demand):
        if part.name not in ("names", "addresses", "sealed"):
            assert getattr(after.demand, part.name) == getattr(before.demand, part.name), part.name
    told = [each.entry for each in await audit.tail(own, 10, subject="order:O-2")]
    assert [(each.action, (each.after or {})[CONTINUES]) for each in told] == [("order.add", "O-1")]
    assert (await showing.show(own, "O-1")).state is OrderState.LIFTED


@pytest.mark.parametrize("confidential", [False, True])
async def test_an_unblock_waits_for_no_guard(installation: Installation, confidential: bool) -> None:
    secret = {"confidential": True} if confidential else {}
    with_registers(installation, {"id": "own", "kind": "csv", **secret})
    async with installation.open("ana") as context:
        await adopted(context, "own")
        rows_ = ("block,u-one.example", "block,u-two.example", "block,u-three.example")
        await taking.take(context, "own", document("D-1", *rows_))
    protected = (installation.base / "policies" / "protected.yaml").read_text("utf-8")
    kept = protected.replace("portal.example", "portal.example, u-two.example", 1)
    assert "u-two.example" in kept
    installation.write_policy("protected.yaml", kept)
    async with installation.open("ana") as context:
        taken = await taking.take(context, "own", document("D-2", "unblock,u-one.example"))
        assert reasons(taken) == [None]
        async with context.store.read() as connection:
            order = await order_rows.find(connection, "O-2")
        assert order is not None and not order.damage
        names = [name for name, _ in sealing.opened(context.settings, order).demand.names]
        assert names == ["u-three.example", "u-two.example"]
    installation.write_policy("protected.yaml", "names: [")
    async with installation.open("ana") as context:
        with pytest.raises(OperationError, match="what is protected"):
            await taking.take(context, "own", document("D-3", "unblock,u-two.example", "block,new.example"))
        await taking.take(context, "own", document("D-4", "unblock,u-two.example"))
        assert [each.entries for each in await showing.list_orders(context, OrderState.ACCEPTED)] == [1]


async def test_what_cannot_be_blocked_any_more_can_be_unblocked(
    own: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(limits, "_INFRASTRUCTURE", frozenset())
        await taking.take(own, "own", document("D-1", "block,ipv4only.arpa"))
    assert reasons(await taking.take(own, "own", document("D-2", "unblock,ipv4only.arpa"))) == [None]
    assert (await showing.show(own, "O-1")).state is OrderState.LIFTED


@pytest.mark.ring("night")
async def test_reports_count_an_order_that_goes_on_as_one(own: Context, installation: Installation) -> None:
    begins = installation.now
    await taking.take(own, "own", document("D-1", *(f"block,{each}.example" for each in ("a", "b", "c"))))
    installation.now += 3600
    before = await reading.read(own, begins, installation.now)
    for number, name in enumerate("ab", 2):
        await taking.take(own, "own", document(f"D-{number}", f"unblock,{name}.example"))
        installation.now += 3600
    again = await reading.read(own, begins, begins + 3600)
    assert (again.orders, again.deadlines, again.effects) == (before.orders, before.deadlines, before.effects)
    later = await reading.read(own, begins + 3600, installation.now)
    told = [(each.order, each.continues, each.source) for each in later.orders]
    assert told == [("O-1", "", "own"), ("O-2", "O-1", "own"), ("O-3", "O-2", "own")]
    for record, wanted in (
        (before, (1, 1, 1, 0, 3, 0, 3, 1)),
        (later, (0, 0, 0, 0, 0, 2, 1, 0)),
        (await reading.read(own, begins, installation.now), (1, 1, 1, 0, 3, 2, 1, 1)),
    ):
        found = figures.compliance(record).figures()
        counted = ("received", "by_register", "accepted", "ended")
        names = (*counted, "entries_added", "entries_removed", "entries_standing")
        assert tuple(found[f"orders.{each}"] for each in names) == wanted[:-1]
        assert found["acceptance.orders"] == wanted[-1]
    async with own.store.read() as connection:
        (*_, run) = await rows.runs(connection, "own")
    assert (run.first_order, run.order) == (1, 3)


async def test_two_people_adopt_it_and_other_terms_are_adopted_anew(installation: Installation) -> None:
    with_registers(installation, {"id": "own", "kind": "csv"})
    async with installation.open("ana") as context:
        with pytest.raises(ConflictError, match="is not adopted"):
            await taking.take(context, "own", document("D-1", "block,one.example"))
        await adopting.adopt(context, "own", reason="letter")
        with pytest.raises(ConflictError, match="ana adopted the register own already"):
            await adopting.adopt(context, "own", reason="letter")
        with pytest.raises(ConflictError, match="is not adopted"):
            await taking.take(context, "own", document("D-1", "block,one.example"))
        await adopting.adopt(as_person(context, "bob"), "own", reason="letter")
        assert (await taking.take(context, "own", document("D-1", "block,one.example"))).added == 1
    with_registers(installation, {"id": "own", "kind": "csv", "overblocking": True})
    async with installation.open("ana") as context:
        with pytest.raises(ConflictError, match="terms have changed"):
            await taking.take(context, "own", document("D-2", "block,192.0.2.77"))
        await adopted(context, "own")
        assert (await taking.take(context, "own", document("D-2", "block,192.0.2.77"))).added == 1


async def test_an_unreadable_document_is_refused_as_a_whole(own: Context) -> None:
    with pytest.raises(taking.UnreadableDocumentError, match="line 1: the header has no column entry"):
        await taking.take(own, "own", Handed(b"<html>", RunOrigin.PUSH, "D-9"))
    with pytest.raises(OperationError, match="document number"):
        await taking.take(own, "own", Handed(b"entry\none.example\n", RunOrigin.FILE))
    assert not await showing.list_orders(own)


async def test_documents_at_once_do_not_overflow_the_room(own: Context) -> None:
    handed = [document(f"D-{n}", *(f"block,n{n}{m}.example" for m in range(3))) for n in range(3)]
    found = await asyncio.gather(*(taking.take(own, "own", each) for each in handed))
    (use,) = await capacity(own)
    assert use.used == use.declared == 4
    assert sum(each.added for each in found) == 4


async def test_no_text_of_a_confidential_document_is_kept(installation: Installation) -> None:
    with_registers(installation, {"id": "own", "kind": "csv", "confidential": True, "law": "Act, art. 1"})
    async with installation.open("ana") as context:
        await adopted(context, "own")
        for content in (
            "entry,secret.example\n",
            'entry\n"a"secret.example\n',
            "document,entry\nD-1,a.example\nsecret.example,b.example\n",
            "document,entry\nsecret.example,D-1\n",
            "document,entry\nsecret.example/path,D-1\n",
            "document,entry\nsecret.xn--p1ai,D-1\n",
            "document,entry\nwww secret.example,D-1\n",
            'document,entry\n"secret.example,x",D-1\n',
            "document,entry\nsecret\u3002example,D-1\n",
            "document,official,entry\nD-1,see (secret.example),a.example\n",
        ):
            with pytest.raises(OperationError) as caught:
                await taking.take(context, "own", Handed(content.encode(), RunOrigin.FILE))
            assert "secret" not in str(caught.value)
        swapped = b"document,item,entry\nD-1,secret.example,7\nD-1,3,secret.example\n"
        taken = await taking.take(context, "own", Handed(swapped, RunOrigin.FILE), dry_run=True)
        assert [(each.value, each.place, each.detail) for each in taken.items] == [
            ("", "", ""),
            ("", "3", ""),
        ]
        assert "secret" not in str([each.entry for each in await audit.tail(context, 20)])


async def test_a_number_of_a_confidential_document_may_have_dots(installation: Installation) -> None:
    with_registers(installation, {"id": "own", "kind": "csv", "confidential": True, "law": "Act, art. 1"})
    async with installation.open("ana") as context:
        await adopted(context, "own")
        for number in ("110.2027.15/3", "OF. 12 a. 3", "Rs.7-2027"):
            content = f"document,official,entry\n{number},Lic. A. Director,a.example\n"
            taken = await taking.take(context, "own", Handed(content.encode(), RunOrigin.FILE), dry_run=True)
            assert taken.run.document == number
