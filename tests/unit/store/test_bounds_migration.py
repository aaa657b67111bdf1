"""A store of before the bindings of ports and identities keeps its bindings, and then takes the new ones."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, String, create_engine, text

from filterd.model.bound import LONGEST
from filterd.store import bindings, schema
from filterd.store.store import Store
from filterd.store.tables import LONGEST_BOUND, binding
from tests.worlds.ledger import ledger_beside

BEFORE = "0015"


def make_old(connection: Connection) -> None:
    """The tables of that version, with a line that has a prefix."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, BEFORE)
    connection.execute(text("INSERT INTO subscriber (line, id, added_at, seal) VALUES (7, 'S-7', 1.0, 'ab')"))
    connection.execute(text("INSERT INTO binding (prefix, line) VALUES ('2001:db8:1::/56', 7)"))


async def test_a_binding_of_before_is_kept_and_longer_texts_are_taken(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        make_old(connection)
    engine.dispose()
    assert await Store.migrate(url, ledger_beside(url)) == (BEFORE, schema.KNOWN[-1])
    longest = "device:" + "x" * 64
    store = await Store.open(url, ledger_beside(url))
    try:
        async with store.write("ana", 5.0) as write:
            await bindings.add(write.connection, [(longest, 7)])
            write.audit("binding.add", "line:7")
        async with store.read() as connection:
            found = await bindings.page(connection)
    finally:
        await store.close()
    assert found == [("2001:db8:1::/56", 7, "S-7"), (longest, 7, "S-7")]


def test_the_column_holds_the_longest_text() -> None:
    width = binding.c.prefix.type
    assert isinstance(width, String)
    assert width.length == LONGEST_BOUND == LONGEST
