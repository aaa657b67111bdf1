"""The rate limit against plain token buckets: while there is room, each query gets what the model says."""

from __future__ import annotations

from ipaddress import ip_network

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from filterd.dataplane.tables.ratelimit_reference import ReferenceBuckets
from tests.worlds.examples import examples
from tests.worlds.rate import Limit, Override, wide

SECRET = bytes(range(16))
CLIENTS = [
    *(f"10.0.{net}.{host}" for net in range(3) for host in (0, 1, 255)),
    *(f"2001:db8:0:{net:x}::{host}" for net in (0, 1, 0xFF, 0x100) for host in (1, 2)),
    "0.0.0.0",
    "0:0:0:0:a00::1",
    "a00::",
]
PREFIXES = [
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.1.1/32",
    "0.0.0.0/0",
    "2001:db8::/32",
    "2001:db8:0:100::/56",
    "2001:db8:0:1::/64",
    "::/0",
]
OVERRIDES = st.lists(
    st.builds(
        Override,
        st.sampled_from([ip_network(text) for text in PREFIXES]),
        st.sampled_from([0, 1, 7, 1000, 100_000]),
        st.integers(1, 50),
    ),
    max_size=4,
    unique_by=lambda each: each.prefix,
)


class RateMachine(RuleBasedStateMachine):
    """One limiter and the model that it must agree with."""

    @initialize(
        rate=st.sampled_from([0, 1, 3, 10, 200, 4096, 99_999]),
        burst=st.integers(1, 40),
        ipv4=st.sampled_from([8, 24, 31, 32]),
        ipv6=st.sampled_from([40, 48, 56, 63, 64]),
        overrides=OVERRIDES,
        begin=st.sampled_from([0, 1, 10**9, 10**11]),
    )
    def start(
        self, rate: int, burst: int, ipv4: int, ipv6: int, overrides: list[Override], begin: int
    ) -> None:
        self.limiter, self.model = RateLimiter(SECRET, 4096, 8), ReferenceBuckets()
        self.set(Limit(rate, burst, ipv4, ipv6, tuple(overrides)))
        self.now = begin

    def set(self, limit: Limit) -> None:
        self.limit, self.limits = limit, RateRules(SECRET, limit)

    def expected(self, client: str) -> str:
        return self.model.take(self.limit, wide(client), self.now).outcome

    @rule(rate=st.sampled_from([0, 2, 50, 99_999]), burst=st.integers(1, 40), overrides=OVERRIDES)
    def change(self, rate: int, burst: int, overrides: list[Override]) -> None:
        """The buckets outlive the limit that filled them."""
        before = self.limit
        self.set(Limit(rate, burst, before.ipv4_prefix, before.ipv6_prefix, tuple(overrides)))

    @rule(client=st.sampled_from(CLIENTS), count=st.integers(1, 60))
    def ask(self, client: str, count: int) -> None:
        for _ in range(count):
            assert self.limiter.take(self.limits, wide(client), self.now) == self.expected(client)

    @rule(clients=st.lists(st.sampled_from(CLIENTS), max_size=40))
    def ask_in_turn(self, clients: list[str]) -> None:
        expected = [self.expected(each) for each in clients]
        found = self.limiter.take_all(self.limits, b"".join(map(wide, clients)), self.now)
        assert found == tuple(expected.count(outcome) for outcome in ("pass", "truncate", "drop"))

    @rule(client=st.sampled_from(CLIENTS), count=st.integers(1, 20))
    def a_stranger_asks(self, client: str, count: int) -> None:
        for _ in range(count):
            self.limiter.take(self.limits, wide(client), self.now, stranger=True)

    @rule(milliseconds=st.sampled_from([1, 7, 99, 100, 1000, 3600_000]))
    def wait(self, milliseconds: int) -> None:
        self.now += milliseconds


TestRate = RateMachine.TestCase
TestRate.settings = settings(max_examples=examples(27), stateful_step_count=40, deadline=None)
