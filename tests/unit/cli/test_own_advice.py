"""A check names the line's own choice, plan or closing where one of them decided, and how to take it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from filterd.operations import advice
from filterd.operations.explain import Explanation
from tests.unit.cli.test_advice import EVIDENCE, found

GAMES = {"block": {"categories": ["games"], "services": ["chat"]}, "until": 3600}
EVERYTHING = {"block": "everything", "until": 3600}


def own(
    reason: str,
    choices: Sequence[str] = (),
    closings: Sequence[dict[str, Any]] = (),
    *,
    plan: bool = False,
    **stage: Any,
) -> Explanation:
    """An explanation on a line with adjustments."""
    made = found(reason, **stage)
    adjusted = {"choices": [*choices], "closings": [*closings], "plan": plan}
    return replace(made, identity={**made.identity, "own": adjusted})


@pytest.mark.parametrize(
    ("reason", "choice", "stage"),
    [
        ("category", "category:games", {"list": "starter", "category": "games"}),
        ("service", "service:chat", {"list": "chat"}),
        ("safe_search", "safe-search:bing", {"list": "bing"}),
        ("bypass", "way:vpn", {"list": "vpn"}),
        ("bypass", "way:vpn", {"list": "a-feed", "way": "vpn"}),
    ],
)
def test_an_own_choice_can_be_given_back_to_the_profile(
    reason: str, choice: str, stage: dict[str, Any]
) -> None:
    undo = f"filterd subscriber choose casa-5 --as-profile {choice}"
    assert undo in advice.next_step(own(reason, [f"+{choice}"], **stage))
    assert undo not in advice.next_step(own(reason, [f"-{choice}", "+category:adult"], **stage))
    assert undo not in advice.next_step(found(reason, **stage))


def test_an_own_choice_is_not_put_on_the_profile() -> None:
    stage: dict[str, Any] = {"list": "starter", "category": "games"}
    assert advice.why(own("category", ["+category:games"], **stage)) == (
        "the line itself chose to close list starter, category games, beyond its profile"
    )
    assert "profile children restricts" in advice.why(own("category", ["+category:adult"], **stage))


@pytest.mark.parametrize(
    ("closing", "stage"),
    [
        (EVERYTHING, {"list": "schedule"}),
        (GAMES, {"list": "starter", "category": "games"}),
        (GAMES, {"list": "chat"}),
    ],
)
def test_a_closing_is_named_with_its_end_and_opened(closing: dict[str, Any], stage: dict[str, Any]) -> None:
    explanation = own("schedule", closings=[closing], plan=True, **stage)
    assert "a closing of the line (until 1970-01-01T01:00:00Z) blocks" in advice.why(explanation)
    assert "filterd subscriber open casa-5; or" in advice.next_step(explanation)


def test_a_plan_is_not_put_on_the_profile() -> None:
    explanation = own("schedule", closings=[GAMES], plan=True, list="schedule")
    assert advice.why(explanation) == "at this hour the line's own plan blocks everything"
    assert "filterd subscriber plan casa-5 --file PLAN; or" in advice.next_step(explanation)
    assert "open casa-5" not in advice.next_step(explanation)


def test_the_schedule_of_the_profile_is_still_named() -> None:
    explanation = own("schedule", ["+category:games"], list="schedule")
    assert "the schedule of profile children blocks everything" in advice.why(explanation)


def test_check_tells_of_the_adjustments_that_bear_on_it(run: Callable[..., Any], answer: Any) -> None:
    run("subscriber", "add", "one")
    run("subscriber", "opt-in", "one", "--profile", "teenagers", *EVIDENCE)
    run("feed", "update")
    run("snapshot", "build")
    identity = answer("check", "a.test.example", "--subscriber", "one")["identity"]
    assert "own" not in identity
    run("subscriber", "choose", "one", "--add", "category:games")
    run("subscriber", "close", "one", "--for", "1h", "--category", "games")
    told = answer("check", "a.test.example", "--subscriber", "one")["identity"]["own"]
    assert (told["choices"], told["plan"], len(told["closings"])) == (["+category:games"], False, 1)
    later = answer("check", "a.test.example", "--subscriber", "one", "--at", "2099-01-01T00:00:00Z")
    assert later["identity"]["own"]["closings"] == []


@pytest.mark.ring("night")
def test_a_name_that_will_have_ended_does_not_count_then(run: Callable[..., Any], answer: Any) -> None:
    run("subscriber", "add", "one")
    run("feed", "update")
    run("snapshot", "build")
    run("subscriber", "deny", "one", "b.test.example", "--for", "1h")
    check = ("check", "b.test.example", "--subscriber", "one")
    assert answer(*check)["reason"] == "own_deny"
    assert answer(*check, "--at", "2099-01-01T00:00:00Z")["reason"] == "none"
