"""How far signatures and anchors are behind the trail: figures for metrics and ``filterd doctor``."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.checkpoint import Checkpoint
from filterd.operations.context import Context
from filterd.operations.trail import anchors, announcing, key_rows
from filterd.operations.trail.anchors import AnchorStatus
from filterd.operations.trail.announcing import KeysInUse
from filterd.operations.trail.statements import day_of
from filterd.store import anchors as anchor_rows
from filterd.store import checkpoints as rows
from filterd.store import statements
from filterd.store.anchors import AnchorAttempts
from filterd.store.statements import StatementRow


@dataclass(frozen=True, slots=True)
class TrailFigures:
    """The state of what is signed."""

    newest: Checkpoint | None
    sequence: int
    """of the last entry of the trail"""
    order_waits: bool
    """a decision on an order stands behind the newest checkpoint"""
    keys: KeysInUse
    altered_keys: tuple[tuple[str, str], ...]
    """the keys whose row is not what the trail tells: the subject there, and why"""
    statement: StatementRow | None
    """the newest one up to this day; where there is none, that of a day to come"""
    anchors: tuple[AnchorStatus, ...]
    attempts: dict[str, AnchorAttempts]

    @property
    def unexplained(self) -> frozenset[str]:
        """The ids of the keys that nobody accepted, and of those whose row was altered: it may say that
        somebody did."""
        altered = {subject.removeprefix("key:") for subject, _ in self.altered_keys}
        return frozenset({each.key_id for each in self.keys.unexplained} | altered)

    @property
    def uncovered(self) -> int:
        """Entries behind the newest checkpoint."""
        return self.sequence - (0 if self.newest is None else min(self.sequence, self.newest.audit_sequence))


async def look(context: Context) -> TrailFigures:
    """The figures as they are now."""
    async with context.store.read() as connection:
        newest = await rows.newest(connection)
        sequence = (await rows.trail_head(connection))[0]
        covered = 0 if newest is None else newest.audit_sequence
        waits = sequence > covered and await rows.order_decided_after(connection, covered)
        statement = await statements.newest(connection, day_of(context))
        attempts = await anchor_rows.attempts(connection)
        altered = tuple(await key_rows.altered(connection))
    keys = await announcing.known(context)
    status = await anchors.status(context)
    return TrailFigures(newest, sequence, waits, keys, altered, statement, status, attempts)
