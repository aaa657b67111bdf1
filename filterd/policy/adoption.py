"""Adopted feeds beside the entries of ``feeds.yaml``: which definition of a feed is in force.

A feed is adopted when its first version is taken; a ready one (``feeds.d``) when a person enables it. From
then on a file can change it and strengthen it, but not take it away: an entry that is gone, or that would
lift what was adopted, leaves the adopted definition in force until a person retires it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from filterd.model.rule import Scope
from filterd.policy.documents import Feed, Policies


class Orphaned(StrEnum):
    """The ways in which a feed in force has lost its entry."""

    VANISHED = "vanished"
    """no entry has its id"""
    WEAKENED = "weakened"
    """the entry with its id would lift what was adopted"""
    REKEYED = "rekeyed"
    """the entry with its id has another key than the one that its lists were believed by, or none"""


@dataclass(frozen=True, slots=True)
class InForce:
    """The policies in force: those of the directory, with every adopted feed in its adopted definition where
    its entry was lost."""

    policies: Policies
    orphans: Mapping[str, Orphaned] = field(default_factory=dict)
    """by feed; a feed that has its entry is not there"""
    enabled: frozenset[str] = frozenset()
    """the feeds in force that are ready ones: a person enabled them"""

    def entry(self, feed: Feed) -> Feed | None:
        """The feed's entry, where reading it adopts it; None where only a person can: for one that lost its
        entry, and for a ready one."""
        return None if feed.id in self.orphans or feed.id in self.enabled else feed


def covers(entry: Feed, adopted: Feed) -> bool:
    """Return whether the entry blocks for everybody for whom the adopted feed does, and tells no more.

    A mandatory feed covers every use. Any other must keep use and category. A confidential feed stays
    confidential, the scope of its names holds what it held, and one that blocks is not observed instead. The
    key of a signed mandatory feed stays (:func:`proves`). Everything else may change: source, format and
    guard say how the list is read, and the guard judges what was read.
    """
    return reaches(entry, adopted) and proves(entry, adopted)


def proves(entry: Feed, adopted: Feed) -> bool:
    """Return whether the entry asks for the proof of origin that a mandatory feed was adopted with: who can
    write a file must not choose by whose word names are blocked for everybody. An unsigned one may get a key.
    """
    asked = adopted.mandatory is not None and adopted.signature is not None
    return not asked or entry.signature == adopted.signature


def reaches(entry: Feed, adopted: Feed) -> bool:
    """As :func:`covers`, whatever the keys are."""
    same_use = (entry.use, entry.category, entry.bypass) == (adopted.use, adopted.category, adopted.bypass)
    return (
        (same_use or entry.mandatory is not None)
        and (entry.confidential or not adopted.confidential)
        and entry.scope in (adopted.scope, Scope.SUBTREE)
        and (adopted.observe or not entry.observe)
    )


def in_force(policies: Policies, adopted: Iterable[Feed]) -> InForce:
    """Put the adopted definitions in the place of entries that were weakened, and after all others where an
    entry vanished. A ready feed is in force by its entry where it is adopted, and else not at all."""
    known = {feed.id: feed for feed in adopted}
    orphans: dict[str, Orphaned] = {}
    feeds = []
    enabled = [each.feed for each in policies.ready if each.feed.id in known]
    for entry in (*policies.feeds, *enabled):
        kept = known.pop(entry.id, None)
        if kept is not None and not covers(entry, kept):
            orphans[entry.id] = Orphaned.REKEYED if reaches(entry, kept) else Orphaned.WEAKENED
            entry = kept
        feeds.append(entry)
    for kept in known.values():
        orphans[kept.id] = Orphaned.VANISHED
        feeds.append(kept)
    in_force = replace(policies, feeds=tuple(feeds))
    return InForce(in_force, orphans, frozenset(each.id for each in enabled))
