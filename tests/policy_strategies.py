"""Generated policies, lines, names and answers for the twins of decide and inspect."""

from __future__ import annotations

from hypothesis import strategies as st

from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, BlockingMode, Scope
from filterd.model.verdict import Kind
from filterd.policy.classes import FIRST_FREE_BIT, FIXED, Classes, ListClass
from filterd.policy.resolve import ResolvedPolicy
from tests import dns_answers
from tests.policy_world import NOW, Line, Placed, World

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
CLASSES = Classes(
    (*FIXED, *(ListClass(i, k, FIRST_FREE_BIT + n * 41, c, t) for n, (k, i, c, t) in enumerate(_FREE)))
)
"""some of every kind, spread over the words of a mask"""

BITS = [entry.number for entry in CLASSES.lists]
MANDATORY_IDS = [0, 1, 7, FIRST_ORDER_ID, FIRST_ORDER_ID + 1, FIRST_ORDER_ID + 40]
LABELS = ["a", "b", "www", "safe", "example", "test"]
ADDRESSES = ["192.0.2.1", "192.0.2.77", "198.51.100.9", "2001:db8::1", "2001:db8:0:1::5", "::1"]
PREFIXES = ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.1/32", "198.51.0.0/16", "2001:db8::/32", "2001:db8::1/128"]


def names() -> st.SearchStrategy[str]:
    """Few different ones, so that rules meet them."""
    return st.lists(st.sampled_from(LABELS), min_size=1, max_size=4).map(".".join)


def _rules() -> st.SearchStrategy[Placed]:
    target = st.one_of(
        st.sampled_from(BITS).map(lambda bit: {"bit": bit}),
        st.sampled_from(MANDATORY_IDS).map(lambda number: {"mandatory": number}),
    )
    of_names = st.builds(
        lambda trigger, where, scope, action, live: Placed(
            trigger, **where, scope=scope, action=action, live=live
        ),
        names(),
        target,
        st.sampled_from(Scope),
        st.sampled_from([Action.BLOCK, Action.BLOCK, Action.BLOCK, Action.ALLOW]),
        st.booleans(),
    )
    of_addresses = st.builds(
        lambda trigger, where, action, live: Placed(trigger, **where, action=action, live=live),
        st.sampled_from(PREFIXES),
        target,
        st.sampled_from([Action.BLOCK, Action.BLOCK, Action.ALLOW]),
        st.booleans(),
    )
    return st.one_of(of_names, of_names, of_addresses)


def _mandates() -> st.SearchStrategy[tuple[Mandate, ...]]:
    moments = st.sampled_from([0, NOW - 1, NOW, NOW + 1])
    one = st.builds(
        Mandate,
        id=st.sampled_from(MANDATORY_IDS),
        reference=st.just("reference"),
        mode=st.sampled_from(BlockingMode),
        not_before=moments,
        not_after=moments,
        withdrawn=st.booleans(),
        confidential=st.booleans(),
    )
    return st.lists(one, max_size=5, unique_by=lambda mandate: mandate.id).map(tuple)


def _policies() -> st.SearchStrategy[tuple[ResolvedPolicy, ...]]:
    def mask(kind: Kind) -> st.SearchStrategy[int]:
        own = [entry.mask for entry in CLASSES.lists if entry.kind is kind]
        return st.lists(st.sampled_from(own), max_size=len(own)).map(lambda masks: sum(set(masks)))

    one = st.builds(
        ResolvedPolicy,
        categories=mask(Kind.CATEGORY),
        services=mask(Kind.SERVICE),
        safe_search=mask(Kind.SAFE_SEARCH),
        bypass=mask(Kind.BYPASS),
        schedule=mask(Kind.CATEGORY),
        schedule_all=st.sampled_from([False, False, True]),
        mode=st.sampled_from(BlockingMode),
        next_boundary=st.sampled_from([0, NOW + 60]),
    )
    return st.lists(one, max_size=3).map(tuple)


def worlds() -> st.SearchStrategy[World]:
    """Policies in snapshot and overlay, with mandates in every state."""
    return st.builds(
        World,
        classes=st.just(CLASSES),
        rules=st.lists(_rules(), max_size=40).map(tuple),
        mandates=_mandates(),
        policies=_policies(),
        security_enabled=st.booleans(),
    )


def lines() -> st.SearchStrategy[Line]:
    """Lines in every state, with own names; the policy may be one that the state has not."""
    own = st.tuples(
        names(), st.sampled_from([Action.BLOCK, Action.ALLOW]), st.sampled_from([Scope.EXACT, Scope.SUBTREE])
    )
    return st.builds(
        Line,
        policy=st.integers(0, 3),
        opted_in=st.sampled_from([True, True, False]),
        paused_until=st.sampled_from([0, 0, NOW - 1, NOW, NOW + 1]),
        security_left=st.booleans(),
        own_names=st.lists(own, max_size=6).map(tuple),
    )


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
    return st.lists(one, max_size=6).map(lambda records: dns_answers.message(*records))


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
