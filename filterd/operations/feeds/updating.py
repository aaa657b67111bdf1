"""Reads feeds into new versions, and holds back what is out of bounds.

A version counts when its file is durable and its row committed, in that order. Whatever goes wrong with one
feed, its last good version stays and the others go on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filterd.config.policies import icann_suffixes
from filterd.disk.keys import DIGEST_KEY
from filterd.feed.parsing import ParseReport, Run, parse
from filterd.feed.rules import RuleSet, collect
from filterd.feed.source import SourceError
from filterd.feed.version_checks import guard_refusal, unexpected_names
from filterd.model.records import FeedCheck, FeedVersion, VersionState
from filterd.operations.context import Context
from filterd.operations.feeds import adoption, rule_files, unchanged
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
    """``updated``, ``unchanged``, ``quarantined``, ``failed``, or ``retired`` while it was read"""
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


@dataclass(slots=True)
class _Telling:
    """Tells how far the reading of one feed has come."""

    progress: Progress | None
    feed: str
    done: int
    total: int
    names: int = 0

    def __call__(self) -> None:
        """Tell it now."""
        if self.progress is not None:
            self.progress(f"{self.feed}: {self.names:,} names", self.done, self.total)

    def counted(self, runs: Iterable[Run]) -> Iterator[Run]:
        """The same runs, told one by one as they are taken."""
        for run in runs:
            yield run
            if self.progress is not None:
                self.names += run.count
                self()


async def update(
    context: Context, identifiers: Sequence[str] = (), *, progress: Progress | None = None
) -> tuple[FeedUpdate, ...]:
    """Read these feeds, or all of them. A feed that changed gets a new version."""
    found = await adoption.settle(context, await asyncio.to_thread(policies, context))
    chosen = [find_feed(found.policies, each) for each in identifiers] or list(found.policies.feeds)
    done: list[FeedUpdate] = []
    with rule_files.writing(context.settings.state_dir):
        for feed in chosen:
            tell = _Telling(progress, feed.id, len(done), len(chosen))
            tell()
            done.append(await _update_one(context, found, feed, tell))
    now = context.clock()
    checks = [FeedCheck(each.feed, now, 0.0 if each.problem else now, each.problem[:500]) for each in done]
    async with context.store.report() as connection:
        await rows.record_checks(connection, checks)
    if progress is not None:
        progress("", len(chosen), len(chosen))
    return tuple(done)


async def _update_one(context: Context, found: InForce, feed: Feed, tell: _Telling) -> FeedUpdate:
    async with context.store.read() as connection:
        before = (await rows.current(connection)).get(feed.id)
        if before is not None and rows.fault_of(before, (await rows.recorded(connection)).get(feed.id)):
            before = replace(before, digest="")  # what is read is decided on anew
    state_dir, source = context.settings.state_dir, context.settings.policies / feed.source
    secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
    stamp = unchanged.stamp_of(source)
    origin = None
    if stamp is not None:
        origin = await asyncio.to_thread(unchanged.origin_of, source, feed, found.policies, secret)
    if before is not None and origin is not None:
        misplaced = await asyncio.to_thread(unchanged.still_stands, state_dir, origin, before, secret)
        if misplaced is not None:
            return FeedUpdate(feed.id, "unchanged", before, ParseReport(count=before.skipped), misplaced)
    try:
        reading = await asyncio.to_thread(_read, source, feed, secret, tell)
    except SourceError as error:
        return FeedUpdate(feed.id, "failed", before, ParseReport(), problem=str(error))
    done = await _judge(context, found, feed, reading, before, secret)
    same = unchanged.stamp_of(source) == stamp  # it was not replaced between the two readings of it
    if done.version is not None and not done.problem and origin is not None and same:
        await asyncio.to_thread(unchanged.remember, state_dir, origin, done.version, done.misplaced)
    return done


async def _judge(
    context: Context,
    found: InForce,
    feed: Feed,
    reading: _Reading,
    before: FeedVersion | None,
    secret: bytes | None,
) -> FeedUpdate:
    """Write what was read as a draft, and take it or hold it back."""
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
    kept = await _keep(context, None if feed.id in found.orphans else feed, draft.path, version, before)
    if kept is None:
        return FeedUpdate(feed.id, "retired", None, reading.report, unexpected)
    if why is not None:
        return FeedUpdate(feed.id, "quarantined", before, reading.report, unexpected, why)
    return FeedUpdate(feed.id, "updated", kept, reading.report, unexpected)


def _read(source: Path, feed: Feed, secret: bytes | None, tell: _Telling) -> _Reading:
    """Parse the feed's file. Raises SourceError. ``secret`` keys the digest of a confidential source."""
    digest = begin_list_digest(secret)

    def digested() -> Iterator[bytes]:
        for chunk in read_chunks(source):
            digest.update(chunk)
            yield chunk

    report = ParseReport(quotes=not feed.confidential)
    runs = parse(line_blocks(digested()), feed.format, feed.scope, icann_suffixes(), report)
    return _Reading(collect(tell.counted(runs)), report, digest.hexdigest())


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
