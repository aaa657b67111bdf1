"""Single cases of the verdict on an answer: every way that leads from a query to what is blocked."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Network
from struct import pack

import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind, Outcome, Reason, Where
from filterd.policy.classes import BIT_LOCALHOST, BIT_PROTECTED, BIT_SPECIAL_USE, FIXED, Classes, ListClass
from filterd.policy.decide import decide_name
from filterd.policy.inspect import inspect_message, message_touches
from filterd.policy.published import StateSettings
from filterd.policy.resolve import ResolvedPolicy
from filterd.policy.trace import Decision, StageOutcome
from filterd.wire.names import name_from_text
from tests.worlds import dns_answers, inner_addresses
from tests.worlds.dns_answers import ADDITIONAL, AUTHORITY, address, alias, message, record, service
from tests.worlds.policy import NOW, Line, Placed, World

ADULT, VIDEO, ENGINE, MALWARE = range(8, 12)
CLASSES = Classes(
    (
        *FIXED,
        ListClass("adult", Kind.CATEGORY, ADULT, "adult"),
        ListClass("video", Kind.SERVICE, VIDEO),
        ListClass("engine", Kind.SAFE_SEARCH, ENGINE, target="safe.search.example"),
        ListClass("malware", Kind.SECURITY, MALWARE),
    )
)
ORDER = FIRST_ORDER_ID
WORLD = World(
    CLASSES,
    (
        Placed("ordered.example", mandatory=ORDER, scope=Scope.EXACT),
        Placed("192.0.2.0/28", mandatory=ORDER),
        Placed("2001:db8:bad::/48", mandatory=ORDER, live=True),
        Placed("adult.example", bit=ADULT),
        Placed("203.0.113.64/26", bit=ADULT),
        Placed("video.example", bit=VIDEO),
        Placed("malware.example", bit=MALWARE),
        Placed("search.example", bit=ENGINE),
        Placed("help.example", bit=BIT_PROTECTED),
        Placed("help.example", mandatory=ORDER),
        Placed("hotline.example", bit=BIT_PROTECTED),
        Placed("hotline.example", bit=ADULT),
        Placed("192.0.2.14/32", bit=BIT_PROTECTED),
        Placed("localhost", bit=BIT_LOCALHOST),
        Placed("onion", bit=BIT_SPECIAL_USE),
    ),
    (Mandate(ORDER, "A-1", mode=BlockingMode.NODATA, confidential=True),),
    (
        ResolvedPolicy(categories=1 << ADULT, services=1 << VIDEO, safe_search=1 << ENGINE),
        ResolvedPolicy(schedule_all=True),
    ),
    security_enabled=True,
)
CHILD = Line(policy=0, opted_in=True)


def inspected(
    line: Line | None,
    *records: dns_answers.Answer,
    own_allow: bool = False,
    is_protected: bool = False,
    rewritten: bool = False,
) -> Decision:
    """The verdict on an answer with these records."""
    native = None if line is None else line.native()
    carried = {"is_protected": is_protected, "rewritten": rewritten}
    decision = inspect_message(WORLD.native, native, message(*records), own_allow, NOW, **carried)
    assert decision is not None
    return decision


@pytest.mark.parametrize("line", [None, Line(), CHILD])
@pytest.mark.parametrize(
    ("answer", "where", "matched"),
    [
        (alias("ordered.example"), Where.CNAME, "ordered.example"),
        (alias("ORDERED.example"), Where.CNAME, "ordered.example"),
        (alias("ordered.example", rtype=dns_answers.DNAME), Where.CNAME, "ordered.example"),
        (service("ordered.example"), Where.TARGET, "ordered.example"),
        (service("ordered.example", rtype=dns_answers.SVCB), Where.TARGET, "ordered.example"),
        (service(".", ["198.51.100.1", "192.0.2.15"]), Where.HINT, "192.0.2.0/28"),
        (service(".", ["2001:db8:bad::7"]), Where.HINT, "2001:db8:bad::/48"),
        (address("192.0.2.1"), Where.ADDRESS, "192.0.2.0/28"),
        (address("2001:db8:bad:1::"), Where.ADDRESS, "2001:db8:bad::/48"),
        (address("::ffff:192.0.2.1"), Where.ADDRESS, "192.0.2.0/28"),
        (service(".", ["::ffff:192.0.2.15"]), Where.HINT, "192.0.2.0/28"),
        (address("192.0.2.1", section=ADDITIONAL), Where.ADDRESS, "192.0.2.0/28"),
        (service("ordered.example", section=ADDITIONAL), Where.TARGET, "ordered.example"),
    ],
)
def test_a_mandate_closes_every_way(
    line: Line | None, answer: dns_answers.Answer, where: Where, matched: str
) -> None:
    """Also for a name that the line allows."""
    for own_allow in (False, True):
        decision = inspected(line, address("198.51.100.1"), answer, own_allow=own_allow)
        verdict = decision.verdict
        assert (verdict.outcome, verdict.reason) == (Outcome.BLOCK, Reason.MANDATORY)
        assert (verdict.where, verdict.matched, verdict.reference) == (where, matched, ORDER)
        assert verdict.mode is BlockingMode.NODATA
        assert decision.confidential


def test_a_mandated_target_of_a_name_that_the_line_allows() -> None:
    line = Line(0, opted_in=True, own_names=(("www.adult.example", Action.ALLOW, Scope.EXACT),))
    query = decide_name(WORLD.native, line.native(), name_from_text("www.adult.example"), NOW)
    assert query.verdict.outcome is Outcome.PASS
    assert query.own_allow
    verdict = inspected(line, alias("ordered.example"), own_allow=query.own_allow).verdict
    assert verdict.reason is Reason.MANDATORY


def test_an_own_allow_of_the_query_lifts_the_whole_answer() -> None:
    records = (
        alias("adult.example"),
        alias("cdn.video.example"),
        alias("x.malware.example"),
        address("203.0.113.65"),
        service("adult.example", ["203.0.113.66"]),
    )
    assert inspected(CHILD, *records).verdict.reason is Reason.SERVICE
    decision = inspected(CHILD, *records, own_allow=True)
    assert decision.verdict.outcome is Outcome.PASS
    lifted = {stage.stage for stage in decision.stages if stage.outcome is StageOutcome.LIFTED}
    assert lifted == {Reason.SERVICE, Reason.CATEGORY, Reason.SECURITY}
    assert (
        inspected(CHILD, *records, alias("search.example"), own_allow=True).verdict.outcome is Outcome.REWRITE
    )


def test_own_names_count_for_targets() -> None:
    denied = Line(own_names=(("cdn.example", Action.BLOCK, Scope.SUBTREE),))
    verdict = inspected(denied, alias("x.cdn.example"), own_allow=True).verdict
    assert (verdict.reason, verdict.where, verdict.matched) == (Reason.OWN_DENY, Where.CNAME, "cdn.example")
    allowed = Line(0, opted_in=True, own_names=(("adult.example", Action.ALLOW, Scope.SUBTREE),))
    assert inspected(allowed, alias("adult.example")).verdict.outcome is Outcome.PASS
    both = inspected(allowed, alias("adult.example"), alias("video.example")).verdict
    assert (both.reason, both.matched) == (Reason.SERVICE, "video.example")


def test_the_first_in_precedence_then_the_first_in_the_message() -> None:
    adult, video = alias("adult.example"), alias("video.example")
    assert inspected(CHILD, adult, video).verdict.reason is Reason.SERVICE
    two = inspected(CHILD, address("203.0.113.70"), alias("a.adult.example")).verdict
    assert (two.reason, two.where) == (Reason.CATEGORY, Where.ADDRESS)
    assert inspected(CHILD, adult, video, alias("ordered.example")).verdict.reason is Reason.MANDATORY


PROTECTED_ANSWERS = [
    (alias("ordered.example"), Reason.MANDATORY),
    (alias("help.example"), Reason.MANDATORY),
    (alias("www.adult.example"), Reason.CATEGORY),
    (alias("malware.example"), Reason.SECURITY),
    (service("ordered.example"), Reason.MANDATORY),
    (service(".", ["192.0.2.1"]), Reason.MANDATORY),
    (address("192.0.2.1"), Reason.MANDATORY),
    (address("64:ff9b::192.0.2.1"), Reason.MANDATORY),
    (address("203.0.113.65"), Reason.CATEGORY),
]


@pytest.mark.parametrize(("answer", "reason"), PROTECTED_ANSWERS)
def test_protection_is_carried_along_the_answer(answer: dns_answers.Answer, reason: Reason) -> None:
    """A help line behind a CDN: neither the CDN's name nor its addresses can take it away."""
    records = (alias("cdn.example"), answer)
    assert inspected(CHILD, *records).verdict.reason is reason
    decision = inspected(CHILD, *records, is_protected=True)
    assert (decision.verdict.outcome, decision.is_protected) == (Outcome.PASS, True)
    lifted = {stage.stage for stage in decision.stages if stage.outcome is StageOutcome.LIFTED}
    assert lifted == {reason}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(alias("video.example"), Reason.SERVICE), (alias("search.example"), Reason.SAFE_SEARCH)],
)
def test_what_protection_does_not_lift(answer: dns_answers.Answer, reason: Reason) -> None:
    assert inspected(CHILD, answer, is_protected=True).verdict.reason is reason


