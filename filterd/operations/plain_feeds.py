"""Feeds as plain values, in the one form that commands and the API show them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from filterd.operations.plain_values import plain

if TYPE_CHECKING:
    from filterd.feed.parsing import Skipped
    from filterd.operations.feeds.listing import FeedStatus
    from filterd.operations.feeds.taking import FeedUpdate


def feed_state(status: FeedStatus) -> str:
    """The state of a feed in words."""
    if status.off:
        return "off"
    if status.orphaned is not None:
        return "entry not read" if status.unread else f"entry {status.orphaned.value}"
    if status.held:
        return "held"
    if status.quarantined:
        return "quarantined"
    if status.version is not None and status.barren:
        return status.barren
    if status.stale:
        return "stale"
    if status.check is not None and status.check.error:
        return "failed"
    if status.feed.observe and status.version:
        return "observed"
    return "current" if status.version else "never read"


def feed_origin(status: FeedStatus) -> str:
    """The files that its entry stands in: the operator's own or the shipped ones; the store keeps one that
    has lost it."""
    if status.orphaned is not None:
        return "store"
    return "shipped" if status.shipped else "own"


def plain_feed(status: FeedStatus) -> dict[str, Any]:
    """A feed with where it stands, its newest version, and what is held back of it."""
    return {
        **plain(status.feed),
        "use": status.feed.use.value,
        "state": feed_state(status),
        "origin": feed_origin(status),
        "version": plain(status.version),
        "check": plain(status.check),
        "fetch": plain(status.fetch),
        "stale": status.stale,
        "contributes": not status.barren,
        "newest": plain(status.newest),
        "adopted": plain(status.adopted),
        "orphaned": None if status.unread else plain(status.orphaned),
        "unread": status.unread,
        "kept_back": plain(status.kept_back),
        "hold": plain(status.hold),
        "acceptance": plain(status.acceptance),
        "publication": plain(status.publication),
    }


def plain_update(done: FeedUpdate) -> dict[str, Any]:
    """The outcome of reading a feed, with the lines that were skipped."""
    return {
        "feed": done.feed,
        "outcome": done.outcome,
        "problem": done.problem,
        "version": plain(done.version),
        "fetch": plain(done.fetch),
        "skipped": done.report.count,
        "skipped_reasons": dict(done.report.reasons),
        "skipped_lines": [plain_skipped(each) for each in done.report.kept],
        "held": done.held,
        "held_popular": list(done.popular),
        "standing_popular": list(done.standing),
    }


def plain_skipped(skipped: Skipped) -> dict[str, Any]:
    """A skipped line as its contract has it; the member only where there is one."""
    shown: dict[str, Any] = plain(skipped)
    if not skipped.member:
        del shown["member"]
    return shown
