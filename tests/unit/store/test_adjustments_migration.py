"""A store of before lines had adjustments keeps its lines: own names stay, and nothing is adjusted."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from filterd.model.adjustments import UNADJUSTED, Adjustments, Difference
from filterd.model.line import LineChoices, OwnName
from filterd.model.rule import Action
from filterd.store import schema, subscribers
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside

BEFORE = "0016"
OLD = (
    "INSERT INTO subscriber (line, id, added_at, seal) VALUES (7, 'L-7', 1.0, 'ab')",
    "INSERT INTO line_state (line, opted_in, profile, zone, paused_until, security_left)"
    " VALUES (7, 1, 'child', 'UTC', 0, 0)",
    "INSERT INTO own_name (line, name, action, scope) VALUES (7, 'a.example', 0, 1)",
)


def make_old(connection: Connection) -> None:
    """The tables of that version, with a line that blocks a name."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, BEFORE)
    for statement in OLD:
        connection.execute(text(statement))


async def test_a_line_of_before_is_kept_and_takes_adjustments_and_ends(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        make_old(connection)
    engine.dispose()
    assert await Store.migrate(url, ledger_beside(url)) == (BEFORE, schema.KNOWN[-1])
    changed = LineChoices(
        7,
        opted_in=True,
        profile="child",
        own_names=(OwnName("a.example", Action.BLOCK, until=60),),
        adjustments=Adjustments(categories=Difference(("games",))),
    )
    store = await Store.open(url, ledger_beside(url))
    try:
        async with store.read() as connection:
            before = await subscribers.find(connection, "L-7")
            assert await subscribers.with_ended_names(connection, 9e9, 9) == []
        async with store.write("ana", 5.0) as write:
            await subscribers.save(write.connection, changed)
            write.audit("subscriber.choose", "line:7")
        async with store.read() as connection:
            after = await subscribers.find(connection, "L-7")
            assert await subscribers.with_ended_names(connection, 59.9, 9) == []
            assert await subscribers.with_ended_names(connection, 60.0, 9) == ["L-7"]
    finally:
        await store.close()
    assert before is not None
    assert before.choices.own_names == (OwnName("a.example", Action(0)),)
    assert before.choices.adjustments == UNADJUSTED
    assert after is not None
    assert after.choices == changed