def test_a_protected_name_met_midway_protects_nothing() -> None:
    """Not what comes after it, and not itself: the question's name decides."""
    assert inspected(None, alias("help.example")).verdict.reason is Reason.MANDATORY
    found = inspected(CHILD, alias("www.hotline.example"), address("192.0.2.1"))
    assert (found.verdict.reason, found.verdict.where) == (Reason.MANDATORY, Where.ADDRESS)
    assert not found.is_protected
    assert inspected(CHILD, alias("hotline.example")).verdict.reason is Reason.CATEGORY


def test_a_protected_address_is_protected_itself() -> None:
    """An address is never asked for: one that the policies protect is so wherever it is met."""
    assert inspected(CHILD, address("192.0.2.14")).verdict.outcome is Outcome.PASS
    both = inspected(CHILD, address("192.0.2.14"), address("192.0.2.13")).verdict
    assert (both.reason, both.matched) == (Reason.MANDATORY, "192.0.2.0/28")


def test_what_only_a_query_is_asked() -> None:
    """Local and special names in an answer lead nowhere; a full schedule has been asked about the query."""
    assert inspected(CHILD, alias("localhost"), alias("x.onion")).verdict.outcome is Outcome.PASS
    night = Line(policy=1, opted_in=True)
    assert inspected(night, alias("other.example"), address("198.51.100.1")).verdict.outcome is Outcome.PASS


