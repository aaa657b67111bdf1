"""Each setting reaches the part of the resolver that it is for, at the start and with a reload.

A resolver is made whole; its parts are real, and what each was given is noted on the way.
"""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from ipaddress import IPv6Network
from pathlib import Path
from typing import Any

import pytest

from filterd.config.load import from_value
from filterd.config.settings import Settings
from filterd.dataplane.nodestate.bindings import KnownBindings
from filterd.dataplane.nodestate.node_types import Published
from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.packet.unwrap import client_bytes
from filterd.dataplane.tables.addresses import Prefixes
from filterd.dataplane.upstream.peer import unwatched
from filterd.disk.keys import COOKIE_KEY, FINGERPRINT_KEY
from filterd.policy.published import StateSettings
from filterd.serve import listening as listening_module
from filterd.serve import resolver as resolver_module
from filterd.serve.node_sessions import bound_tables
from filterd.serve.resolver import Resolver
from filterd.serve.wiring import SEALED
from filterd.telemetry import log

PARTS = ("ResponseCache", "Plane", "RateRules", "Node", "Routes", "Forwarding", "FastPath", "HttpService")
VALUE: dict[str, Any] = {
    "node": {"name": "node-7"},
    "state_dir": "state",
    "policies": "policies",
    "store": {"url": "sqlite:////nowhere/filterd.db"},
    "cache": {"size": "2MiB", "serve_stale": "7m"},
    "metrics": {"listen": "127.0.0.1:0"},
    "security": {"enabled": True},
    "block_page": {
        "ipv4": "192.0.2.80",
        "ipv6": "2001:db8::80",
        "parental": {"ipv4": "192.0.2.81", "ipv6": "2001:db8::81"},
        "security": {"ipv4": "192.0.2.82", "ipv6": "2001:db8::82"},
        "mandatory": {"ipv4": "192.0.2.83", "ipv6": "2001:db8::83"},
    },
    "dns": {
        "listen": ["127.0.0.1:0"],
        "threads": 2,
        "upstreams": ["192.0.2.53"],
        "allow_from": ["192.0.2.0/25"],
        "ecs_from": ["192.0.2.128/28"],
        "proxy_from": ["192.0.2.192/28"],
        "nat64": ["2001:db8:64::/96"],
        "parental_fail": "open",
        "identity": "who-am-i",
        "block_ttl": 31,
        "max_ttl_opted_in": 301,
        "rate_limit": {"queries_per_second": 11, "burst": 12, "ipv4_prefix": 31, "ipv6_prefix": 55},
        "tcp": {
            "connections": 21,
            "connections_per_prefix": 22,
            "idle": 23,
            "queries_per_connection": 24,
            "unsent": 5000,
        },
    },
}
OTHER: dict[str, Any] = {
    "security": {"enabled": False},
    "dns": {
        "upstreams": ["192.0.2.54"],
        "allow_from": ["198.51.100.0/25"],
        "ecs_from": ["198.51.100.128/28"],
        "proxy_from": ["198.51.100.192/28"],
        "nat64": ["2001:db8:6400::/40", "64:ff9b::/96", "2001:db8:6400::/40"],
        "parental_fail": "closed",
        "block_ttl": 41,
        "rate_limit": {"queries_per_second": 13, "burst": 14},
        "tcp": {"connections": 26},
    },
}
"""what a reload brings"""


