"""A line's own choices over real DNS: each is in effect at once, on that line alone, and check agrees."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, ede, soon
from tests.e2e.small import small

FILTERED = 17
HOME, OTHER = "127.0.0.41", "127.0.0.42"
GAMBLING, ADULT, CHAT, FREE = "casino.example", "blue.example", "www.chat.example", "fine.example"
SCHOOL = "school.example"
"""a name that every schedule leaves open"""
RECORDS = {(name, "A"): ["192.0.2.1"] for name in (ADULT, CHAT, FREE, SCHOOL, "other.example")} | {
    ("www.bets.example", "A"): ["192.0.2.2"],
    (GAMBLING, "A"): ["192.0.2.3"],
}
SHORT = 8
"""seconds; a command takes one or two on a busy machine"""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.fixture(scope="module")
def filterd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two lines with the profile teen, which closes the category adult alone."""
    with small(tmp_path_factory.mktemp("choices"), RECORDS) as made:
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        for subscriber, address in (("casa-1", HOME), ("casa-2", OTHER)):
            made.register(subscriber, address, "teen")
            made.cli("subscriber", "set-zone", subscriber, "UTC")
        with made.serving():
            yield made


@pytest.fixture(autouse=True)
def as_profile(filterd: Deployment) -> Iterator[None]:
    """Each test begins with the profile alone, for which the resolver has caught up."""
    yield
    filterd.cli("subscriber", "opt-out", "casa-1")
    for each in filterd.cli("subscriber", "show", "casa-1")["own_names"]:
        filterd.cli("subscriber", "remove", "casa-1", each["name"])
    filterd.opt_in("casa-1", "teen")
    assert soon(lambda: _blocked(filterd, ADULT) and _open(filterd, GAMBLING) and _open(filterd, FREE))


def _blocked(filterd: Deployment, name: str, source: str = HOME) -> bool:
    answer = filterd.ask(name, source=source)
    return ede(answer) == [FILTERED] and not answer.answer


def _open(filterd: Deployment, name: str, source: str = HOME) -> bool:
    answer = filterd.ask(name, source=source)
    return not ede(answer) and bool(answer.answer)


def _agrees(filterd: Deployment, *names: str) -> bool:
    """The verdict of check is the one that the line gets over DNS."""
    return all(
        (filterd.cli("check", name, "--subscriber", "casa-1")["verdict"] == "block")
        == _blocked(filterd, name)
        for name in names
    )


def _plan(tmp_path: Path, *slots: str) -> str:
    file = tmp_path / "plan.yaml"
    file.write_text("schedule:\n" + "".join(f"  - {each}\n" for each in slots))
    return str(file)


def _around_now(block: str) -> str:
    """A slot that covers this moment, by a clock that shows UTC, and some hours before and after it."""
    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=3), now + timedelta(hours=3)
    day = DAYS[begin.weekday()]
    return f'{{days: [{day}], from: "{begin:%H:%M}", until: "{end:%H:%M}", {block}}}'


def test_a_category_is_closed_at_once_and_on_this_line_alone(filterd: Deployment) -> None:
    assert _open(filterd, GAMBLING)
    filterd.cli("subscriber", "choose", "casa-1", "--add", "category:gambling")
    assert soon(lambda: _blocked(filterd, GAMBLING), "a category that a line adds, in effect")
    assert _blocked(filterd, "www.bets.example")
    assert _blocked(filterd, ADULT)
    assert _open(filterd, GAMBLING, OTHER)
    assert _agrees(filterd, GAMBLING, ADULT, FREE)
    filterd.cli("subscriber", "choose", "casa-1", "--as-profile", "category:gambling")
    assert soon(lambda: _open(filterd, GAMBLING))


def test_what_is_taken_opens(filterd: Deployment) -> None:
    filterd.cli("subscriber", "choose", "casa-1", "--take", "category:adult", "--add", "service:chat")
    assert soon(lambda: _open(filterd, ADULT), "a category that a line takes, in effect")
    assert soon(lambda: _blocked(filterd, CHAT))
    assert _blocked(filterd, ADULT, OTHER)
    assert _open(filterd, CHAT, OTHER)
    assert _agrees(filterd, ADULT, CHAT)


def test_safe_search_and_ways_around_are_choices_too(filterd: Deployment) -> None:
    filterd.cli("subscriber", "choose", "casa-1", "--add", "safe-search:search-strict", "--add", "way:doh")
    assert soon(lambda: "safe.search.example" in filterd.ask("search.example", source=HOME).to_text())
    assert _blocked(filterd, "doh.example")
    assert filterd.cli("check", "search.example", "--subscriber", "casa-1")["verdict"] == "rewrite"