def test_a_safe_host_passes() -> None:
    assert inspected(CHILD, alias("www.search.example")).verdict.outcome is Outcome.REWRITE
    assert inspected(CHILD, alias("safe.search.example")).verdict.outcome is Outcome.PASS


def test_in_a_safe_hosts_answer_nothing_hides_behind_safe_search() -> None:
    engine, bad = alias("www.search.example"), alias("malware.example")
    assert inspected(CHILD, engine, rewritten=True).verdict.outcome is Outcome.PASS
    assert inspected(CHILD, engine, bad).verdict.reason is Reason.SAFE_SEARCH
    found = inspected(CHILD, engine, bad, rewritten=True).verdict
    assert (found.outcome, found.reason) == (Outcome.BLOCK, Reason.SECURITY)


def test_what_is_passed_over() -> None:
    quiet = inspected(
        CHILD,
        address("192.0.2.1", section=AUTHORITY),
        alias("ordered.example", section=AUTHORITY),
        record(dns_answers.CNAME, name_from_text("ordered.example"), rclass=3),
        record(2, name_from_text("ordered.example")),
        record(16, b"\x0fordered.example"),
        service("."),
    )
    assert quiet.verdict.outcome is Outcome.PASS
    assert {stage.outcome for stage in quiet.stages} == {StageOutcome.NOT_EVALUATED}


