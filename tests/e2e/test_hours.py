"""A telephone with a cache of its own sees bedtime, an own allow and a pause no later than its cap lets it.

The telephone keeps an answer for as long as the answer says and not a moment less, as a stub resolver that
obeys TTLs does. The name server behind filterd says two hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dns.message
import dns.rdatatype
import pytest
import yaml

from tests.e2e.answer_world import write_policies
from tests.e2e.authority import nsd
from tests.e2e.deployment import Deployment, ede, soon
from tests.worlds.measured import measured

pytestmark = [pytest.mark.ring("night"), pytest.mark.system("nsd")]

FILTERED = 17
LONG = 7200
CAP = 12
BLOCK_TTL = 5
EARLIEST = 100
"""seconds from the start of the tests to bedtime: the tests before it take about 50"""
HOME, BEDROOM, GUEST = "127.0.0.31", "127.0.0.32", "127.0.0.33"
ZONE = f"""$TTL {LONG}
. IN SOA ns.example. hostmaster.example. 1 3600 900 86400 {LONG}
. IN NS ns.example.
* IN A 192.0.2.10
*.example. IN A 192.0.2.11
www.chat.example. IN CNAME edge.cdn.example.
"""
GROUPS = [
    {
        "id": "messaging",
        "title": {"es": "Mensajes", "en": "Messages"},
        "names": {"subtree": ["chat.example"]},
    },
    {"id": "banks", "title": {"es": "Bancos", "en": "Banks"}, "names": {"subtree": ["bank.example"]}},
]


@dataclass(frozen=True)
class Kept:
    """An answer in the telephone's cache."""

    message: dns.message.Message
    asked_at: float
    """by the clock on the wall, before the question left"""
    ttl: int
    until: float
    """by the monotonic clock"""

    @property
    def blocked(self) -> bool:
        return ede(self.message) == [FILTERED] and not self.message.answer

    @property
    def fresh(self) -> bool:
        return time.monotonic() < self.until


@dataclass
class Telephone:
    """A device with a cache of its own, at an address of a line."""

    filterd: Deployment
    source: str
    seen: list[Kept] = field(default_factory=list)
    """every answer that came over the network"""
    _cache: dict[str, Kept] = field(default_factory=dict)

    def ask(self, name: str) -> Kept:
        """The answer that its programs get."""
        kept = self._cache.get(name)
        if kept is not None and kept.fresh:
            return kept
        asked_at = time.time()
        message = self.filterd.ask(name, source=self.source)
        ttl = _life(message)
        kept = Kept(message, asked_at, ttl, time.monotonic() + ttl)
        self._cache[name] = kept
        self.seen.append(kept)
        return kept


def _life(message: dns.message.Message) -> int:
    """The seconds for which an answer may be kept (RFC 2308, 5)."""
    if message.answer:
        return min(int(rrset.ttl) for rrset in message.answer)
    (soa,) = (rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA)
    return int(min(soa.ttl, soa[0].minimum))


