"""Rows that are not what was decided: nothing is made of them, and what was made of them before stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.full_state import DamagedRowsError, mandatory_state
from filterd.model.order import OrderState
from filterd.model.order_rows import ALTERED, GONE, UNKNOWN, UNREADABLE, UNSEALED
from filterd.model.rule import Scope
from filterd.operations import audit, explain, snapshots
from filterd.operations.context import OperationError
from filterd.operations.feeds import adoption, rule_files, updating
from filterd.operations.migrate import migrate
from filterd.operations.orders import ending, showing, taking
from filterd.operations.orders.intake import OrderRequest
from tests.worlds.installation import Installation, as_person

REQUEST = OrderRequest(
    authority="SAT",
    official="A. Official",
    document="500-2026-1",
    ground="LIVA 18-H QUINTUS",
    reason="notified today",
    entries=(
        ("banned.example", Scope.SUBTREE),
        ("also.example", Scope.EXACT),
        ("203.0.113.0/24", Scope.EXACT),
    ),
    mode=BlockingMode.NODATA,
    accept_overblocking=True,
)
SECRET = replace(REQUEST, entries=(("secret.example", Scope.SUBTREE),), confidential=True)


class Vandal:
    """Changes rows of the store behind everybody's back."""

    def __init__(self, installation: Installation) -> None:
        self._database = installation.database

    def sql(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self._database, isolation_level=None)) as raw:
            raw.execute(statement, values)

    def flip(self, value: str, bit: int) -> None:
        """Flip one bit of the only place where the file has this text, as a disk does."""
        with closing(sqlite3.connect(self._database)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = bytearray(self._database.read_bytes())
        at = -1
        while (at := content.find(value.encode(), at + 1)) >= 0:
            content[at + 1] ^= 1 << bit
        self._database.write_bytes(content)

    def found(self) -> list[str]:
        """The findings of SQLite's own check."""
        with closing(sqlite3.connect(self._database)) as raw:
            return [row[0] for row in raw.execute("PRAGMA integrity_check")]

    def full_state(self) -> int:
        """How many orders a node reads anew."""
        with closing(sqlite3.connect(self._database)) as raw:
            return len(mandatory_state(raw.execute))


@pytest.fixture
def vandal(installation: Installation) -> Iterator[Vandal]:
    yield Vandal(installation)


async def decided(installation: Installation) -> None:
    """Two orders in force, one of them confidential, a pending one, and a snapshot of all that."""
    async with installation.open() as context:
        await updating.update(context)
        for request in (REQUEST, SECRET):
            reference = (await taking.add(context, request)).reference
            await taking.approve(as_person(context, "bob"), reference)
        await taking.add(context, replace(REQUEST, document="500-2026-2"))
        await snapshots.build(context)
        assert await audit.compare(context) == ()


DAMAGE = {
    "a bit of a name": "UPDATE order_name SET name = 'bamned.example' WHERE name LIKE 'banned%'",
    "a bit outside ASCII": (
        "UPDATE order_name SET name = CAST(x'62e16e6e6564' AS TEXT) WHERE name LIKE 'banned%'"
    ),
    "a name less": "DELETE FROM order_name WHERE name = 'also.example' AND order_number = 1",
    "a scope": "UPDATE order_name SET scope = 0 WHERE name LIKE 'banned%'",
    "no scope": "UPDATE order_name SET scope = 77 WHERE name LIKE 'banned%'",
    "another order's": "UPDATE order_name SET order_number = 2 WHERE order_number = 1 AND name LIKE 'ban%'",
    "an address": "UPDATE order_address SET prefix = '192.0.6.0/24'",
    "withdrawn by hand": "UPDATE orders SET state = 'withdrawn' WHERE number = 1",
    "no state": "UPDATE orders SET state = 'acceptee' WHERE number = 1",
    "an end": "UPDATE orders SET not_after = 1 WHERE number = 1",
    "never accepted": "UPDATE orders SET accepted_at = 0 WHERE number = 1",
    "no number any more": "UPDATE orders SET not_before = 'soon' WHERE number = 1",
    "an approval": "DELETE FROM order_approval WHERE order_number = 1 AND actor = 'bob'",
    "its seal": "UPDATE orders SET seal = '' WHERE number = 1",
}


@pytest.mark.ring("merge")
@pytest.mark.parametrize("how", DAMAGE)
async def test_nothing_is_made_of_a_damaged_order(
    installation: Installation, vandal: Vandal, how: str
) -> None:
    await decided(installation)
    vandal.sql(DAMAGE[how])
    assert vandal.found() == ["ok"]
    async with installation.open() as context:
        assert (await audit.verify(context)).holds, "the chain itself is whole"
        before = snapshots.show(context)
        with pytest.raises(OperationError, match=r"not what was decided: order:O-1") as refused:
            await snapshots.build(context)
        assert "filterd audit verify" in refused.value.remedy
        assert snapshots.show(context) == before
        listed = {each.reference: each for each in await showing.list_orders(context)}
        assert listed["O-1"].damage
        assert not listed["O-1"].in_force(context.clock())
        subjects = {each.subject: each for each in await audit.compare(context)}
        assert "order:O-1" in subjects
        assert "withdraw O-1 --damaged" in subjects["order:O-1"].remedy
        explained = await explain.explain(context, "banned.example")
        assert (explained.verdict, explained.reason) == ("block", "mandatory"), "as the snapshot has it"
        assert "O-1" in explained.damaged
    with pytest.raises(DamagedRowsError, match="O-1"):
        vandal.full_state()


@pytest.mark.ring("merge")
@pytest.mark.parametrize("bit", range(8))
async def test_a_flipped_bit_of_the_file_is_noticed(
    installation: Installation, vandal: Vandal, bit: int
) -> None:
    """Of the sealed entries: SQLite's own check is content."""
    await decided(installation)
    with closing(sqlite3.connect(installation.database)) as raw:
        raw.execute("DELETE FROM change")  # the log holds the same text
        raw.commit()
        raw.execute("VACUUM")
        (text,) = raw.execute("SELECT sealed FROM sealed_order WHERE order_number = 2").fetchone()
    vandal.flip(text[:40], bit)
    assert vandal.found() == ["ok"]
    async with installation.open() as context:
        assert [(each.subject, each.fault) for each in await audit.compare(context)] == [
            ("order:O-2", ALTERED)
        ]
        with pytest.raises(OperationError, match="O-2"):
            await snapshots.build(context)
        shown = await showing.show(context, "O-2")
        assert (shown.damage, shown.demand.names, shown.seal) == (ALTERED, (), "")


@pytest.mark.ring("merge")
async def test_nobody_decides_on_a_damaged_order(installation: Installation, vandal: Vandal) -> None:
    await decided(installation)
    vandal.sql("UPDATE orders SET mode = 3 WHERE number IN (1, 3)")
    async with installation.open("bob") as context:
        with pytest.raises(OperationError, match="O-3 is damaged in the store") as refused:
            await taking.approve(context, "O-3")
        assert "restore the store from a backup" in refused.value.remedy
        with pytest.raises(OperationError, match="O-1 is damaged in the store"):
            await ending.withdraw(context, "O-1", reason="lifted")
        with pytest.raises(OperationError, match="O-2 is not damaged"):
            await ending.withdraw(context, "O-2", reason="lifted", damaged=True)
        for reference in ("O-1", "O-3"):
            ended = await ending.withdraw(context, reference, reason="taken in anew as O-4", damaged=True)
            assert (ended.state, ended.damage) == (OrderState.WITHDRAWN, "")
            shown = await showing.show(context, reference)
            assert (shown.state, shown.damage) == (OrderState.WITHDRAWN, "")
            assert (shown.demand.authority, shown.withdrawn_at) == ("SAT", installation.now)
            assert (shown.withdrawn_by, shown.withdrawal_reason) == ("bob", "taken in anew as O-4")
            assert not shown.demand.confidential, "as it was decided"
        assert await audit.compare(context) == ()
        await snapshots.build(context)
        assert (await explain.explain(context, "banned.example")).verdict == "pass"
    assert vandal.full_state() == 3, "a node that knew them learns that they ended"


@pytest.mark.ring("merge")
async def test_an_order_whose_row_is_gone_is_missed(installation: Installation, vandal: Vandal) -> None:
    await decided(installation)
    for table, column in (
        ("order_name", "order_number"),
        ("order_address", "order_number"),
        ("order_approval", "order_number"),
        ("orders", "number"),
    ):
        vandal.sql(f"DELETE FROM {table} WHERE {column} = 1")  # noqa: S608 - names of our own
    async with installation.open() as context:
        listed = {each.reference: each.damage for each in await showing.list_orders(context)}
        assert listed == {"O-1": GONE, "O-2": "", "O-3": ""}
        with pytest.raises(OperationError, match="O-1"):
            await snapshots.build(context)
        await ending.withdraw(context, "O-1", reason="restored as O-4", damaged=True)
        assert await audit.compare(context) == ()
        await snapshots.build(context)


async def test_an_ended_order_stays_confidential_though_its_row_said_otherwise(
    installation: Installation, vandal: Vandal
) -> None:
    await decided(installation)
    vandal.sql("UPDATE orders SET confidential = 0 WHERE number = 2")
    async with installation.open("bob") as context:
        with pytest.raises(OperationError, match="holds a name or an address"):
            await ending.withdraw(context, "O-2", reason="secret.example is O-4 now", damaged=True)
        await ending.withdraw(context, "O-2", reason="taken in anew as O-4", damaged=True)
        shown = await showing.show(context, "O-2")
        assert shown.demand.confidential
        assert (shown.withdrawn_by, shown.withdrawn_at) == ("bob", installation.now)


@pytest.mark.ring("merge")
async def test_an_order_that_nobody_decided_on_is_not_enforced(
    installation: Installation, vandal: Vandal
) -> None:
    await decided(installation)
    columns = "'accepted', '', '', '', '', '', '', 0, 0, 0, 0, 0, 0, 0, '', 0, 1, '', 0, '', '', '', ''"
    vandal.sql(f"INSERT INTO orders VALUES (9, 'O-9', {columns}, 0, 0, 0)")  # noqa: S608 - text of our own
    async with installation.open() as context:
        assert (await showing.show(context, "O-9")).damage == UNKNOWN
        with pytest.raises(OperationError, match="O-9"):
            await snapshots.build(context)


async def test_a_row_that_cannot_be_read_is_told_of_by_the_trail(
    installation: Installation, vandal: Vandal
) -> None:
    await decided(installation)
    vandal.sql("UPDATE orders SET mode = 200 WHERE number = 1")
    async with installation.open() as context:
        shown = await showing.show(context, "O-1")
    assert (shown.damage, shown.demand.authority, shown.demand.names) == (UNREADABLE, "SAT", ())


# --- feeds ---


@pytest.mark.ring("merge")
@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE feed_version SET digest = '0' || substr(digest, 2) || 'f'", "row of version 1 is not what"),
        ("UPDATE feed_version SET state = 'superseded'", "row of its current version is gone"),
        ("DELETE FROM feed_version", "row of its current version is gone"),
        ("UPDATE feed_version SET version = 7", "row of version 7 is not what was read"),
    ],
)
async def test_nothing_is_made_of_a_damaged_version_of_a_list(
    installation: Installation, vandal: Vandal, statement: str, fault: str
) -> None:
    await decided(installation)
    vandal.sql(f"{statement} WHERE feed = 'worst-of'")
    async with installation.open() as context:
        before = snapshots.show(context)
        (found,) = await audit.compare(context)
        assert found.subject == "feed:worst-of"
        assert fault in found.fault
        assert "filterd feed update worst-of" in found.remedy
        with pytest.raises(OperationError, match="feed:worst-of"):
            await snapshots.build(context)
        assert snapshots.show(context) == before
        await updating.update(context, ["worst-of"])
        assert await audit.compare(context) == (), "read again, it is decided anew"
        await snapshots.build(context)


