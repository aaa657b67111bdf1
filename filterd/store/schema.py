"""Which schema a store has, and how it is brought to ours.

Only control and ``filterd store migrate`` migrate; everyone else refuses a schema that is not theirs.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from filterd.store.errors import (
    StoreDamagedError,
    StoreMissingError,
    StoreOutdatedError,
    StoreTooNewError,
)

KNOWN = ("0001",)
"""every schema that this filterd knows, oldest first; the last one is its own"""
MIGRATIONS = Path(__file__).parent / "migrations"


def version(connection: Connection) -> str | None:
    """The store's schema; None where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def require_current(connection: Connection) -> None:
    """Raise the fitting :class:`StoreError` unless the store has exactly our schema."""
    have = version(connection)
    if have is None:
        message = "the store has no tables yet"
        raise StoreMissingError(message)
    _refuse_unknown(have)
    if have != KNOWN[-1]:
        message = f"the store's schema is {have}, this filterd needs {KNOWN[-1]}"
        raise StoreOutdatedError(message)


def migrate(connection: Connection) -> tuple[str | None, str]:
    """Bring the store to our schema, inside the caller's transaction; returns the schemas before and after.

    Pages are checked first: a migration must not carry damage into a new form.
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
    # Imported here: no other command needs Alembic, and it takes longer to load than they take to run.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def require_sound(connection: Connection) -> None:
    """Read every page of the store and raise :class:`StoreDamagedError` unless all fit together."""
    findings = [row[0] for row in connection.execute(text("PRAGMA quick_check(1)"))]
    if findings != ["ok"]:
        message = "the store is damaged: its pages do not fit together"
        raise StoreDamagedError(message)


def _refuse_unknown(have: str) -> None:
    if have not in KNOWN:
        message = f"the store's schema {have} is newer than this filterd, which knows up to {KNOWN[-1]}"
        raise StoreTooNewError(message)
