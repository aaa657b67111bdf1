"""Single cases of the verdict on an answer: every way that leads from a query to what is blocked."""

from __future__ import annotations

from struct import pack

import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind, Outcome, Reason, Where
from filterd.policy.classes import BIT_LOCALHOST, BIT_PROTECTED, BIT_SPECIAL_USE, FIXED, Classes, ListClass
from filterd.policy.decide import decide_name
from filterd.policy.inspect import inspect_message, message_touches
from filterd.policy.resolve import ResolvedPolicy
from filterd.policy.trace import Decision, StageOutcome
from filterd.wire.names import name_from_text
from tests.worlds import dns_answers
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
    line: Line | None, *records: dns_answers.Answer, own_allow: bool = False, rewritten: bool = False
) -> Decision:
    """The verdict on an answer with these records."""
    native = None if line is None else line.native()
    decision = inspect_message(WORLD.native, native, message(*records), own_allow, NOW, rewritten=rewritten)
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


def test_protection_is_of_each_name_alone() -> None:
    assert inspected(None, alias("help.example")).verdict.outcome is Outcome.PASS
    assert inspected(None, alias("help.example"), address("192.0.2.1")).verdict.reason is Reason.MANDATORY


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
