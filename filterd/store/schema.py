"""Reads the version of a store's schema, and migrates the store to ours.

Only control and ``filterd store migrate`` migrate; all other code refuses a schema that is not ours. Control
makes no store: an empty one would drop every order and every choice.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from filterd.store.driver import connected
from filterd.store.errors import (
    StoreDamagedError,
    StoreMissingError,
    StoreOutdatedError,
    StoreTooNewError,
    translated,
)

KNOWN = ("0001", "0002", "0003", "0004", *(f"{number:04}" for number in range(10, 41)))
"""every schema that this filterd knows, oldest first; the last one is current"""
MIGRATIONS = Path(__file__).parent / "migrations"


def version(connection: Connection) -> str | None:
    """The version of the store's schema; None: there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def require_made(path: Path) -> None:
    """Raise StoreMissingError where no store stands at the path: no file, an empty one, or a database that
    was never made a store. Raises the matching StoreError for a file that cannot be read."""
    if not path.exists():
        message = f"there is no store at {path}"
        raise StoreMissingError(message)
    known = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
    with translated(path), closing(connected(path, "ro")) as connection:
        (tables,) = connection.execute(known).fetchone()
    if not tables:
        message = f"the store {path} is empty: it has no tables"
        raise StoreMissingError(message)


def require_current(connection: Connection) -> None:
    """Raise the matching :class:`StoreError` unless the store has exactly our schema."""
    have = version(connection)
    if have is None:
        message = "the store has no tables yet"
        raise StoreMissingError(message)
    _refuse_unknown(have)
    if have != KNOWN[-1]:
        message = f"the store's schema is {have}, this filterd needs {KNOWN[-1]}"
        raise StoreOutdatedError(message)


def migrate(connection: Connection) -> tuple[str | None, str]:
    """Migrate the store to our schema in the caller's transaction; return the versions before and after.

    All pages are checked first: a migration must not copy damage into a new form.
    """
    have = version(connection)
    if have is not None:
        _refuse_unknown(have)
        require_sound(connection)
    if have != KNOWN[-1]:
        upgrade(connection)
    return have, KNOWN[-1]


def upgrade(connection: Connection) -> None:
    """Run the missing steps."""
    # Imported here: no other command needs Alembic, and loading it takes longer than most commands run.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def require_sound(connection: Connection) -> None:
    """Read every page of the store; raise :class:`StoreDamagedError` unless they are consistent."""
    findings = [row[0] for row in connection.execute(text("PRAGMA quick_check(1)"))]
    if findings != ["ok"]:
        message = "the store is damaged: its pages do not fit together"
        raise StoreDamagedError(message)


def _refuse_unknown(have: str) -> None:
    if have not in KNOWN:
        message = f"the store's schema {have} is newer than this filterd, which knows up to {KNOWN[-1]}"
        raise StoreTooNewError(message)
