"""What the fuzz targets ``packet`` and ``lines`` serve from: every kind of list, line and sender."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables, IdentityRules, SessionTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from filterd.model.block_kind import BlockKind
from filterd.model.blocking_mode import BlockingMode
from filterd.model.identity import IdentityKind, identity_input
from filterd.model.mandatory import Mandate
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind
from filterd.policy.classes import (
    BIT_ALWAYS_ALLOWED,
    BIT_PROTECTED,
    BIT_SPECIAL_USE,
    FIXED,
    Classes,
    ListClass,
)
from filterd.policy.decide import PublishedState
from filterd.policy.fingerprint import fingerprint
from filterd.policy.published import StateSettings
from filterd.policy.resolve import ResolvedPolicy
from tests.worlds.inner_addresses import CONFIGURED
from tests.worlds.policy import KEY, NOW, Line, Placed, World, overlay_of
from tests.worlds.rate import Limit, Override, wide

CLIENTS = tuple(
    map(
        wide,
        (
            "127.0.0.1",  # no line's
            "127.0.0.2",  # a child's
            "127.0.0.3",  # a line that asked for nothing
            "127.0.0.4",  # not opted in, with own names
            "127.0.0.5",  # opted in, with own names
            "127.0.0.6",  # services and bypass, to the block page; has left security
            "127.0.0.7",  # the child's policy, paused
            "127.0.0.8",  # the schedule says: nothing now
            "127.0.0.9",  # a forwarder, whose ECS says who asks
            "127.0.0.10",  # no line's, and one query a second
            "2001:db8:1::1",  # the line of 127.0.0.5
            "198.51.100.1",  # outside of the ACL
        ),
    )
)
"""who asks; fuzzing.pyx knows some of them by their place"""
IDENTITIES = (
    (IdentityKind.MAC, bytes(6)),
    (IdentityKind.DEVICE, b"tablet"),
    (IdentityKind.CPE, b"ONT-77"),
    (IdentityKind.TLV, b"line"),
)
LIMITED = ("127.0.0.10/32", "198.51.100.0/24")


@dataclass(frozen=True)
class Rules:
    """Settings of the answers."""

    block_ttl: int = 30
    max_ttl_opted_in: int = 300
    sinkholes: tuple[tuple[bytes | None, bytes | None], ...] = tuple(
        (bytes([192, 0, 2, 80 + kind]), bytes.fromhex("20010db8") + bytes(11) + bytes([80 + kind]))
        for kind in BlockKind
    )
    identity: str = "resolver-1"
    keepalive: int = 100
    cookie_secrets: bytes = bytes(range(32))


ADULT, SEARCH, SERVICE, BYPASS, SECURITY, GAMES = 8, 9, 10, 11, 12, 70
CLASSES = Classes(
    (
        *FIXED,
        ListClass("adult", Kind.CATEGORY, ADULT, category="adult"),
        ListClass("search", Kind.SAFE_SEARCH, SEARCH, target="safe.example.net"),
        ListClass("service", Kind.SERVICE, SERVICE),
        ListClass("bypass", Kind.BYPASS, BYPASS),
        ListClass("security", Kind.SECURITY, SECURITY),
        ListClass("games", Kind.CATEGORY, GAMES, category="games"),
    )
)
RULES = (
    Placed("banned.example", mandatory=256),
    Placed("192.0.2.99/32", mandatory=256),
    Placed("hidden.example", mandatory=257, scope=Scope.EXACT),
    Placed("soon.example", mandatory=258),
    Placed("adult.example", bit=ADULT),
    Placed("passed.adult.example", bit=ADULT, action=Action.ALLOW),
    Placed("192.0.2.66/32", bit=ADULT),
    Placed("2001:db8:66::/48", bit=ADULT),
    Placed("search.example", bit=SEARCH),
    Placed("service.example", bit=SERVICE),
    Placed("bypass.example", bit=BYPASS, scope=Scope.EXACT),
    Placed("malware.example", bit=SECURITY),
    Placed("203.0.113.0/24", bit=SECURITY),
    Placed("games.example", bit=GAMES, scope=Scope.BELOW),
    Placed("always.example", bit=BIT_ALWAYS_ALLOWED),
    Placed("help.adult.example", bit=BIT_PROTECTED),
    Placed("localhost", bit=0),
    Placed("resolver.arpa", bit=1),
    Placed("onion", bit=BIT_SPECIAL_USE),
)
LIVE = (
    Placed("order.example", mandatory=259, live=True),
    Placed("fresh.example", bit=ADULT, live=True),
    Placed("198.51.100.7/32", mandatory=259, live=True),
)
LATER = (
    Placed("later.example", mandatory=260, live=True),
    Placed("2001:db8:77::7/128", bit=GAMES, live=True),
)
MANDATES = (
    Mandate(256, "1", BlockingMode.NXDOMAIN),
    Mandate(257, "2", BlockingMode.SINKHOLE, confidential=True),
    Mandate(258, "3", BlockingMode.NODATA, not_before=NOW + 60),
    Mandate(259, "4", BlockingMode.NULL),
    Mandate(260, "5", BlockingMode.SINKHOLE),
)
POLICIES = (
    ResolvedPolicy(),
    ResolvedPolicy("children", categories=1 << ADULT | 1 << GAMES, safe_search=1 << SEARCH),
    ResolvedPolicy(
        "strict",
        services=1 << SERVICE,
        bypass=1 << BYPASS,
        schedule=1 << GAMES,
        mode=BlockingMode.SINKHOLE,
        strip_ech=True,
    ),
    ResolvedPolicy("night", schedule_all=True, mode=BlockingMode.NODATA, next_boundary=NOW + 100),
)
OWN = (
    ("denied.example", Action.BLOCK, Scope.SUBTREE),
    ("exact.example", Action.BLOCK, Scope.EXACT),
    ("allowed.example", Action.ALLOW, Scope.SUBTREE),
    ("mine.adult.example", Action.ALLOW, Scope.EXACT),
    ("not.allowed.example", Action.BLOCK, Scope.SUBTREE),
)
LINES = (
    Line(policy=1, opted_in=True),
    Line(),
    Line(own_names=OWN),
    Line(policy=1, opted_in=True, own_names=OWN),
    Line(policy=2, opted_in=True, security_left=True),
    Line(policy=1, opted_in=True, own_names=OWN[:1], paused_until=NOW + 50),
    Line(policy=3, opted_in=True),
)
"""of the clients from the second on"""
NAMES = tuple(rule.trigger for rule in (*RULES, *LIVE, *LATER) if rule.prefix is None)
PREFIXES = tuple(rule.prefix for rule in (*RULES, *LIVE, *LATER) if rule.prefix is not None)


def lines_and_addresses() -> tuple[Lines, BindingTables]:
    """The lines, numbered from 1, each with its address."""
    lines, addresses = Lines(KEY), Addresses(KEY)
    for number, line in enumerate(LINES, 1):
        lines.upsert(line.native(number))
        addresses.set(CLIENTS[number][12:], 32, number)
    addresses.set(CLIENTS[10][:6] + bytes(10), 48, 4)
    # The line that asked for nothing: whoever is believed to be it sees what no line sees.
    identities = Addresses(KEY)
    for kind, text in IDENTITIES:
        identities.set(fingerprint(KEY, identity_input(kind, text)), 128, 2)
    return lines, BindingTables(addresses, None, identities)


class Served:
    """Packets, and the states that may be published: the first is, one later, two without lines' choices."""

    def __init__(self, cache: int = 1 << 20, *, limited: bool = True) -> None:
        """``cache``: its bytes. ``limited``: the queries of two clients are."""
        allowed = Prefixes(KEY, ["127.0.0.0/8", "::1/128", "2001:db8::/32"])
        forwarders = Prefixes(KEY, ["127.0.0.9/32"])
        self.cache = ResponseCache(cache, KEY)
        self.packets = Plane(allowed, self.cache, Rules(), forwarders)
        if limited:
            overrides = tuple(Override(ip_network(prefix), 1, 2) for prefix in LIMITED)
            limits = Limit(queries_per_second=0, overrides=overrides)
            self.packets.limit(RateLimiter(KEY), RateRules(KEY, limits))
        world = World(
            CLASSES, (*RULES, *LIVE), MANDATES, POLICIES, security_enabled=True, nat64=tuple(CONFIGURED)
        )
        later = world.native.evolve(
            NOW, overlay=overlay_of(LATER), mandates=MANDATES[1:], settings=StateSettings()
        )
        closed, opened = (
            later.evolve(NOW, settings=StateSettings(parental_ready=False, parental_fail_open=fails_open))
            for fails_open in (False, True)
        )
        self.states: tuple[PublishedState, ...] = (world.native, later, closed, opened)
        self._tables = lines_and_addresses()
        self._sessions = Addresses(KEY)
        self._sessions.set(CLIENTS[1][12:], 32, 1, 1 << 31)
        self.packets.use_sessions(SessionTables(self._sessions, Addresses(KEY), ready=True, used=True))
        senders = Prefixes(KEY, ["127.0.0.9/32"])
        self.packets.use_identity_rules(IdentityRules(edns_id_from=senders, proxy_id_tlv=0xE0))
        self.publish(0)

    def publish(self, which: int) -> None:
        """Publish one of the states."""
        self.packets.publish(self.states[which], *self._tables, True)
