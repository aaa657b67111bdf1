"""A seeded part of the campaign (``make chaos`` is the whole of it), and that it notices what it is for."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.chaos.campaign import CASES, Campaign
from tests.chaos.case import Case, Round
from tests.chaos.table import in_a_line
from tests.chaos.truth import Kind, Name

SEED = 7
MORE_ROUNDS = {"kill-resolver": 3, "accepted-while-down": 3, "damage-node-file": 4}
"""case -> rounds, where it is more than one: those that are quick and draw the most"""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    with Campaign(tmp_path_factory.mktemp("chaos") / "c", SEED) as begun:
        yield begun


def _marked(name: str) -> object:
    return pytest.param(name, marks=pytest.mark.system("gcc")) if CASES[name].disks else name


def _is_played(case: type[Case]) -> bool:
    return case.sampled and not case.slow


@pytest.mark.parametrize("name", [_marked(name) for name, case in CASES.items() if _is_played(case)])
def test_nothing_mandatory_is_unfiltered_nothing_acknowledged_is_lost_and_all_parts_agree(
    campaign: Campaign, name: str
) -> None:
    if CASES[name].lacks():
        pytest.skip(f"takes {CASES[name].lacks()}")
    for number in range(MORE_ROUNDS.get(name, 1)):
        outcome = campaign.play(name, number)
        assert outcome.good, in_a_line(outcome)


class Unfiltered(Case):
    """Somebody says that a name is in force which is not."""

    name = "a name that nobody ordered"

    def fault(self, round_: Round) -> None:
        name = Name(
            "open.example", Kind.MANDATORY, "127.0.0.4", time.monotonic(), reference="O-99", revision=1
        )
        round_.ground.truth.add(name)

    def recovery(self, round_: Round) -> None:
        time.sleep(0.3)


class Silent(Case):
    """The resolver is gone for good."""

    name = "a resolver that stays away"

    def fault(self, round_: Round) -> None:
        round_.site.kill("resolver")

    def recovery(self, round_: Round) -> None:
        time.sleep(0.1)


@pytest.mark.parametrize(("case", "unfiltered"), [(Unfiltered, True), (Silent, False)])
def test_a_round_is_bad_where_something_is(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, case: type[Case], unfiltered: bool
) -> None:
    monkeypatch.setitem(CASES, case.name, case)
    monkeypatch.setattr("tests.chaos.case.SETTLING", 0.8)
    outcome = campaign.play(case.name, 0)
    assert not outcome.good
    assert (outcome.unfiltered > 0) is unfiltered
    assert outcome.lost > 0
    if unfiltered:
        assert "DNS: unfiltered" in outcome.what
    else:
        assert any("not ready" in failure for failure in outcome.failures)
