"""What changes around both sides of the equality course: policy, lines, settings, weather, reduced mode."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from random import Random

from filterd.dataplane.packet.unwrap import Unwrap
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.tables.ratelimit import RateRules
from filterd.policy.decide import PublishedState
from filterd.wire.names import name_from_text
from tests.equality import grounds
from tests.equality.packets import BINDINGS, FRONTS, SENDERS, acl, network
from tests.equality.script import Script, Weather
from tests.equality.sides import SECRET, FastSide, SlowSide, Table
from tests.unit.dataplane.conftest import Rules
from tests.worlds.policy import KEY
from tests.worlds.rate import Limit, Override

LINES = 14
MIXED_GROUNDS = 6
"""different ones over all courses"""
SECRETS = (b"", bytes(range(16)), bytes(range(16)), bytes(range(32)))
LIMITS = (
    Limit(),
    Limit(queries_per_second=2, burst=5, ipv4_prefix=24),
    Limit(queries_per_second=1000, burst=1000),
    Limit(queries_per_second=0, overrides=(Override(ip_network("10.0.0.0/29"), 1, 3),)),
    Limit(overrides=(Override(ip_network("10.0.0.0/8"), 0, 1), Override(ip_network("2001:db8::/32"), 3, 9))),
)


def some_rules(random: Random) -> Rules:
    """Settings of the answers."""
    return Rules(
        block_ttl=random.choice((0, 30, 30, 600)),
        max_ttl_opted_in=random.choice((1, 300, 300, 86_400)),
        ipv4=random.choice((None, bytes([192, 0, 2, 80]))),
        ipv6=random.choice((None, ip_address("2001:db8::80").packed)),
        identity=random.choice(("", "resolver-1")),
        cookie_secrets=random.choice(SECRETS),
    )


def some_prefixes(random: Random, texts: tuple[str, ...]) -> Prefixes:
    """Mostly all of them."""
    return Prefixes(KEY, texts if random.random() < 0.8 else random.sample(texts, 1))


class Surroundings:
    """Changes the same on both sides. ``random``: this course's."""

    def __init__(self, random: Random, slow: SlowSide, fast: FastSide, script: Script, whole: bool) -> None:
        self.random = random
        self.sides: tuple[SlowSide | FastSide, ...] = (slow, fast)
        self.slow, self.fast, self.script, self.clock = slow, fast, script, slow.clock
        self.lines, self.addresses = Lines(KEY), Addresses(KEY)
        self.generation = 0
        self.grounds = (
            grounds.truth_ground(whole),
            *(grounds.mixed_ground(random.randrange(MIXED_GROUNDS)) for _ in range(2)),
        )
        self.ground = self.grounds[0]
        self.state: PublishedState | None = None
        self.recent = b""
        """a packet that reduced mode may be told of"""
        for number in range(LINES):
            self.lines.upsert(grounds.line(random, self.ground, self.now).native(number + 1))
        for prefix in BINDINGS:
            self.addresses.set(*network(prefix), random.randrange(1, LINES + 1))
        self.publish_new()

    @property
    def now(self) -> int:
        return self.clock.now()

    def tables(self, packets: int) -> tuple[Table, ...]:
        """Some of those that are in use. With the lines alone clients who have none are served, before others
        who came earlier: with one packet there is no order to be kept."""
        both: tuple[Table, ...] = (self.lines, self.addresses)
        return self.random.choice((both, both[1:], both[:1] if packets == 1 else both))

    def change(self) -> None:
        """Something that may change between any two packets."""
        self.random.choices(ANYTIME, ANYTIME_SHARES)[0](self)

    def change_between_batches(self) -> None:
        """Or what takes longer."""
        self.random.choices(SELDOM, SELDOM_SHARES)[0](self)

    # ---- policy ----

    def publish(self) -> None:
        ready = self.random.random() < 0.9
        self.clock.earliest = self.random.choice((0, 0, self.clock.earliest, self.now))
        for side in self.sides:
            side.packets.publish(self.state, self.lines, self.addresses, ready, self.clock.earliest)

    def publish_new(self) -> None:
        """A snapshot."""
        self.ground = self.random.choice(self.grounds)
        self.generation += 1
        self.state = grounds.new_state(self.ground, self.random, self.now, self.generation)
        self.publish()

    def publish_next(self) -> None:
        """What the time, an order or a setting changes."""
        if self.state is None:
            self.publish_new()
            return
        self.state = grounds.next_state(self.state, self.ground, self.random, self.now)
        self.generation = self.state.generation
        self.publish()

    def publish_nothing(self) -> None:
        """The mandatory part is missing."""
        self.state = None
        self.publish()

    # ---- lines ----

    def change_lines(self) -> None:
        """In the tables that are in use."""
        for _ in range(self.random.choice((1, 1, 3, LINES))):
            number = self.random.randrange(1, LINES + 1)
            if self.random.random() < 0.1:
                self.lines.remove(number)
            else:
                self.lines.upsert(grounds.line(self.random, self.ground, self.now).native(number))

    def change_addresses(self) -> None:
        address, length = network(self.random.choice(BINDINGS))
        if self.random.random() < 0.3:
            self.addresses.remove(address, length)
        else:
            self.addresses.set(address, length, self.random.randrange(1, LINES + 2))

    def renew_tables(self) -> None:
        """As a resync does."""
        self.lines, self.addresses = Lines.load(self.lines.dump()), Addresses.load(self.addresses.dump())
        self.change_lines()
        self.publish()

    # ---- settings ----

    def change_settings(self) -> None:
        rules = some_rules(self.random)
        proxies, forwarders = some_prefixes(self.random, FRONTS), some_prefixes(self.random, SENDERS)
        for side in self.sides:
            side.packets.change_settings(acl(), rules, forwarders, proxies)
        self.slow.unwrap = Unwrap(proxies)

    def change_limit(self) -> None:
        rates = RateRules(SECRET, self.random.choice(LIMITS))
        for side in self.sides:
            side.packets.limit(side.limiter, rates)

    # ---- what happens to a resolver ----

    def change_weather(self) -> None:
        self.script.weather = self.random.choice((Weather.FINE, Weather.FINE, Weather.SLOW, *Weather))
        self.script.season += self.random.random() < 0.1

    def flush(self) -> None:
        name = name_from_text(self.random.choice((*self.ground.names, "example", ".")))
        subtree = self.random.random() < 0.5
        for side in self.sides:
            side.cache.flush(name, subtree=subtree)

    def lose_time(self) -> None:
        """The machine's clock is behind, or right again."""
        self.clock.behind = 0 if self.clock.behind else self.random.choice((70, 100_000))

    def reduce(self) -> None:
        """Reduced mode begins, with some packet blamed, or ends."""
        reduced = not self.slow.board.reduced and self.random.random() < 0.5
        for side in self.sides:
            side.board.forgive()
            if reduced:
                side.board.blame({side.board.mark(self.recent)})
            side.board.reduced = reduced


ANYTIME: tuple[Callable[[Surroundings], None], ...] = (
    Surroundings.publish_next,
    Surroundings.publish_new,
    Surroundings.publish_nothing,
    Surroundings.change_lines,
    Surroundings.change_addresses,
    Surroundings.renew_tables,
    Surroundings.change_settings,
)
ANYTIME_SHARES = (50, 15, 1, 20, 10, 3, 3)
SELDOM: tuple[Callable[[Surroundings], None], ...] = (
    Surroundings.change_weather,
    Surroundings.flush,
    Surroundings.reduce,
    Surroundings.change_limit,
    Surroundings.lose_time,
)
SELDOM_SHARES = (60, 8, 10, 4, 8)
