"""Takes what was read of a feed into a new version, or holds it back."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from pathlib import Path

from filterd.feed.parsing import ParseReport
from filterd.feed.version_checks import HoldReason, Refusal, Sizes
from filterd.model.records import FeedFetch, FeedSource, FeedVersion, VersionState
from filterd.operations.context import Context
from filterd.operations.feeds import adoption, holds, judging, rule_files, verifying
from filterd.operations.feeds.holding import is_held
from filterd.operations.feeds.reading import Reading
from filterd.policy.adoption import InForce
from filterd.policy.documents import Feed
from filterd.store import feeds as rows
from filterd.store import proofs


@dataclass(frozen=True, slots=True)
class FeedUpdate:
    """The outcome of updating one feed."""

    feed: str
    outcome: str
    """``updated``, ``unchanged``, ``held``, ``quarantined``, ``failed``, or ``retired`` while it was read"""
    version: FeedVersion | None
    """the version in use afterwards"""
    report: ParseReport
    """of the lines that were skipped"""
    problem: str = ""
    held: int = 0
    """rules on popular names that the rest of the version was taken without"""
    popular: tuple[str, ...] = ()
    """the popular names of these rules; of a confidential list none are told"""
    standing: tuple[str, ...] = ()
    """popular names that it blocks though nobody assigned them to it: the version before does"""
    fetch: FeedFetch | None = None
    """None: its list lies here"""


@dataclass(frozen=True, slots=True)
class _Draft:
    path: Path
    digest: str
    held_digest: str
    """of the rules that are held back; empty where there are none"""
    refusal: Refusal | None
    """why it must not replace the version before it"""


async def take(
    context: Context,
    found: InForce,
    feed: Feed,
    reading: Reading,
    before: FeedVersion | None,
    sizes: Sizes,
    secret: bytes | None,
) -> FeedUpdate:
    """Make a version of what was read and judged. ``secret`` keys the digest of a confidential list."""
    directory = rule_files.rule_file(context.settings.state_dir, feed.id, 0).parent
    path = directory / f"{os.getpid()}.new"  # control and a command may read the same feed at the same time
    try:
        draft = await asyncio.to_thread(_draft, path, feed, reading, sizes, before, secret)
        return await _take(context, found, feed, reading, draft, before)
    except verifying.RolledBackError as error:  # somebody else took a newer one meanwhile
        return FeedUpdate(feed.id, "failed", before, reading.report, problem=str(error))
    finally:
        path.unlink(missing_ok=True)


def _draft(
    path: Path, feed: Feed, reading: Reading, sizes: Sizes, before: FeedVersion | None, secret: bytes | None
) -> _Draft:
    """Write the draft of a version beside the others, and hold it against the feed's guard."""
    digest = rule_files.write_version(path, rule_files.canonical_text(reading.rules), secret)
    held = rule_files.digest_of_lines((each.line for each in reading.held), secret) if reading.held else ""
    same = before is not None and before.digest == digest
    compared = None if before is None or same else path.with_name(f"{before.version}.rules")
    return _Draft(path, digest, held, judging.refusal(feed.guard, sizes, reading.rules.count, compared, path))


async def _take(
    context: Context,
    found: InForce,
    feed: Feed,
    reading: Reading,
    draft: _Draft,
    before: FeedVersion | None,
) -> FeedUpdate:
    """Make a version of what was read, unless nothing changed."""
    refusal = draft.refusal
    version = FeedVersion(
        feed=feed.id,
        version=0,
        state=VersionState.QUARANTINED if refusal else VersionState.CURRENT,
        digest=draft.digest,
        source_digest=reading.source_digest,
        names=reading.rules.count,
        skipped=reading.report.count,
        at=context.clock(),
        note=refusal.text if refusal else "",
    )
    if refusal is None and before is not None and before.digest == draft.digest:
        # The same content again, which mends a file that was lost or altered.
        await verifying.take_again(context, feed.id, reading.source)
        rule_files.put_in_place(draft.path, before.version)
        kept: FeedVersion | None = before
    elif await _is_held(context, before):
        return FeedUpdate(feed.id, "held", before, reading.report)
    else:
        entry = None if feed.id in found.orphans else feed
        kept = await _keep(context, entry, draft.path, version, before, reading.source)
    if kept is None:
        return FeedUpdate(feed.id, "retired", None, reading.report)
    reason = refusal.reason if refusal else HoldReason.POPULAR
    hold = holds.hold_of(replace(version, version=kept.version), reason, draft.held_digest, len(reading.held))
    await holds.settle(context, feed, hold, reading.held)
    outcome = "quarantined" if refusal else "unchanged" if kept is before else "updated"
    return _told(feed, reading, outcome, before if refusal else kept, version.note)


async def _is_held(context: Context, before: FeedVersion | None) -> bool:
    """True if a person holds the feed at the version in use: what was read is not taken."""
    async with context.store.read() as connection:
        return before is not None and is_held((await rows.holds(connection)).get(before.feed), before)


def _told(
    feed: Feed, reading: Reading, outcome: str, version: FeedVersion | None, problem: str
) -> FeedUpdate:
    return FeedUpdate(
        feed=feed.id,
        outcome=outcome,
        version=version,
        report=reading.report,
        problem=problem,
        held=len(reading.held),
        popular=() if feed.confidential else tuple(sorted({each.popular for each in reading.held})),
        standing=() if feed.confidential else reading.standing,
    )


async def _keep(
    context: Context,
    entry: Feed | None,
    draft: Path,
    version: FeedVersion,
    before: FeedVersion | None,
    source: FeedSource,
) -> FeedVersion | None:
    """Give the version its number, put its file in place, commit its row, and adopt its entry.

    ``entry`` is None for a feed that has lost it; the result is None if such a feed was retired meanwhile.
    """
    async with context.store.write(context.actor, context.clock()) as write:
        if entry is None and not await adoption.stands(write.connection, version.feed):
            return None
        newest = await rows.versions(write.connection, version.feed, 1)
        if newest and version.state is VersionState.QUARANTINED and _same(newest[0], version):
            return newest[0]
        if version.state is VersionState.CURRENT:
            await verifying.take(write, version.feed, source)
        kept = await rows.append(write.connection, version, above=rule_files.newest_version(draft.parent))
        await proofs.record_source(write.connection, kept.feed, kept.version, source)
        rule_files.put_in_place(draft, kept.version)
        file = {"digest": kept.source_digest, **verifying.audited(source)}
        write.audit(
            "feed.quarantine" if version.state is VersionState.QUARANTINED else rows.TAKEN,
            f"feed:{kept.feed}",
            reason=version.note,
            before=None if before is None else rows.audited(before),
            after={**rows.audited(kept), "source": file},
        )
        if entry is not None and version.state is VersionState.CURRENT:
            await adoption.adopt(context, write, entry)
    current = before.version if version.state is VersionState.QUARANTINED and before else kept.version
    rule_files.drop_old(draft.parent, kept.version, current)
    return kept


def _same(one: FeedVersion, other: FeedVersion) -> bool:
    return (one.state, one.digest, one.note) == (other.state, other.digest, other.note)
