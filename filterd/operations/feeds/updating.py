"""Reads feeds into new versions, and holds back what is out of bounds.

A version counts when its file is durable and its row committed, in that order. Whatever goes wrong with one
feed, its last good version stays and the others go on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filterd.config.policies import icann_suffixes
from filterd.disk.keys import DIGEST_KEY
from filterd.feed.parsing import ParseReport, parse
from filterd.feed.rules import RuleSet, collect
from filterd.feed.source import SourceError, line_blocks, read_chunks
from filterd.feed.version_checks import guard_refusal, unexpected_names
from filterd.model.records import FeedCheck, FeedVersion, VersionState
from filterd.operations.context import Context
from filterd.operations.feeds import adoption, rule_files
from filterd.operations.feeds.holding import is_held
from filterd.operations.keys import load_key
from filterd.operations.policies import feed as find_feed
from filterd.operations.policies import policies
from filterd.policy.adoption import InForce
from filterd.policy.digests import begin_list_digest
from filterd.policy.documents import Feed
from filterd.store import feeds as rows

Progress = Callable[[str, int, int], None]
"""called with what is being done, how many are done, and of how many"""


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
    misplaced: tuple[str, ...] = ()
    """popular names in it that do not belong to its category"""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    rules: RuleSet
    report: ParseReport
    source_digest: str


@dataclass(frozen=True, slots=True)
class _Draft:
    path: Path
    digest: str
    refusal: str | None
    """why it must not replace the version before it"""


async def update(
    context: Context, identifiers: Sequence[str] = (), *, progress: Progress | None = None
) -> tuple[FeedUpdate, ...]:
    """Read these feeds, or all of them. A feed that changed gets a new version."""
    found = await adoption.settle(context, await asyncio.to_thread(policies, context))
    chosen = [find_feed(found.policies, each) for each in identifiers] or list(found.policies.feeds)
    done: list[FeedUpdate] = []
    with rule_files.writing(context.settings.state_dir):
        for feed in chosen:
            if progress is not None:
                progress(feed.id, len(done), len(chosen))
            done.append(await _update_one(context, found, feed))
    now = context.clock()
    checks = [FeedCheck(each.feed, now, 0.0 if each.problem else now, each.problem[:500]) for each in done]
    async with context.store.report() as connection:
        await rows.record_checks(connection, checks)
    if progress is not None:
        progress("", len(chosen), len(chosen))
    return tuple(done)


async def _update_one(context: Context, found: InForce, feed: Feed) -> FeedUpdate:
    async with context.store.read() as connection:
        before = (await rows.current(connection)).get(feed.id)
        if before is not None and rows.fault_of(before, (await rows.recorded(connection)).get(feed.id)):
            before = replace(before, digest="")  # what is read is decided on anew
    try:
        secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
        reading = await asyncio.to_thread(_read, context.settings.policies, feed, secret)
    except SourceError as error:
        return FeedUpdate(feed.id, "failed", before, ParseReport(), problem=str(error))
    refused = guard_refusal(feed.guard, before.names if before else None, reading.rules.count)
    pieces = rule_files.canonical_text(reading.rules)
    directory = rule_files.rule_file(context.settings.state_dir, feed.id, 0).parent
    draft = directory / f"{os.getpid()}.new"  # control and a command may read the same feed at the same time
    try:
        digest = await asyncio.to_thread(rule_files.write_version, draft, pieces, secret)
        return await _take(context, found, feed, reading, _Draft(draft, digest, refused), before)
    finally:
        draft.unlink(missing_ok=True)


async def _take(
    context: Context,
    found: InForce,
    feed: Feed,
    reading: _Reading,
    draft: _Draft,
    before: FeedVersion | None,
) -> FeedUpdate:
    """Make a version of what was read, unless nothing changed."""
    why = draft.refusal
    version = FeedVersion(
        feed=feed.id,
        version=0,
        state=VersionState.QUARANTINED if why else VersionState.CURRENT,
        digest=draft.digest,
        source_digest=reading.source_digest,
        names=reading.rules.count,
        skipped=reading.report.count,
        at=context.clock(),
        note=why or "",
    )
    expected = found.policies.expected
    unexpected = unexpected_names(reading.rules, feed.category, expected) if feed.category else ()
    if why is None and before is not None and before.digest == draft.digest:
        # The same content again, which mends a file that was lost or altered.
        rule_files.put_in_place(draft.path, before.version)
        return FeedUpdate(feed.id, "unchanged", before, reading.report, unexpected)
    if await _is_held(context, before):
        return FeedUpdate(feed.id, "held", before, reading.report, unexpected)
    kept = await _keep(context, None if feed.id in found.orphans else feed, draft.path, version, before)
    if kept is None:
        return FeedUpdate(feed.id, "retired", None, reading.report, unexpected)
    if why is not None:
        return FeedUpdate(feed.id, "quarantined", before, reading.report, unexpected, why)
    return FeedUpdate(feed.id, "updated", kept, reading.report, unexpected)


async def _is_held(context: Context, before: FeedVersion | None) -> bool:
    """True if a person holds the feed at the version in use: what was read is not taken."""
    async with context.store.read() as connection:
        return before is not None and is_held((await rows.holds(connection)).get(before.feed), before)


def _read(directory: Path, feed: Feed, secret: bytes | None) -> _Reading:
    """Parse the feed's file. Raises SourceError. ``secret`` keys the digest of a confidential source."""
    digest = begin_list_digest(secret)

    def digested() -> Iterator[bytes]:
        for chunk in read_chunks(directory / feed.source):
            digest.update(chunk)
            yield chunk

    report = ParseReport(quotes=not feed.confidential)
    runs = parse(line_blocks(digested()), feed.format, feed.scope, icann_suffixes(), report)
    return _Reading(collect(runs), report, digest.hexdigest())


async def _keep(
    context: Context, entry: Feed | None, draft: Path, version: FeedVersion, before: FeedVersion | None
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
        kept = await rows.append(write.connection, version, above=rule_files.newest_version(draft.parent))
        rule_files.put_in_place(draft, kept.version)
        write.audit(
            "feed.quarantine" if version.state is VersionState.QUARANTINED else rows.TAKEN,
            f"feed:{kept.feed}",
            reason=version.note,
            before=None if before is None else _audited(before),
            after=_audited(kept),
        )
        if entry is not None and version.state is VersionState.CURRENT:
            await adoption.adopt(context, write, entry)
    current = before.version if version.state is VersionState.QUARANTINED and before else kept.version
    rule_files.drop_old(draft.parent, kept.version, current)
    return kept


def _same(one: FeedVersion, other: FeedVersion) -> bool:
    return (one.state, one.digest, one.note) == (other.state, other.digest, other.note)


def _audited(version: FeedVersion) -> dict[str, object]:
    return {"version": version.version, "digest": version.digest, "names": version.names}
