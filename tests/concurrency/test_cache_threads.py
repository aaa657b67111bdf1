"""Threads on one small cache: whatever the timing, a lookup gives one whole answer to its question, or none.

The native calls release the GIL and copy large messages, so reads and writes of one shard do overlap.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from filterd.dataplane.cache.cache import CachedUnion, CacheKey, ResponseCache
from filterd.wire.names import name_from_text
from tests.worlds.cache_answers import sized

pytestmark = pytest.mark.usefixtures("fast_switching")
TXT = 16
SIZE = 256 << 10
"""bytes: one shard, and not room for all answers at once"""
ROUNDS = 12_000
WANTED = 6_000
"""answers that readers must have seen"""
SPREAD = 1 << 448 | 1
"""a union's bits are its generation times this, so that a mixed one shows"""
NAMES = [f"n{number}.example.org" for number in range(24)]
WIRES = [name_from_text(name) for name in NAMES]
VARIANTS = [
    [sized(f"{name}.", 2000 + 3000 * ((mark + place) % 7), mark) for mark in range(6)]
    for place, name in enumerate(NAMES)
]


@dataclass(slots=True)
class Crowd:
    """Works on one cache until enough was written and enough was read."""

    cache: ResponseCache
    to_find: int = 0
    to_write: int = ROUNDS
    now: int = 0
    errors: list[BaseException] = field(default_factory=list)

    def read(self, chance: random.Random) -> None:
        place = chance.randrange(len(NAMES))
        found = self.cache.lookup(CacheKey(WIRES[place], TXT), now=self.now)
        if found is None or found.stale:
            return
        self.to_find -= 1
        assert found.message in VARIANTS[place]
        assert found.edes == ((place, b"t" * place),)
        assert found.union is None or found.union.bits == found.union.generation * SPREAD

    def write(self, chance: random.Random) -> None:
        self.to_write -= 1
        self.now += self.to_write % 16 == 0
        place = chance.randrange(len(NAMES))
        message, edes = chance.choice(VARIANTS[place]), ((place, b"t" * place),)
        self.cache.insert(CacheKey(WIRES[place], TXT), message, now=self.now, edes=edes)

    def recompute(self, chance: random.Random) -> None:
        generation = chance.randrange(1 << 60)
        union = CachedUnion(generation, generation * SPREAD)
        self.cache.set_union(CacheKey(chance.choice(WIRES), TXT), now=self.now, union=union)

    def flush(self, chance: random.Random) -> None:
        if chance.random() < 0.05:
            self.cache.flush(chance.choice(WIRES), subtree=False)

    def run(self, *works: Callable[[random.Random], None]) -> None:
        """Repeat each work in a thread of its own; raise the first error of any."""
        together = threading.Barrier(len(works))

        def repeat(work: Callable[[random.Random], None], seed: int) -> None:
            chance = random.Random(seed)
            together.wait()
            try:
                while (self.to_write > 0 or self.to_find > 0) and self.to_write > -100 * ROUNDS:
                    work(chance)
                    if self.errors:
                        return
            except BaseException as error:
                self.errors.append(error)

        threads = [threading.Thread(target=repeat, args=(work, seed)) for seed, work in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]


def test_no_torn_and_no_foreign_answer() -> None:
    crowd = Crowd(ResponseCache(SIZE, bytes(16), stale_window=60), to_find=WANTED)
    crowd.run(crowd.read, crowd.read, crowd.write, crowd.write, crowd.recompute, crowd.flush)
    assert crowd.to_find <= 0
    assert crowd.cache.counters().evicted > 0
    assert crowd.cache.counters().entries <= len(NAMES)


def test_the_cache_is_whole_after_the_crowd() -> None:
    """Nothing leaked: all its memory can still be filled with answers and given back, time and again."""
    crowd = Crowd(ResponseCache(SIZE, bytes(16)))
    crowd.run(crowd.write, crowd.write, crowd.recompute, crowd.flush)
    crowd.cache.flush()
    names = [f"w{number}.example.org" for number in range(crowd.cache.capacity // 3)]
    for turn in range(3):
        for name in names:
            assert crowd.cache.insert(CacheKey(name_from_text(name), TXT), sized(f"{name}.", 250), now=turn)
        assert crowd.cache.counters().entries >= len(names) * 0.9
        crowd.cache.flush()
    assert crowd.cache.counters().entries == 0
