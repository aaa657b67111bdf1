"""Policies of the equality course: what is listed where, and the states that it leads to as time passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind
from filterd.policy.classes import (
    BIT_LOCALHOST,
    BIT_PROTECTED,
    BIT_RESOLVER_ARPA,
    BIT_SPECIAL_USE,
    Classes,
)
from filterd.policy.decide import PublishedState
from filterd.policy.inquiry_reference import ReferenceState
from filterd.policy.published import StateSettings, active_set, next_beginning
from filterd.policy.resolve import ResolvedPolicy
from filterd.policy.snapshot import Overlay, Snapshot
from filterd.policy.snapshot_reference import ReferenceMatcher, RuleTable
from tests.worlds import policy_strategies, truth
from tests.worlds.policy import KEY, Line, Placed, overlay_of, snapshot_of, table_of

SPECIAL = {
    "localhost": BIT_LOCALHOST,
    "resolver.arpa": BIT_RESOLVER_ARPA,
    "onion": BIT_SPECIAL_USE,
    "10.in-addr.arpa": BIT_SPECIAL_USE,
    "help.example": BIT_PROTECTED,
}
MANDATORY_IDS = tuple(
    sorted({*policy_strategies.MANDATORY_IDS, *(entry.id for entry in truth.MANDATES.values())})
)
POLICIES = 5
"""of a state; lines name others too"""
PERIODS = (64, 640, 3600)
"""seconds that a schedule is on, and then off"""
OVERLAYS = 3
"""different ones over each snapshot"""


@dataclass(frozen=True, slots=True)
class Timetable:
    """One profile by its clock."""

    off: ResolvedPolicy
    on: ResolvedPolicy
    period: int

    def at(self, now: int) -> ResolvedPolicy:
        """Its masks at one moment."""
        masks = self.on if now // self.period % 2 else self.off
        return replace(masks, next_boundary=(now // self.period + 1) * self.period)


@dataclass(frozen=True, slots=True)
class Ground:
    """One snapshot, what may stand beside it, and the names that its rules speak of."""

    classes: Classes
    snapshot: Snapshot
    overlays: tuple[Overlay | None, ...]
    plain_snapshot: RuleTable
    plain_overlays: tuple[RuleTable | None, ...]
    """each of the overlays"""
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    timetables: tuple[Timetable, ...]


def _special() -> list[Placed]:
    return [Placed(name, bit) for name, bit in SPECIAL.items()]


def _ground(
    classes: Classes, rules: Sequence[Placed], timetables: tuple[Timetable, ...], random: Random
) -> Ground:
    kept = [rule for rule in rules if not rule.live]
    live = [rule for rule in rules if rule.live]
    triggers = list(dict.fromkeys(rule.trigger for rule in rules))
    over = [[], live, *(random.sample(live, len(live) // 2) for _ in range(OVERLAYS - 2))]
    standing = [*kept, *_special()]
    return Ground(
        classes,
        snapshot_of(standing, classes),
        tuple(overlay_of(placed) for placed in over),
        table_of(standing),
        tuple(table_of(placed) if placed else None for placed in over),
        tuple(trigger for trigger in triggers if "/" not in trigger),
        tuple(trigger.partition("/")[0] for trigger in triggers if "/" in trigger),
        timetables,
    )


@cache
def truth_ground(whole: bool) -> Ground:
    """Every combination of lists, each with a name and addresses; ``whole``: in every state of a mandate."""
    mandated = truth.MANDATED if whole else ["", "snapshot:in force", "overlay:not yet"]
    random = Random(1)
    rules = [rule for standing in truth.standings(mandated) for rule in standing.placed]
    plain, everything, offline, added = (replace(each, strip_ech=True) for each in truth.policies()[1:])
    nothing = ResolvedPolicy()
    timetables = (
        Timetable(nothing, nothing, PERIODS[0]),
        Timetable(plain, everything, PERIODS[0]),
        Timetable(plain, added, PERIODS[1]),
        Timetable(replace(plain, mode=BlockingMode.SINKHOLE), replace(added, mode=BlockingMode.NODATA), 3600),
        Timetable(offline, everything, PERIODS[2]),
    )
    return _ground(truth.CLASSES, rules, timetables, random)


@cache
def mixed_ground(seed: int) -> Ground:
    """Rules of every kind on a few names that are below each other. The classes' bits differ by seed."""
    random = Random(seed)
    classes = policy_strategies.CLASSES
    if seed % 2:
        observed = [entry for entry in classes.lists if entry.kind is Kind.OBSERVED]  # stay together
        stay = [*observed, *policy_strategies.GROUPS]
        free = [entry for entry in classes.lists if entry.number >= 8 and entry not in stay]
        turned = [entry.number for entry in free[1:] + free[:1]]
        fixed = [entry for entry in classes.lists if entry.number < 8]
        moved = [replace(entry, number=number) for entry, number in zip(free, turned, strict=True)]
        classes = Classes((*fixed, *moved, *stay))
    rules = [policy_strategies.make_rule(random) for _ in range(random.randrange(20, 80))]
    rules += [policy_strategies.make_exception(Random(seed + place)) for place in range(seed % 3)]
    rules += policy_strategies.make_group_rules(Random(seed))
    timetables = tuple(
        Timetable(
            policy_strategies.make_policy(random, classes),
            policy_strategies.make_policy(random, classes),
            random.choice(PERIODS),
        )
        for _ in range(POLICIES)
    )
    return _ground(classes, rules, timetables, random)


