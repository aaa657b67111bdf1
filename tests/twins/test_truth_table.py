"""THE truth table: every combination of settings against the expectation in ``tests.worlds.truth_table``.

Every name and address stands in one combination of lists; every line is one combination of choices. Answers
go through fewer states of a mandate, and through every combination of all else. The profile ``commit`` takes
a tenth of the combinations of lists, ``night`` all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import product
from pathlib import Path

import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.verdict import Kind, Outcome, Reason, Where
from filterd.policy.decide import PublishedState, decide_name
from filterd.policy.inspect import inspect_message
from filterd.policy.trace import Decision
from filterd.wire.names import name_from_text
from tests.worlds.examples import share
from tests.worlds.policy import NOW
from tests.worlds.truth import (
    BITS,
    CLASSES,
    MANDATED,
    OWN_NAMES,
    Standing,
    answer_with,
    line,
    standings,
    world,
)
from tests.worlds.truth_page import page
from tests.worlds.truth_table import Claim, Own, Schedule, Security, Sees, Setting, expected

States = dict[tuple[bool, bool], PublishedState]

STANDINGS = share(standings(MANDATED), 10)
FEWER = share(
    standings(["", "snapshot:in force", "overlay:in force", "overlay:withdrawn"], without=("group",)), 10
)
"""for answers, which no schedule that blocks everything looks at"""


@pytest.fixture(scope="module")
def states() -> States:
    """The policy with security off and on, and with parental filtering on and suspended."""
    return states_of(STANDINGS)


@pytest.fixture(scope="module")
def fewer_states() -> States:
    return states_of(FEWER)


def states_of(chosen: list[Standing]) -> States:
    rules = tuple(rule for standing in chosen for rule in standing.placed)
    first = {on: world(rules, security=on).native for on in (False, True)}
    return {
        (on, off): state.evolve(NOW, settings=replace(state.settings, suspended_until=NOW + 30 * off))
        for on, state in first.items()
        for off in (False, True)
    }


def state_for(states: States, setting: Setting) -> PublishedState:
    return states[setting.security is not Security.OFF, setting.sees is Sees.SUSPENDED]


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
def test_of_the_query_name(states: States, sees: Sees) -> None:
    settings = [setting for setting in settings_of_query() if setting.sees is sees]
    for standing in STANDINGS:
        wire = name_from_text(standing.name)
        for number, setting in enumerate(settings):
            state = state_for(states, setting)
            way = number % len(OWN_NAMES[setting.own])
            handle = line(setting, standing.name, way)
            decision = decide_name(state, handle, wire, NOW, traced=False)
            assert found(decision) == expected(standing.claim, setting), (standing, setting, way)
            check_details(decision, standing, setting)


def check_details(decision: Decision, standing: Standing, setting: Setting) -> None:
    """The line's own allow, which goes on with the verdict."""
    verdict = decision.verdict
    assert decision.own_allow == (setting.own is Own.ALLOW)
    assert decision.is_protected == standing.claim.protected
    assert decision.excepted == standing.claim.excepted
    boundary = {Sees.OPTED_IN: NOW + 600, Sees.PAUSED: NOW + 60, Sees.SUSPENDED: NOW + 30}
    assert decision.valid_until == boundary.get(setting.sees, 0)
    if verdict.reason is Reason.MANDATORY:
        assert standing.mandate is not None
        assert verdict.reference == standing.mandate.id
        assert verdict.mode is standing.mandate.mode
        assert decision.confidential == standing.mandate.confidential
    elif verdict.outcome is Outcome.BLOCK:
        assert not decision.confidential
        profile = setting.sees in (Sees.OPTED_IN, Sees.PAUSED, Sees.SUSPENDED)
        made_up = verdict.reason not in (Reason.BYPASS, Reason.SECURITY) and profile
        assert verdict.mode is (BlockingMode.NULL if made_up else BlockingMode.NXDOMAIN)


@pytest.mark.parametrize("own", [own for own in Own if own is not Own.NOTHING])
def test_of_every_way_to_say_an_own_name(states: States, own: Own) -> None:
    """Exact or subtree, on the name or its parent, the more specific one first, a block on a tie."""
    chosen = [standing for standing in STANDINGS if not standing.mandate]
    for standing, sees, way in product(chosen, list(Sees)[1:], range(len(OWN_NAMES[own]))):
        setting = Setting(sees, own, Schedule.NONE, Security.ON)
        handle = line(setting, standing.name, way)
        state = state_for(states, setting)
        decision = decide_name(state, handle, name_from_text(standing.name), NOW, traced=False)
        assert found(decision) == expected(standing.claim, setting), (standing, setting, way)


LIFTED = [(False, False, True), (True, False, True)]
"""exceptions on the query's name, without and with the line's own allow"""


def settings_of_answer(*, named: bool) -> Iterator[Setting]:
    """Every combination; an address can be no own name."""
    either = (False, True)
    schedules = [each for each in Schedule if each is not Schedule.OFFLINE]
    every = product(Sees, Own, schedules, Security, [(a, p, False) for a in either for p in either] + LIFTED)
    for sees, own, schedule, security, (allowed, protected, excepted) in every:
        plain = own is Own.NOTHING and schedule is Schedule.NONE and security is not Security.LEFT
        possible = (plain and not allowed) if sees is Sees.UNKNOWN else (named or own is Own.NOTHING)
        if possible:
            yield Setting(
                sees,
                own,
                schedule,
                security,
                answer=True,
                query_allowed=allowed,
                query_protected=protected,
                query_excepted=excepted,
                address=not named,
            )


PLACES = [
    (Where.CNAME, 0),
    (Where.TARGET, 0),
    (Where.HINT, 4),
    (Where.HINT, 6),
    (Where.ADDRESS, 4),
    (Where.ADDRESS, 6),
]


@pytest.mark.parametrize(("where", "family"), PLACES)
def test_of_the_answer(fewer_states: States, where: Where, family: int) -> None:
    settings = list(settings_of_answer(named=where in (Where.CNAME, Where.TARGET)))
    for standing in FEWER:
        message = answer_with(where, standing, family)
        for setting in settings:
            state = state_for(fewer_states, setting)
            handle = line(setting, standing.name)
            decision = inspect_message(
                state,
                handle,
                message,
                setting.query_allowed,
                NOW,
                is_protected=setting.query_protected,
                excepted=setting.query_excepted,
                traced=False,
            )
            assert found(decision) == expected(standing.claim, setting), (standing, setting)
            if decision is not None and decision.verdict.outcome is not Outcome.PASS:
                assert decision.verdict.where is where


def test_every_field_of_a_claim_has_a_list() -> None:
    """A new kind of list enters the table, or this fails. An observed list decides nothing."""
    assert {field.name for field in fields(Claim)} == {"mandated", *BITS}
    assert {kind for kind in Kind if kind not in (Kind.LOCAL, Kind.SPECIAL_USE, Kind.OBSERVED)} == {
        entry.kind for entry in CLASSES.lists if entry.number in BITS.values() and entry.kind is not None
    }


def test_the_page_shows_what_the_code_does() -> None:
    """``python -m tests.worlds.truth_page >docs/truth-table.md`` writes it anew."""
    written = Path(__file__).parents[2] / "docs/truth-table.md"
    assert written.read_text() == page()