class Noted:
    """Stands for a class: makes it, and notes with what."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.given: list[tuple[Any, ...]] = []
        self.made: list[Any] = []

    def __call__(self, *given: Any) -> Any:
        self.given.append(given)
        self.made.append(self.kind(*given))
        return self.made[-1]


class FakePlane:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []

    def publish(self, *given: Any) -> None:
        self.given.append(given)

    change_settings = limit = publish


def settings_of(base: Path, *changes: dict[str, Any]) -> Settings:
    """The settings above with changes, each of one level below its section."""
    value = json.loads(json.dumps(VALUE))
    for change in changes:
        for section, keys in change.items():
            value.setdefault(section, {})
            value[section] = {**value[section], **keys} if isinstance(keys, dict) else keys
    return from_value(value, base=base)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Noted]:
    """The classes that the resolver is made of."""
    noted = {name: Noted(getattr(resolver_module, name)) for name in PARTS}
    for name, each in noted.items():
        monkeypatch.setattr(resolver_module, name, each)
    monkeypatch.setattr(resolver_module, "reserved_ports", lambda: (5999,))
    monkeypatch.setattr(listening_module, "raise_file_limit", lambda wanted: 1 << 20)
    return noted


@pytest.fixture(autouse=True)
def said() -> io.StringIO:
    """The log."""
    stream = io.StringIO()
    log.configure("resolver", stream)
    return stream


def remedies(said: io.StringIO) -> list[str]:
    """What each line of the log tells to do."""
    return [json.loads(line)["remedy"] for line in said.getvalue().splitlines()]


@pytest.fixture
async def resolver(tmp_path: Path, parts: dict[str, Noted]) -> Any:
    """One that has bound its sockets and does not serve yet."""
    made = Resolver(settings_of(tmp_path))
    yield made
    await closed(made)


async def closed(resolver: Resolver) -> None:
    """Let go of everything."""
    await resolver._close()
    resolver._node.close()
    resolver._lock.close()


def within(prefixes: Prefixes, *addresses: str) -> list[str]:
    """Those of the addresses that the set covers."""
    return [address for address in addresses if client_bytes(address) in prefixes]


async def test_the_cache_has_its_size_and_its_window(resolver: Resolver, parts: dict[str, Noted]) -> None:
    size, seed, stale = parts["ResponseCache"].given[0]
    assert (size, len(seed), stale) == (2 << 20, 16, 420)


async def test_the_plane_is_given_who_may_ask_and_how_to_answer(
    resolver: Resolver, parts: dict[str, Noted]
) -> None:
    allowed, cache, rules, subnets, fronts = parts["Plane"].given[0]
    assert cache is parts["ResponseCache"].made[0]
    for prefixes, inside in ((allowed, "192.0.2.1"), (subnets, "192.0.2.129"), (fronts, "192.0.2.193")):
        assert within(prefixes, "192.0.2.1", "192.0.2.129", "192.0.2.193") == [inside]
    assert (rules.block_ttl, rules.max_ttl_opted_in, rules.identity) == (31, 301, "who-am-i")
    assert rules.sinkholes == tuple(
        (socket.inet_aton(f"192.0.2.{last}"), socket.inet_pton(socket.AF_INET6, f"2001:db8::{last}"))
        for last in (81, 82, 83, 80)
    ), "a kind's own address wins, and one without it has the general one"
    assert rules.keepalive == 230
    assert rules.cookie_secrets == COOKIE_KEY.load(resolver._settings.state_dir)


async def test_the_rate_limit_is_the_configured_one(resolver: Resolver, parts: dict[str, Noted]) -> None:
    seed, limit = parts["RateRules"].given[0]
    assert len(seed) == 16
    assert limit is resolver._settings.dns.rate_limit


async def test_the_node_follows_the_store_from_its_own_directory(
    resolver: Resolver, parts: dict[str, Noted]
) -> None:
    paths, switches, _publish, observer, _clock, ticks = parts["Node"].given[0]
    assert (paths.state_dir, str(paths.store)) == (resolver._settings.state_dir, "/nowhere/filterd.db")
    assert paths.key == FINGERPRINT_KEY.load(resolver._settings.state_dir)
    assert switches == StateSettings(
        security_enabled=True, parental_fail_open=True, nat64=(IPv6Network("2001:db8:64::/96"),)
    )
    assert observer is resolver._observer
    assert ticks == resolver._clock.ticks


async def test_threads_never_ask_from_the_ports_that_are_taken(
    resolver: Resolver, parts: dict[str, Noted]
) -> None:
    threads, avoided = parts["Routes"].given[0]
    assert (threads, avoided) == (2, (5999, 0))
    plane, routes, path, count = parts["FastPath"].given[0]
    assert (plane, routes, count) == (parts["Plane"].made[0], parts["Routes"].made[0], 2)
    assert path is resolver._path


async def test_upstreams_are_shown_to_the_threads(resolver: Resolver, parts: dict[str, Noted]) -> None:
    upstreams, reading, routes = parts["Forwarding"].given[0]
    assert upstreams == resolver._settings.dns.upstreams
    assert reading is unwatched
    assert routes is parts["Routes"].made[0]


async def test_tcp_clients_may_take_what_is_configured(resolver: Resolver) -> None:
    limits = resolver._listening.connections.limits
    assert (limits.connections, limits.per_prefix, limits.idle) == (21, 22, 23.0)
    assert (limits.queries, limits.unsent) == (24, 5000)
    assert (limits.ipv4_prefix, limits.ipv6_prefix) == (31, 55)


async def test_metrics_are_served_where_they_are_configured(
    resolver: Resolver, parts: dict[str, Noted]
) -> None:
    role, listen, routes, bound = parts["HttpService"].given[0]
    assert (role, str(listen), bound) == ("resolver", "127.0.0.1:0", None)
    assert set(routes) == {"/metrics", "/healthz", "/readyz"}
    ready = routes["/readyz"]()
    assert ready.status == 503
    assert b"no policy snapshot" in ready.body
    assert routes["/healthz"]().body == b"ok\n"
    assert b'role="resolver"' in routes["/metrics"]().body


async def test_the_commands_of_the_operator_come_through_the_state_directory(resolver: Resolver) -> None:
    assert resolver._commands.path == resolver._settings.state_dir / "resolver-command.sock"


async def test_a_report_says_who_it_is_and_what_is_in_force(resolver: Resolver) -> None:
    report = resolver._report()
    assert (report.name, report.ready, report.snapshot_digest, report.lists) == ("node-7", False, "", {})
    assert (report.seen_at, report.mandatory_revision, report.parental_revision) == (0.0, 0, 0)


async def test_a_resolver_with_a_board_notes_there_what_is_under_work(
    tmp_path: Path, parts: dict[str, Noted]
) -> None:
    board = CrashBoard.make(bytes(16))
    made = Resolver(settings_of(tmp_path), board)
    assert parts["Forwarding"].given[0][1] == board.reading
    assert made._remarks() == []
    await closed(made)


async def test_a_reload_brings_everything_that_can_change(
    tmp_path: Path, resolver: Resolver, parts: dict[str, Noted], said: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    changed: list[tuple[str, Any]] = []
    for part, name in (
        (resolver._forwarding, "change"),
        (resolver._node, "change_settings"),
    ):
        monkeypatch.setattr(part, name, lambda given, name=name: changed.append((name, given)))
    plane = FakePlane()
    monkeypatch.setattr(resolver, "_plane", plane)
    resolver.reload(settings_of(tmp_path, OTHER))
    assert parts["RateRules"].given[1][1].queries_per_second == 13
    assert resolver._listening.connections.limits.connections == 26
    (allowed, rules, subnets, fronts), (limiter, rates) = plane.given
    every = ("198.51.100.1", "198.51.100.129", "198.51.100.193")
    assert [within(each, *every) for each in (allowed, subnets, fronts)] == [[each] for each in every]
    assert (rules.block_ttl, rules.max_ttl_opted_in) == (41, 301)
    assert rules.cookie_secrets == resolver._secrets.value
    assert (limiter, rates) == (resolver._limiter, parts["RateRules"].made[1])
    (_, upstreams), (_, switches) = changed
    assert [str(each.address) for each in upstreams] == ["192.0.2.54:53"]
    prefixes = (IPv6Network("2001:db8:6400::/40"), IPv6Network("64:ff9b::/96"))
    assert switches == StateSettings(security_enabled=False, parental_fail_open=False, nat64=prefixes)
    assert remedies(said) == [""]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("node", {"node": {"name": "other"}}),
        ("cache", {"cache": {"size": "3MiB"}}),
        ("store.url", {"store": {"url": "sqlite:////elsewhere/f.db"}}),
        ("metrics", {"metrics": {"listen": "127.0.0.1:1"}}),
        ("dns.listen", {"dns": {"listen": ["127.0.0.1:1"]}}),
        ("dns.threads", {"dns": {"threads": 1}}),
        ("state_dir", {"state_dir": "elsewhere"}),
    ],
)
async def test_a_reload_says_what_waits_for_a_restart(
    tmp_path: Path, resolver: Resolver, said: io.StringIO, name: str, change: dict[str, Any]
) -> None:
    assert name in SEALED
    resolver.reload(settings_of(tmp_path, change))
    assert remedies(said) == [f"restart for {name}"]


async def test_secrets_that_cannot_be_read_leave_the_old_ones(
    tmp_path: Path, resolver: Resolver, said: io.StringIO
) -> None:
    before = resolver._secrets
    resolver.reload(settings_of(tmp_path, {"dns": {"cookie_secret_file": str(tmp_path / "none")}}))
    assert resolver._secrets == before
    assert "the old ones stay" in said.getvalue()
    (tmp_path / "new").write_text("ab" * 16)
    (tmp_path / "new").chmod(0o600)
    resolver.reload(settings_of(tmp_path, {"dns": {"cookie_secret_file": str(tmp_path / "new")}}))
    assert resolver._secrets.value == bytes.fromhex("ab" * 16)


async def test_a_secret_that_is_not_kept_is_said_until_one_is(
    tmp_path: Path, resolver: Resolver, said: io.StringIO
) -> None:
    before, own = resolver._secrets, tmp_path / "state" / "keys" / "cookie.key"
    assert resolver._remarks() == []
    own.write_bytes(b"short")
    (own.parent / "cookie.key.damaged" / "something").mkdir(parents=True)
    resolver.reload(settings_of(tmp_path))
    assert resolver._secrets.value == before.value, "clients keep their cookies"
    assert resolver._remarks() == ["with a cookie secret that lasts as long as the process: see its log"]
    own.unlink()
    resolver.reload(settings_of(tmp_path))
    assert resolver._secrets.value == COOKIE_KEY.load(tmp_path / "state")
    assert resolver._remarks() == []


async def test_a_snapshot_says_before_when_it_cannot_be(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that lost its time must not bring pauses back; where there is no state it says nothing."""
    plane = FakePlane()
    monkeypatch.setattr(resolver, "_plane", plane)
    state, lines, bindings = object(), object(), KnownBindings()
    resolver._publish(Published(None, lines, bindings, False, 4_000_000_000))  # type: ignore[arg-type]  # only handed on
    resolver._publish(Published(state, lines, bindings, True, 4_000_000_000))  # type: ignore[arg-type]  # only handed on
    assert plane.given == [
        (None, lines, bound_tables(bindings), False, 0, None),
        (state, lines, bound_tables(bindings), True, 4_000_000_000, None),
    ]
    assert resolver._clock.now() == 4_000_000_000


def test_a_start_waits_for_no_library_of_metrics_or_ciphers() -> None:
    script = "import sys, filterd.serve.resolver; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not [name for name in loaded.split() if name.startswith(("prometheus_client", "cryptography"))]


async def test_a_reload_that_answers_everybody_is_warned_of(
    tmp_path: Path, resolver: Resolver, said: io.StringIO
) -> None:
    resolver.reload(settings_of(tmp_path, {"dns": {"allow_from": ["0.0.0.0/0"]}}))
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["new settings in force", "a setting is dangerous"]
    assert lines[1]["reason"].startswith("dns.allow_from: 0.0.0.0/0 is every IPv4 address")
    assert lines[1]["remedy"] == "write the prefixes of your own customers"