@pytest.mark.ring("merge")
async def test_an_older_version_that_is_made_the_current_one_by_hand(
    installation: Installation, vandal: Vandal
) -> None:
    await decided(installation)
    async with installation.open() as context:
        installation.write_policy("lists/worst.txt", "worst.example\nworse.example\n")
        await updating.update(context)
        vandal.sql("UPDATE feed_version SET state = 'superseded' WHERE feed = 'worst-of' AND version = 2")
        vandal.sql("UPDATE feed_version SET state = 'current' WHERE feed = 'worst-of' AND version = 1")
        with pytest.raises(OperationError, match="feed:worst-of"):
            await snapshots.build(context)


@pytest.mark.ring("merge")
async def test_the_file_of_a_mandatory_list_that_was_changed(installation: Installation) -> None:
    await decided(installation)
    async with installation.open() as context:
        path = rule_files.rule_file(context.settings.state_dir, "worst-of", 1)
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        (found,) = await audit.compare(context)
        assert (found.subject, found.fault) == (
            "feed:worst-of",
            "the file of version 1 is not what was read",
        )
        path.unlink()
        assert len(await audit.compare(context)) == 1
        installation.write_policy("feeds.yaml", "nonsense: [")
        (found,) = await audit.compare(context)
        assert found.subject == "policies", "whether the files are whole is not known"


