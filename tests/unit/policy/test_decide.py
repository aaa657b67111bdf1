"""Single cases of the verdict on a name, each of which somebody would ask about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.line import PAUSE_LIMIT
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind, Outcome, Reason
from filterd.policy.classes import (
    BIT_ALWAYS_ALLOWED,
    BIT_LOCALHOST,
    BIT_PROTECTED,
    BIT_RESOLVER_ARPA,
    BIT_SPECIAL_USE,
    FIXED,
    Classes,
    ListClass,
)
from filterd.policy.decide import LineHandle, PublishedState, decide_name
from filterd.policy.inspect import inspect_message
from filterd.policy.published import active_set
from filterd.policy.resolve import ResolvedPolicy
from filterd.policy.trace import Decision, StageOutcome, StageTrace
from filterd.wire.names import name_from_text
from tests.worlds import dns_answers
from tests.worlds.policy import KEY, NOW, Line, Placed, World, overlay_of

ADULT, GAMES, VIDEO, ENGINE, CANARY, MALWARE, MESSAGING = range(8, 15)
CLASSES = Classes(
    (
        *FIXED,
        ListClass("adult", Kind.CATEGORY, ADULT, "adult"),
        ListClass("games", Kind.CATEGORY, GAMES, "games"),
        ListClass("video", Kind.SERVICE, VIDEO),
        ListClass("engine", Kind.SAFE_SEARCH, ENGINE, target="safe.search.example"),
        ListClass("canary", Kind.BYPASS, CANARY),
        ListClass("malware", Kind.SECURITY, MALWARE),
        ListClass("messaging", Kind.ALWAYS_ALLOWED, MESSAGING),
    )
)
ORDER = FIRST_ORDER_ID + 3
CHILD = ResolvedPolicy(
    categories=1 << ADULT,
    services=1 << VIDEO,
    safe_search=1 << ENGINE,
    bypass=1 << CANARY,
    mode=BlockingMode.SINKHOLE,
    next_boundary=NOW + 100,
)
OPTED_IN = Line(policy=1, opted_in=True)


def world(
    *rules: Placed, mandates: tuple[Mandate, ...] = (), policy: ResolvedPolicy = CHILD, security: bool = False
) -> World:
    """A policy with these rules; OPTED_IN has the given one."""
    return World(CLASSES, rules, mandates, (ResolvedPolicy(), policy), security)


A, DS = 1, 43


def decided(
    place: World | PublishedState, line: Line | None, name: str, now: int = NOW, qtype: int = A
) -> Decision:
    """The verdict on a name."""
    state = place.native if isinstance(place, World) else place
    native = None if line is None else line.native()
    return decide_name(state, native, name_from_text(name), now, qtype=qtype)


def stage(decision: Decision, reason: Reason) -> StageTrace:
    """One stage of the explanation."""
    return next(entry for entry in decision.stages if entry.stage is reason)


def test_an_exact_rule_says_so() -> None:
    """NXDOMAIN would deny what is below (RFC 8020): the answer is NODATA, told by the scope."""
    place = world(
        Placed("ads.example", bit=ADULT, scope=Scope.EXACT),
        Placed("ordered.example", mandatory=ORDER, scope=Scope.EXACT),
        Placed("all.example", bit=ADULT),
        mandates=(Mandate(ORDER, "A-1"),),
    )
    assert decided(place, OPTED_IN, "ads.example").verdict.scope is Scope.EXACT
    assert decided(place, OPTED_IN, "www.ads.example").verdict.outcome is Outcome.PASS
    assert decided(place, OPTED_IN, "all.example").verdict.scope is Scope.SUBTREE
    ordered = decided(place, None, "ordered.example").verdict
    assert (ordered.mode, ordered.scope) == (BlockingMode.NXDOMAIN, Scope.EXACT)


def test_an_own_exact_name_says_so_too() -> None:
    line = Line(
        own_names=(("x.example", Action.BLOCK, Scope.EXACT), ("y.example", Action.BLOCK, Scope.SUBTREE))
    )
    assert decided(world(), line, "x.example").verdict.scope is Scope.EXACT
    assert decided(world(), line, "www.x.example").verdict.outcome is Outcome.PASS
    assert decided(world(), line, "www.y.example").verdict.scope is Scope.SUBTREE


def test_a_subtree_with_an_exception_below_does_not_deny_it() -> None:
    place = world(
        Placed("example", bit=ADULT),
        Placed("site.example", bit=ADULT, scope=Scope.BELOW, action=Action.ALLOW),
    )
    assert decided(place, OPTED_IN, "site.example").verdict.scope is Scope.EXACT
    assert decided(place, OPTED_IN, "www.site.example").verdict.outcome is Outcome.PASS


def test_an_order_on_a_protected_name_does_nothing() -> None:
    place = world(
        Placed("help.example", bit=BIT_PROTECTED),
        Placed("help.example", mandatory=ORDER),
        mandates=(Mandate(ORDER, "A-1"),),
    )
    decision = decided(place, None, "www.help.example")
    assert decision.verdict.outcome is Outcome.PASS
    assert decision.is_protected
    mandatory = stage(decision, Reason.MANDATORY)
    assert (mandatory.outcome, mandatory.reference) == (StageOutcome.LIFTED, ORDER)
    assert mandatory.matched == "help.example"


def test_a_protected_public_suffix_protects_nothing_below() -> None:
    place = world(
        Placed("com.example", bit=BIT_PROTECTED, scope=Scope.EXACT),
        Placed("com.example", mandatory=ORDER),
        mandates=(Mandate(ORDER, "A-1"),),
    )
    assert decided(place, None, "com.example").verdict.outcome is Outcome.PASS
    assert decided(place, None, "shop.com.example").verdict.reason is Reason.MANDATORY


def test_protection_lifts_no_service_no_bypass_and_no_own_name() -> None:
    place = world(*(Placed("p.example", bit=bit) for bit in (BIT_PROTECTED, VIDEO)))
    assert decided(place, OPTED_IN, "p.example").verdict.reason is Reason.SERVICE
    place = world(*(Placed("p.example", bit=bit) for bit in (BIT_PROTECTED, CANARY)))
    assert decided(place, OPTED_IN, "p.example").verdict.reason is Reason.BYPASS
    denied = Line(own_names=(("p.example", Action.BLOCK, Scope.SUBTREE),))
    assert decided(place, denied, "p.example").verdict.reason is Reason.OWN_DENY


def test_of_several_mandates_the_lowest_is_named() -> None:
    place = world(
        Placed("example", mandatory=ORDER),
        Placed("bad.example", mandatory=2),
        Placed("www.bad.example", mandatory=ORDER + 1, live=True),
        mandates=(
            Mandate(ORDER, "A-1", mode=BlockingMode.NULL),
            Mandate(2, "list", mode=BlockingMode.SINKHOLE, confidential=True),
        ),
    )
    decision = decided(place, None, "www.bad.example")
    assert decision.verdict.reference == 2
    assert decision.verdict.mode is BlockingMode.SINKHOLE
    assert decision.verdict.matched == "bad.example"
    assert decision.confidential


def test_a_mandate_that_nobody_speaks_of_blocks_and_tells_nothing() -> None:
    decision = decided(world(Placed("bad.example", mandatory=ORDER)), None, "bad.example")
    assert decision.verdict.reason is Reason.MANDATORY
    assert decision.verdict.mode is BlockingMode.NXDOMAIN
    assert decision.confidential


def test_more_mandates_than_a_match_can_hold() -> None:
    rules = [Placed("bad.example", mandatory=1000 + number) for number in range(40)]
    lifted = [Placed("www.bad.example", mandatory=1000 + number, action=Action.ALLOW) for number in range(32)]
    assert decided(world(*rules), None, "bad.example").verdict.reason is Reason.MANDATORY
    unnamed = decided(world(*rules, *lifted), None, "www.bad.example").verdict
    assert (unnamed.reason, unnamed.reference) == (Reason.MANDATORY, 0xFFFFFFFF)
    assert unnamed.scope is Scope.EXACT


def test_local_and_special_names_are_for_everyone() -> None:
    place = world(
        Placed("localhost", bit=BIT_LOCALHOST),
        Placed("resolver.arpa", bit=BIT_RESOLVER_ARPA),
        Placed("onion", bit=BIT_SPECIAL_USE),
        Placed("localhost", mandatory=ORDER),
        Placed("bad.onion", mandatory=ORDER),
    )
    denied = Line(
        own_names=(("localhost", Action.BLOCK, Scope.SUBTREE), ("onion", Action.BLOCK, Scope.SUBTREE))
    )
    for line in (None, OPTED_IN, denied):
        local = decided(place, line, "a.localhost").verdict
        assert (local.outcome, local.reason, local.reference) == (Outcome.LOCAL, Reason.LOCAL, BIT_LOCALHOST)
        arpa = decided(place, line, "_dns.resolver.arpa").verdict
        assert (arpa.outcome, arpa.reference) == (Outcome.LOCAL, BIT_RESOLVER_ARPA)
        special = decided(place, line, "some.onion").verdict
        assert (special.outcome, special.reason) == (Outcome.LOCAL, Reason.SPECIAL_USE)
        assert decided(place, line, "www.bad.onion").verdict.reason is Reason.MANDATORY


def test_a_made_up_address_is_no_answer_to_a_canary() -> None:
    for mode, expected in (
        (BlockingMode.SINKHOLE, BlockingMode.NXDOMAIN),
        (BlockingMode.NULL, BlockingMode.NXDOMAIN),
        (BlockingMode.NODATA, BlockingMode.NODATA),
    ):
        place = world(
            Placed("canary.example", bit=CANARY), policy=ResolvedPolicy(bypass=1 << CANARY, mode=mode)
        )
        assert decided(place, OPTED_IN, "canary.example").verdict.mode is expected


def test_the_safe_host_is_not_rewritten_to_itself() -> None:
    place = world(Placed("search.example", bit=ENGINE))
    rewritten = decided(place, OPTED_IN, "www.search.example").verdict
    assert (rewritten.outcome, rewritten.reference) == (Outcome.REWRITE, ENGINE)
    itself = decided(place, OPTED_IN, "safe.search.example")
    assert itself.verdict.outcome is Outcome.PASS
    assert stage(itself, Reason.SAFE_SEARCH).outcome is StageOutcome.LIFTED


def test_own_allow_does_not_lift_safe_search_bypass_and_schedule() -> None:
    allowed = Line(1, opted_in=True, own_names=(("example", Action.ALLOW, Scope.SUBTREE),))
    for bit, reason in ((ENGINE, Reason.SAFE_SEARCH), (CANARY, Reason.BYPASS)):
        decision = decided(world(Placed("x.example", bit=bit)), allowed, "x.example")
        assert decision.verdict.reason is reason
        assert decision.own_allow
    night = world(policy=ResolvedPolicy(schedule_all=True))
    assert decided(night, allowed, "x.example").verdict.reason is Reason.SCHEDULE
    added = world(Placed("x.example", bit=GAMES), policy=ResolvedPolicy(schedule=1 << GAMES))
    assert decided(added, allowed, "x.example").verdict.reason is Reason.SCHEDULE


@pytest.mark.parametrize("line", [Line(), Line(1, opted_in=True, paused_until=NOW + 1), OPTED_IN])
def test_own_allow_lifts_security_whatever_the_line(line: Line) -> None:
    place = world(Placed("x.example", bit=MALWARE), security=True)
    allowed = Line(
        line.policy, line.opted_in, line.paused_until, False, (("x.example", Action.ALLOW, Scope.EXACT),)
    )
    assert decided(place, line, "x.example").verdict.reason is Reason.SECURITY
    decision = decided(place, allowed, "x.example")
    assert decision.verdict.reason is Reason.OWN_ALLOW
    assert stage(decision, Reason.SECURITY).outcome is StageOutcome.LIFTED


def test_always_allowed_names_pass_the_night_but_not_their_category() -> None:
    rules = (Placed("school.example", bit=BIT_ALWAYS_ALLOWED), Placed("games.school.example", bit=GAMES))
    night = world(*rules, policy=ResolvedPolicy(schedule_all=True, schedule=1 << GAMES))
    assert decided(night, OPTED_IN, "www.school.example").verdict.outcome is Outcome.PASS
    assert decided(night, OPTED_IN, "www.shop.example").verdict.reason is Reason.SCHEDULE
    added = decided(night, OPTED_IN, "games.school.example").verdict
    assert (added.reason, added.reference) == (Reason.SCHEDULE, GAMES)


def test_a_group_passes_the_nights_that_leave_it_open() -> None:
    """The query's name is asked about alone; its alias may lead to a name that no group has."""
    rules = (Placed("chat.example", bit=MESSAGING), Placed("school.example", bit=BIT_ALWAYS_ALLOWED))
    leaves = ResolvedPolicy(schedule_all=True, always=1 << BIT_ALWAYS_ALLOWED | 1 << MESSAGING)
    night = world(*rules, policy=leaves)
    chat = decided(night, OPTED_IN, "www.chat.example")
    assert chat.verdict.outcome is Outcome.PASS
    assert stage(chat, Reason.SCHEDULE).outcome is StageOutcome.LIFTED
    assert (stage(chat, Reason.SCHEDULE).reference, stage(chat, Reason.SCHEDULE).matched) == (
        MESSAGING,
        "chat.example",
    )
    elsewhere = dns_answers.message(dns_answers.alias("edge.cdn.test"), dns_answers.address("192.0.2.9"))
    found = inspect_message(night.native, OPTED_IN.native(), elsewhere, False, NOW)
    assert found is not None and found.verdict.outcome is Outcome.PASS
    offline = world(*rules, policy=replace(leaves, always=1 << BIT_ALWAYS_ALLOWED))
    assert decided(offline, OPTED_IN, "www.chat.example").verdict.reason is Reason.SCHEDULE
    assert decided(offline, OPTED_IN, "www.school.example").verdict.outcome is Outcome.PASS


