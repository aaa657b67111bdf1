"""Reads feeds into new versions, and holds back what is out of bounds.

A version counts when its file is durable and its row committed, in that order. Whatever goes wrong with one
feed, its last good version stays and the others go on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from filterd.config.policies import icann_suffixes
from filterd.disk.keys import DIGEST_KEY
from filterd.feed.parsing import ParseReport, Run, parse
from filterd.feed.rules import RuleSet, collect
from filterd.feed.source import SourceError, line_blocks, read_chunks
from filterd.feed.version_checks import WEEK, HoldReason, Refusal, Sizes
from filterd.model.records import FeedCheck, FeedVersion, VersionState
from filterd.operations.context import Context
from filterd.operations.feeds import adoption, rule_files
from filterd.operations.feeds.holding import is_held
from filterd.operations.keys import load_key
from filterd.operations.policies import feed as find_feed
from filterd.operations.policies import policies
from filterd.operations.snapshot_input import Stamp, policies_stamp
from filterd.policy.adoption import InForce
from filterd.policy.digests import begin_list_digest
from filterd.policy.documents import Feed, Policies
from filterd.store import feeds as rows
from filterd.store import holds as hold_rows

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
    problem: str = ""
    held: int = 0
    """rules on popular names that the rest of the version was taken without"""
    popular: tuple[str, ...] = ()
    """the popular names of these rules; of a confidential list none are told"""
    standing: tuple[str, ...] = ()
    """popular names that it blocks though nobody assigned them to it: the version before does"""


@dataclass(frozen=True, slots=True)
class Reading:
    """The rules of a source as they were read, before and after they are judged."""

    rules: RuleSet
    report: ParseReport
    source_digest: str
    held: tuple[judging.Held, ...] = ()
    standing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Draft:
    path: Path
    digest: str
    held_digest: str
    """of the rules that are held back; empty where there are none"""
    refusal: Refusal | None
    """why it must not replace the version before it"""


@dataclass(frozen=True, slots=True)
class _Basis:
    """The policies that an update began with."""

    found: InForce
    stamp: Stamp


async def update(
    context: Context,
    identifiers: Sequence[str] = (),
    *,
    progress: Progress | None = None,
    fetching: Fetching | None = None,
) -> tuple[FeedUpdate, ...]:
    """Obtain and read these feeds, or all. One that changed gets a new version. Several are fetched at once,
    and each is taken once it has arrived, one after the other."""
    basis = await _basis(context)
    named = [find_feed(basis.found.policies, each) for each in identifiers]
    chosen = list({each.id: each for each in named or basis.found.policies.feeds}.values())
    told = _Told(progress, len(chosen))
    run = _Run(context, basis, fetching or Fetching(), told)
    with rule_files.writing(context.settings.state_dir):
        done = await _all([asyncio.create_task(run.update(feed)) for feed in chosen])
    now = context.clock()
    checks = [FeedCheck(each.feed, now, 0.0 if each.problem else now, each.problem[:500]) for each in done]
    async with context.store.report() as connection:
        await rows.record_checks(connection, checks)
        await fetches.record(connection, [each.fetch for each in done if each.fetch is not None])
    told.end()
    return tuple(done)


async def _basis(context: Context) -> _Basis:
    stamp = policies_stamp(context.settings)
    return _Basis(await adoption.settle(context, await asyncio.to_thread(policies, context)), stamp)


async def _all(tasks: Sequence[asyncio.Task[FeedUpdate]]) -> list[FeedUpdate]:
    """The results in their order; the first error ends all."""
    try:
        return await asyncio.gather(*tasks)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Told:
    """The progress of an update, for the caller."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def arrived(self, feed: str, size: int) -> None:
        """So many bytes of a list have arrived."""
        self._show(f"{feed}: {size / 1_000_000:.1f} MB")

    def taking(self, feed: str) -> None:
        """A list is being read."""
        self._show(feed)
        self._done += 1

    def end(self) -> None:
        """All is done."""
        self._done = self._total
        self._show("")

    def _show(self, what: str) -> None:
        if self._progress is not None:
            self._progress(what, self._done, self._total)


@dataclass(frozen=True, slots=True)
class _Run:
    """One update of several feeds."""

    context: Context
    basis: _Basis
    fetching: Fetching
    told: _Told

    async def update(self, feed: Feed) -> FeedUpdate:
        """Obtain one feed, and take what was got."""
        try:
            async with obtaining.obtained(
                self.context,
                feed,
                self.fetching,
                AsItCame(),
                lambda size: self.told.arrived(feed.id, size),
            ) as got:
                return await self._taken(feed, got)
        except NotObtainedError as error:
            return await self._failed(feed, error, error.record)
        except SourceError as error:
            return await self._failed(feed, error, None)

    async def _taken(self, feed: Feed, got: Obtained[Path]) -> FeedUpdate:
        async with self.fetching.taking:
            found = await self._in_force_still(feed) if feed.remote else self.basis.found
            if found is None:
                return await self._failed(feed, SourceError(_CHANGED), got.record)
            self.told.taking(feed.id)
            update = await _update_one(self.context, found, feed, got.found)
        if not update.problem:
            await asyncio.to_thread(got.remember)
        return replace(update, fetch=got.record)

    async def _in_force_still(self, feed: Feed) -> InForce | None:
        """The policies in force, after a fetch that may have taken an hour; None where the feed is no more
        what it was."""
        if policies_stamp(self.context.settings) == self.basis.stamp:
            return self.basis.found
        found = (await _basis(self.context)).found
        return found if feed in found.policies.feeds else None

    async def _failed(self, feed: Feed, error: SourceError, record: FeedFetch | None) -> FeedUpdate:
        async with self.context.store.read() as connection:
            before = (await rows.current(connection)).get(feed.id)
        return FeedUpdate(feed.id, "failed", before, ParseReport(), problem=str(error), fetch=record)