@pytest.mark.ring("merge")
@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE adopted_feed SET state = 'retired'", "adoption is not what was decided"),
        ("UPDATE adopted_feed SET definition = replace(definition, 'INTERPOL', 'NOBODY')", "adoption is not"),
        ("DELETE FROM adopted_feed", "the record of its adoption is gone"),
    ],
)
async def test_an_adoption_that_was_changed_by_hand_lifts_no_list(
    installation: Installation, vandal: Vandal, statement: str, fault: str
) -> None:
    """While its entry is gone from feeds.yaml, so that the record alone keeps the list in force."""
    await decided(installation)
    entries = (installation.base / "policies" / "feeds.yaml").read_text()
    installation.write_policy("feeds.yaml", entries[: entries.index("- id: worst-of")])
    vandal.sql(f"{statement} WHERE feed = 'worst-of'")
    async with installation.open() as context:
        with pytest.raises(OperationError, match="not what was decided: feed:worst-of"):
            await snapshots.build(context)
        assert (await explain.explain(context, "worst.example")).reason == "mandatory"
        (found,) = await audit.compare(context)
        assert (found.subject, fault in found.fault) == ("feed:worst-of", True)
        installation.write_policy("feeds.yaml", entries)
        await updating.update(context, ["worst-of"])
        assert await audit.compare(context) == ()