def test_a_slot_of_the_plan_that_covers_now_closes(filterd: Deployment, tmp_path: Path) -> None:
    games = _plan(tmp_path, _around_now("block: {categories: [gambling], services: [chat]}"))
    filterd.cli("subscriber", "plan", "casa-1", "--file", games)
    assert soon(lambda: _blocked(filterd, GAMBLING), "a plan that covers this moment, in effect")
    assert _blocked(filterd, CHAT)
    assert _open(filterd, FREE)
    assert _open(filterd, GAMBLING, OTHER)
    assert _agrees(filterd, GAMBLING, CHAT, FREE)
    begun = (datetime.now(UTC) - timedelta(hours=3)).date()
    if begun == datetime.now(UTC).date():  # else the slot began on a day that has passed
        filterd.cli("subscriber", "plan", "casa-1", "--holiday", begun.isoformat())
        assert soon(lambda: _open(filterd, GAMBLING))
        filterd.cli("subscriber", "plan", "casa-1", "--no-holiday", begun.isoformat())
        assert soon(lambda: _blocked(filterd, GAMBLING))
    filterd.cli("subscriber", "plan", "casa-1", "--as-profile")
    assert soon(lambda: _open(filterd, GAMBLING))


def test_everything_leaves_the_always_allowed_names_open(filterd: Deployment, tmp_path: Path) -> None:
    night = _plan(tmp_path, _around_now("block: {everything: true}"))
    filterd.cli("subscriber", "plan", "casa-1", "--file", night)
    assert soon(lambda: _blocked(filterd, FREE))
    assert _open(filterd, SCHOOL)
    assert _open(filterd, FREE, OTHER)
    assert _agrees(filterd, FREE, SCHOOL)


def test_a_closing_is_in_effect_at_once_and_opens_again(filterd: Deployment) -> None:
    filterd.cli("subscriber", "close", "casa-1", "--for", "45m", "--everything")
    assert soon(lambda: _blocked(filterd, FREE), "a closing of a line, in effect")
    assert _open(filterd, SCHOOL)
    assert _open(filterd, FREE, OTHER)
    assert _agrees(filterd, FREE, SCHOOL)
    filterd.cli("subscriber", "open", "casa-1")
    assert soon(lambda: _open(filterd, FREE), "a closing that is opened, in effect")


def test_a_closing_begins_and_ends_by_itself(filterd: Deployment) -> None:
    begin = datetime.fromtimestamp(int(time.time()) + SHORT, UTC)
    filterd.cli(
        "subscriber", "close", "casa-1", "--from", begin.isoformat(), "--for", "5s", "--category", "gambling"
    )
    assert soon(lambda: _blocked(filterd, GAMBLING))
    assert time.time() >= begin.timestamp()
    assert soon(lambda: _open(filterd, GAMBLING))
    assert time.time() >= begin.timestamp() + 5


def test_a_pause_opens_a_closing_for_as_long(filterd: Deployment) -> None:
    filterd.cli("subscriber", "close", "casa-1", "--for", "45m", "--everything")
    assert soon(lambda: _blocked(filterd, FREE))
    until = datetime.fromtimestamp(int(time.time()) + 3600, UTC).isoformat()
    filterd.cli("subscriber", "pause", "casa-1", "--until", until)
    assert soon(lambda: _open(filterd, FREE))
    filterd.cli("subscriber", "resume", "casa-1")
    assert soon(lambda: _blocked(filterd, FREE))


def test_a_pasted_url_blocks_its_site(filterd: Deployment) -> None:
    found = filterd.cli("subscriber", "deny", "casa-1", "https://fine.example/page?q=1")
    assert found["taken_as"] == FREE
    assert soon(lambda: _blocked(filterd, FREE), "an own name, in effect")
    assert _open(filterd, FREE, OTHER)
    assert _agrees(filterd, FREE)


def test_a_name_for_a_while_goes_by_itself(filterd: Deployment) -> None:
    filterd.cli("subscriber", "allow", "casa-1", f"https://{ADULT}/", "--for", f"{SHORT}s")
    assert soon(lambda: _open(filterd, ADULT))
    assert soon(lambda: _blocked(filterd, ADULT), f"an own name and its end, over {SHORT} s")
    assert filterd.cli("subscriber", "show", "casa-1")["own_names"] == []
    actions = [each["action"] for each in filterd.cli("subscriber", "export", "casa-1")["history"]]
    assert "subscriber.own_name_ended" in actions


def test_help_stays_open_whatever_the_line_says(filterd: Deployment) -> None:
    refused = filterd.run("subscriber", "deny", "casa-1", "https://www.portal.example/ayuda")
    assert refused.returncode == 1
    assert "stay reachable" in refused.stderr
