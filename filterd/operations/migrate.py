"""Makes the store, or brings it to this version's schema."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from filterd.config.settings import Settings
from filterd.operations.context import OperationError, require_owner
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout
from filterd.store.engine import database_path
from filterd.store.errors import StoreError
from filterd.store.store import Store


@dataclass(frozen=True, slots=True)
class Migration:
    """The schemas before and after a migration; ``before`` is None where there was no store."""

    before: str | None
    after: str

    @property
    def changed(self) -> bool:
        """True if anything was done."""
        return self.before != self.after


def _require_kept(settings: Settings) -> None:
    """Refuse to go on where the store is gone and snapshots made of it are there: a new, empty store would
    drop every order and every choice."""
    path = database_path(settings.store.url)
    lost = not path.exists() or path.stat().st_size == 0
    if lost and current_file(settings.state_dir / snapshot_layout.DIRECTORY) is not None:
        message = f"the store {path} is gone, and {settings.state_dir} has snapshots that were made of it"
        remedy = (
            "restore a backup: filterd restore DIRECTORY --reason ...;"
            " to begin anew: filterd restore --in-place --reason ..."
        )
        raise OperationError(message, remedy)


async def migrate(settings: Settings, clock: Callable[[], float] = time.time) -> Migration:
    """Migrate the configured store. A failed step leaves it as it was."""
    require_owner(database_path(settings.store.url))
    _require_kept(settings)
    try:
        return Migration(*await Store.migrate(settings.store.url, settings.store.ledger, clock()))
    except StoreError as error:
        raise OperationError(str(error), error.remedy) from error
