"""A packet parses or gives a status; what we build parses in dnspython; nothing answers an answer."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.packets import SEED, check, corpus, mutate, public_packets
from tests.fuzz.seeds import all_seeds

MUTATED = 10_000


def test_corpus_is_what_the_seeds_make() -> None:
    assert corpus() == dict(sorted(all_seeds().items()))


@pytest.mark.parametrize("name", sorted(corpus()))
def test_corpus_whole_and_cut_at_every_byte(name: str) -> None:
    packet = corpus()[name]
    for length in range(len(packet) + 1):
        check(packet[:length], random.Random(length))


def test_mutated_packets() -> None:
    rng = random.Random(SEED)
    seeds = sorted({**corpus(), **public_packets()}.items())
    for number in range(MUTATED):
        name, seed = rng.choice(seeds)
        packet = mutate(rng, seed)
        try:
            check(packet, rng)
        except Exception as problem:
            pytest.fail(f"packet {number} of seed {SEED}, from {name}: {problem!r}\n{packet.hex()}")


def test_random_bytes() -> None:
    rng = random.Random(SEED)
    for _ in range(1000):
        check(rng.randbytes(rng.randrange(80)), rng)


def test_packets_of_public_corpora() -> None:
    packets = public_packets()
    if not packets:
        pytest.skip("no public packets beside the repository (FILTERD_TEST_DATA names their folder)")
    assert len(packets) >= 860
    for name, packet in packets.items():
        try:
            check(packet, random.Random(name))
        except Exception as problem:
            pytest.fail(f"{name}: {problem!r}")