def mandates(random: Random, now: int) -> list[Mandate]:
    """In every state; some of the ids are unknown."""
    made = []
    for number in MANDATORY_IDS:
        if random.random() < 0.85:
            before, after = random.choice([0, 0, now - 9, now + 40]), random.choice([0, 0, 0, now + 90, now])
            made.append(
                Mandate(
                    number,
                    f"A-{number - FIRST_ORDER_ID}" if number >= FIRST_ORDER_ID else "list",
                    mode=random.choice(list(BlockingMode)),
                    not_before=before,
                    not_after=after,
                    withdrawn=random.random() < 0.15,
                    confidential=random.random() < 0.3,
                    pending=(now // 9 + number) % 5 == 0,  # not drawn: courses of before stay what they were
                )
            )
    return made


def settings(random: Random, now: int) -> StateSettings:
    """Mostly all is there."""
    whole = random.random() < 0.96
    return StateSettings(
        security_enabled=random.random() < 0.7,
        security_mode=BlockingMode(now // 11 % len(BlockingMode)),
        ready=whole or random.random() < 0.5,
        parental_ready=whole or random.random() < 0.5,
        parental_fail_open=random.random() < 0.5,
        nat64=policy_strategies.make_nat64(random),
        # Not drawn, for the same reason as above.
        suspended_until=now + 25 if now // 7 % 20 == 0 else 0,
        exceptions_end=now + 1 + now % 40,
    )


def new_state(ground: Ground, random: Random, now: int, generation: int) -> PublishedState:
    """A state over this ground, as of now."""
    return PublishedState(
        ground.snapshot,
        KEY,
        now=now,
        generation=generation,
        overlay=random.choice(ground.overlays),
        mandates=mandates(random, now),
        policies=[timetable.at(now) for timetable in ground.timetables],
        settings=settings(random, now),
    )


def next_state(state: PublishedState, ground: Ground, random: Random, now: int) -> PublishedState:
    """The same over time, and perhaps with another overlay, other mandates or other settings."""
    return state.evolve(
        now,
        policies=[timetable.at(now) for timetable in ground.timetables],
        overlay=random.choice(ground.overlays) if random.random() < 0.4 else ...,
        mandates=mandates(random, now) if random.random() < 0.3 else None,
        settings=settings(random, now) if random.random() < 0.3 else None,
    )


def plain_state(state: PublishedState, ground: Ground, now: int) -> ReferenceState:
    """The same for the reference."""
    active, settings = active_set(state.mandates.values(), now), state.settings
    overlay = ground.plain_overlays[ground.overlays.index(state.overlay)]
    return ReferenceState(
        ReferenceMatcher(ground.plain_snapshot, overlay, KEY, active),
        state.classes,
        active,
        state.policies,
        settings.security_enabled,
        settings.ready,
        settings.parental_ready,
        settings.parental_fail_open,
        next_beginning(state.mandates.values(), now),
        settings.nat64,
        settings.suspended_until,
        settings.exceptions_end,
        settings.security_mode,
    )


def line(random: Random, ground: Ground, now: int) -> Line:
    """A line's choices about names of this ground."""
    own = [
        (
            random.choice(ground.names),
            random.choice((Action.BLOCK, Action.ALLOW)),
            random.choice((Scope.EXACT, Scope.SUBTREE)),
        )
        for _ in range(random.choice((0, 0, 1, 3, 8)))
    ]
    if random.random() < 0.2:
        own.append(("example", random.choice((Action.BLOCK, Action.ALLOW)), Scope.SUBTREE))
    return Line(
        policy=random.choice((0, 1, 1, 2, 2, 3, 4, POLICIES)),
        opted_in=random.random() < 0.8,
        paused_until=random.choice((0, 0, 0, 0, now, now + 1, now + 70)),
        security_left=random.random() < 0.25,
        own_names=tuple(dict.fromkeys(own)),
    )
