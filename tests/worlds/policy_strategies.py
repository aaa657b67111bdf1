"""Generated policies, lines, names and answers for the twins of decide and inspect."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from ipaddress import IPv6Network
from random import Random

from hypothesis import strategies as st

from filterd.model.blocking_mode import BlockingMode
from filterd.model.lifting import SUSPENSION_LIMIT
from filterd.model.line import PAUSE_LIMIT
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind
from filterd.policy import inspect_reference
from filterd.policy.classes import BIT_EXCEPTED, FIRST_FREE_BIT, FIXED, Classes, ListClass
from filterd.policy.resolve import ResolvedPolicy
from tests.worlds import dns_answers
from tests.worlds.inner_addresses import CONFIGURED, WELL_KNOWN, outer_addresses
from tests.worlds.policy import NOW, Line, Placed, World

_FREE = (
    *((Kind.CATEGORY, f"cat{n}", f"cat{n % 3}", "") for n in range(4)),
    (Kind.SECURITY, "malware", "", ""),
    (Kind.SECURITY, "phishing", "", ""),
    (Kind.SERVICE, "video", "", ""),
    (Kind.SERVICE, "chat", "", ""),
    (Kind.SAFE_SEARCH, "engine", "", "safe.b.example"),
    (Kind.SAFE_SEARCH, "other", "", "b.example"),
    (Kind.BYPASS, "doh", "", ""),
    (Kind.BYPASS, "canary", "", ""),
)
_OBSERVED = tuple(ListClass(f"new{bit}", Kind.OBSERVED, bit) for bit in (447, 448, 449))
"""across the end of a word"""
GROUPS = (
    ListClass("messages", Kind.ALWAYS_ALLOWED, 63),
    ListClass("school", Kind.ALWAYS_ALLOWED, 320),
)
"""at the end of a word and the start of one"""
CLASSES = Classes(
    (
        *FIXED,
        *(ListClass(i, k, FIRST_FREE_BIT + n * 41, c, t) for n, (k, i, c, t) in enumerate(_FREE)),
        *_OBSERVED,
        *GROUPS,
    )
)
"""some of every kind, spread over the words of a mask"""

BITS = [entry.number for entry in CLASSES.lists if entry not in GROUPS]
EARLY = 3
"""that many of them, the first ones, decide before most stages"""
MANDATORY_IDS = [0, 1, 7, FIRST_ORDER_ID, FIRST_ORDER_ID + 1, FIRST_ORDER_ID + 40]
NAMES = [
    "example",
    "a.example",
    "b.example",
    "www.a.example",
    "www.b.example",
    "safe.b.example",
    "x.www.a.example",
]
OTHER_NAMES = ["test", "www.test", "c.example", "x.y.z.example"]
ADDRESSES = [
    "192.0.2.1",
    "192.0.2.77",
    "198.51.100.9",
    "2001:db8::1",
    "2001:db8:0:1::5",
    "::",
    "::1",
    *outer_addresses("192.0.2.77"),
    *outer_addresses("198.51.100.9"),
]
PREFIXES = ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.1/32", "198.51.0.0/16", "2001:db8::/32", "2001:db8::1/128"]
NAT64 = [*CONFIGURED, WELL_KNOWN]


def make_nat64(random: Random) -> tuple[IPv6Network, ...]:
    """Any of the prefixes, in any order; some contain others."""
    return tuple(random.sample(NAT64, random.choice([0, 1, 3, len(NAT64)])))


def names() -> st.SearchStrategy[str]:
    """Few different ones, so that rules meet them."""
    return st.sampled_from(NAMES * 3 + OTHER_NAMES)


def make_rule(random: Random) -> Placed:
    """A rule; what decides before most stages is seldom."""
    late = random.random() < 0.9
    bit = random.choice(BITS[EARLY:] if late else BITS[:EARLY])
    mandatory = -1 if late or random.random() < 0.4 else random.choice(MANDATORY_IDS)
    live, action = random.random() < 0.3, random.choice([Action.BLOCK] * 4 + [Action.ALLOW])
    if random.random() < 0.3:
        return Placed(random.choice(PREFIXES), bit, mandatory, Scope.SUBTREE, action, live)
    return Placed(random.choice(NAMES), bit, mandatory, random.choice(list(Scope)), action, live)


def _mandate(random: Random, number: int) -> Mandate:
    moments = [0, 0, 0, NOW - 1, NOW, NOW + 1, NOW + PAUSE_LIMIT, NOW + PAUSE_LIMIT + 1]
    return Mandate(
        number,
        "reference",
        mode=random.choice(list(BlockingMode)),
        not_before=random.choice(moments),
        not_after=random.choice(moments),
        withdrawn=random.random() < 0.2,
        confidential=random.random() < 0.3,
        pending=random.random() < 0.2,
    )


def make_policy(random: Random, classes: Classes = CLASSES) -> ResolvedPolicy:
    """Of each kind everything, nothing or one list."""

    def mask(kind: Kind) -> int:
        own = [entry.mask for entry in classes.lists if entry.kind is kind]
        return random.choice([0, sum(own), sum(own), *own])

    made = ResolvedPolicy(
        categories=mask(Kind.CATEGORY),
        services=mask(Kind.SERVICE),
        safe_search=mask(Kind.SAFE_SEARCH),
        bypass=mask(Kind.BYPASS),
        schedule=mask(Kind.CATEGORY) if random.random() < 0.3 else 0,
        schedule_all=random.random() < 0.2,
        mode=random.choice(list(BlockingMode)),
        next_boundary=random.choice([0, NOW + 60]),
    )
    # Not drawn from the same numbers: courses of before stay what they were.
    own = Random(made.categories ^ made.services ^ made.bypass ^ made.next_boundary)
    left = sum(group.mask for group in GROUPS if own.random() < 0.5)
    added = sum(entry.mask for entry in classes.lists if entry.kind is Kind.SERVICE and own.random() < 0.3)
    return replace(
        made,
        always=made.always | left,
        schedule=made.schedule and made.schedule | added,
        strip_ech=(made.categories + made.services + made.mode) % 3 != 0,
        unread=own.random() < 0.15,
    )


def make_group_rules(random: Random) -> list[Placed]:
    """Names of the groups, in snapshot and overlay."""
    return [
        Placed(
            random.choice(NAMES),
            random.choice(GROUPS).number,
            scope=random.choice(list(Scope)),
            live=random.random() < 0.3,
        )
        for _ in range(random.choice([0, 1, 2, 4]))
    ]


def make_exception(random: Random) -> Placed:
    """An exception as a node holds it."""
    return Placed(random.choice(NAMES), BIT_EXCEPTED, scope=random.choice(list(Scope)[:2]), live=True)


def make_suspension(random: Random) -> int:
    """Ends of a suspension on both sides of every bound; mostly there is none."""
    ends = [NOW - 1, NOW, NOW + 1, NOW + 59, NOW + SUSPENSION_LIMIT, NOW + SUSPENSION_LIMIT + 1]
    return random.choice([*[0] * 12, *ends])


def _world(random: Random) -> World:
    rules = [make_rule(random) for _ in range(random.randrange(60))]
    exceptions = [make_exception(random) for _ in range(random.choice([0, 0, 1, 2]))]
    suspended_until = make_suspension(random)
    exceptions_end = NOW + random.choice([1, 20, 4000]) if exceptions else 0
    mandates = tuple(_mandate(random, number) for number in MANDATORY_IDS if random.random() < 0.8)
    policies = tuple(make_policy(random) for _ in range(random.randrange(1, 4)))
    security_enabled, nat64 = random.random() < 0.7, make_nat64(random)
    return World(
        CLASSES,
        rules=(*rules, *exceptions, *make_group_rules(random)),
        suspended_until=suspended_until,
        exceptions_end=exceptions_end,
        mandates=mandates,
        policies=policies,
        security_enabled=security_enabled,
        security_mode=random.choice(list(BlockingMode)),
        nat64=nat64,
    )


def worlds() -> st.SearchStrategy[World]:
    """Policies in snapshot and overlay, with mandates in every state.

    Made of a seed, as a search for small examples would hardly let two rules meet on a name.
    """
    return st.integers(0, 2**64 - 1).map(lambda seed: _world(Random(seed)))


def _line(random: Random) -> Line | None:
    if random.random() < 0.1:
        return None
    own = [
        (random.choice(NAMES), random.choice(list(Action)[:2]), random.choice(list(Scope)[:2]))
        for _ in range(random.choice([0, 0, 0, 1, 2, 4]))
    ]
    return Line(
        policy=random.choice([0, 0, 0, 1, 2, 3]),
        opted_in=random.random() < 0.8,
        paused_until=random.choice([0, 0, 0, NOW - 1, NOW, NOW + 1]),
        security_left=random.random() < 0.3,
        own_names=tuple(own),
    )


def lines() -> st.SearchStrategy[Line | None]:
    """Lines in every state, and unknown ones; the policy may be one that the state has not."""
    return st.integers(0, 2**64 - 1).map(lambda seed: _line(Random(seed)))


def answers() -> st.SearchStrategy[bytes]:
    """Sound answers with aliases, services, hints and addresses in all sections."""
    sections = st.sampled_from([1, 1, 1, 2, 3])
    one = st.one_of(
        st.builds(
            lambda name, rtype, section: dns_answers.alias(name, rtype=rtype, section=section),
            names(),
            st.sampled_from([dns_answers.CNAME, dns_answers.DNAME]),
            sections,
        ),
        st.builds(
            lambda name, hints, rtype, section: dns_answers.service(
                name, hints, rtype=rtype, section=section
            ),
            st.just(".") | names(),
            st.lists(st.sampled_from(ADDRESSES), max_size=4),
            st.sampled_from([dns_answers.HTTPS, dns_answers.SVCB]),
            sections,
        ),
        st.builds(
            lambda text, section: dns_answers.address(text, section=section),
            st.sampled_from(ADDRESSES),
            sections,
        ),
        st.builds(
            lambda data, rtype, rclass: dns_answers.record(rtype, data, rclass=rclass),
            st.binary(max_size=20),
            st.sampled_from([2, 6, 15, 16, 46, 99]),
            st.sampled_from([1, 1, 3]),
        ),
    )
    return st.lists(one, min_size=1, max_size=8).map(lambda records: dns_answers.message(*records))


def _fill(base: list[dns_answers.Answer], less: int, weighs: bool) -> bytes:
    """The records with as many more, none of which is judged, as the bound lets through, less so many."""
    last = dns_answers.record(16, b"\1x")

    def passes(count: int) -> bool:
        filled = dns_answers.message(*base, *[last] * count)
        if weighs:
            return not inspect_reference.too_large(filled)
        return not isinstance(inspect_reference.subjects(filled), inspect_reference.Fault)

    most = (
        bisect_left(range(inspect_reference.MOST_EFFORT + 1), True, key=lambda count: not passes(count)) - 1
    )
    return dns_answers.message(*base, *[last] * max(most - less, 0))


def heavy_answers() -> st.SearchStrategy[bytes]:
    """Sound answers at the bound of effort, one above and one below; some are far above it by one record.

    What names the lists and orders know stands at their end as well.
    """
    count = st.integers(0, 150)
    one = st.one_of(
        st.builds(
            lambda hints, target: dns_answers.service(target, hints),
            st.builds(lambda hint, count: [hint] * count, st.sampled_from(ADDRESSES), count),
            st.just(".") | names(),
        ),
        st.builds(
            lambda labels, rtype: dns_answers.alias(".".join(labels), rtype=rtype),
            st.lists(st.sampled_from(["a", "b" * 20, "c" * 63]), min_size=1, max_size=3).map(
                lambda labels: [*labels, "example"]
            )
            | st.just(["a"] * 120),
            st.sampled_from([dns_answers.CNAME, dns_answers.DNAME]),
        ),
        st.builds(dns_answers.address, st.sampled_from(ADDRESSES)),
        st.builds(
            lambda owner: dns_answers.record(16, b"\1x", owner=owner),
            st.sampled_from([".".join(["o" * 60] * 4), "short.example"]),
        ),
    )
    return st.builds(
        _fill,
        st.lists(one, max_size=6),
        st.sampled_from([-1, 0, 0, 1]),
        st.booleans(),
    )


def hostile_answers() -> st.SearchStrategy[bytes]:
    """Answers that are cut, changed or were never answers."""
    cut = st.builds(lambda data, size: data[: size % (len(data) + 1)], answers(), st.integers(0, 400))
    changed = st.builds(_changed, answers(), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255))))
    return st.one_of(cut, changed, changed, st.binary(max_size=80))


def _changed(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    mutated = bytearray(data)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    return bytes(mutated)
