"""Resolves a profile at one moment into the class masks that a verdict tests with.

A profile's rules are in the snapshot's meta beside the classes that they name, so that masks and snapshot
never disagree. Lines refer to a policy by its index in a :class:`PolicyBook`, which never gives one twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from filterd.model.blocking_mode import BlockingMode
from filterd.model.slot import Slot
from filterd.model.verdict import Kind
from filterd.policy.classes import BIT_ALWAYS_ALLOWED, Classes
from filterd.policy.documents import Bypass, Profile
from filterd.policy.schedule import UnknownZoneError, next_boundary, state_at, zone_of

NO_POLICY = 0
"""the index of the policy that asks for nothing"""
FALLBACK_ZONE = "UTC"
"""the zone of a line whose own zone this machine does not know"""


@dataclass(frozen=True, slots=True)
class ProfileRules:
    """A profile's restrictions, without its texts. Ids are those of the policy documents."""

    id: str
    categories: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    safe_search: tuple[str, ...] = ()
    bypass: tuple[str, ...] = ()
    mode: BlockingMode = BlockingMode.NXDOMAIN
    schedule: tuple[Slot, ...] = ()
    strip_ech: bool = False
    """one of the ways around that it closes is Encrypted Client Hello"""


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


def resolve(rules: ProfileRules, classes: Classes, zone: str, now: int) -> ResolvedPolicy:
    """The masks at ``now`` (Unix seconds); ``schedule.UnknownZoneError`` for a bad zone."""
    moment = state_at(rules.schedule, zone, now)
    return ResolvedPolicy(
        profile=rules.id,
        zone=zone,
        categories=classes.category_mask(rules.categories),
        services=classes.mask_of(Kind.SERVICE, rules.services),
        safe_search=classes.mask_of(Kind.SAFE_SEARCH, rules.safe_search),
        bypass=classes.bypass_mask(rules.bypass),
        schedule=classes.category_mask(moment.categories) | classes.mask_of(Kind.SERVICE, moment.services),
        schedule_all=moment.everything,
        always=_left_open(classes, moment.leaves),
        strip_ech=rules.strip_ech,
        mode=rules.mode,
        next_boundary=next_boundary(rules.schedule, zone, now),
    )


def _left_open(classes: Classes, groups: frozenset[str] | None) -> int:
    """The always-allowed names that belong to no group, and those of these groups; None: of every group."""
    if groups is None:
        return classes.mask(Kind.ALWAYS_ALLOWED)
    return 1 << BIT_ALWAYS_ALLOWED | classes.mask_of(Kind.ALWAYS_ALLOWED, groups)


class PolicyBook:
    """Gives each profile and zone of a line an index, and the policies by index at any moment.

    Indexes are only ever added, so a line keeps its own over every new snapshot. A profile that lines have
    and a snapshot lacks never opens them: they keep its last known rules. Where there are none, they get the
    restrictions of all profiles together. Owned by one thread.
    """

    def __init__(self, profiles: Mapping[str, ProfileRules], classes: Classes) -> None:
        self._profiles = dict(profiles)
        self._present = frozenset(profiles)
        """those of the snapshot; the others in ``_profiles`` are remembered"""
        self._classes = classes
        self._indexes: dict[tuple[str, str], int] = {}

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any], classes: Classes) -> PolicyBook:
        """An empty book over a snapshot's profiles."""
        return cls(_profiles_of(meta), classes)

    def index(self, profile: str, zone: str) -> int:
        """The index of a profile in a zone; :data:`NO_POLICY` for the profile ``""``.

        It may be one that :meth:`at` has not answered yet. :class:`UnknownZoneError` for a bad zone.
        """
        if not profile:
            return NO_POLICY
        known = self._indexes.get((profile, zone))
        if known is not None:
            return known
        zone_of(zone)
        return self._indexes.setdefault((profile, zone), len(self._indexes) + 1)

    def index_of_line(self, profile: str, zone: str) -> tuple[int, str]:
        """The index for a line, and the zone that it uses: :data:`FALLBACK_ZONE` for an unknown one."""
        try:
            return self.index(profile, zone), zone
        except UnknownZoneError:
            return self.index(profile, FALLBACK_ZONE), FALLBACK_ZONE

    def renew(self, meta: Mapping[str, Any], classes: Classes) -> None:
        """Use another snapshot's profiles and classes. Indexes stay, and so do the rules of a profile that
        lines have and the snapshot lacks."""
        fresh = _profiles_of(meta)
        used = {profile for profile, _ in self._indexes}
        self._profiles = {each: rules for each, rules in self._profiles.items() if each in used} | fresh
        self._present = frozenset(fresh)
        self._classes = classes

    def missing(self) -> tuple[str, ...]:
        """Profiles that lines have and the snapshot does not know. May be called from any thread."""
        return tuple(sorted({profile for profile, _ in tuple(self._indexes)} - self._present))

    def at(self, now: int) -> tuple[ResolvedPolicy, ...]:
        """The policies by index at ``now``."""
        resolved = [ResolvedPolicy()]
        for profile, zone in self._indexes:
            rules = self._profiles.get(profile) or self._all_together(profile)
            resolved.append(resolve(rules, self._classes, zone, now))
        return tuple(resolved)

    def _all_together(self, profile: str) -> ProfileRules:
        """The rules of an unknown profile: those of all known ones together, schedules left out."""
        known = self._profiles.values()
        return ProfileRules(
            id=profile,
            categories=tuple(each for rules in known for each in rules.categories),
            services=tuple(each for rules in known for each in rules.services),
            safe_search=tuple(each for rules in known for each in rules.safe_search),
            bypass=tuple(each for rules in known for each in rules.bypass),
            strip_ech=any(rules.strip_ech for rules in known),
        )


def _profiles_of(meta: Mapping[str, Any]) -> dict[str, ProfileRules]:
    return {profile: from_meta(profile, value) for profile, value in meta.get("profiles", {}).items()}