def test_a_group_opens_no_category_and_no_order() -> None:
    chat = Placed("chat.example", bit=MESSAGING)
    leaves = replace(CHILD, schedule_all=True, always=1 << BIT_ALWAYS_ALLOWED | 1 << MESSAGING)
    listed = world(chat, Placed("chat.example", bit=ADULT), policy=leaves)
    assert decided(listed, OPTED_IN, "chat.example").verdict.reason is Reason.CATEGORY
    ordered = world(
        chat, Placed("chat.example", mandatory=ORDER), mandates=(Mandate(ORDER, "A-1"),), policy=leaves
    )
    assert decided(ordered, OPTED_IN, "chat.example").verdict.reason is Reason.MANDATORY
    own = replace(OPTED_IN, own_names=(("chat.example", Action.BLOCK, Scope.SUBTREE),))
    assert decided(world(chat, policy=leaves), own, "chat.example").verdict.reason is Reason.OWN_DENY


def test_a_pause_ends_at_its_moment() -> None:
    place = world(Placed("x.example", bit=ADULT))
    paused = Line(1, opted_in=True, paused_until=NOW)
    before = decided(place, paused, "x.example", NOW - 1)
    assert (before.verdict.outcome, before.valid_until) == (Outcome.PASS, NOW)
    assert stage(before, Reason.CATEGORY).outcome is StageOutcome.OFF
    after = decided(place, paused, "x.example", NOW)
    assert (after.verdict.reason, after.valid_until) == (Reason.CATEGORY, NOW + 100)


