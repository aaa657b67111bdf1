"""THE truth table: every combination of settings against the expectation in ``tests.truth``.

Every name and address stands in one combination of lists; every line is one combination of choices. Answers
go through fewer states of a mandate, and through every combination of all else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from ipaddress import IPv4Address, IPv6Address
from itertools import product

import pytest

from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, BlockingMode, Scope
from filterd.model.verdict import Kind, Outcome, Reason, Where
from filterd.policy.classes import BIT_ALWAYS_ALLOWED, BIT_PROTECTED, FIXED, Classes, ListClass
from filterd.policy.decide import LineHandle, PublishedState, decide_name
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.inspect import inspect_message
from filterd.policy.resolve import ResolvedPolicy
from filterd.policy.trace import Decision
from filterd.wire.names import name_from_text
from tests import dns_answers
from tests.policy_world import KEY, NOW, Placed, World
from tests.truth import Claim, Own, Schedule, Security, Sees, Setting, expected

CATEGORY, ADDED, SERVICE, SAFE, BYPASS, MALWARE = range(8, 14)
CLASSES = Classes(
    (
        *FIXED,
        ListClass("adult", Kind.CATEGORY, CATEGORY, "adult"),
        ListClass("games", Kind.CATEGORY, ADDED, "games"),
        ListClass("video", Kind.SERVICE, SERVICE),
        ListClass("engine", Kind.SAFE_SEARCH, SAFE, target="safe.example"),
        ListClass("doh", Kind.BYPASS, BYPASS),
        ListClass("malware", Kind.SECURITY, MALWARE),
    )
)
BITS = {
    "protected": BIT_PROTECTED,
    "always": BIT_ALWAYS_ALLOWED,
    "added": ADDED,
    "service": SERVICE,
    "category": CATEGORY,
    "safe_search": SAFE,
    "bypass": BYPASS,
    "malware": MALWARE,
}

MANDATES = {
    "in force": Mandate(FIRST_ORDER_ID, "A-1", mode=BlockingMode.SINKHOLE),
    "confidential": Mandate(FIRST_ORDER_ID + 1, "A-2", mode=BlockingMode.NODATA, confidential=True),
    "not yet": Mandate(FIRST_ORDER_ID + 2, "A-3", not_before=NOW + 1),
    "expired": Mandate(FIRST_ORDER_ID + 3, "A-4", not_after=NOW),
    "withdrawn": Mandate(FIRST_ORDER_ID + 4, "A-5", withdrawn=True),
    "adopted list": Mandate(0, "list"),
}
MANDATED = ["", *(f"{where}:{state}" for where in ("snapshot", "overlay") for state in MANDATES)]
"""in no mandate, or in a mandate of the snapshot or the overlay"""


@dataclass(frozen=True)
class Standing:
    """One combination of lists, with the name and addresses that stand in it."""

    claim: Claim
    mandate: Mandate | None
    live: bool
    name: str
    ipv4: str
    ipv6: str

    @property
    def placed(self) -> Iterator[Placed]:
        """Its rules: subtrees, so that the names below stand in the same."""
        for trigger in (self.name, f"{self.ipv4}/32", f"{self.ipv6}/128"):
            for field, bit in BITS.items():
                if getattr(self.claim, field):
                    yield Placed(trigger, bit=bit)
            if self.mandate is not None:
                yield Placed(trigger, mandatory=self.mandate.id, live=self.live)


def standings(mandated: list[str]) -> list[Standing]:
    """Every combination."""
    every = []
    for number, (state, *flags) in enumerate(product(mandated, *([False, True] for _ in BITS))):
        where, _, kind = state.partition(":")
        claim = Claim(
            mandated=kind in ("in force", "confidential", "adopted list"),
            **dict(zip(BITS, flags, strict=True)),
        )
        every.append(
            Standing(
                claim,
                MANDATES[kind] if kind else None,
                where == "overlay",
                f"n{number}.example",
                str(IPv4Address(0x0A000000 + number)),
                str(IPv6Address((0x20010DB8 << 96) + number)),
            )
        )
    return every


STANDINGS = standings(MANDATED)
FEWER = standings(["", "snapshot:in force", "overlay:in force", "overlay:withdrawn"])
MODES = {schedule: index + 1 for index, schedule in enumerate(Schedule)}
"""schedule -> index of the policy with it"""


def policies() -> tuple[ResolvedPolicy, ...]:
    """No policy, then one for each state of the schedule."""
    masks = {
        "categories": 1 << CATEGORY,
        "services": 1 << SERVICE,
        "safe_search": 1 << SAFE,
        "bypass": 1 << BYPASS,
        "mode": BlockingMode.NULL,
        "next_boundary": NOW + 600,
    }
    return (
        ResolvedPolicy(),
        ResolvedPolicy(**masks),
        ResolvedPolicy(**masks, schedule_all=True),
        ResolvedPolicy(**masks, schedule=1 << ADDED),
    )


@pytest.fixture(scope="module")
def states() -> dict[bool, PublishedState]:
    """The policy with security off and on."""
    rules = tuple(rule for standing in STANDINGS for rule in standing.placed)
    return {on: world(rules, security=on).native for on in (False, True)}


@pytest.fixture(scope="module")
def fewer_states() -> dict[bool, PublishedState]:
    rules = tuple(rule for standing in FEWER for rule in standing.placed)
    return {on: world(rules, security=on).native for on in (False, True)}


def world(rules: tuple[Placed, ...], *, security: bool) -> World:
    return World(CLASSES, rules, tuple(MANDATES.values()), policies(), security_enabled=security)


OWN_NAMES = {
    Own.NOTHING: [
        [],
        [("{name}x", Action.BLOCK, Scope.SUBTREE)],
        [("below.{name}", Action.BLOCK, Scope.EXACT)],
        [("example", Action.BLOCK, Scope.EXACT)],
    ],
    Own.DENY: [
        [("{name}", Action.BLOCK, Scope.EXACT)],
        [("{name}", Action.BLOCK, Scope.SUBTREE)],
        [("example", Action.BLOCK, Scope.SUBTREE)],
        [("{name}", Action.BLOCK, Scope.SUBTREE), ("example", Action.ALLOW, Scope.SUBTREE)],
        [("{name}", Action.BLOCK, Scope.SUBTREE), ("{name}", Action.ALLOW, Scope.EXACT)],
        [("example", Action.BLOCK, Scope.SUBTREE), ("example", Action.ALLOW, Scope.EXACT)],
    ],
    Own.ALLOW: [
        [("{name}", Action.ALLOW, Scope.EXACT)],
        [("{name}", Action.ALLOW, Scope.SUBTREE)],
        [("example", Action.ALLOW, Scope.SUBTREE)],
        [("{name}", Action.ALLOW, Scope.SUBTREE), ("example", Action.BLOCK, Scope.SUBTREE)],
        [("{name}", Action.ALLOW, Scope.SUBTREE), ("below.{name}", Action.BLOCK, Scope.SUBTREE)],
    ],
}
"""ways in which a line can say each of it; ``example`` is the parent of every name"""


def line(setting: Setting, name: str, way: int = 0) -> LineHandle | None:
    """A line with these choices, that says of ``name`` what the setting says, in the given way."""
    if setting.sees is Sees.UNKNOWN:
        return None
    own = OWN_NAMES[setting.own][way]
    return LineHandle(
        1,
        policy=MODES[setting.schedule],
        opted_in=setting.sees is not Sees.NOT_OPTED_IN,
        paused_until=NOW + 60 if setting.sees is Sees.PAUSED else 0,
        security_left=setting.security is Security.LEFT,
        own_names=[
            (fingerprint_name(KEY, pattern.format(name=name)), action, scope)
            for pattern, action, scope in own
        ],
    )


def settings_of_query() -> Iterator[Setting]:
    """Every combination; what an unknown line cannot have is left out."""
    for sees, own, schedule, security in product(Sees, Own, Schedule, Security):
        plain = own is Own.NOTHING and schedule is Schedule.NONE and security is not Security.LEFT
        if sees is not Sees.UNKNOWN or plain:
            yield Setting(sees, own, schedule, security)


def found(decision: Decision | None) -> tuple[Outcome, Reason]:
    assert decision is not None
    return decision.verdict.outcome, decision.verdict.reason


@pytest.mark.parametrize("sees", Sees)
def test_of_the_query_name(states: dict[bool, PublishedState], sees: Sees) -> None:
    settings = [setting for setting in settings_of_query() if setting.sees is sees]
    for standing in STANDINGS:
        wire = name_from_text(standing.name)
        for number, setting in enumerate(settings):
            state = states[setting.security is not Security.OFF]
            way = number % len(OWN_NAMES[setting.own])
            handle = line(setting, standing.name, way)
            decision = decide_name(state, handle, wire, NOW, traced=False)
            assert found(decision) == expected(standing.claim, setting), (standing, setting, way)
            check_details(decision, standing, setting)


def check_details(decision: Decision, standing: Standing, setting: Setting) -> None:
    """What goes on with the verdict."""
    verdict = decision.verdict
    assert decision.own_allow == (setting.own is Own.ALLOW)
    boundary = {Sees.OPTED_IN: NOW + 600, Sees.PAUSED: NOW + 60}
    assert decision.valid_until == boundary.get(setting.sees, 0)
    if verdict.reason is Reason.MANDATORY:
        assert standing.mandate is not None
        assert verdict.reference == standing.mandate.id
        assert verdict.mode is standing.mandate.mode
        assert decision.confidential == standing.mandate.confidential
    elif verdict.outcome is Outcome.BLOCK:
        assert not decision.confidential
        profile = setting.sees in (Sees.OPTED_IN, Sees.PAUSED)
        made_up = verdict.reason not in (Reason.BYPASS, Reason.SECURITY) and profile
        assert verdict.mode is (BlockingMode.NULL if made_up else BlockingMode.NXDOMAIN)


@pytest.mark.parametrize("own", [own for own in Own if own is not Own.NOTHING])
def test_of_every_way_to_say_an_own_name(states: dict[bool, PublishedState], own: Own) -> None:
    """Exact or subtree, on the name or its parent, the more specific one first, a block on a tie."""
    chosen = [standing for standing in STANDINGS if not standing.mandate]
    for standing, sees, way in product(chosen, list(Sees)[1:], range(len(OWN_NAMES[own]))):
        setting = Setting(sees, own, Schedule.NONE, Security.ON)
        handle = line(setting, standing.name, way)
        decision = decide_name(states[True], handle, name_from_text(standing.name), NOW, traced=False)
        assert found(decision) == expected(standing.claim, setting), (standing, setting, way)


def settings_of_answer(*, named: bool) -> Iterator[Setting]:
    """Every combination; an address can be no own name."""
    for sees, own, schedule, security, allowed in product(Sees, Own, Schedule, Security, (False, True)):
        plain = own is Own.NOTHING and schedule is Schedule.NONE and security is not Security.LEFT
        possible = (plain and not allowed) if sees is Sees.UNKNOWN else (named or own is Own.NOTHING)
        if possible:
            yield Setting(sees, own, schedule, security, answer=True, query_allowed=allowed)


def answer_with(where: Where, standing: Standing, family: int) -> bytes:
    """An answer in which the name or an address of the standing stands at that place, between others."""
    address = standing.ipv4 if family == 4 else standing.ipv6
    middle = {
        Where.CNAME: dns_answers.alias(standing.name),
        Where.TARGET: dns_answers.service(standing.name),
        Where.HINT: dns_answers.service(".", [address]),
        Where.ADDRESS: dns_answers.address(address),
    }[where]
    return dns_answers.message(dns_answers.alias("harmless.test"), middle, dns_answers.address("203.0.113.7"))


PLACES = [
    (Where.CNAME, 0),
    (Where.TARGET, 0),
    (Where.HINT, 4),
    (Where.HINT, 6),
    (Where.ADDRESS, 4),
    (Where.ADDRESS, 6),
]


@pytest.mark.parametrize(("where", "family"), PLACES)
def test_of_the_answer(fewer_states: dict[bool, PublishedState], where: Where, family: int) -> None:
    settings = list(settings_of_answer(named=where in (Where.CNAME, Where.TARGET)))
    for standing in FEWER:
        message = answer_with(where, standing, family)
        for setting in settings:
            state = fewer_states[setting.security is not Security.OFF]
            handle = line(setting, standing.name)
            decision = inspect_message(state, handle, message, setting.query_allowed, NOW, traced=False)
            assert found(decision) == expected(standing.claim, setting), (standing, setting)
            if decision is not None and decision.verdict.outcome is not Outcome.PASS:
                assert decision.verdict.where is where


def test_every_field_of_a_claim_has_a_list() -> None:
    """A new kind of list enters the table, or this fails."""
    assert {field.name for field in fields(Claim)} == {"mandated", *BITS}
    assert {kind for kind in Kind if kind not in (Kind.LOCAL, Kind.SPECIAL_USE)} == {
        entry.kind for entry in CLASSES.lists if entry.number in BITS.values() and entry.kind is not None
    }
