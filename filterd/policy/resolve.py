"""Resolves a policy key at one moment into the class masks that a verdict tests with.

A policy key (``model.adjustments``) is a profile's id, with the changes that a line made to it. A profile's
rules are in the snapshot's meta beside the classes that they name, so that masks and snapshot never disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from filterd.model.adjustments import Adjustments, Difference
from filterd.model.blocking_mode import BlockingMode
from filterd.model.slot import OneSlot, Slot
from filterd.model.verdict import Kind
from filterd.policy.classes import BIT_ALWAYS_ALLOWED, Classes
from filterd.policy.documents import Bypass, Profile
from filterd.policy.schedule import Moment, Timetable

STRIPPING_WAYS = "strip_ech"
"""the key of a snapshot's meta with the ways around for which ECH is taken out; absent in older snapshots"""


@dataclass(frozen=True, slots=True)
class ProfileRules:
    """The restrictions of a profile, or of a line that changed its own. Ids are those of the policy
    documents."""

    id: str
    categories: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    safe_search: tuple[str, ...] = ()
    bypass: tuple[str, ...] = ()
    mode: BlockingMode = BlockingMode.NXDOMAIN
    schedule: tuple[Slot, ...] = ()
    strip_ech: bool = False
    """one of the ways around that it closes is Encrypted Client Hello"""
    holidays: tuple[str, ...] = ()
    """of a line: days on which no slot of the schedule begins"""
    once: tuple[OneSlot, ...] = ()
    """of a line: stretches that come once"""

    @property
    def every_category(self) -> frozenset[str]:
        """The categories that they restrict, at whatever hour."""
        return frozenset((*self.categories, *(each for slot in self.schedule for each in slot.categories)))

    @property
    def timetable(self) -> Timetable:
        """Its schedule, holidays and what comes once."""
        return Timetable.of(self.schedule, self.holidays, self.once)


@dataclass(frozen=True, slots=True)
class ResolvedPolicy:
    """Class masks of one profile in one zone at one moment; a mask's bit n is class bit n."""

    profile: str = ""
    zone: str = "UTC"
    categories: int = 0
    services: int = 0
    safe_search: int = 0
    bypass: int = 0
    schedule: int = 0
    """categories and services that the schedule adds"""
    schedule_all: bool = False
    """the schedule blocks all but the always-allowed names"""
    always: int = 1 << BIT_ALWAYS_ALLOWED
    """the always-allowed names that such a schedule leaves open at this moment"""
    strip_ech: bool = False
    """take Encrypted Client Hello out of HTTPS and SVCB answers"""
    unread: bool = False
    """a category of the profile has lists, and none of them was ever read: ``dns.parental_fail`` decides"""
    mode: BlockingMode = BlockingMode.NXDOMAIN
    next_boundary: int = 0
    """when the schedule asks for something else, Unix seconds; 0: never"""


def rules_of(profile: Profile, ways: Iterable[Bypass] = ()) -> ProfileRules:
    """The rules of a profile document; ``ways``: the policies' ways around."""
    return ProfileRules(
        id=profile.id,
        categories=profile.categories,
        services=profile.services,
        safe_search=profile.safe_search,
        bypass=profile.bypass,
        mode=profile.blocking_mode,
        schedule=profile.schedule,
        strip_ech=any(way.strip_ech for way in ways if way.id in profile.bypass),
    )


def to_meta(rules: ProfileRules) -> dict[str, Any]:
    """The rules as JSON values, for the snapshot's ``profiles``."""
    return {
        "categories": list(rules.categories),
        "services": list(rules.services),
        "safe_search": list(rules.safe_search),
        "bypass": list(rules.bypass),
        "blocking_mode": rules.mode.word,
        "schedule": [
            {
                "days": list(slot.days),
                "start": slot.start,
                "end": slot.end,
                "everything": slot.everything,
                "categories": list(slot.categories),
                "services": list(slot.services),
                "leaves": None if slot.leaves is None else list(slot.leaves),
            }
            for slot in rules.schedule
        ],
        "strip_ech": rules.strip_ech,
    }


def from_meta(profile: str, meta: Mapping[str, Any]) -> ProfileRules:
    """The rules as a snapshot's ``profiles`` states them; one of an earlier version says less of them."""
    return ProfileRules(
        id=profile,
        categories=tuple(meta["categories"]),
        services=tuple(meta["services"]),
        safe_search=tuple(meta["safe_search"]),
        bypass=tuple(meta["bypass"]),
        mode=BlockingMode[meta["blocking_mode"].upper()],
        schedule=tuple(
            Slot(
                days=tuple(slot["days"]),
                start=slot["start"],
                end=slot["end"],
                everything=slot["everything"],
                categories=tuple(slot["categories"]),
                services=tuple(slot.get("services", ())),
                leaves=None if slot.get("leaves") is None else tuple(slot["leaves"]),
            )
            for slot in meta["schedule"]
        ),
        strip_ech=meta.get("strip_ech", False),
    )


@dataclass(frozen=True, slots=True)
class Restrictions:
    """The class masks that hold at every moment."""

    profile: str
    categories: int
    services: int
    safe_search: int
    bypass: int
    strip_ech: bool
    mode: BlockingMode
    unread: bool = False


