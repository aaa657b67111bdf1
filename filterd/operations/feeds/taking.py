"""Takes what was read of a feed into a new version, or holds it back."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from filterd.feed.parsing import ParseReport
from filterd.feed.source import SourceError
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
from filterd.store.errors import StoreError
from filterd.store.store import Write

HELD = "it is held"


class OvertakenError(SourceError):
    """The version in force is not the one any more that what was read was compared with."""


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
    untried: StoreError | None = None
    """the error of the store that kept the outcome from being recorded; the feed does not count as tried"""


@dataclass(frozen=True, slots=True)
class Known:
    """The version in force that a new one is compared with."""

    before: FeedVersion | None = None
    """its row, without the digest where that is not what was decided"""
    decided: FeedVersion | None = None
    """the same as the audit trail has it"""


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
    known: Known,
    sizes: Sizes,
    secret: bytes | None,
) -> FeedUpdate:
    """Make a version of what was read and judged. ``secret`` keys the digest of a confidential list."""
    directory = rule_files.rule_file(context.settings.state_dir, feed.id, 0).parent
    path = directory / f"{os.getpid()}.new"  # control and a command may read the same feed at the same time
    try:
        draft = await asyncio.to_thread(_draft, path, feed, reading, sizes, known, secret)
        return await _take(context, found, feed, reading, draft, known.before)
    except (verifying.RolledBackError, OvertakenError) as error:  # somebody else was there meanwhile
        if str(error) == HELD:
            return FeedUpdate(feed.id, "held", known.before, reading.report)
        return FeedUpdate(feed.id, "failed", known.before, reading.report, problem=str(error))
    finally:
        path.unlink(missing_ok=True)


def _draft(
    path: Path, feed: Feed, reading: Reading, sizes: Sizes, known: Known, secret: bytes | None
) -> _Draft:
    """Write the draft of a version beside the others, and hold it against the feed's guard."""
    digest = rule_files.write_version(path, rule_files.canonical_text(reading.rules), secret)
    held = rule_files.digest_of_lines((each.line for each in reading.held), secret) if reading.held else ""
    same = known.before is not None and known.before.digest == digest
    decided = known.decided
    compared = None if decided is None or same else _file_of(path, decided, secret)
    return _Draft(path, digest, held, judging.refusal(feed, sizes, reading.rules.count, compared, path))


def _file_of(draft: Path, decided: FeedVersion, secret: bytes | None) -> Path:
    """The file of the version in force, beside the draft; one that is not there if it is not what was taken.
    A sealed one that opens is what was written, whichever key its digest was made with."""
    path = draft.with_name(f"{decided.version}.rules")
    with contextlib.suppress(OSError):
        if rule_files.sealed_with(path) or rule_files.is_taken(path, decided.digest, secret):
            return path
    return draft.with_name("lost.rules")


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
        entry = found.entry(feed)
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
        same = await _same_by_another(write, version, before)
        if same is not None:
            return same
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
        in_force = await rows.were_in_force(write.connection, kept.feed, rule_files.KEPT_VERSIONS)
    rule_files.drop_old(draft.parent, kept.version, in_force)
    return kept


async def _same_by_another(
    write: Write, version: FeedVersion, before: FeedVersion | None
) -> FeedVersion | None:
    """Return the version in force if another process has just taken the same content, else None.

    Raises OvertakenError if a person holds the feed, or if other content came into force after ``before``.
    """
    now = (await rows.current(write.connection)).get(version.feed)
    held = is_held((await rows.holds(write.connection)).get(version.feed), now)
    if _number(now) == _number(before):
        if held:
            raise OvertakenError(HELD)
        return None
    if now is not None and not held and _same(now, version):
        return now
    message = "another version came into force while it was read; it is read again: filterd feed update"
    raise OvertakenError(message)


def _number(version: FeedVersion | None) -> int:
    """Return the number of a version; 0 if there is none."""
    return 0 if version is None else version.version


def _same(one: FeedVersion, other: FeedVersion) -> bool:
    return (one.state, one.digest, one.note) == (other.state, other.digest, other.note)
