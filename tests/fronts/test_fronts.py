"""Real resolvers before filterd: their clients see the mode of a block, from the front's cache too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fronts import table
from tests.fronts.__main__ import PAGE
from tests.fronts.asking import FILTERD, Asked, Found, Seen, agrees, ask_all, contradicts, expected, questions
from tests.fronts.servers import FRONTS, Front
from tests.fronts.zones import FREE, MODES, SERVED, SIGNED
from tests.worlds.network_namespace import in_own_network

CENSORED, FORGED = 16, 4
ALL = [pytest.param(front, marks=pytest.mark.system("nsd", front.command), id=front.name) for front in FRONTS]


@pytest.fixture(scope="module")
def found() -> Found:
    """Every question, asked of filterd itself and of every front that is installed."""
    kept: list[Found] = []
    in_own_network(lambda: kept.append(ask_all(front for front in FRONTS if front.installed)))
    return kept[0]


@pytest.mark.system("nsd")
def test_filterd_itself_answers_in_the_mode_and_says_why(found: Found) -> None:
    for asked, seen in found[FILTERD].items():
        assert agrees(asked, seen, validating=False), (asked, seen)
        made = asked.mode in ("null", "sinkhole")
        errors = () if asked.mode == FREE else (FORGED, CENSORED) if made else (CENSORED,)
        assert (seen.errors, seen.authoritative) == (errors, False), (asked, seen)


@pytest.mark.parametrize("mode", [*MODES, FREE])
@pytest.mark.parametrize("kind", SIGNED)
@pytest.mark.parametrize("front", ALL)
def test_a_client_behind_a_front_sees_the_mode_and_nothing_else(
    found: Found, front: Front, kind: str, mode: str
) -> None:
    """Or a failure where nothing that is made up can be valid; what no order blocks comes through."""
    answers = {
        asked: seen for asked, seen in found[front.name].items() if (asked.kind, asked.mode) == (kind, mode)
    }
    assert len(answers) == 4
    wrong = [
        f"{asked.name} the {asked.time} time: {table.written(seen)}"
        for asked, seen in answers.items()
        if not agrees(asked, seen, validating=front.validating)
    ]
    assert not wrong
    if mode != FREE:
        assert all(SERVED not in seen.addresses for seen in answers.values())


@pytest.mark.parametrize("front", ALL)
def test_a_cached_block_does_not_claim_to_come_from_the_authority(found: Found, front: Front) -> None:
    """systemd-resolved claims it for what it has by itself, dnsmasq for a name that is proved to exist."""
    if front.command == "systemd-resolved":
        return
    for asked, seen in found[front.name].items():
        if not contradicts(asked, validating=front.validating):
            assert not seen.authoritative, (asked, seen)


def _as_they_have_to_be() -> dict[str, dict[Asked, Seen]]:
    return {
        name: {asked: expected(asked, validating=table.validating_of(name)) for asked in questions()}
        for name in (FILTERD, *(front.name for front in FRONTS))
    }


def test_the_table_names_what_is_wrong() -> None:
    answers = _as_they_have_to_be()
    assert table.problems(answers) == []
    asked = Asked("nxdomain", "signed", below=True, time="second")
    answers["dnsmasq"][asked] = replace(answers["dnsmasq"][asked], rcode="NOERROR", authoritative=True)
    (line,) = table.problems(answers)
    assert line == "dnsmasq, nxdomain, signed zone: not NXDOMAIN but 1 times no address, AA (second)"
    answers["Unbound, validating"][asked] = Seen("NOERROR", addresses=(SERVED,))
    assert len(table.problems(answers)) == 2


def test_the_page_has_a_row_for_every_front_mode_and_kind() -> None:
    rows = [line for line in table.page(_as_they_have_to_be(), (), ()).splitlines() if line.startswith("| ")]
    wanted = (1 + len(FRONTS)) * (len(MODES) + 1) * len(SIGNED)
    assert len([row for row in rows if not row.startswith(("| front", "| ---"))]) == wanted
    kept = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[:2] for row in kept] == [row.split(" | ")[:2] for row in rows]