@pytest.mark.parametrize(
    ("left", "outcome"),
    [(PAUSE_LIMIT, Outcome.PASS), (PAUSE_LIMIT + 1, Outcome.BLOCK), (1 << 40, Outcome.BLOCK)],
)
def test_a_pause_longer_than_any_was_written_by_a_wrong_clock(left: int, outcome: Outcome) -> None:
    place = world(Placed("x.example", bit=ADULT))
    decision = decided(place, Line(1, opted_in=True, paused_until=NOW + left), "x.example", NOW)
    assert decision.verdict.outcome is outcome
    assert decision.valid_until == (NOW + left if outcome is Outcome.PASS else NOW + 100)


def test_a_line_whose_policy_the_state_has_not() -> None:
    place = world(Placed("x.example", bit=ADULT))
    line = Line(9, opted_in=True, own_names=(("y.example", Action.BLOCK, Scope.SUBTREE),))
    assert decided(place, line, "x.example").verdict.outcome is Outcome.PASS
    denied = decided(place, line, "y.example").verdict
    assert (denied.reason, denied.mode) == (Reason.OWN_DENY, BlockingMode.NXDOMAIN)


def test_the_explanation_names_the_rule() -> None:
    place = world(Placed("example", bit=VIDEO, scope=Scope.BELOW), Placed("www.video.example", bit=ADULT))
    decision = decided(place, OPTED_IN, "www.video.example")
    service = stage(decision, Reason.SERVICE)
    assert (service.outcome, service.reference, service.scope) == (StageOutcome.DECIDED, VIDEO, Scope.BELOW)
    assert service.matched == decision.verdict.matched == "example"
    assert stage(decision, Reason.CATEGORY).outcome is StageOutcome.NOT_EVALUATED
    assert stage(decision, Reason.OWN_DENY).outcome is StageOutcome.NO_MATCH
    assert stage(decided(place, None, "www.video.example"), Reason.OWN_DENY).outcome is StageOutcome.OFF
    assert [entry.stage for entry in decision.stages] == list(Reason)[1:]