def test_a_compressed_target() -> None:
    """A pointer into the question: the target is the name of the query."""
    answer = message(record(dns_answers.CNAME, b"\x03www\xc0\x0c"), name="ordered.example")
    assert inspect_message(WORLD.native, None, answer, False, NOW) == inspect_message(
        WORLD.native, None, message(alias("www.ordered.example"), name="ordered.example"), False, NOW
    )
    exact = message(record(dns_answers.CNAME, b"\xc0\x0c"), name="ordered.example")
    decision = inspect_message(WORLD.native, None, exact, False, NOW)
    assert decision is not None
    assert decision.verdict.reason is Reason.MANDATORY


@pytest.mark.parametrize(
    "bad",
    [
        record(dns_answers.A, b"\x01\x02\x03"),
        record(dns_answers.AAAA, bytes(15)),
        record(dns_answers.CNAME, b""),
        record(dns_answers.CNAME, b"\x03abc"),
        record(dns_answers.CNAME, b"\xc0\xff"),
        record(dns_answers.CNAME, b"\x00\x00"),
        record(dns_answers.HTTPS, b"\x00\x01"),
        record(dns_answers.HTTPS, pack("!HBHH", 1, 0, 4, 3) + bytes(3)),
        record(dns_answers.HTTPS, pack("!HBHH", 1, 0, 6, 17) + bytes(17)),
        record(dns_answers.HTTPS, pack("!HBHH", 1, 0, 4, 8) + bytes(4)),
    ],
)
def test_damage_anywhere_is_damage(bad: dns_answers.Answer) -> None:
    """Also behind a mandated name: what the client gets does not hang on the order of the records."""
    assert inspect_message(WORLD.native, None, message(bad), False, NOW) is None
    assert inspect_message(WORLD.native, None, message(alias("ordered.example"), bad), False, NOW) is None
    assert message_touches(WORLD.native, None, message(bad), NOW)


def test_what_a_cached_answer_concerns() -> None:
    own = Line(own_names=(("other.example", Action.ALLOW, Scope.SUBTREE),))
    cases = [
        (None, alias("adult.example"), False),
        (Line(), alias("adult.example"), False),
        (CHILD, alias("adult.example"), True),
        (Line(0, opted_in=True, paused_until=NOW + 1), alias("adult.example"), False),
        (None, alias("malware.example"), True),
        (Line(security_left=True), alias("malware.example"), False),
        (None, address("192.0.2.1"), True),
        (Line(), alias("harmless.example"), False),
        (own, alias("harmless.example"), True),
        (own, address("198.51.100.1"), False),
    ]
    for line, answer, expected in cases:
        native = None if line is None else line.native()
        assert message_touches(WORLD.native, native, message(answer), NOW) is expected


def with_prefixes(*prefixes: IPv6Network) -> World:
    """The policy behind translators with these prefixes."""
    return replace(WORLD, nat64=prefixes)


