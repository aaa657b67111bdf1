"""Gives each combination that lines ask for an index, and the policies by index at any moment.

A combination is a policy key (``model.adjustments``) in a zone. It is resolved when it is new, when its next
boundary has come, when the clock went back, and its masks alone for the classes of a new snapshot.

An index that has lost its last line is blanked in the next table: whoever comes by it finds all restrictions
together. It is free for another combination once nobody holds the table before that one, hence no reader the
line as it was: published states hold their tables, and are let go of when every reader has passed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from filterd.model.adjustments import UNADJUSTED, Adjustments, AdjustmentsError, Difference, read_key
from filterd.model.profile_meaning import read_key_of
from filterd.model.slot import Slot
from filterd.policy.boundaries import Boundaries
from filterd.policy.classes import Classes
from filterd.policy.policy_table import PolicyTable
from filterd.policy.resolve import (
    ProfileRules,
    ResolvedPolicy,
    Restrictions,
    adjusted,
    all_together,
    closed_by,
    differences_of,
    policy_of,
    profiles_of,
    restrictions_of,
    stripping_ways,
    tightened,
)
from filterd.policy.schedule import OPEN, Moment, Timetable, UnknownZoneError, zone_of
from filterd.policy.unread_categories import from_meta as unread_of

NO_POLICY = 0
"""the index of the policy that asks for nothing"""
FALLBACK_ZONE = "UTC"
"""the zone of a line whose own zone this machine does not know"""
_KEPT_RESTRICTIONS = 8192
_KEPT_MOMENTS = 8192


@dataclass(slots=True)
class _Combination:
    """One of them, as it was resolved last."""

    key: str
    zone: str
    profile: str
    differences: Adjustments
    """those of ids alone"""
    timetable: Timetable
    lines: int = 0
    moment: Moment = OPEN
    boundary: int = 0


class _Rest:
    """Gives indexes back when it goes: when the last table that has them does. In any thread."""

    def __init__(self, indexes: Iterable[int], free: deque[int]) -> None:
        self._indexes, self._free = tuple(indexes), free

    def __del__(self) -> None:
        self._free.extend(self._indexes)


class PolicyBook:
    """Gives each combination of lines an index, and the policies by index at any moment.

    A combination keeps its index over every new snapshot for as long as lines have it. One whose profile a
    snapshot lacks never opens: it keeps the profile's last known rules. Where there are none, or where a key
    cannot be read, it gets the restrictions of all profiles together. Owned by one thread.
    """

    def __init__(
        self,
        profiles: Mapping[str, ProfileRules],
        classes: Classes,
        stripping: frozenset[str] | None = None,
        unread: frozenset[str] = frozenset(),
    ) -> None:
        """``stripping``: see ``resolve.stripping_ways``; ``unread``: the categories that have lists, of which
        none was ever read."""
        self.claimed = 0
        """how often a combination was new"""
        self.recomputed = 0
        """how often one was looked at"""
        self._profiles: Mapping[str, ProfileRules] = dict(profiles)
        self._present = frozenset(profiles)
        """those of the snapshot; the others in ``_profiles`` are remembered"""
        self._stripping = stripping
        self._unread = unread
        self._combinations: list[_Combination | None] = [None]
        """by index; None: no line's"""
        self._indexes: dict[str, dict[str, int]] = {}
        """by zone and key"""
        self._used: Counter[str] = Counter()
        """combinations by profile"""
        self._free: deque[int] = deque()
        self._unused = set[int]()
        """indexes that have lost their last line"""
        self._new = set[int]()
        """indexes that no table has yet, or that another combination had"""
        self._stale = set[int]()
        """the others to be looked at"""
        self._renewed = False
        """the masks of all are of other classes"""
        self._boundaries = Boundaries()
        self._moment = 0
        self._table = PolicyTable.of([ResolvedPolicy()])
        self._use(classes)

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any], classes: Classes) -> PolicyBook:
        """An empty book over a snapshot's profiles."""
        unread = frozenset(unread_of(meta).categories)
        return cls(profiles_of(meta), classes, stripping_ways(meta), unread)

    def __len__(self) -> int:
        """Indexes given so far, those that rest or are free included."""
        return len(self._combinations) - 1

    @property
    def combinations(self) -> int:
        """Those that have an index."""
        return sum(self._used.values())

    # --- indexes ----------------------------------------------------------------------------------------

    def index(self, key: str, zone: str) -> int:
        """The index of a combination; :data:`NO_POLICY` for the key ``""``.

        It may be one that :meth:`at` has not answered yet. :class:`UnknownZoneError` for a bad zone.
        """
        if not key:
            return NO_POLICY
        known = self._indexes.get(zone, {}).get(key)
        if known is None:
            zone_of(zone)
            return self._claim(key, zone)
        self._unused.discard(known)
        return known

    def index_of_line(self, key: str, zone: str) -> tuple[int, str]:
        """The index for a line, and the zone that it uses: :data:`FALLBACK_ZONE` for an unknown one."""
        try:
            return self.index(key, zone), zone
        except UnknownZoneError:
            return self.index(key, FALLBACK_ZONE), FALLBACK_ZONE

    def hold(self, index: int, lines: int = 1) -> None:
        """Count lines that have come to this index. ValueError for one that is not given."""
        if index == NO_POLICY:
            return
        combination = self._combinations[index] if index < len(self._combinations) else None
        if combination is None:
            message = f"lines have the policy {index}, which is none"
            raise ValueError(message)
        combination.lines += lines
        self._unused.discard(index)

    def release(self, index: int) -> None:
        """Count a line that has left this index."""
        combination = self._combinations[index]
        if combination is not None:
            combination.lines -= 1
            if not combination.lines:
                self._unused.add(index)

    def rest_unused(self) -> None:
        """Let every index without lines rest."""
        held = enumerate(self._combinations)
        self._unused.update(index for index, each in held if each is not None and not each.lines)

    def keys(self) -> list[tuple[str, str]]:
        """Key and zone of each index but :data:`NO_POLICY`, for another book to give them the same indexes.
        An index without a combination has a key of its own that nobody can read."""
        return [
            (f'{{"hole":{index}}}', FALLBACK_ZONE) if each is None else (each.key, each.zone)
            for index, each in enumerate(self._combinations)
            if index != NO_POLICY
        ]

    def missing(self) -> tuple[str, ...]:
        """Profiles that lines have and the snapshot does not know, and keys that cannot be read. May be
        called from any thread."""
        used = (profile for profile in tuple(self._used) if profile)
        return tuple(sorted({each for each in used if _known_as(self._present, each) not in self._present}))

    def unread(self) -> dict[str, tuple[str, ...]]:
        """The unread categories that profiles of lines restrict, each with those profiles. May be called from
        any thread."""
        found: dict[str, set[str]] = {}
        for profile in tuple(self._used) if self._unread else ():
            for each in self._rules(profile, UNADJUSTED).every_category & self._unread:
                found.setdefault(each, set()).add(read_key_of(profile)[0])
        return {each: tuple(sorted(profiles)) for each, profiles in sorted(found.items())}

    def _claim(self, key: str, zone: str) -> int:
        profile, adjustments = _asked(key)
        timetable = self._rules(profile, adjustments).timetable
        combination = _Combination(key, zone, profile, _differences(*differences_of(adjustments)), timetable)
        if self._free:
            index = self._free.popleft()
            self._combinations[index] = combination
        else:
            index = len(self._combinations)
            self._combinations.append(combination)
        self._indexes.setdefault(zone, {})[key] = index
        self._used[profile] += 1
        self._new.add(index)
        self.claimed += 1
        return index

    def _blank(self) -> set[int]:
        """Let indexes without lines rest till nobody holds the present table: those."""
        unused, self._unused = self._unused, set()
        for index in unused:
            combination = self._combinations[index]
            if combination is None:
                continue
            self._combinations[index] = None
            self._new.discard(index)
            self._stale.discard(index)
            del self._indexes[combination.zone][combination.key]
            self._used[combination.profile] -= 1
            if not self._used[combination.profile]:
                del self._used[combination.profile]
        if unused:
            self._table.keep_until_gone(_Rest(unused, self._free))
        return unused

    # --- policies ---------------------------------------------------------------------------------------

    def check_hours(self) -> None:
        """Raise ``ValueError`` for a profile whose schedule cannot be looked up."""
        for rules in self._profiles.values():
            Timetable.of(rules.schedule)

    def renew(self, meta: Mapping[str, Any], classes: Classes) -> None:
        """Use another snapshot's profiles and classes. Indexes stay, and so do the rules of a profile that
        lines have and the snapshot lacks."""
        fresh, before, were = profiles_of(meta), self._profiles, self._present
        self._profiles = {each: rules for each, rules in before.items() if each in self._used} | fresh
        self._present = frozenset(fresh)
        self._stripping = stripping_ways(meta)
        self._unread = frozenset(unread_of(meta).categories)
        self._use(classes)
        self._renewed = True
        changed = {
            each
            for each in self._used
            if _stand(before, were, each) != _stand(self._profiles, self._present, each)
        }
        for index, combination in enumerate(self._combinations):
            if combination is not None and combination.profile in changed:
                combination.timetable = self._rules(*_asked(combination.key)).timetable
                self._stale.add(index)

    def at(self, now: int, most: int | None = None) -> PolicyTable:
        """The policies by index at ``now``: the table before, where nothing has changed.

        ``most`` bounds how many schedules are looked at, beside new policies and those of a new snapshot.
        The others stay as they were, and :attr:`unfinished` is True, until it has been called often enough.
        """
        self._note_due(now)
        blank = self._blank()
        if self._renewed or self._new or self._stale or blank:
            count = len(self._combinations)
            looked = set(islice(self._stale, None if self._renewed else most))
            moments = self._moments(() if self._renewed else looked, now)
            whole = self._whole(range(1, count) if self._renewed else blank, now)
            self._table = self._table.with_changes(count, whole, moments)
            self._new, self._renewed = set(), False
            self._stale -= looked
        return self._table

    @property
    def unfinished(self) -> bool:
        """Schedules are still to be looked at: see :meth:`at`. May be called from any thread."""
        return bool(self._stale)

    def _whole(self, others: Iterable[int], now: int) -> Iterator[tuple[int, ResolvedPolicy]]:
        """The policies of new combinations and of others, one after the other, since all of them together
        would take much memory."""
        for index in self._new:
            yield index, self._policy(self._look(index, now))
        for index in others:
            if index not in self._new:
                stale = self._renewed and index in self._stale
                combination = self._look(index, now) if stale else self._combinations[index]
                yield index, self._policy(combination)

    def _moments(self, looked: Iterable[int], now: int) -> Iterator[tuple[int, int, bool, int, int]]:
        """The moments of those to be looked at."""
        for index in looked:
            combination = self._look(index, now)
            if combination is not None:
                moment = combination.moment
                closed, always = self._closed(moment)
                yield index, closed, moment.everything, always, combination.boundary

    def _note_due(self, now: int) -> None:
        """Note the combinations to be looked at: those whose boundary has come, and all that have one where
        the clock went back."""
        if now < self._moment:
            self._boundaries = Boundaries()
            timed = enumerate(self._combinations)
            self._stale.update(index for index, each in timed if each is not None and each.timetable)
        for boundary, index in self._boundaries.until(now):
            combination = self._combinations[index]
            if combination is not None and combination.boundary == boundary:
                self._stale.add(index)
        self._stale -= self._new
        self._moment = now

    def _look(self, index: int, now: int) -> _Combination | None:
        """The combination with its moment as it is now."""
        combination = self._combinations[index]
        if combination is not None:
            combination.moment, boundary = combination.timetable.at(combination.zone, now)
            combination.boundary = self._boundaries.add(boundary, index)
            self.recomputed += 1
        return combination

    def _policy(self, combination: _Combination | None) -> ResolvedPolicy:
        if combination is None:
            return self._nobodys
        restrictions = self._restrictions(combination.profile, combination.differences)
        moment = combination.moment
        closed = self._closed(moment)
        return policy_of(restrictions, combination.zone, moment.everything, closed, combination.boundary)

    def _use(self, classes: Classes) -> None:
        """Masks are of these classes from now on."""

        def restrict(profile: str, differences: Adjustments) -> Restrictions:
            rules = self._rules(profile, differences)
            # What a line adds to its profile by itself waits for its list, and takes nobody's Internet.
            wanted = rules.every_category & self._rules(profile, UNADJUSTED).every_category
            return restrictions_of(rules, classes, unread=not self._unread.isdisjoint(wanted))

        def close(moment: Moment) -> tuple[int, int]:
            return closed_by(moment, classes)

        self._restrictions = lru_cache(maxsize=_KEPT_RESTRICTIONS)(restrict)
        self._closed = lru_cache(maxsize=_KEPT_MOMENTS)(close)
        every = all_together("", tuple(self._profiles.values()))
        unread = not self._unread.isdisjoint(every.categories)
        together = restrictions_of(every, classes, unread=unread)
        self._nobodys = policy_of(together, FALLBACK_ZONE, False, close(OPEN), 0)

    def _rules(self, profile: str, adjustments: Adjustments) -> ProfileRules:
        """The rules of a profile with a line's changes; of one that the snapshot lacks, without what they
        take away."""
        profile = _known_as(self._present, profile)
        known = self._profiles.get(profile)
        if known is not None and profile in self._present:
            return adjusted(known, adjustments, self._stripping) if adjustments else known
        if not profile:
            return adjusted(ProfileRules(""), adjustments, self._stripping)
        known = known or all_together(profile, tuple(self._profiles.values()))
        return tightened(known, adjustments, self._stripping)


def _asked(key: str) -> tuple[str, Adjustments]:
    """The profile and the adjustments of a key. One that cannot be read is a profile that nobody knows."""
    try:
        return read_key.__wrapped__(key)  # each is read once: what is kept of it would only take memory
    except (AdjustmentsError, RecursionError):
        return key, UNADJUSTED


@lru_cache(maxsize=4096)
def _differences(
    categories: Difference, services: Difference, safe_search: Difference, bypass: Difference
) -> Adjustments:
    """The differences alone; equal ones are one object, as a rule."""
    return Adjustments(categories, services, safe_search, bypass)


def _known_as(present: Container[str], profile: str) -> str:
    """The name under which a snapshot has a profile: a meaning that it lacks is the one for everybody."""
    everybodys = read_key_of(profile)[0]
    return everybodys if profile not in present and everybodys in present else profile


def _stand(
    profiles: Mapping[str, ProfileRules], present: Container[str], profile: str
) -> tuple[bool, tuple[Slot, ...] | None]:
    """True if a profile is in the snapshot; and its schedule, None for one that is not known."""
    name = _known_as(present, profile)
    rules = profiles.get(name)
    return name in present, None if rules is None else rules.schedule
