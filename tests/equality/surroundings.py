"""The changes around all sides of the equality course: policy, lines, settings, weather, reduced mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from random import Random

from filterd.dataplane.packet.unwrap import Unwrap
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses
from filterd.dataplane.tables.lines import Lines
from filterd.model.block_kind import BlockKind
from filterd.policy.decide import PublishedState
from filterd.policy.inquiry_reference import ReferenceLine, ReferenceState
from filterd.wire.names import name_from_text
from tests.equality import grounds
from tests.equality.packets import BINDINGS, FRONTS, SENDERS, network
from tests.equality.recognition import Recognition
from tests.equality.script import Weather
from tests.equality.sides import LoopClock, Policy, Side, SideSettings, Table, Texts
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
        sinkholes=tuple(
            (
                random.choice((None, bytes([192, 0, 2, 80 + kind]))),
                random.choice((None, ip_address(f"2001:db8::{80 + kind}").packed)),
            )
            for kind in BlockKind
        ),
        identity=random.choice(("", "resolver-1")),
        cookie_secrets=random.choice(SECRETS),
    )


def some_prefixes(random: Random, texts: tuple[str, ...]) -> Texts:
    """Mostly all of them."""
    return texts if random.random() < 0.8 else random.sample(texts, 1)


class Surroundings:
    """Changes the same on both sides. ``random``: this course's."""

    def __init__(
        self, random: Random, sides: Sequence[Side], settings: SideSettings, clock: LoopClock, whole: bool
    ) -> None:
        self.random = random
        self.sides, self.script, self.clock = sides, settings.script, clock
        self.unwrap = Unwrap(Prefixes(KEY, settings.proxies))
        self.lines, self.addresses = Lines(KEY), Addresses(KEY)
        self.plain_lines: dict[int, ReferenceLine] = {}
        self.plain_addresses = ReferenceAddresses()
        self.recognition = Recognition(random, LINES + 1)
        self.generation = 0
        self.grounds = (
            grounds.truth_ground(whole),
            *(grounds.mixed_ground(random.randrange(MIXED_GROUNDS)) for _ in range(2)),
        )
        self.ground = self.grounds[0]
        self.state: PublishedState | None = None
        self.plain_state: ReferenceState | None = None
        self.recent = b""
        """a packet that reduced mode may be told of"""
        for number in range(LINES):
            self.set_line(number + 1)
        for prefix in BINDINGS:
            self.bind(prefix, random.randrange(1, LINES + 1))
        self.publish_new()

    @property
    def now(self) -> int:
        return self.clock.now()

    def tables(self, packets: int) -> tuple[Table, ...]:
        """Some of those that are in use. With the lines alone clients who have none are served, before others
        who came earlier, and so is a client of a shared address whose port is not known, who is looked up in
        none: with one packet there is no order to be kept."""
        leading: tuple[Table, ...] = (*self.recognition.tables, self.addresses)
        every = (self.lines, *leading)
        if packets == 1:
            return self.random.choice((every, leading, *((each,) for each in every)))
        return () if self.recognition.rules.shared or self.recognition.rules.maps else every

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
        policy = Policy(
            self.state,
            self.lines,
            self.addresses,
            ready,
            self.clock.earliest,
            self.plain_state,
            self.plain_lines,
            self.plain_addresses,
            self.recognition,
        )
        for side in self.sides:
            side.publish(policy)

    def publish_new(self) -> None:
        """A snapshot."""
        self.ground = self.random.choice(self.grounds)
        self.generation += 1
        self.state = grounds.new_state(self.ground, self.random, self.now, self.generation)
        self.plain_state = grounds.plain_state(self.state, self.ground, self.now)
        self.publish()

    def publish_next(self) -> None:
        """Publish what the time, an order or a setting changes."""
        if self.state is None:
            self.publish_new()
            return
        self.state = grounds.next_state(self.state, self.ground, self.random, self.now)
        self.plain_state = grounds.plain_state(self.state, self.ground, self.now)
        self.generation = self.state.generation
        self.publish()

    def publish_nothing(self) -> None:
        """The mandatory part is missing."""
        self.state = self.plain_state = None
        self.publish()

    # ---- lines ----

    def set_line(self, number: int) -> None:
        """The line makes its choices."""
        line = grounds.line(self.random, self.ground, self.now)
        self.lines.upsert(line.native(number))
        self.plain_lines[number] = line.reference()

    def bind(self, prefix: str, number: int) -> None:
        """The prefix is that line's."""
        self.addresses.set(*network(prefix), number)
        self.plain_addresses.values[ip_network(prefix)] = number

    def change_lines(self) -> None:
        """In the tables that are in use."""
        for _ in range(self.random.choice((1, 1, 3, LINES))):
            number = self.random.randrange(1, LINES + 1)
            if self.random.random() < 0.1:
                self.lines.remove(number)
                self.plain_lines.pop(number, None)
            else:
                self.set_line(number)

    def change_addresses(self) -> None:
        prefix = self.random.choice(BINDINGS)
        if self.random.random() < 0.3:
            self.addresses.remove(*network(prefix))
            self.plain_addresses.values.pop(ip_network(prefix), None)
        else:
            self.bind(prefix, self.random.randrange(1, LINES + 2))

    def change_recognition(self) -> None:
        """Sessions, identities, ports, or the rules for them."""
        self.recognition.change(int(self.clock.ticks()))
        self.publish_recognition()

    def publish_recognition(self) -> None:
        for side in self.sides:
            side.recognise(self.recognition)

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
            side.change_settings(rules, proxies, forwarders)
        self.unwrap = Unwrap(Prefixes(KEY, proxies))

    def change_limit(self) -> None:
        limit = self.random.choice(LIMITS)
        for side in self.sides:
            side.limit(limit)

    # ---- what happens to a resolver ----

    def change_weather(self) -> None:
        self.script.weather = self.random.choice((Weather.FINE, Weather.FINE, Weather.SLOW, *Weather))
        self.script.season += self.random.random() < 0.1

    def flush(self) -> None:
        one = self.random.choice(self.ground.names)
        name = name_from_text(self.random.choice((one, one, "example", "example", ".")))
        subtree = self.random.random() < 0.5
        for side in self.sides:
            side.flush(name, subtree=subtree)

    def lose_time(self) -> None:
        """The machine's clock is behind, or right again."""
        self.clock.behind = 0 if self.clock.behind else self.random.choice((70, 100_000))

    def reduce(self) -> None:
        """Reduced mode begins, with some packet blamed, or ends."""
        reduced = not self.sides[0].board.reduced and self.random.random() < 0.5
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
    Surroundings.change_recognition,
    Surroundings.renew_tables,
    Surroundings.change_settings,
)
ANYTIME_SHARES = (50, 15, 1, 20, 10, 30, 3, 3)
SELDOM: tuple[Callable[[Surroundings], None], ...] = (
    Surroundings.change_weather,
    Surroundings.flush,
    Surroundings.reduce,
    Surroundings.change_limit,
    Surroundings.lose_time,
)
SELDOM_SHARES = (60, 8, 10, 4, 8)