@pytest.mark.ring("merge")
async def test_a_list_that_was_retired_has_nothing_to_compare(installation: Installation) -> None:
    await decided(installation)
    entries = (installation.base / "policies" / "feeds.yaml").read_text()
    installation.write_policy("feeds.yaml", entries[: entries.index("- id: worst-of")])
    async with installation.open("ana") as context:
        await adoption.retire(context, "worst-of", reason="INTERPOL took it back")
        await adoption.retire(as_person(context, "bob"), "worst-of", reason="INTERPOL took it back")
        assert await audit.compare(context) == ()
        await snapshots.build(context)
        assert (await explain.explain(context, "worst.example")).verdict == "pass"


# --- orders of before the trail held digests ---


async def unsealed(installation: Installation, vandal: Vandal) -> None:
    """As the version before left them: no seal, and no digest in the trail."""
    await decided(installation)
    vandal.sql("UPDATE orders SET seal = ''")
    vandal.sql("UPDATE audit SET after = json_remove(after, '$.row_digest') WHERE subject LIKE 'order:%'")


@pytest.mark.ring("merge")
async def test_orders_of_before_are_sealed_with_an_entry_of_their_own(
    installation: Installation, vandal: Vandal
) -> None:
    await unsealed(installation, vandal)
    vandal.sql("UPDATE order_name SET name = 'bamned.example' WHERE name LIKE 'banned%' AND order_number = 3")
    async with installation.open() as context:
        assert {each.damage for each in await showing.list_orders(context)} == {UNSEALED}
        await migrate(context.settings, installation.clock)
        damage = {each.reference: each.damage for each in await showing.list_orders(context)}
        assert damage == {"O-1": "", "O-2": "", "O-3": UNSEALED}, "what differs from the trail is not sealed"
        entries = await audit.tail(context, subject="order:O-1")
        assert [each.entry.action for each in entries] == ["order.add", "order.approve", "order.seal"]
        assert (entries[-1].entry.actor, entries[-1].entry.at) == ("migration", installation.now)
        before = await audit.count(context)
        await migrate(context.settings, installation.clock)
        assert await audit.count(context) == before


@pytest.mark.ring("merge")
async def test_a_lost_seal_is_not_replaced(installation: Installation, vandal: Vandal) -> None:
    await decided(installation)
    vandal.sql("UPDATE orders SET seal = ''")
    async with installation.open() as context:
        await migrate(context.settings, installation.clock)
        assert {each.damage for each in await showing.list_orders(context)} == {ALTERED}


async def test_the_trail_alone_confirms_no_guess(installation: Installation) -> None:
    """Two equal demands have different digests: each row has a seal of its own, which is not in the trail."""
    digests = []
    async with installation.open() as context:
        for _ in range(2):
            added = await taking.add(context, SECRET)
            (entry,) = await audit.tail(context, subject=f"order:{added.reference}")
            assert entry.entry.after is not None
            digests.append(entry.entry.after["row_digest"])
            assert "digest" not in entry.entry.after
    assert digests[0] != digests[1]
