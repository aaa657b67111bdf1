"""What the fuzzers found worth keeping, and what once went wrong, holds without a fuzzer too."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from filterd.accounting import radius, radius_reference
from filterd.wire.proxy import ProxyHeader, parse_header
from tests.fuzz import radius_seeds
from tests.fuzz.exchange_seeds import dictionary
from tests.fuzz.exchange_seeds import seeds as exchange_seeds
from tests.fuzz.exchanges import HEAD, IMPATIENT, LATER, compare, packed, replay
from tests.fuzz.packets import QR, check, parses
from tests.fuzz.seeds import all_seeds, answer, query
from tests.fuzz.world import Served
from tests.worlds.radius_packets import ARRIVAL, KEY, SENDER

HERE = Path(__file__).parent
LARGEST_CORPUS = 512 * 1024
SMALL = 1 << 16
MORE_THAN_A_FEW = 30


def inputs(target: str) -> dict[str, bytes]:
    """The committed inputs of a target, corpus and regressions: name -> content."""
    paths = [*HERE.glob(f"corpus/{target}/*"), *HERE.glob(f"regressions/{target}/*")]
    return {path.name: path.read_bytes() for path in sorted(paths)}


@pytest.mark.parametrize("target", ["query", "answer", "packet", "lines", "radius"])
def test_each_target_has_a_small_corpus(target: str) -> None:
    found = inputs(target)
    assert len(found) > MORE_THAN_A_FEW
    assert sum(map(len, found.values())) < LARGEST_CORPUS


def message(packet: bytes) -> bytes:
    """What stands behind a front's PROXY header, if there is one."""
    header = parse_header(packet)
    return packet[header.length :] if isinstance(header, ProxyHeader) else packet


@pytest.mark.parametrize("target", ["query", "answer"])
def test_packets(target: str) -> None:
    for name, content in inputs(target).items():
        try:
            check(message(content[1:]), random.Random(name))
        except Exception as problem:
            pytest.fail(f"{target}/{name}: {problem!r}")


def exchanges(target: str) -> dict[str, bytes]:
    """The inputs of a target that is given whole exchanges, those it starts from too."""
    made = {f"seed-{number}": content for number, content in enumerate(exchange_seeds())}
    return {**inputs(target), **made}


def test_exchanges() -> None:
    served = Served()
    ticks = 1000
    for name, content in exchanges("packet").items():
        ticks += 1000
        try:
            for reply in replay(served, content, ticks):
                assert reply[2] & QR
                assert reply[:2] == content[HEAD : HEAD + 2]
                parses(reply)
        except Exception as problem:
            pytest.fail(f"packet/{name}: {problem!r}")


def test_lines_beside_each_other() -> None:
    served = Served(SMALL, limited=False)
    for name, content in exchanges("lines").items():
        after, alone = compare(served, content)
        assert after == alone, name


def test_accounting_packets_are_what_the_reference_makes_of_them() -> None:
    for name, content in {**inputs("radius"), **radius_seeds.seeds()}.items():
        client, rule, packet = radius_seeds.unpacked(content)
        native = radius.judge(packet, client, rule, KEY, SENDER, ARRIVAL)
        assert native == radius_reference.judge(packet, client, rule, KEY, SENDER, ARRIVAL), name


def test_an_input_is_what_it_says() -> None:
    seeds = all_seeds()
    asked = seeds["answer-cname"][:2] + b"\1\0\0\1\0\0\0\0\0\0" + seeds["answer-cname"][12:29]
    replies = replay(Served(), packed(asked, seeds["answer-cname"]), 1000)
    assert len(replies) == 2
    assert parses(replies[0]).answer == parses(replies[1]).answer != []
    (silent,) = {reply[3] & 15 for reply in replay(Served(), packed(asked, None), 1000)}
    assert silent == 2


def test_who_asks_and_what_is_published_make_a_difference() -> None:
    asked = query("www.example.").to_wire()
    alias = ["www.example. 900 IN CNAME later.example.", "later.example. 900 IN A 192.0.2.1"]
    said = answer("www.example.", "A", alias).to_wire()
    served = Served(SMALL, limited=False)
    (now, _), (later, _) = compare(served, packed(asked, said)), compare(served, packed(asked, said, LATER))
    assert now is not None
    assert later is not None
    assert len(parses(now).answer) == len(alias)
    assert [record.to_text().split()[-1] for record in parses(later).answer] == ["192.0.2.82"], (
        "a mandatory one"
    )
    denied = [alias[0].replace("later", "denied"), alias[1].replace("later", "denied")]
    said = answer("www.example.", "A", denied).to_wire()
    replies = [compare(served, packed(asked, said, 0, second << 4))[0] for second in (0, 2, 3, 4, 10)]
    assert [reply and len(parses(reply).answer) for reply in replies] == [2, 2, 0, 0, 0]


def test_a_client_that_does_not_wait_gets_what_is_stale() -> None:
    asked = query("www.example.").to_wire()
    said = answer("www.example.", "A", ["www.example. 9 IN A 192.0.2.1"]).to_wire()
    replies = replay(Served(), packed(asked, said, IMPATIENT | 2 << 5), 1000)
    assert [parses(reply).answer[0].ttl for reply in replies] == [9, 30]


def test_the_dictionary_holds_names_in_wire_form() -> None:
    assert '"\\x06banned\\x07example' not in dictionary()
    assert dictionary().startswith('"\\x06\\x62\\x61')