class TestPublishedState:
    """A state is immutable; the next one is built from it."""

    def test_a_mandate_takes_effect_and_expires_with_time_alone(self) -> None:
        mandate = Mandate(ORDER, "A-1", not_before=NOW + 10, not_after=NOW + 20)
        state = world(Placed("bad.example", mandatory=ORDER), mandates=(mandate,)).native
        seen = []
        for _ in range(3):
            now = state.next_change or NOW + 30
            seen.append((decided(state, None, "bad.example").verdict.outcome, state.next_change - NOW))
            state = state.evolve(now)
        assert seen == [(Outcome.PASS, 10), (Outcome.BLOCK, 20), (Outcome.PASS, 100)]
        assert state.generation == 4

    def test_withdrawing_and_adding(self) -> None:
        first = world(Placed("bad.example", mandatory=ORDER), mandates=(Mandate(ORDER, "A-1"),)).native
        second = first.evolve(NOW, mandates=[Mandate(ORDER, "A-1", withdrawn=True)])
        overlay = overlay_of([Placed("worse.example", mandatory=ORDER + 1, live=True)])
        third = second.evolve(NOW, overlay=overlay)
        for state, bad, worse in ((first, True, False), (second, False, False), (third, False, True)):
            assert (decided(state, None, "bad.example").verdict.outcome is Outcome.BLOCK) is bad
            assert (decided(state, None, "worse.example").verdict.outcome is Outcome.BLOCK) is worse
        assert third.evolve(NOW, overlay=None).overlay is None
        assert third.evolve(NOW).overlay is overlay

    def test_policies_change_and_the_rest_stays(self) -> None:
        first = world(Placed("x.example", bit=ADULT), security=True).native
        second = first.evolve(NOW, policies=[ResolvedPolicy(), ResolvedPolicy()])
        assert decided(first, OPTED_IN, "x.example").verdict.outcome is Outcome.BLOCK
        assert decided(second, OPTED_IN, "x.example").verdict.outcome is Outcome.PASS
        assert second.settings is first.settings
        assert second.snapshot is first.snapshot

    def test_bad_input(self) -> None:
        state = world().native
        with pytest.raises(ValueError, match="16 bytes"):
            PublishedState(state.snapshot, KEY[:-1], now=NOW)
        with pytest.raises(ValueError):
            decide_name(state, None, b"\x03abc", NOW)
        with pytest.raises(ValueError):
            LineHandle(1, own_names=[(b"short", Action.BLOCK, Scope.EXACT)])


