"""The response cache against its plain reference, where there is room for all: they agree in everything."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from filterd.dataplane.cache.cache import CacheKey, ResponseCache
from filterd.dataplane.cache.cache_reference import Errors, Found, Insertion, Key, ReferenceCache
from filterd.wire.names import name_from_text
from tests.worlds.cache_answers import answer, negative
from tests.worlds.examples import examples

SECRET = bytes(range(16))
NAMES = ("www.example.org", "example.org", "mail.example.org", "WWW.example.org", "org")
A, AAAA = 1, 28
KEYS = st.builds(
    Key,
    st.sampled_from([name_from_text(name.lower()) for name in NAMES]),
    st.sampled_from([A, AAAA]),
    st.just(1),
    st.booleans(),
    st.booleans(),
)
TTLS = st.sampled_from([0, 1, 10, 300, 3601, 86_401, 2**31 - 1, 2**31])
CODES = st.sampled_from([0, 4, 5, 9, 12, 13, 22, 23])
EDES = st.lists(st.tuples(CODES, st.binary(max_size=255)), max_size=4).map(tuple)
FULL_NAMES = st.sampled_from([f"{name}." for name in NAMES])
MESSAGES = st.one_of(
    st.builds(answer, FULL_NAMES, st.sampled_from(["A"]), TTLS),
    st.builds(answer, FULL_NAMES, st.just("A"), TTLS, st.just("192.0.2.1"), st.sampled_from([2, 3, 5])),
    st.builds(negative, FULL_NAMES, st.sampled_from([0, 2, 3, 5]), TTLS, st.none() | TTLS),
    st.binary(max_size=40),
)


def changed(message: bytes, place: int, value: int) -> bytes:
    """The message with one of its bytes another one."""
    made = bytearray(message)
    if made:
        made[place % len(made)] = value
    return bytes(made)


CHANGED = st.builds(changed, MESSAGES, st.integers(0, 200), st.integers(0, 255))


class CacheMachine(RuleBasedStateMachine):
    """One cache and the reference, both told the same."""

    @initialize(window=st.sampled_from([0, 60, 86_400]))
    def start(self, window: int) -> None:
        self.native, self.plain = ResponseCache(4 << 20, SECRET, window), ReferenceCache(window)
        self.now = 1000

    @rule(key=KEYS, message=MESSAGES | CHANGED, ad=st.booleans(), edes=EDES)
    def insert(self, key: Key, message: bytes, ad: bool, edes: Errors) -> None:
        kept = self.native.insert(CacheKey(*key), message, now=self.now, ad=ad, edes=edes)
        assert kept == (self.plain.insert(key, message, ad, edes, self.now) is Insertion.DONE)

    @rule(key=KEYS, edes=EDES)
    def fail(self, key: Key, edes: Errors) -> None:
        kept = self.native.insert_failure(CacheKey(*key), now=self.now, edes=edes)
        assert kept == (self.plain.insert_failure(key, edes, self.now) is Insertion.DONE)

    @rule(key=KEYS)
    def ask(self, key: Key) -> None:
        found = self.native.lookup(CacheKey(*key), now=self.now)
        expected = self.plain.lookup(key, self.now)
        if found is None:
            assert expected is None
            return
        assert expected == Found(
            found.message,
            found.ad,
            found.edes,
            found.age,
            found.failure,
            found.stale,
            found.hold,
            found.refresh,
        )

    @rule(name=st.sampled_from(NAMES), subtree=st.booleans())
    def flush(self, name: str, subtree: bool) -> None:
        wire = name_from_text(name.lower())
        assert self.native.flush(wire, subtree=subtree) == self.plain.flush(wire, subtree=subtree)

    @rule(seconds=st.sampled_from([0, 1, 4, 5, 9, 29, 30, 270, 299, 3600, 86_400]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def counts(self) -> None:
        if hasattr(self, "native"):
            counted, plain = self.native.counters(), self.plain
            assert counted == (len(plain.entries), plain.inserted, 0, 0, plain.flushed, plain.refused, 0, 0)


TestCacheReference = CacheMachine.TestCase
TestCacheReference.settings = settings(max_examples=examples(20), stateful_step_count=60, deadline=None)
