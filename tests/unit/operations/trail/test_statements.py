"""The daily statement: what it says, that OpenSSL finds it signed, and that it has no name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model import signed_text
from filterd.model.rule import Scope
from filterd.operations.backup import backup
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, UnknownError, UnusableError
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.trail import checkpoints, figures, rotating, statements
from filterd.store import change_log, noted_statement
from tests.worlds.backups import put_back
from tests.worlds.installation import Installation, install
from tests.worlds.trail import openssl_verifies, tamper


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


def request(number: int, **values: object) -> OrderRequest:
    """An order of a court on a name of its own."""
    made = OrderRequest(
        authority="court",
        official="Juez Tercero",
        document=f"JD/{number}",
        ground="penal",
        entries=((f"secret{number}.example", Scope.EXACT),),
        received_at=1_799_999_000,
        reason="notified",
    )
    return replace(made, **values)  # type: ignore[arg-type]  # fields by name


async def filled(context: Context) -> None:
    """Six open orders of one court, one of another authority, one confidential, and the lists."""
    await updating.update(context)
    for number in range(6):
        await taking.add(context, request(number))
    await taking.add(context, request(7, authority="sat"))
    await taking.add(context, request(8, confidential=True))


@pytest.mark.system("openssl")
async def test_the_statement_counts_and_names_nothing(installation: Installation, tmp_path: Path) -> None:
    async with installation.open(approvals=1) as context:
        await filled(context)
        made = await statements.make(context)
        value = json.loads(made.text)
        body = value["body"]
        orders = body["orders"]
        assert orders["in_force"] == {"orders": 8, "entries": 8}
        assert orders["by_authority_and_ground"] == [
            {"authority": "court", "ground": "penal", "orders": 6, "entries": 6}
        ]
        assert orders["of_small_groups"] == {"orders": 1, "entries": 1}
        assert orders["confidential"] == {"orders": 1, "entries": 1}
        assert "secret" not in made.text
        assert "worst" not in made.text
        assert [each["kind"] for each in body["lists"]] == ["category", "category", "mandatory"]
        head = await checkpoints.show(context)
        assert body["head"]["digest"] == head.digest
        key = (await rotating.status(context))[0].public_key
        plain = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        signature = signed_text.read(made.text).signature
        assert openssl_verifies(tmp_path, key, b"filterd statement v1\n" + plain, signature)
        assert not openssl_verifies(tmp_path, key, b"filterd checkpoint v1\n" + plain, signature)


async def test_there_is_one_a_day_and_the_trail_tells_it(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        with pytest.raises(UnknownError, match="no statement yet"):
            await statements.show(context)
        first = await statements.make(context)
        assert await statements.make(context) == first
        assert not await statements.is_due(context)
        async with context.store.read() as connection:
            entry = (await change_log.newest_entries(connection, 1))[0].entry
        assert (entry.action, entry.subject) == ("statement.publish", f"statement:{first.day}")
        assert entry.after == {"digest": first.digest, "checkpoint": first.checkpoint}
        installation.now += 86_400 + 3600  # past its time
        assert await statements.is_due(context)
        second = await statements.make(context)
        assert await statements.listed(context) == [second.day, first.day]
        assert not await statements.is_due(context)
        assert await statements.verify(context) == ()


async def test_a_clock_that_was_ahead_keeps_no_day_without_its_own(installation: Installation) -> None:
    async with installation.open() as context:
        installation.now += 400 * 86_400 + 3600
        ahead = await statements.make(context)
        found = await figures.look(context)
        installation.now -= 400 * 86_400
        assert await statements.is_due(context)
        first = await statements.make(context)
        assert not await statements.is_due(context)
        assert await statements.show(context) == first
        installation.now += 86_400
        assert await statements.is_due(context)
        assert (await figures.look(context)).statement == first
        assert found.statement == ahead
        assert await statements.listed(context) == [ahead.day, first.day]


async def test_it_is_due_from_its_time_on(installation: Installation) -> None:
    async with installation.open() as context:  # 02:00 in Mexico City
        assert not await statements.is_due(context)
        installation.now += 3600
        assert await statements.is_due(context)


async def test_a_statement_that_was_changed_is_found(installation: Installation) -> None:
    async with installation.open() as context:
        made = await statements.make(context)
        tamper(installation, "UPDATE statement SET text = replace(text, '\"orders\":0', '\"orders\":1')")
        assert await statements.verify(context) == (made.day,)


@pytest.mark.parametrize(
    "altered",
    [
        "DELETE FROM statement WHERE day = ?",
        "UPDATE audit SET after = NULL WHERE subject = 'statement:' || ?",
    ],
)
async def test_a_statement_that_is_not_the_one_of_the_trail_is_found(
    installation: Installation, altered: str
) -> None:
    async with installation.open() as context:
        first = await statements.make(context)
        installation.now += 86_400
        await statements.make(context)
        assert await statements.verify(context) == ()
        tamper(installation, altered, first.day)
        assert await statements.verify(context) == (first.day,)


async def test_a_day_whose_statement_is_gone_gets_no_second_one(installation: Installation) -> None:
    async with installation.open() as context:
        made = await statements.make(context)
        tamper(installation, "DELETE FROM statement")
        with pytest.raises(ConflictError, match=f"a statement of {made.day}, and it is gone"):
            await statements.make(context)
        assert await statements.verify(context) == (made.day,)
        installation.now += 86_400
        await statements.make(context)
        assert await statements.verify(context) == (made.day,)


@pytest.mark.ring("merge")
async def test_after_a_restore_the_statement_of_the_day_says_what_it_replaces(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        await checkpoints.make(context)
        await backup(context, tmp_path / "backup")
        first = await statements.make(context)
    await put_back(installation, tmp_path / "backup")
    async with installation.open() as context:
        second = await statements.make(context)
        assert second.day == first.day
        assert json.loads(second.text)["body"]["replaces"] == first.digest
        async with context.store.read() as connection:
            entry = (await change_log.newest_entries(connection, 1))[0].entry
        assert entry.after is not None
        assert entry.after["replaces"] == first.digest
        assert await statements.verify(context) == ()
        installation.now += 86_400
        assert "replaces" not in json.loads((await statements.make(context)).text)["body"]


async def test_the_statement_of_another_installation_is_not_replaced(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        made = await statements.make(context)
    other = await install(tmp_path / "other")
    async with other.open() as context:
        noted_statement.keep(context.store.ledger, made.text)
        second = json.loads((await statements.make(context)).text)["body"]
    assert second["day"] == made.day
    assert "replaces" not in second


async def test_a_note_of_a_statement_that_was_altered_stops_the_next(installation: Installation) -> None:
    async with installation.open() as context:
        noted_statement.path_of(context.store.ledger).write_text("{}")
        with pytest.raises(UnusableError, match="the last statement on record cannot be read"):
            await statements.make(context)


async def test_a_review_that_is_past_its_day_is_counted(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await taking.add(context, request(1, review_at=int(installation.now) + 100))
        installation.now += 100
        body = json.loads((await statements.make(context)).text)["body"]
        assert body["reviews_overdue"] == {"orders": 1, "requests": 0}
