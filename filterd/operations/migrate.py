"""Makes the store, or brings it to this version's schema."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filterd.config.settings import Settings
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.operations import confidential
from filterd.operations.context import OperationError, require_owner
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout
from filterd.store.engine import database_path
from filterd.store.errors import StoreError, StoreMissingError
from filterd.store.ledger import ENDED, ORIGIN
from filterd.store.schema import require_made
from filterd.store.store import Store

RESTORE = (
    "restore a backup: filterd restore DIRECTORY --reason ...;"
    " to begin anew: filterd restore --in-place --reason ..."
)


@dataclass(frozen=True, slots=True)
class Migration:
    """The schemas before and after a migration; ``before`` is None where there was no store."""

    before: str | None
    after: str

    @property
    def changed(self) -> bool:
        """True if anything was done."""
        return self.before != self.after


def _trace_of_decisions(settings: Settings) -> Path | None:
    """A file that only an installation with a store has; None where there is none."""
    state_dir, ledger = settings.state_dir, settings.store.ledger
    current = state_dir / snapshot_layout.DIRECTORY / snapshot_layout.CURRENT
    if current_file(current.parent) is not None:
        return current
    found = [*(state_dir / "node").glob("[!.]*"), *(state_dir / "feeds").glob("*/*.rules")]
    found += [ledger / ENDED, ledger / ORIGIN]
    return next((path for path in sorted(found) if path.is_file()), None)


def _require_first(settings: Settings) -> None:
    """Refuse to make a store on a machine that had one: a new, empty store would drop every order and every
    choice. Nobody can tell where everything is gone; then a person answers for it."""
    path = database_path(settings.store.url)
    trace = _trace_of_decisions(settings)
    if trace is not None:
        message = f"the store {path} is gone, and this is no first installation: {trace} is there"
        raise OperationError(message, RESTORE)
    key = FINGERPRINT_KEY.path(settings.state_dir)
    if key.exists():
        message = f"there is no store at {path}, and {key} is there: of an installation that is lost, or of a"
        message += " service that was started before the store was made"
        remedy = f"{RESTORE}; where nothing was ever in force: stop filterd, remove {key}, and repeat this"
        raise OperationError(message, remedy)


async def migrate(settings: Settings, clock: Callable[[], float] = time.time) -> Migration:
    """Migrate the configured store, or make it: a person has asked for that. A failed step leaves it as it
    was."""
    path = database_path(settings.store.url)
    require_owner(path, state_dir=settings.state_dir)
    try:
        require_made(path)
    except StoreMissingError:
        _require_first(settings)
    except StoreError as error:
        raise OperationError(str(error), error.remedy) from error
    return await _migrated(settings, clock, make=True)


async def upgrade(settings: Settings, clock: Callable[[], float] = time.time) -> Migration:
    """Migrate the store that stands at its place. Where there is none, none is made: its disk may not be
    mounted, and with an empty store every ordered name would be answered."""
    require_owner(database_path(settings.store.url))
    return await _migrated(settings, clock, make=False)


async def _migrated(settings: Settings, clock: Callable[[], float], *, make: bool) -> Migration:
    try:
        return Migration(
            *await Store.migrate(
                settings.store.url,
                settings.store.ledger,
                clock(),
                make=make,
                sealer=lambda order: confidential.sealer(settings, clock())(order),
            )
        )
    except StoreError as error:
        raise OperationError(str(error), error.remedy) from error
