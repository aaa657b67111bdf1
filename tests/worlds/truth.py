"""The policy of the truth table: names and addresses in every combination of lists, lines of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from itertools import product

from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind, Where
from filterd.policy.classes import BIT_ALWAYS_ALLOWED, BIT_EXCEPTED, BIT_PROTECTED, FIXED, Classes, ListClass
from filterd.policy.decide import LineHandle
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.resolve import ResolvedPolicy
from tests.worlds import dns_answers
from tests.worlds.policy import KEY, NOW, Placed, World
from tests.worlds.truth_table import Claim, Own, Schedule, Security, Sees, Setting

CATEGORY, ADDED, SERVICE, SAFE, BYPASS, MALWARE, GROUP = range(8, 15)
CLASSES = Classes(
    (
        *FIXED,
        ListClass("adult", Kind.CATEGORY, CATEGORY, "adult"),
        ListClass("games", Kind.CATEGORY, ADDED, "games"),
        ListClass("video", Kind.SERVICE, SERVICE),
        ListClass("engine", Kind.SAFE_SEARCH, SAFE, target="safe.example"),
        ListClass("doh", Kind.BYPASS, BYPASS),
        ListClass("malware", Kind.SECURITY, MALWARE),
        ListClass("messaging", Kind.ALWAYS_ALLOWED, GROUP),
    )
)
BITS = {
    "protected": BIT_PROTECTED,
    "always": BIT_ALWAYS_ALLOWED,
    "group": GROUP,
    "added": ADDED,
    "service": SERVICE,
    "category": CATEGORY,
    "safe_search": SAFE,
    "bypass": BYPASS,
    "malware": MALWARE,
    "excepted": BIT_EXCEPTED,
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
                if getattr(self.claim, field) and (bit != BIT_EXCEPTED or trigger == self.name):
                    yield Placed(trigger, bit=bit, live=bit == BIT_EXCEPTED)
            if self.mandate is not None:
                yield Placed(trigger, mandatory=self.mandate.id, live=self.live)


def standings(mandated: list[str], without: tuple[str, ...] = ()) -> list[Standing]:
    """Every combination; in none of the lists of ``without``."""
    every = []
    flags = product(*([False] if field in without else [False, True] for field in BITS))
    for number, (state, chosen) in enumerate(product(mandated, flags)):
        where, _, kind = state.partition(":")
        claim = Claim(
            mandated=kind in ("in force", "confidential", "adopted list"),
            **dict(zip(BITS, chosen, strict=True)),
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


MODES = {schedule: index + 1 for index, schedule in enumerate(Schedule)}
"""schedule -> index of the policy with it"""


def policies() -> tuple[ResolvedPolicy, ...]:
    """No policy, then one for each state of the schedule."""
    plain = ResolvedPolicy(
        categories=1 << CATEGORY,
        services=1 << SERVICE,
        safe_search=1 << SAFE,
        bypass=1 << BYPASS,
        mode=BlockingMode.NULL,
        next_boundary=NOW + 600,
    )
    return (
        ResolvedPolicy(),
        plain,
        replace(plain, schedule_all=True, always=CLASSES.mask(Kind.ALWAYS_ALLOWED)),
        replace(plain, schedule_all=True),
        replace(plain, schedule=1 << ADDED),
    )


def world(rules: tuple[Placed, ...], *, security: bool, suspended: bool = False) -> World:
    return World(
        CLASSES,
        rules,
        tuple(MANDATES.values()),
        policies(),
        security_enabled=security,
        suspended_until=NOW + 30 if suspended else 0,
        exceptions_end=NOW + 900,
    )


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
