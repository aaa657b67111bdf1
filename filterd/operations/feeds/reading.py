"""Reads a list that was obtained, and judges it. Nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace

from filterd.config.policies import icann_suffixes
from filterd.disk.keys import DIGEST_KEY
from filterd.feed.parsing import ParseReport, Run
from filterd.feed.reading import Form, read_list
from filterd.feed.rules import RuleSet, collect
from filterd.model.records import FeedSource, FeedVersion
from filterd.operations.context import Context
from filterd.operations.feeds import judging, obtaining, rule_files
from filterd.operations.feeds.obtaining import Fetching
from filterd.operations.feeds.verifying import Source, Verifier
from filterd.operations.keys import load_key
from filterd.policy.adoption import InForce
from filterd.policy.digests import begin_list_digest
from filterd.policy.documents import Feed, Policies

Tell = Callable[[int], None]
"""called with the number of names that were read so far"""


@dataclass(frozen=True, slots=True)
class Reading:
    """The rules of a source as they were read, before and after they are judged."""

    rules: RuleSet
    report: ParseReport
    source_digest: str
    source: FeedSource
    held: tuple[judging.HeldRule, ...] = ()
    standing: tuple[str, ...] = ()


def read(source: Source, feed: Feed, secret: bytes | None, largest: int, tell: Tell) -> Reading:
    """Parse a list of the feed. Raises SourceError. ``secret`` keys the digest of a confidential source."""
    digest = begin_list_digest(secret)
    report = ParseReport(quotes=not feed.confidential)
    form = Form(feed.format, feed.scope, feed.part)
    runs = read_list(source.file, form, icann_suffixes(), report, limit=largest, note=digest.update)
    return Reading(collect(_told(runs, tell)), report, digest.hexdigest(), source.record)


def _told(runs: Iterable[Run], tell: Tell) -> Iterator[Run]:
    """The same runs, told one by one as they are taken."""
    names = 0
    for run in runs:
        yield run
        names += run.count
        tell(names)


def judged(
    context: Context, feed: Feed, policies: Policies, reading: Reading, before: FeedVersion | None
) -> Reading:
    """A reading without what is refused and what is held back. ``before``: the version in force."""
    standing: judging.Standing = judging.nothing_stands
    if before is not None:
        file = rule_files.rule_file(context.settings.state_dir, feed.id, before.version)
        standing = judging.standing_in(file, feed)
    verdict = judging.judge(feed, policies, reading.rules, reading.report, standing)
    return replace(reading, rules=verdict.rules, held=verdict.held, standing=verdict.standing)


async def read_now(context: Context, found: InForce, feed: Feed, before: FeedVersion | None) -> Reading:
    """The rules that would load of what the source gives now; nothing is kept. Raises SourceError."""
    secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
    largest = context.settings.feeds.largest
    drafts = rule_files.writing(context.settings.state_dir) if feed.remote else nullcontext()
    with drafts:
        async with obtaining.obtained(context, feed, Fetching(), Verifier(context, feed)) as got:
            reading = await asyncio.to_thread(read, got.found, feed, secret, largest, lambda names: None)
    return await asyncio.to_thread(judged, context, feed, found.policies, reading, before)
