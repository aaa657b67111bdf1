"""What the fuzzers found worth keeping, and what once went wrong, holds without a fuzzer too."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from filterd.wire.proxy import ProxyHeader, parse_header
from tests.fuzz.exchanges import packed, replay, served
from tests.fuzz.packets import QR, check, parses
from tests.fuzz.seeds import all_seeds

HERE = Path(__file__).parent
LARGEST_CORPUS = 512 * 1024
MORE_THAN_A_FEW = 30


def inputs(target: str) -> dict[str, bytes]:
    """The committed inputs of a target, corpus and regressions: name -> content."""
    paths = [*HERE.glob(f"corpus/{target}/*"), *HERE.glob(f"regressions/{target}/*")]
    return {path.name: path.read_bytes() for path in sorted(paths)}


@pytest.mark.parametrize("target", ["query", "answer", "packet"])
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


def test_exchanges() -> None:
    packets = served()
    ticks = 1000
    for name, content in inputs("packet").items():
        ticks += 1000
        try:
            for reply in replay(packets, content, ticks):
                assert reply[2] & QR
                assert reply[:2] == content[3:5]
                parses(reply)
        except Exception as problem:
            pytest.fail(f"packet/{name}: {problem!r}")


def test_an_input_is_what_it_says() -> None:
    seeds = all_seeds()
    query = seeds["answer-cname"][:2] + b"\1\0\0\1\0\0\0\0\0\0" + seeds["answer-cname"][12:29]
    replies = replay(served(), packed(query, seeds["answer-cname"]), 1000)
    assert len(replies) == 2
    assert parses(replies[0]).answer == parses(replies[1]).answer != []
    (silent,) = {reply[3] & 15 for reply in replay(served(), packed(query, None), 1000)}
    assert silent == 2
