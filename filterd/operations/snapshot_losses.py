"""The losses of policies against the snapshot in force: what it tells of, and what another would."""

from __future__ import annotations

from filterd.operations import lost_rules, snapshot_meanings
from filterd.operations.context import Context
from filterd.operations.snapshots import basis_of, meta_in_force
from filterd.policy import losses, snapshot_layout, unread_categories
from filterd.policy.documents import Policies
from filterd.policy.losses import Losses
from filterd.policy.unread_categories import Unread
from filterd.store import meanings as meaning_rows
from filterd.store import subscribers


def losses_in_force(context: Context) -> Losses:
    """The losses that the snapshot in force tells of: what it keeps all the same, and what went."""
    return losses.from_meta(meta_in_force(context.settings.state_dir / snapshot_layout.DIRECTORY) or {})


def unread_in_force(context: Context) -> Unread:
    """The categories without a list that was read, as the snapshot in force tells of them."""
    meta = meta_in_force(context.settings.state_dir / snapshot_layout.DIRECTORY) or {}
    return unread_categories.from_meta(meta)


async def losses_of(context: Context, documents: Policies) -> Losses:
    """The losses that a build of these policies would tell of."""
    async with context.store.read() as connection:
        used = await subscribers.profiles_in_use(connection)
        known = await meaning_rows.known(connection)
    lost_rules.require_profiles(documents, used)
    meta = (await basis_of(context)).meta
    return losses.between(documents, snapshot_meanings.compared(meta, known), used)
