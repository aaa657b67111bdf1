"""Takes into force what was held back of a feed, after a person has reviewed it.

What is accepted is exactly what was reviewed: the held version's file and the held rules, both known by
digest. Where the source gives something else meanwhile, that is another hold, and waits for its own review.
A mandatory feed takes as many people as an order (``orders.approvals``).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from filterd.disk.keys import DIGEST_KEY
from filterd.model.records import FeedAcceptance, FeedCheck, FeedHold, FeedSource, FeedVersion, VersionState
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, holds, rule_files, verifying
from filterd.operations.feeds.nameless_reasons import require_nameless_reason
from filterd.operations.keys import load_key
from filterd.operations.orders import people
from filterd.operations.policies import feed as find_feed
from filterd.policy.documents import Feed
from filterd.store import feeds as versions
from filterd.store import holds as rows
from filterd.store import proofs
from filterd.store.store import Write

ACCEPTED = "feed.accept"
"""the action in the audit trail, of each person who accepts"""


@dataclass(slots=True)
class _Text:
    """The canonical text that an acceptance takes into force, and how many lines it had."""

    sources: list[Path]
    lines: int = 0

    def pieces(self) -> Iterator[bytes]:
        """The lines of all sources, sorted and each once."""
        for piece in rule_files.merged(self.sources):
            self.lines += piece.count(b"\n")
            yield piece


async def accept(context: Context, identifier: str, *, reason: str, digest: str = "") -> FeedAcceptance:
    """Accept what is held back of a feed. ``digest``: the beginning of the hold's, as it was reviewed."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    found = await adoption.policies_in_force(context)
    feed = find_feed(found.policies, identifier)
    await require_nameless_reason(context, feed.id, because)
    with rule_files.writing(context.settings.state_dir):
        async with context.store.read() as connection:
            hold = _require_held(feed, await rows.find(connection, feed.id), digest)
            before = await rows.acceptance(connection, feed.id, hold.digest)
        asked = _asked(context, feed, hold, because, before)
        if asked is not None:
            async with context.store.write(context.actor, context.clock()) as write:
                await rows.put_acceptance(write.connection, asked)
                _audit(write, hold, asked)
            return asked
        entry = found.entry(feed)
        try:
            taken = await _take(context, entry, feed, hold, because)
        except verifying.RolledBackError as error:
            message = f"what is held back of the feed {feed.id} cannot be taken any more: {error}"
            raise OperationError(message, f"read it anew: filterd feed update {feed.id}") from error
    now = float(context.clock())
    async with context.store.report() as connection:
        await versions.record_checks(connection, [FeedCheck(feed.id, now, now)])
    return taken


def _require_held(feed: Feed, hold: FeedHold | None, digest: str) -> FeedHold:
    if hold is None:
        message = f"nothing of the feed {feed.id} is held back"
        raise OperationError(message, f"see how it stands: filterd feed show {feed.id}")
    if not hold.digest.startswith(digest.lower()):
        message = f"what is held back of the feed {feed.id} is not what was reviewed: {hold.digest[:16]}"
        raise OperationError(message, f"review it: filterd feed diff {feed.id}")
    return hold


def _asked(
    context: Context, feed: Feed, hold: FeedHold, reason: str, before: FeedAcceptance | None
) -> FeedAcceptance | None:
    """The acceptance that waits for another person; None where this person's is the last that it takes."""
    needed = context.settings.orders.approvals if feed.mandatory is not None else 1
    if needed < 2:
        return None
    people.require_own(context, needed)
    if before is None or before.version:
        return FeedAcceptance(feed.id, hold.digest, reason, context.actor, float(context.clock()))
    if context.person_of(before.asked_by) == context.human:
        message = f"{context.actor} accepted what is held back of the feed {feed.id} already; it waits still"
        raise OperationError(
            message, "another person has to confirm it with the same command, under their own user"
        )
    return None


async def _take(
    context: Context, entry: Feed | None, feed: Feed, hold: FeedHold, reason: str
) -> FeedAcceptance:
    """Make the current version of what is held. ``entry`` is None for a feed that has lost it."""
    async with context.store.read() as connection:
        current = (await versions.current(connection)).get(feed.id)
        newest = await versions.versions(connection, feed.id)
    whole = next((each for each in newest if each.version == hold.version), None)
    base = whole if hold.version else current
    directory = rule_files.rule_file(context.settings.state_dir, feed.id, 0).parent
    secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
    path = directory / f"{os.getpid()}.accepted.new"
    try:
        text = _Text(await asyncio.to_thread(_sources, context, feed, hold, base, secret))
        digest = await asyncio.to_thread(rule_files.write_version, path, text.pieces(), secret)
        version = FeedVersion(
            feed=feed.id,
            version=0,
            state=VersionState.CURRENT,
            digest=digest,
            source_digest=hold.source_digest,
            names=text.lines,
            skipped=hold.skipped,
            at=context.clock(),
            note=f"accepted by {context.actor}",
        )
        return await _keep(context, entry, path, hold, version, reason)
    finally:
        path.unlink(missing_ok=True)


