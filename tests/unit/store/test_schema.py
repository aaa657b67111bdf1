"""A store is made by the migrations, has exactly the tables that the code names, and is refused otherwise."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from filterd.store import schema
from filterd.store.engine import database_path
from filterd.store.errors import (
    StoreDamagedError,
    StoreError,
    StoreMissingError,
    StoreOutdatedError,
    StoreTooNewError,
    StoreUnwritableError,
)
from filterd.store.publication_tables import metadata
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside


def write_version(url: str, version: str) -> None:
    with closing(sqlite3.connect(database_path(url))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))


def test_the_known_schemas_are_the_steps_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(steps)) == schema.KNOWN


async def test_a_migration_from_nothing_makes_the_tables_of_the_code(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with store.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_new_store_belongs_to_its_owner_alone(url: str) -> None:
    assert await Store.migrate(url, ledger_beside(url)) == (None, schema.KNOWN[-1])
    assert stat.S_IMODE(database_path(url).stat().st_mode) == 0o600


async def test_migrating_again_changes_nothing(url: str) -> None:
    await Store.migrate(url, ledger_beside(url))
    before = database_path(url).read_bytes()
    newest = schema.KNOWN[-1]
    assert await Store.migrate(url, ledger_beside(url)) == (newest, newest)
    assert database_path(url).read_bytes() == before


async def test_a_store_of_a_later_version_is_left_alone(url: str) -> None:
    await Store.migrate(url, ledger_beside(url))
    write_version(url, "9999")
    for use in (Store.open, Store.migrate):
        with pytest.raises(StoreTooNewError, match="newer than this filterd") as caught:
            await use(url, ledger_beside(url))
        assert "install that version" in caught.value.remedy


async def test_an_older_schema_asks_for_a_migration(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await Store.migrate(url, ledger_beside(url))
    monkeypatch.setattr(schema, "KNOWN", (*schema.KNOWN, "9999"))
    with pytest.raises(StoreOutdatedError) as caught:
        await Store.open(url, ledger_beside(url))
    assert caught.value.remedy == "run: filterd store migrate"


@pytest.mark.ring("merge")
async def test_a_failed_step_leaves_no_trace(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: Connection) -> None:
        schema.upgrade(connection)
        message = "the step fails"
        raise RuntimeError(message)

    with monkeypatch.context() as patched:
        patched.setattr(schema, "migrate", fail)
        with pytest.raises(RuntimeError):
            await Store.migrate(url, ledger_beside(url))
    with pytest.raises(StoreMissingError):
        await Store.open(url, ledger_beside(url))
    await Store.migrate(url, ledger_beside(url))


async def test_a_store_that_is_not_there_says_how_to_make_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="there is no store"):
        await Store.open(url, ledger_beside(url))
    (tmp_path / "filterd.db").touch()
    with pytest.raises(StoreMissingError, match="no tables"):
        await Store.open(url, ledger_beside(url))


async def test_an_empty_file_is_left_as_it_is_for_whoever_copies_a_store_into_it(url: str) -> None:
    """A command or a role that looked while a copy began wrote a first page of its own into it."""
    path = Path(url.removeprefix("sqlite:///"))
    path.touch()
    with pytest.raises(StoreMissingError):
        await Store.open(url, ledger_beside(url))
    assert path.stat().st_size == 0


async def test_a_file_that_is_no_database_is_damage(url: str, tmp_path: Path) -> None:
    (tmp_path / "filterd.db").write_bytes(b"this is no database " * 500)
    for use in (Store.open, Store.migrate):
        with pytest.raises(StoreDamagedError, match="not a database") as caught:
            await use(url, ledger_beside(url))
        assert "backup" in caught.value.remedy


async def test_damaged_pages_are_damage(url: str, tmp_path: Path) -> None:
    await Store.migrate(url, ledger_beside(url))
    path = tmp_path / "filterd.db"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    for use in (Store.open, Store.migrate):
        with pytest.raises(StoreDamagedError):
            await use(url, ledger_beside(url))


async def test_a_place_that_cannot_be_written_is_named() -> None:
    with pytest.raises(StoreUnwritableError, match="/proc/none"):
        await Store.migrate(
            "sqlite:////proc/none/filterd.db", ledger_beside("sqlite:////proc/none/filterd.db")
        )


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql:///filterd"])
def test_only_files_are_stores(url: str) -> None:
    with pytest.raises(StoreError, match="unsupported"):
        database_path(url)
