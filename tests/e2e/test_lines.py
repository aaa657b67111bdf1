"""Three lines of one installation, asked as their devices would: who is blocked, and by which code."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

from tests.e2e.conftest import World
from tests.e2e.deployment import ede, soon
from tests.e2e.names import BANNED, CHILD, LINES, STRANGER, TEENAGER

pytestmark = pytest.mark.system("nsd")

CENSORED, FILTERED = 16, 17


def _blocked(answer: dns.message.Message, code: int) -> bool:
    """Denied, with the code that says on what ground, and no record that serves the client."""
    return ede(answer) == [code] and not answer.answer and not answer.flags & dns.flags.AD


def _served(answer: dns.message.Message) -> bool:
    return answer.rcode() == dns.rcode.NOERROR and bool(answer.answer) and not ede(answer)


def test_a_name_of_the_adult_list_is_blocked_for_those_who_asked_alone(world: World) -> None:
    assert _blocked(world.filterd.ask(world.adult, source=CHILD), FILTERED)
    assert _blocked(world.filterd.ask("www." + world.adult, source=TEENAGER), FILTERED)
    assert _served(world.filterd.ask(world.adult, source=STRANGER))
    assert _served(world.filterd.ask("harmless.example", source=CHILD))


@pytest.mark.parametrize("source", LINES)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (BANNED, "A"),
        (f"deep.below.{BANNED}", "A"),
        (f"www.{BANNED.upper()}", "AAAA"),
        (BANNED, "HTTPS"),
        (BANNED, "TXT"),
        ("cloaked-mandatory.example", "A"),
        ("cloaked-chain.example", "AAAA"),
        ("target-mandatory.example", "HTTPS"),
        ("hint-mandatory.example", "HTTPS"),
        ("hint6-mandatory.example", "HTTPS"),
        ("address-mandatory.example", "A"),
        ("address-mandatory.example", "AAAA"),
    ],
)
def test_a_mandatory_name_is_blocked_for_every_line_by_every_route(
    world: World, source: str, name: str, kind: str
) -> None:
    for dnssec in (False, True):
        for tcp in (False, True):
            answer = world.filterd.ask(name, kind, source, dnssec=dnssec, tcp=tcp)
            assert _blocked(answer, CENSORED), answer


@pytest.mark.parametrize(
    ("name", "kind"), [("cloaked-adult.example", "A"), ("target-adult.example", "HTTPS")]
)
def test_the_parental_routes_are_closed_for_those_who_asked_alone(world: World, name: str, kind: str) -> None:
    assert _blocked(world.filterd.ask(name, kind, CHILD), FILTERED)
    assert _blocked(world.filterd.ask(name, kind, CHILD, dnssec=True), FILTERED)
    assert _served(world.filterd.ask(name, kind, STRANGER))


def test_a_client_without_edns_is_denied_all_the_same(world: World) -> None:
    answer = world.filterd.ask(BANNED, source=STRANGER, edns=False)
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert answer.edns == -1
    assert [record.rdtype for record in answer.authority] == [dns.rdatatype.SOA]
    assert answer.authority[0].name == dns.name.from_text(BANNED).parent()


def test_the_mandatory_name_stays_blocked_whatever_the_line_chooses(world: World) -> None:
    filterd = world.filterd
    filterd.cli("subscriber", "allow", "child", BANNED)
    assert _blocked(filterd.ask(BANNED, source=CHILD), CENSORED)
    filterd.cli("subscriber", "pause", "child", "--for", "1h")
    assert soon(lambda: _served(filterd.ask(world.adult, source=CHILD)))
    assert _blocked(filterd.ask(BANNED, source=CHILD), CENSORED)
    filterd.cli("subscriber", "resume", "child")
    assert soon(lambda: _blocked(filterd.ask(world.adult, source=CHILD), FILTERED))
    filterd.cli("subscriber", "opt-out", "child")
    assert soon(lambda: _served(filterd.ask(world.adult, source=CHILD)))
    assert _blocked(filterd.ask(BANNED, source=CHILD), CENSORED)
    filterd.opt_in("child", "children")
    assert soon(lambda: _blocked(filterd.ask(world.adult, source=CHILD), FILTERED))
    filterd.cli("subscriber", "remove", "child", BANNED)


def test_an_own_allow_lifts_the_category_and_no_more(world: World) -> None:
    filterd = world.filterd
    filterd.cli("subscriber", "allow", "teenager", world.adult)
    assert soon(lambda: _served(filterd.ask(world.adult, source=TEENAGER)))
    assert _served(filterd.ask("www." + world.adult, source=TEENAGER))
    assert _blocked(filterd.ask(world.adult, source=CHILD), FILTERED)
    filterd.cli("subscriber", "allow", "teenager", "mixed.example")
    filterd.cli("subscriber", "allow", "teenager", "www.google.com")
    filterd.cli("subscriber", "allow", "teenager", "mask.icloud.com")
    assert _blocked(filterd.ask("mixed.example", source=TEENAGER), CENSORED)
    assert "forcesafesearch.google.com" in filterd.ask("www.google.com", source=TEENAGER).to_text()
    assert _blocked(filterd.ask("mask.icloud.com", source=TEENAGER), FILTERED)
    for name in (world.adult, "mixed.example", "www.google.com", "mask.icloud.com"):
        filterd.cli("subscriber", "remove", "teenager", name)


def test_an_own_block_needs_no_profile_and_speaks_of_that_line_alone(world: World) -> None:
    filterd = world.filterd
    filterd.cli("subscriber", "deny", "stranger", "unwanted.example")
    assert soon(lambda: _blocked(filterd.ask("www.unwanted.example", source=STRANGER), FILTERED))
    assert _served(filterd.ask("www.unwanted.example", source=CHILD))
    filterd.cli("subscriber", "remove", "stranger", "unwanted.example")
    assert soon(lambda: _served(filterd.ask("www.unwanted.example", source=STRANGER)))


def test_safe_search_answers_with_the_safe_host_and_its_own_records(world: World) -> None:
    answer = world.filterd.ask("www.google.com", source=CHILD)
    assert [record.rdtype for record in answer.answer] == [dns.rdatatype.CNAME, dns.rdatatype.A]
    assert str(answer.answer[0][0].target) == "forcesafesearch.google.com."
    assert answer.answer[1].name == answer.answer[0][0].target
    assert "forcesafesearch" not in world.filterd.ask("www.google.com", source=STRANGER).to_text()


def test_an_order_and_its_withdrawal_take_effect(world: World) -> None:
    filterd = world.filterd
    assert _served(filterd.ask("new-order.example", source=STRANGER))
    reference = filterd.order("new-order.example")["reference"]
    assert soon(
        lambda: _blocked(filterd.ask("new-order.example", source=STRANGER), CENSORED),
        "order by CLI, asked by DNS",
    )
    filterd.cli("order", "withdraw", reference, "--reason", "test")
    assert soon(lambda: _served(filterd.ask("new-order.example", source=STRANGER)))


@pytest.mark.parametrize(
    ("name", "kind"), [("address-mandatory.example", "A"), ("hint-mandatory.example", "HTTPS")]
)
def test_a_block_for_what_an_answer_holds_denies_it_alone(world: World, name: str, kind: str) -> None:
    assert world.filterd.ask(name, kind, STRANGER).rcode() == dns.rcode.NOERROR
    assert world.filterd.ask(BANNED, kind, STRANGER).rcode() == dns.rcode.NXDOMAIN