async def _keep(
    context: Context, entry: Feed | None, draft: Path, hold: FeedHold, version: FeedVersion, reason: str
) -> FeedAcceptance:
    """Commit the accepted version, unless something else is held by now."""
    async with context.store.write(context.actor, context.clock()) as write:
        now = await rows.find(write.connection, hold.feed)
        if now is None or now.digest != hold.digest:
            message = f"what is held back of the feed {hold.feed} changed just now; nothing was accepted"
            raise OperationError(message, f"review it again: filterd feed diff {hold.feed}")
        if entry is None and not await adoption.stands(write.connection, hold.feed):
            message = f"the feed {hold.feed} was retired; nothing was accepted"
            raise OperationError(message, "see who did it with: filterd audit tail")
        before = (await versions.current(write.connection)).get(hold.feed)
        source = await _source(write, hold, before)
        if hold.version:  # of single names the serial was taken, with the version that they were left out of
            await verifying.take(write, hold.feed, source)
        above = rule_files.newest_version(draft.parent)
        kept = await versions.append(write.connection, version, above=above)
        await proofs.record_source(write.connection, kept.feed, kept.version, source)
        rule_files.put_in_place(draft, kept.version)
        asked = await rows.acceptance(write.connection, hold.feed, hold.digest)
        taken = _accepted(context, hold, reason, asked, kept.version)
        await rows.put_acceptance(write.connection, taken)
        await rows.drop(write.connection, hold.feed)
        _audit(write, hold, taken)
        write.audit(
            versions.TAKEN,
            f"feed:{hold.feed}",
            reason=reason,
            before=None if before is None else versions.audited(before),
            after=versions.audited(kept),
        )
        if entry is not None:
            await adoption.adopt(context, write, entry)
        in_force = await versions.were_in_force(write.connection, hold.feed, rule_files.KEPT_VERSIONS)
    holds.held_file(context.settings.state_dir, hold.feed).unlink(missing_ok=True)
    rule_files.drop_old(draft.parent, kept.version, in_force)
    return taken


def _accepted(
    context: Context, hold: FeedHold, reason: str, asked: FeedAcceptance | None, version: int
) -> FeedAcceptance:
    """The acceptance, complete with this person's word."""
    now = float(context.clock())
    if asked is None or asked.version:
        asked = FeedAcceptance(hold.feed, hold.digest, reason, context.actor, now)
    return replace(asked, reason=reason, accepted_by=context.actor, accepted_at=now, version=version)


async def _source(write: Write, hold: FeedHold, before: FeedVersion | None) -> FeedSource:
    """The file that the accepted rules came from, as it was recorded when they were held back."""
    known = await proofs.sources(write.connection, hold.feed)
    version = hold.version or (before.version if before is not None else 0)
    return known.get(version, FeedSource("", 0, verifying.NOT_OWNED))


def _sources(
    context: Context, feed: Feed, hold: FeedHold, base: FeedVersion | None, secret: bytes | None
) -> list[Path]:
    """The files of what is accepted, each proven to be the one that was read."""
    state_dir = context.settings.state_dir
    wanted = []
    if base is not None:
        wanted.append((rule_files.rule_file(state_dir, feed.id, base.version), base.digest))
    if hold.names:
        wanted.append((holds.held_file(state_dir, feed.id), hold.names_digest))
    if base is None or any(rule_files.digest_of(path, secret) != digest for path, digest in wanted):
        message = f"the files of what is held back of the feed {feed.id} are gone, or not what was read"
        raise OperationError(message, f"read it again, and review it: filterd feed update {feed.id}")
    return [path for path, _ in wanted]


def _audit(write: Write, hold: FeedHold, acceptance: FeedAcceptance) -> None:
    write.audit(
        ACCEPTED,
        f"feed:{hold.feed}",
        reason=acceptance.reason,
        before=None,
        after={
            "held": hold.digest,
            "held_because": hold.reason,
            "popular_names": hold.names,
            "asked_by": acceptance.asked_by,
            "version": acceptance.version,
        },
    )