def _clock(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M")


@pytest.fixture(scope="module")
def bedtime() -> int:
    """A full minute to come, far enough for all that is to be seen before it."""
    return (int(time.time()) + EARLIEST + 59) // 60 * 60


@pytest.fixture(scope="module")
def filterd(tmp_path_factory: pytest.TempPathFactory, bedtime: int) -> Iterator[Deployment]:
    """A home with a filter, a home with a bedtime, and a guest who asked for nothing."""
    folder = tmp_path_factory.mktemp("hours")
    night = {"days": "daily", "from": _clock(bedtime), "until": _clock(bedtime + 3600)}
    policies = write_policies(folder, [night | {"block": "everything", "leaves": ["messaging"]}])
    protected = {"public_suffixes": True, "always_allowed": {"exact": ["clock.example"]}, "groups": GROUPS}
    (policies / "protected.yaml").write_text(yaml.safe_dump(protected))
    with nsd(folder / "authority", {".": ZONE}) as upstream:
        made = Deployment(folder / "filterd", upstream, policies)
        made.write_config(
            zone="UTC",
            dns={"allow_from": ["127.0.0.0/8"], "block_ttl": BLOCK_TTL, "max_ttl_opted_in": CAP},
        )
        made.cli("store", "migrate")
        made.register("home", HOME, "nxdomain")
        made.register("bedroom", BEDROOM, "evening")
        made.register("guest", GUEST)
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        with made.serving():
            yield made


def _bites(filterd: Deployment, name: str, figure: str, change: Callable[[], object]) -> Kept:
    """The answer that the telephone of ``home`` has after a change, once its cache lets go of the old one.

    Another device of the line, which keeps nothing, tells when the resolver has the change."""
    telephone, bare = Telephone(filterd, HOME), Telephone(filterd, HOME)
    before = telephone.ask(name)
    began = time.monotonic()
    change()

    def answered() -> bool:
        bare._cache.clear()
        return bare.ask(name).blocked is not before.blocked

    assert soon(answered), filterd.log()
    held = telephone.ask(name)
    assert held.ttl <= CAP
    while held.fresh:
        assert telephone.ask(name) is held
        time.sleep(0.05)
    after = telephone.ask(name)
    measured(figure, time.monotonic() - began)
    assert after.blocked is not before.blocked
    assert max(kept.ttl for kept in telephone.seen) <= CAP
    return after


def test_a_pause_and_its_end_bite(filterd: Deployment) -> None:
    def pause() -> None:
        filterd.cli("subscriber", "pause", "home", "--for", "1h")

    opened = _bites(filterd, "adult.example", "telephone with a cache sees a pause", pause)
    assert opened.message.answer
    closed = _bites(
        filterd,
        "adult.example",
        "telephone with a cache sees the end of a pause",
        lambda: filterd.cli("subscriber", "resume", "home"),
    )
    assert closed.ttl <= BLOCK_TTL


def test_an_own_allow_and_its_end_bite(filterd: Deployment) -> None:
    def allow() -> None:
        filterd.cli("subscriber", "allow", "home", "adult.example")

    assert _bites(filterd, "adult.example", "telephone with a cache sees an own allow", allow).message.answer
    figure = "telephone with a cache sees an own allow taken back"
    _bites(
        filterd, "adult.example", figure, lambda: filterd.cli("subscriber", "remove", "home", "adult.example")
    )


def test_an_own_block_bites_and_a_guest_keeps_what_the_owner_of_the_name_says(filterd: Deployment) -> None:
    guest = Telephone(filterd, GUEST).ask("mine.example")
    assert guest.ttl > CAP, "the cap is of those who opted in"
    figure = "telephone with a cache sees an own block"
    _bites(filterd, "mine.example", figure, lambda: filterd.cli("subscriber", "deny", "home", "mine.example"))


def test_bedtime_bites_in_the_second_in_which_it_begins(filterd: Deployment, bedtime: int) -> None:
    telephone = Telephone(filterd, BEDROOM)
    closed = ("shop.example", "www.bank.example")
    opened = ("www.chat.example", "clock.example")
    assert time.time() < bedtime - CAP, "the machine was too slow: make EARLIEST longer"
    last = 0.0
    while time.time() < bedtime:
        for name in (*closed, *opened):
            assert not telephone.ask(name).blocked or time.time() >= bedtime
        last = time.time()
        time.sleep(0.1)
    evening = [kept for kept in telephone.seen if not kept.blocked]
    assert any(kept.asked_at > bedtime - CAP for kept in evening)
    for kept in evening:
        assert kept.ttl <= min(CAP, max(bedtime - int(kept.asked_at), 0)), (kept, bedtime)

    assert soon(lambda: all(telephone.ask(name).blocked for name in closed)), filterd.log()
    measured("telephone with a cache sees bedtime, after the hour", time.time() - max(bedtime, last))
    for name in opened:
        assert not telephone.ask(name).blocked, name
        assert telephone.ask(name).ttl <= CAP

    open_by_group = filterd.cli("check", "www.chat.example", "--subscriber", "bedroom")
    (schedule,) = (
        each for each in open_by_group["stages"] if (each["stage"], each["part"]) == ("schedule", "query")
    )
    assert (open_by_group["verdict"], schedule["outcome"], schedule["title"]) == (
        "pass",
        "lifted",
        "Mensajes",
    )

    held = telephone.ask("shop.example")
    filterd.cli("subscriber", "pause", "bedroom", "--for", "30m")
    assert held.ttl <= BLOCK_TTL
    assert soon(lambda: not telephone.ask("shop.example").blocked, "telephone sees a pause at night")
