"""What was ended, as the store has it beside the ledger, and the restores that lost some of it.

Rows are added by :class:`~filterd.store.write.Write`. They hold what the ledger holds, numbers and kinds, and
stay as long: an erasure leaves the number of a line, from which nothing leads to a person any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.audit_chain import AuditEntry
from filterd.model.change_chain import Cursor
from filterd.store import change_log
from filterd.store.ledger import Ended, Ledger, LedgerDamagedError, NotedHead, merged
from filterd.store.tables import ending, head

RESTORE, RESTORED = "store.restore", "store"
"""action and subject of a restore in the audit trail"""
LOST = "endings_lost"
"""a value of such an entry: true where endings after the backup were not known, and may be undone"""


async def every(connection: AsyncConnection) -> tuple[Ended, ...]:
    """All endings, oldest first."""
    query = select(ending.c.revision, ending.c.hash, ending.c.kind, ending.c.number).order_by(ending.c.id)
    return tuple(Ended(*row) for row in await connection.execute(query))


async def missing_to(connection: AsyncConnection) -> int:
    """The revision up to which the table may lack endings; 0: it has all."""
    return int((await connection.execute(select(head.c.endings_missing_to))).scalar_one())


async def replace(connection: AsyncConnection, ended: Iterable[Ended], missing_to: int) -> None:
    """Let the table have these endings and no others."""
    await connection.execute(delete(ending))
    rows = [asdict(each) for each in ended]
    if rows:
        await connection.execute(insert(ending), rows)
    await connection.execute(update(head).values(endings_missing_to=missing_to))


async def fill(connection: AsyncConnection, ledger: Ledger) -> None:
    """Take from the ledger what the table lacks: all that was ended before the store had this table. Only
    from the ledger of this store that has its head; else the table goes on without them, and
    :func:`missing_to` says so."""
    lacking = await missing_to(connection)
    if not lacking:
        return
    cursor = (await change_log.ends(connection))[1]
    origin = await change_log.origin(connection)
    found = await asyncio.to_thread(_of_ledger, ledger, cursor, origin)
    if found is not None and found[0].missing_to < lacking:
        await replace(connection, merged(await every(connection), found[1]), found[0].missing_to)


def _of_ledger(ledger: Ledger, cursor: Cursor, origin: str) -> tuple[NotedHead, tuple[Ended, ...]] | None:
    try:
        noted = ledger.noted()
        if noted is None or ledger.origin() != origin:
            return None
        if cursor == noted.newest.cursor:
            return noted, ledger.endings()
        if cursor == noted.committed.cursor:
            return noted, ledger.endings(but_of=noted.intended)
    except (LedgerDamagedError, OSError):
        pass
    return None


async def losing_restore(connection: AsyncConnection) -> AuditEntry | None:
    """The entry of the newest restore, where endings were lost in it, or before it and not settled; None:
    there is nothing to settle."""
    found = await change_log.newest_entries(connection, 1, RESTORED, (RESTORE,))
    entry = found[0].entry if found else None
    return entry if entry is not None and entry.after and entry.after.get(LOST) else None
