"""The feeds: read, in bounds, with their entries, fresh, and the provider's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from filterd.model.mandatory import label_of
from filterd.operations.context import OperationError
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.feeds import listing as operation
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.own_hosts import own_hosts
from filterd.policy.adoption import Orphaned
from filterd.store.errors import StoreError

STARTER = "starter-"
"""how the ids of the lists that are shipped begin"""
EXAMPLE = ".example"
"""the ending of the made-up portal in the shipped protected.yaml"""


def check(case: Case) -> Iterator[Finding]:
    """Look at each feed in force. What keeps the store from being read, ``store`` says."""
    try:
        statuses = asyncio.run(_statuses(case))
    except (StoreError, OperationError):
        return
    now = case.machine.clock()
    for status in statuses:
        yield from _feed(replace(status, at=now))
    starters = [each.feed.id for each in statuses if each.feed.id.startswith(STARTER)]
    if starters:
        yield found("feeds.starter", count=len(starters), feeds=", ".join(starters[:3]))
    yield from _portal(case)


async def _statuses(case: Case) -> tuple[FeedStatus, ...]:
    async with reading.opened(case) as context:
        return await operation.figures(context)


def _feed(status: FeedStatus) -> Iterator[Finding]:
    name = label_of(status.feed.id, confidential=status.feed.confidential)
    yield from _entry(name, status)
    yield from _holds(name, status)
    check = status.check
    if check is not None and check.error and not status.quarantined:
        yield found("feeds.failing", feed=name)
    if status.barren == "gone" and status.fetch is not None:
        yield found("feeds.gone", feed=name, hours=round((status.at - status.fetch.gone_since) / 3600))
    if check is not None and status.stale:
        hours = round((status.at - check.succeeded_at) / 3600)
        yield found("feeds.stale", feed=name, hours=hours, refresh=_hours(status.feed.refresh))


def _entry(name: str, status: FeedStatus) -> Iterator[Finding]:
    """The findings on what is in force of the feed, and by which entry. An entry that cannot be read has not
    vanished; ``config.policies`` says what is wrong."""
    if status.version is None:
        yield found("feeds.mandatory_unread" if status.feed.mandatory else "feeds.unread", feed=name)
    elif not status.version.names:
        yield found("feeds.empty", feed=name)
    if status.unread:
        return
    if status.orphaned is Orphaned.REKEYED:
        yield found("feeds.rekeyed", feed=name)
    elif status.orphaned is not None:
        yield found("feeds.orphaned", feed=name, how=status.orphaned.value)


def _holds(name: str, status: FeedStatus) -> Iterator[Finding]:
    """The findings on what waits for a person."""
    if status.held and status.kept_back is not None:
        yield found("feeds.held", feed=name, version=status.kept_back.version, who=status.kept_back.held_by)
    if status.quarantined:
        yield found("feeds.quarantined", feed=name, names=status.newest.names if status.newest else 0)
    if status.hold is not None and status.hold.names:
        yield found("feeds.names_held", feed=name, names=status.hold.names)


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:g} h"


def _portal(case: Case) -> Iterator[Finding]:
    from filterd.config.policies import PoliciesError, load_policies

    try:
        settings = case.settings
        documents = load_policies(settings.policies, settings.policies_base, settings.jurisdiction)
    except PoliciesError:
        return
    if own_hosts(case.settings):
        return  # our own portal is protected by its public URL
    made_up = [each.name for each in documents.protected.names if each.name.endswith(EXAMPLE)]
    if made_up:
        yield found("feeds.example_portal", name=made_up[0])