_CHANGED = "its entry was changed while it was fetched; it is fetched anew: filterd feed update"


async def _update_one(context: Context, found: InForce, feed: Feed, path: Path) -> FeedUpdate:
    async with context.store.read() as connection:
        before = (await rows.current(connection)).get(feed.id)
        if before is not None and rows.fault_of(before, (await rows.recorded(connection)).get(feed.id)):
            before = replace(before, digest="")  # what is read is decided on anew
        most = await hold_rows.most_names(connection, feed.id, context.clock() - WEEK)
    try:
        secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
        with ExitStack() as opened:
            path = context.settings.policies / feed.source
            source = await verifying.Verifier(context, feed).placed(path, opened)
            reading = await asyncio.to_thread(_read, source, feed, secret)
    except SourceError as error:
        return FeedUpdate(feed.id, "failed", before, ParseReport(), problem=str(error))
    sizes = Sizes(before.names if before else None, most)
    directory = rule_files.rule_file(context.settings.state_dir, feed.id, 0).parent
    path = directory / f"{os.getpid()}.new"  # control and a command may read the same feed at the same time
    try:
        reading = await asyncio.to_thread(_judged, context, feed, found.policies, reading, before)
        draft = await asyncio.to_thread(_draft, path, feed, reading, sizes, before, secret)
        return await _take(context, found, feed, reading, draft, before)
    finally:
        path.unlink(missing_ok=True)


async def read_now(context: Context, found: InForce, feed: Feed, before: FeedVersion | None) -> Reading:
    """The rules that would load of what the source gives now; nothing is kept. Raises SourceError."""
    secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
    reading = await asyncio.to_thread(_read, context.settings.policies, feed, secret)
    return await asyncio.to_thread(_judged, context, feed, found.policies, reading, before)


def _judged(
    context: Context, feed: Feed, policies: Policies, reading: Reading, before: FeedVersion | None
) -> Reading:
    """A reading without what is refused and what is held back."""
    standing: judging.Standing = judging.nothing_stands
    if before is not None:
        file = rule_files.rule_file(context.settings.state_dir, feed.id, before.version)
        standing = judging.standing_in(file, feed)
    verdict = judging.judge(feed, policies, reading.rules, reading.report, standing)
    return replace(reading, rules=verdict.rules, held=verdict.held, standing=verdict.standing)


def _draft(
    path: Path, feed: Feed, reading: Reading, sizes: Sizes, before: FeedVersion | None, secret: bytes | None
) -> _Draft:
    """Write the draft of a version beside the others, and hold it against the feed's guard."""
    digest = rule_files.write_version(path, rule_files.canonical_text(reading.rules), secret)
    held = rule_files.digest_of_lines((each.line for each in reading.held), secret) if reading.held else ""
    same = before is not None and before.digest == digest
    compared = None if before is None or same else path.with_name(f"{before.version}.rules")
    return _Draft(path, digest, held, judging.refusal(feed.guard, sizes, reading.rules.count, compared, path))


def _said(feed: Feed, error: SourceError) -> str:
    """The error's text; of a list that was fetched, with its server."""
    return f"what {server_of(feed.source)} gave: {error}" if feed.remote else str(error)


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
        return FeedUpdate(feed.id, "unchanged", before, reading.report, unexpected)
    if await _is_held(context, before):
        return FeedUpdate(feed.id, "held", before, reading.report, unexpected)
    kept = await _keep(context, None if feed.id in found.orphans else feed, draft.path, version, before)
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


def _read(directory: Path, feed: Feed, secret: bytes | None) -> _Reading:
    """Parse the feed's file. Raises SourceError. ``secret`` keys the digest of a confidential source."""
    digest = begin_list_digest(secret)

    def digested() -> Iterator[bytes]:
        for chunk in read_chunks(source.file):
            digest.update(chunk)
            yield chunk

    report = ParseReport(quotes=not feed.confidential)
    runs = parse(line_blocks(digested()), feed.format, feed.scope, icann_suffixes(), report)
    return Reading(collect(runs), report, digest.hexdigest())


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
        write.audit(
            "feed.quarantine" if version.state is VersionState.QUARANTINED else rows.TAKEN,
            f"feed:{kept.feed}",
            reason=version.note,
            before=None if before is None else rows.audited(before),
            after=rows.audited(kept),
        )
        if entry is not None and version.state is VersionState.CURRENT:
            await adoption.adopt(context, write, entry)
    current = before.version if version.state is VersionState.QUARANTINED and before else kept.version
    rule_files.drop_old(draft.parent, kept.version, current)
    return kept


def _same(one: FeedVersion, other: FeedVersion) -> bool:
    return (one.state, one.digest, one.note) == (other.state, other.digest, other.note)