def test_an_own_name_that_native_code_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="below it too"):
        LineHandle(1, own_names=[(bytes(16), Action.BLOCK, Scope.BELOW)])


def test_an_id_that_no_mandate_speaks_of_is_in_force_and_named_to_nobody() -> None:
    assert active_set([Mandate(2, "O-1", withdrawn=True)], 0) == bytes([9, 9, 0])


KINDS = [
    ({"mandatory": ORDER}, Reason.MANDATORY),
    ({"mandatory": ORDER, "live": True}, Reason.MANDATORY),
    ({"mandatory": 0}, Reason.MANDATORY),
    ({"bit": ADULT}, Reason.CATEGORY),
    ({"bit": VIDEO}, Reason.SERVICE),
    ({"bit": CANARY}, Reason.BYPASS),
    ({"bit": ENGINE}, Reason.SAFE_SEARCH),
    ({"bit": MALWARE}, Reason.SECURITY),
]


@pytest.mark.parametrize(("target", "reason"), KINDS)
@pytest.mark.parametrize("scope", list(Scope))
def test_a_ds_question_for_the_rules_own_name(target: dict[str, Any], reason: Reason, scope: Scope) -> None:
    """The DS of a name is its parent zone's (RFC 4035, 3.1.4.1); the names below are all the rule's."""
    place = world(Placed("shop.example", scope=scope, **target), security=True)
    at_name, below = (decided(place, OPTED_IN, name, qtype=DS) for name in ("shop.example", "a.shop.example"))
    assert at_name.verdict.outcome is Outcome.PASS
    assert {entry.outcome for entry in at_name.stages} <= {StageOutcome.NO_MATCH, StageOutcome.OFF}
    if scope is not Scope.BELOW:
        assert decided(place, OPTED_IN, "shop.example").verdict.reason is reason
    if scope is not Scope.EXACT:
        assert below.verdict.reason is reason
    else:
        assert below.verdict.outcome is Outcome.PASS