@pytest.mark.parametrize("form", inner_addresses.BUILT_IN)
def test_an_ordered_address_in_every_form(form: str) -> None:
    """In an AAAA record, an IPv6 hint, and the answer of a safe host; a form holds what it holds."""
    outer = str(inner_addresses.BUILT_IN[form](IPv4Address("192.0.2.1")))
    for answer in (address(outer), service(".", [outer]), service("cdn.example", ["2001:db8::9", outer])):
        for rewritten in (False, True):
            verdict = inspected(CHILD, answer, rewritten=rewritten).verdict
            assert (verdict.reason, verdict.matched) == (Reason.MANDATORY, "192.0.2.0/28"), outer
        assert message_touches(WORLD.native, None, message(answer), NOW)
    other = str(inner_addresses.BUILT_IN[form](IPv4Address("198.51.100.1")))
    assert inspected(CHILD, address(other), service(".", [other])).verdict.outcome is Outcome.PASS
    category = inspected(CHILD, address(str(inner_addresses.BUILT_IN[form](IPv4Address("203.0.113.65")))))
    assert category.verdict.reason is Reason.CATEGORY


@pytest.mark.parametrize("prefix", inner_addresses.EXAMPLES)
def test_the_examples_of_the_standard(prefix: IPv6Network) -> None:
    """RFC 6052, 2.4: 192.0.2.33 behind prefixes of all six lengths."""
    rules = (*WORLD.rules, Placed("192.0.2.33/32", mandatory=ORDER))
    place = replace(with_prefixes(prefix), rules=rules)
    answer = message(address(inner_addresses.EXAMPLES[prefix]))
    found = inspect_message(place.native, None, answer, False, NOW)
    assert found is not None
    assert (found.verdict.reason, found.verdict.matched) == (Reason.MANDATORY, "192.0.2.33/32")
    bare = replace(place, nat64=())
    without = inspect_message(bare.native, None, answer, False, NOW)
    assert without is not None
    assert without.verdict.outcome is Outcome.PASS
    assert not message_touches(bare.native, None, answer, NOW)


def test_the_reserved_octet_hides_nothing() -> None:
    """RFC 6052, 2.2 wants octet 8 zero; translators pass over it."""
    place = with_prefixes(inner_addresses.LOCAL_USE)
    for octet in ("00", "5a"):
        answer = message(address(f"64:ff9b:1:c000:{octet}02:0100::"))
        found = inspect_message(place.native, None, answer, False, NOW)
        assert found is not None
        assert found.verdict.matched == "192.0.2.0/28"


def test_the_longest_prefix_is_the_translators() -> None:
    """Of nested prefixes: 2001:db8::/32 would read 1.34.3.68 out of what the /96 translates."""
    outer = message(address("2001:db8:122:344::192.0.2.1"))
    nested = (IPv6Network("2001:db8::/32"), IPv6Network("2001:db8:122:344::/96"))
    for prefixes, reason in ((nested, Reason.MANDATORY), (nested[::-1], Reason.MANDATORY), (nested[:1], 0)):
        found = inspect_message(with_prefixes(*prefixes).native, None, outer, False, NOW)
        assert found is not None
        assert found.verdict.reason == reason


def test_what_holds_no_address() -> None:
    """:: and ::1 are no IPv4-compatible addresses, and other addresses with zeros are no such form."""
    place = replace(WORLD, rules=(*WORLD.rules, Placed("0.0.0.0/0", mandatory=ORDER)))
    for text in ("::", "::1", "::1:0:0:1", "2001:db8::192.0.2.1", "2001:1::192.0.2.1", "2003:c000:201::"):
        found = inspect_message(place.native, None, message(address(text)), False, NOW)
        assert found is not None
        assert found.verdict.outcome is Outcome.PASS, text


def test_too_many_prefixes_and_lengths_that_there_are_not() -> None:
    many = [IPv6Network(f"2001:db8:{number}::/48") for number in range(9)]
    with pytest.raises(ValueError, match="9 NAT64 prefixes, with room for 8"):
        WORLD.native.evolve(NOW, settings=StateSettings(nat64=tuple(many)))
    with pytest.raises(ValueError, match="not 44 bits long"):
        WORLD.native.evolve(NOW, settings=StateSettings(nat64=(IPv6Network("2001:db8::/44"),)))
