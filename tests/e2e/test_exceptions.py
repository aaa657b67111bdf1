"""Exceptions and suspensions of a running installation, by command and asked over DNS."""

from __future__ import annotations

import dns.message
import dns.rcode
import pytest

from tests.e2e.conftest import World
from tests.e2e.deployment import ede, soon
from tests.e2e.names import BANNED, CHILD, STRANGER, TEENAGER

pytestmark = [pytest.mark.ring("night"), pytest.mark.system("nsd")]

CENSORED, FILTERED = 16, 17


def _blocked(answer: dns.message.Message, code: int) -> bool:
    return ede(answer) == [code] and not answer.answer


def _served(answer: dns.message.Message) -> bool:
    return answer.rcode() == dns.rcode.NOERROR and bool(answer.answer) and not ede(answer)


def test_an_exception_lets_a_name_through_for_every_line_until_it_is_ended(world: World) -> None:
    filterd, name = world.filterd, world.adult
    for source in (CHILD, TEENAGER):
        assert _blocked(filterd.ask(name, source=source), FILTERED)
        assert _blocked(filterd.ask("cloaked-adult.example", source=source), FILTERED)
    made = filterd.cli("exception", "add", name, "--for", "1h", "--reason", "ticket 1")
    assert soon(lambda: _served(filterd.ask(name, source=CHILD)), "exception by CLI, asked by DNS")
    assert _served(filterd.ask("www." + name, source=TEENAGER))
    assert _served(filterd.ask("cloaked-adult.example", source=CHILD)), "a cached answer, judged anew"
    checked = filterd.cli("check", name, "--subscriber", "child")
    assert (checked["verdict"], checked["reason"]) == ("pass", "exception")
    assert "filterd_exceptions 1.0" in filterd.http(filterd.metrics, "/metrics")[1]
    number = made["exception"]["number"]
    assert [each["number"] for each in filterd.cli("exception", "list")] == [number]
    filterd.cli("exception", "end", name)
    assert soon(lambda: _blocked(filterd.ask(name, source=CHILD), FILTERED))
    assert _blocked(filterd.ask("cloaked-adult.example", source=CHILD), FILTERED)


def test_what_passes_by_an_exception_is_kept_no_longer_than_it_lasts(world: World) -> None:
    filterd, name = world.filterd, world.adult
    filterd.cli("exception", "add", name, "--for", "60s", "--reason", "ticket 2")
    assert soon(lambda: _served(filterd.ask(name, source=CHILD)))
    for asked in (name, "cloaked-adult.example"):
        assert all(each.ttl <= 60 for each in filterd.ask(asked, source=STRANGER).answer)
    filterd.cli("exception", "end", name)
    assert soon(lambda: _blocked(filterd.ask(name, source=CHILD), FILTERED))


def test_nothing_mandatory_is_lifted_and_the_command_says_so(world: World) -> None:
    filterd = world.filterd
    done = filterd.run("exception", "add", BANNED, "--for", "1h", "--reason", "ticket 3")
    assert done.returncode == 0
    assert "stays blocked: mandatory, adopted" in done.stderr
    filterd.cli("parental", "suspend", "--for", "1h", "--reason", "ticket 3")
    assert soon(lambda: _served(filterd.ask(world.adult, source=CHILD)))
    assert _blocked(filterd.ask(BANNED, source=CHILD), CENSORED)
    filterd.cli("parental", "resume")
    filterd.cli("exception", "end", BANNED)


def test_a_suspension_turns_every_profile_off_until_it_is_ended(world: World) -> None:
    filterd = world.filterd
    filterd.cli("subscriber", "deny", "stranger", "unwanted.example")
    filterd.cli("parental", "suspend", "--for", "1h", "--reason", "ticket 4")
    figure = "suspension by CLI, asked by DNS"
    assert soon(lambda: _served(filterd.ask(world.adult, source=CHILD)), figure)
    assert "forcesafesearch" not in filterd.ask("www.google.com", source=CHILD).to_text()
    assert _blocked(filterd.ask("unwanted.example", source=STRANGER), FILTERED)
    assert "filterd_parental_suspended 1.0" in filterd.http(filterd.metrics, "/metrics")[1]
    assert filterd.cli("parental", "status")["suspended"] is True
    assert "suspended for every line" in filterd.run("subscriber", "show", "child").stderr
    filterd.cli("parental", "resume")
    assert soon(lambda: _blocked(filterd.ask(world.adult, source=CHILD), FILTERED))
    assert filterd.cli("parental", "status")["suspended"] is False
    filterd.cli("subscriber", "remove", "stranger", "unwanted.example")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("exception", "add", "a.example", "--for", "8d", "--reason", "x"), 1, "at most 168 hours"),
        (("exception", "add", "com.mx", "--reason", "x"), 1, "public suffix"),
        (("exception", "add", "a.example", "--for", "24", "--reason", "x"), 2, "Write the unit"),
        (("exception", "add", "a.example"), 2, "--reason"),
        (("exception", "end", "a.example"), 1, "filterd exception list"),
        (("parental", "suspend", "--for", "25h", "--reason", "x"), 1, "at most 24 hours"),
        (("parental", "resume"), 1, "not suspended"),
        (("feed", "hold", "adopted", "--reason", "x"), 1, "no version before"),
        (("feed", "hold", "adopted"), 2, "--reason"),
    ],
)
def test_a_refusal_says_what_to_do(world: World, words: tuple[str, ...], code: int, said: str) -> None:
    done = world.filterd.run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
