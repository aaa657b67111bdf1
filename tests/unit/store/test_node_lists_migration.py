"""A store of before the lists of nodes is migrated with what its nodes had told."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from filterd.store import node_history, schema, snapshots
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside

BEFORE = "0004"


def make_old(connection: Connection) -> None:
    """The tables of that version, with one node."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, BEFORE)
    connection.execute(
        text(
            "INSERT INTO node (name, seen_at, mandatory_revision, parental_revision, snapshot_digest, ready,"
            " lists) VALUES ('a', 5.0, 3, 4, 'ab', 1, '{\"adult\": \"7 d1\"}')"
        )
    )


async def test_a_report_of_before_is_kept_and_has_no_lists(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        make_old(connection)
    engine.dispose()
    assert await Store.migrate(url, ledger_beside(url)) == (BEFORE, schema.KNOWN[-1])
    store = await Store.open(url, ledger_beside(url))
    try:
        async with store.read() as connection:
            (report,) = await snapshots.nodes(connection)
            periods = await node_history.periods(connection)
    finally:
        await store.close()
    assert (report.name, report.mandatory_revision, report.lists) == ("a", 3, {"adult": "7 d1"})
    assert (report.feeds, report.canaries, report.effective_digest, report.began_at) == ((), (), "", 0.0)
    assert periods == []
