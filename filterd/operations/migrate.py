"""Makes the store, or brings it to this version's schema."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.settings import Settings
from filterd.model.order import Order
from filterd.model.order_rows import UNSEALED
from filterd.operations.context import OperationError, open_context, require_owner
from filterd.operations.orders import audited
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout
from filterd.store import change_log, orders
from filterd.store.engine import database_path
from filterd.store.errors import StoreError
from filterd.store.store import Store

SEALER = "migration"
"""the actor of the audit entries that record the digests of earlier orders"""


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
        remedy = "restore a backup: filterd restore DIRECTORY; to begin anew: filterd restore --in-place"
        raise OperationError(message, remedy)


async def migrate(settings: Settings, clock: Callable[[], float] = time.time) -> Migration:
    """Migrate the configured store. A failed step leaves it as it was."""
    require_owner(database_path(settings.store.url))
    _require_kept(settings)
    try:
        done = Migration(*await Store.migrate(settings.store.url, settings.store.ledger))
    except StoreError as error:
        raise OperationError(str(error), error.remedy) from error
    await _seal_orders(settings, clock)
    return done


async def _seal_orders(settings: Settings, clock: Callable[[], float]) -> None:
    """Record the digest of each order that was decided on before the trail held digests.

    An order that is not what its last audit entry tells stays as it is: damaged.
    """
    async with open_context(settings, actor=SEALER, clock=clock) as context:
        async with context.store.read() as connection:
            known = (await orders.all_orders(connection)).orders
        waiting = {each.reference for each in known if each.damage == UNSEALED}
        if not waiting:
            return
        async with context.store.write(SEALER, clock()) as write:
            for order in (await orders.all_orders(write.connection)).orders:
                if order.reference in waiting and await _is_as_recorded(write.connection, order):
                    sealed = replace(order, seal=secrets.token_hex(32), damage="")
                    await orders.seal(write.connection, sealed)
                    write.audit("order.seal", f"order:{order.reference}", after=audited(sealed))


async def _is_as_recorded(connection: AsyncConnection, order: Order) -> bool:
    """Return whether what the last entry about the order tells is what its row says."""
    entries = await change_log.newest_entries(connection, 1, f"order:{order.reference}")
    told = entries[0].entry.after if entries else None
    present = audited(order)
    return told is not None and all(present[key] == value for key, value in told.items() if key in present)