@pytest.mark.parametrize(("target", "reason"), KINDS)
@pytest.mark.parametrize("scope", [Scope.SUBTREE, Scope.BELOW])
def test_a_ds_question_below_another_rule(target: dict[str, Any], reason: Reason, scope: Scope) -> None:
    """A rule on an ancestor blocks it, whatever stands at the name itself."""
    above, own = Placed("example", scope=scope, **target), Placed("shop.example", **target)
    for rules in ((above,), (above, own)):
        verdict = decided(world(*rules, security=True), OPTED_IN, "shop.example", qtype=DS).verdict
        assert (verdict.reason, verdict.matched) == (reason, "example")
    excepted = replace(own, action=Action.ALLOW)
    found = decided(world(above, excepted, security=True), OPTED_IN, "shop.example", qtype=DS)
    assert found.verdict.outcome is Outcome.PASS


def test_a_ds_question_for_an_own_block_name() -> None:
    own = ("shop.example", Action.BLOCK, Scope.SUBTREE)
    for names, reason in (
        ((own,), Reason.NONE),
        ((own, ("shop.example", Action.ALLOW, Scope.EXACT)), Reason.NONE),
        ((own, ("example", Action.ALLOW, Scope.SUBTREE)), Reason.OWN_ALLOW),
        ((own, ("example", Action.BLOCK, Scope.SUBTREE)), Reason.OWN_DENY),
        ((own, ("example", Action.BLOCK, Scope.EXACT)), Reason.NONE),
        ((("shop.example", Action.ALLOW, Scope.EXACT),), Reason.OWN_ALLOW),
    ):
        line = Line(own_names=names)
        assert decided(world(), line, "shop.example", qtype=DS).verdict.reason is reason
    assert (
        decided(world(), Line(own_names=(own,)), "a.shop.example", qtype=DS).verdict.matched == "shop.example"
    )
    assert decided(world(), Line(own_names=(own,)), "shop.example").verdict.reason is Reason.OWN_DENY


def test_what_stays_as_it_is_for_a_ds_question() -> None:
    """Names that are answered here, protection, and a schedule that blocks all but what is always allowed."""
    place = world(
        Placed("localhost", bit=BIT_LOCALHOST),
        Placed("onion", bit=BIT_SPECIAL_USE),
        Placed("help.example", bit=BIT_PROTECTED, scope=Scope.EXACT),
        Placed("calls.example", bit=BIT_ALWAYS_ALLOWED, scope=Scope.EXACT),
        Placed("example", mandatory=ORDER),
        mandates=(Mandate(ORDER, "A-1"),),
        policy=ResolvedPolicy(schedule_all=True),
    )
    assert decided(place, None, "localhost", qtype=DS).verdict.reason is Reason.LOCAL
    assert decided(place, None, "onion", qtype=DS).verdict.reason is Reason.SPECIAL_USE
    helped = decided(place, OPTED_IN, "help.example", qtype=DS)
    assert (helped.verdict.outcome, helped.is_protected) == (Outcome.PASS, True)
    assert decided(place, OPTED_IN, "shop.test", qtype=DS).verdict.reason is Reason.SCHEDULE
    calls = decided(place, OPTED_IN, "calls.example", qtype=DS)
    assert calls.verdict.reason is Reason.MANDATORY
    assert decided(place, None, ".", qtype=DS).verdict.outcome is Outcome.PASS