def restrictions_of(rules: ProfileRules, classes: Classes, *, unread: bool = False) -> Restrictions:
    """The masks of the rules, without those of their schedule. ``unread``: see :class:`ResolvedPolicy`."""
    return Restrictions(
        rules.id,
        classes.category_mask(rules.categories),
        classes.mask_of(Kind.SERVICE, rules.services),
        classes.mask_of(Kind.SAFE_SEARCH, rules.safe_search),
        classes.bypass_mask(rules.bypass),
        rules.strip_ech,
        rules.mode,
        unread,
    )


def closed_by(moment: Moment, classes: Classes) -> tuple[int, int]:
    """The masks of what a moment closes, and of the always-allowed names that it leaves open."""
    closed = classes.category_mask(moment.categories) | classes.mask_of(Kind.SERVICE, moment.services)
    return closed, _left_open(classes, moment.leaves)


def resolve(rules: ProfileRules, classes: Classes, zone: str, now: int) -> ResolvedPolicy:
    """The masks at ``now`` (Unix seconds); ``schedule.UnknownZoneError`` for a bad zone."""
    moment, boundary = rules.timetable.at(zone, now)
    restrictions = restrictions_of(rules, classes)
    return policy_of(restrictions, zone, moment.everything, closed_by(moment, classes), boundary)


def policy_of(
    restrictions: Restrictions, zone: str, everything: bool, closed: tuple[int, int], boundary: int
) -> ResolvedPolicy:
    """The policy of a moment that closes ``closed`` till ``boundary``."""
    return ResolvedPolicy(
        profile=restrictions.profile,
        zone=zone,
        categories=restrictions.categories,
        services=restrictions.services,
        safe_search=restrictions.safe_search,
        bypass=restrictions.bypass,
        schedule=closed[0],
        schedule_all=everything,
        always=closed[1],
        strip_ech=restrictions.strip_ech,
        unread=restrictions.unread,
        mode=restrictions.mode,
        next_boundary=boundary,
    )


def _left_open(classes: Classes, groups: frozenset[str] | None) -> int:
    """The always-allowed names that belong to no group, and those of these groups; None: of every group."""
    if groups is None:
        return classes.mask(Kind.ALWAYS_ALLOWED)
    return 1 << BIT_ALWAYS_ALLOWED | classes.mask_of(Kind.ALWAYS_ALLOWED, groups)


def adjusted(
    rules: ProfileRules, adjustments: Adjustments, stripping: Collection[str] | None
) -> ProfileRules:
    """The rules of a profile with a line's changes. ``stripping``: the ways around for which ECH is taken
    out; None where the snapshot does not tell, and it stays as the profile has it."""
    bypass = adjustments.bypass.of(rules.bypass)
    strips = rules.strip_ech
    if stripping is not None and set(bypass) != set(rules.bypass):
        strips = any(way in stripping for way in bypass)
    return replace(
        rules,
        categories=adjustments.categories.of(rules.categories),
        services=adjustments.services.of(rules.services),
        safe_search=adjustments.safe_search.of(rules.safe_search),
        bypass=bypass,
        schedule=rules.schedule if adjustments.plan is None else adjustments.plan,
        holidays=adjustments.holidays,
        once=adjustments.once,
        strip_ech=strips,
    )


def tightened(
    rules: ProfileRules, adjustments: Adjustments, stripping: Collection[str] | None
) -> ProfileRules:
    """The rules with all that a line adds, and nothing that it takes: its slots come beside the schedule, and
    its holidays count for nothing."""
    categories, services, safe_search, bypass = (
        Difference(each.added) for each in differences_of(adjustments)
    )
    plan = rules.schedule + (adjustments.plan or ())
    added = Adjustments(categories, services, safe_search, bypass, plan, once=adjustments.once)
    found = adjusted(rules, added, stripping)
    return replace(found, strip_ech=found.strip_ech or rules.strip_ech)


def differences_of(adjustments: Adjustments) -> tuple[Difference, Difference, Difference, Difference]:
    """The differences in the order of ``model.adjustments.KINDS``."""
    return adjustments.categories, adjustments.services, adjustments.safe_search, adjustments.bypass


def all_together(profile: str, known: Collection[ProfileRules]) -> ProfileRules:
    """The restrictions of all known profiles, schedules left out: for what is not known."""
    return ProfileRules(
        id=profile,
        categories=tuple(dict.fromkeys(each for rules in known for each in rules.categories)),
        services=tuple(dict.fromkeys(each for rules in known for each in rules.services)),
        safe_search=tuple(dict.fromkeys(each for rules in known for each in rules.safe_search)),
        bypass=tuple(dict.fromkeys(each for rules in known for each in rules.bypass)),
        strip_ech=any(rules.strip_ech for rules in known),
    )


def profiles_of(meta: Mapping[str, Any]) -> dict[str, ProfileRules]:
    """The rules of a snapshot's profiles."""
    return {profile: from_meta(profile, value) for profile, value in meta.get("profiles", {}).items()}


def stripping_ways(meta: Mapping[str, Any]) -> frozenset[str] | None:
    """The ways around for which ECH is taken out; None where the snapshot does not tell."""
    ways = meta.get(STRIPPING_WAYS)
    return None if ways is None else frozenset(ways)
