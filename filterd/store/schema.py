"""Which schema a store has, and how it is brought to ours.

Only control and ``filterd store migrate`` migrate; everyone else refuses a schema that is not theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from filterd.store.errors import StoreDamagedError, StoreMissingError, StoreOutdatedError, StoreTooNewError


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def known() -> Sequence[str]:
    """The schema revisions that this filterd knows, oldest first; the last one is its own."""
    steps = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(step.revision for step in steps)[::-1]


def version(connection: Connection) -> str | None:
    """The store's schema revision; None where there is no schema yet."""
    return MigrationContext.configure(connection).get_current_revision()


def require_current(connection: Connection) -> None:
    """Raise :class:`StoreError`'s fitting kind unless the store has exactly our schema."""
    have = version(connection)
    steps = known()
    if have is None:
        message = "the store has no tables yet"
        raise StoreMissingError(message)
    _refuse_unknown(have, steps)
    if have != steps[-1]:
        message = f"the store's schema is {have}, this filterd needs {steps[-1]}"
        raise StoreOutdatedError(message)


def migrate(connection: Connection) -> tuple[str | None, str]:
    """Bring the store to our schema, inside the caller's transaction; returns the revisions before and after.

    Pages are checked first: a migration must not carry damage into a new form.
    """
    have = version(connection)
    steps = known()
    if have is not None:
        _refuse_unknown(have, steps)
        require_sound(connection)
    if have != steps[-1]:
        command.upgrade(_config(connection), "head")
    return have, steps[-1]


def require_sound(connection: Connection) -> None:
    """Read every page of the store and raise :class:`StoreDamagedError` for the first that does not fit."""
    findings = [row[0] for row in connection.execute(text("PRAGMA quick_check(1)"))]
    if findings != ["ok"]:
        message = "the store is damaged: its pages do not fit together"
        raise StoreDamagedError(message)


def _refuse_unknown(have: str, steps: Sequence[str]) -> None:
    if have not in steps:
        message = f"the store's schema {have} is newer than this filterd, which knows up to {steps[-1]}"
        raise StoreTooNewError(message)
