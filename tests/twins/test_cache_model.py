"""The response cache against a plain dictionary: it may forget under pressure, never answer wrongly."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from filterd.dataplane.cache.cache import CachedUnion, CacheKey, ResponseCache
from filterd.wire.names import name_from_text
from tests.worlds.cache_answers import sized
from tests.worlds.examples import examples

SECRET = bytes(range(16))
TXT = 16
STALE = 600
LONG = "l" * 63
NAMES = [
    *(f"n{number}.example.org" for number in range(300)),
    f"{LONG}.{LONG}.{LONG}.example.org",
    "sevenby.x",
    "eightbyt.xy",
]
TREES = ["example.org", "org", "n7.example.org", "x"]
Key = tuple[str, bool, bool]


def cache_key(key: Key) -> CacheKey:
    """The key as the cache takes it."""
    name, dnssec_ok, checking_disabled = key
    return CacheKey(name_from_text(name), TXT, dnssec_ok=dnssec_ok, checking_disabled=checking_disabled)


@dataclass(slots=True)
class Kept:
    """The last insertion for a key."""

    message: bytes
    at: int
    union: CachedUnion | None
    asked: bool = False
    claimed: bool = False

    def ask(self, age: int) -> bool:
        """True if this client is to renew it: the first in the last tenth, but not the first that asks."""
        claims = 270 <= age < 300 and self.asked and not self.claimed
        self.asked = True
        self.claimed = self.claimed or claims
        return claims


class CacheMachine(RuleBasedStateMachine):
    """One cache and the dictionary that it must agree with."""

    @initialize(size=st.sampled_from([65536, 200_000, 4 << 20]))
    def start(self, size: int) -> None:
        self.cache = ResponseCache(size, SECRET, stale_window=STALE)
        self.roomy = size > 1_000_000
        self.kept: dict[Key, Kept] = {}
        self.now = 1000

    def put(self, key: Key, length: int, mark: int, union: CachedUnion | None) -> None:
        message = sized(f"{key[0]}.", length, mark)
        assert self.cache.insert(cache_key(key), message, now=self.now, union=union)
        self.kept[key] = Kept(message, self.now, union)

    @rule(
        name=st.sampled_from(NAMES),
        dnssec_ok=st.booleans(),
        disabled=st.booleans(),
        length=st.integers(100, 5000),
        mark=st.integers(0, 25),
        generation=st.none() | st.integers(0, 2**64 - 1),
        bits=st.integers(0, 2**512 - 1),
    )
    def insert(
        self,
        name: str,
        dnssec_ok: bool,
        disabled: bool,
        length: int,
        mark: int,
        generation: int | None,
        bits: int,
    ) -> None:
        union = None if generation is None else CachedUnion(generation, bits, any_mandatory=bool(bits & 1))
        self.put((name, dnssec_ok, disabled), length, mark, union)

    @rule(first=st.integers(0, 250), count=st.integers(1, 50), mark=st.integers(0, 25))
    def insert_many(self, first: int, count: int, mark: int) -> None:
        for name in NAMES[first : first + count]:
            self.put((name, False, False), 150 + mark * 20, mark, None)

    @rule(first=st.integers(0, 250), count=st.integers(1, 50))
    def ask_many(self, first: int, count: int) -> None:
        for name in NAMES[first : first + count]:
            self.check((name, False, False))

    @rule(name=st.sampled_from(NAMES), generation=st.integers(0, 9))
    def recompute(self, name: str, generation: int) -> None:
        union = CachedUnion(generation, generation)
        key = (name, False, False)
        if self.cache.set_union(cache_key(key), now=self.now, union=union):
            kept = self.kept[key]
            kept.union = union
            kept.ask(self.now - kept.at)

    @rule(name=st.sampled_from(TREES), subtree=st.booleans())
    def flush(self, name: str, subtree: bool) -> None:
        self.cache.flush(name_from_text(name), subtree=subtree)
        for key in list(self.kept):
            if key[0] == name or (subtree and key[0].endswith(f".{name}")):
                del self.kept[key]
                assert self.check(key) is None

    @rule(seconds=st.sampled_from([0, 1, 100, 269, 280, 299, 300, 600]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    def check(self, key: Key) -> Kept | None:
        """Ask for the key: what is found must be what was kept; in a roomy cache nothing may be missing."""
        found = self.cache.lookup(cache_key(key), now=self.now)
        kept = self.kept.get(key)
        age = self.now - kept.at if kept else 0
        if found is None:
            assert kept is None or age >= 300 + STALE or not self.roomy
            return None
        assert kept is not None
        assert found.union == kept.union
        assert found.stale == (age >= 300)
        assert found.refresh == kept.ask(age)
        if not found.stale:
            assert found.message == kept.message
            assert (found.age, found.ttl) == (age, 300 - age)
        else:
            assert len(found.message) == len(kept.message)
            assert age < 300 + STALE
        return kept

    @invariant()
    def counts(self) -> None:
        if hasattr(self, "cache"):
            counters = self.cache.counters()
            gone = counters.evicted + counters.expired + counters.flushed
            assert counters.entries <= min(len(self.kept), self.cache.capacity)
            assert counters.inserted >= counters.entries + gone
            assert counters.contended_reads == counters.contended_writes == counters.refused == 0

    def teardown(self) -> None:
        if hasattr(self, "cache"):
            for key in self.kept:
                self.check(key)


TestCache = CacheMachine.TestCase
TestCache.settings = settings(max_examples=examples(20), stateful_step_count=60, deadline=None)
