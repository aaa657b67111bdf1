"""Holds of feeds: kept for review, told, and dropped when the source no longer gives what was held.

The rules on popular names that are held stand in ``state_dir/feeds/<feed>/held.rules``, in canonical text; a
whole version that is held has its file like any other. The store's row names both by digest.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from filterd.disk.keys import DIGEST_KEY
from filterd.model.records import FeedHold, FeedVersion, VersionState
from filterd.operations.context import Context
from filterd.operations.feeds import rule_files
from filterd.operations.feeds.judging import HeldRule
from filterd.operations.keys import load_key
from filterd.policy.documents import Feed
from filterd.store import holds as rows

NAMES_HELD = "feed.names_held"
"""the action in the audit trail where popular names of a list are held back"""


def held_file(state_dir: Path, feed: str) -> Path:
    """The file of the rules that are held back of a feed."""
    return rule_files.rule_file(state_dir, feed, 0).with_name("held.rules")


def hold_of(version: FeedVersion, reason: str, names_digest: str, names: int) -> FeedHold | None:
    """The hold of a reading: of its version if that is quarantined, of single names, or of both."""
    whole = version.state is VersionState.QUARANTINED
    if not whole and not names:
        return None
    digests = f"{version.digest if whole else ''} {names_digest}"
    return FeedHold(
        feed=version.feed,
        reason=reason,
        note=version.note,
        version=version.version if whole else 0,
        names=names,
        names_digest=names_digest,
        digest=hashlib.sha256(digests.encode("ascii")).hexdigest(),
        source_digest=version.source_digest,
        skipped=version.skipped,
        at=version.at,
    )


async def settle(context: Context, feed: Feed, hold: FeedHold | None, held: Sequence[HeldRule]) -> None:
    """Make this the feed's hold. One that is known goes on; popular names that are newly held are audited (a
    whole version was audited when it was kept)."""
    async with context.store.read() as connection:
        before = await rows.find(connection, feed.id)
    if hold is None and before is None:
        return
    await asyncio.to_thread(_write_held, context, feed, held)
    if hold is None:
        async with context.store.report() as connection:
            await rows.drop(connection, feed.id)
        return
    if before is not None and before.digest == hold.digest:
        hold = replace(hold, at=before.at)
    if hold.names_digest in ("", "" if before is None else before.names_digest):
        if hold != before:
            async with context.store.report() as connection:
                await rows.put(connection, hold)
        return
    async with context.store.write(context.actor, context.clock()) as write:
        await rows.put(write.connection, hold)
        told = {"names": hold.names, "digest": hold.names_digest}
        write.audit(NAMES_HELD, f"feed:{feed.id}", reason="popular names", before=None, after=told)


def _write_held(context: Context, feed: Feed, held: Sequence[HeldRule]) -> None:
    """Keep the rules that are held back, for review."""
    path = held_file(context.settings.state_dir, feed.id)
    if not held:
        path.unlink(missing_ok=True)
        return
    secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
    rule_files.write_version(path, (each.line for each in held), secret)
