"""No address that a line had is kept, on any disk.

Sessions come, change their addresses and go while both roles are killed and started again. Then every file
below the installation is searched for every address that is no longer anybody's, in the forms in which it
could stand, and for all that RADIUS said beside it.

The run takes half a minute; ``FILTERD_SESSION_SEARCH=3600`` makes it the hour that a release is tried with,
and then ``--timeout`` and ``faulthandler_timeout`` have to be longer (docs/sessions.md).
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import random
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.deployment import soon
from tests.worlds.kept_forms import (
    FormSearch,
    address_forms,
    core_limit,
    mac_forms,
    numbers_in,
    pair_forms,
    word_forms,
    written_elsewhere,
)
from tests.worlds.measured import noted
from tests.worlds.radius_client import (
    ANSWERED,
    INTERIM,
    START,
    STOP,
    Attributes,
    mikrotik_pppoe,
)
from tests.worlds.session_site import SessionSite, session_site

SECONDS = float(os.environ.get("FILTERD_SESSION_SEARCH", "30"))
LINES = 12
LIVE = "state/sessions/live"
KILLS = 4


@dataclass
class Caller:
    """A line as its NAS sees it. ``registered``: filterd has the subscriber."""

    user: str
    mac: str
    registered: bool
    session: str = ""
    addresses: dict[str, str] = field(default_factory=dict)


@dataclass
class Evening:
    """All that was ever said, and what is true at this moment."""

    callers: list[Caller]
    draw: random.Random
    past: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    """hardware addresses with their sessions"""
    packets: int = 0
    stamp: float = field(default_factory=lambda: time.time() - 1_000)

    def packet(self, caller: Caller, status: int) -> Attributes:
        """A packet of the line, stamped a little later than the one before."""
        self.stamp = min(self.stamp + 1.01, time.time())
        at = int(self.stamp)
        return mikrotik_pppoe(status, caller.user, caller.mac, caller.session, caller.addresses, at, 60)

    def next(self) -> Attributes:
        """The next thing that happens to one of the lines."""
        caller = self.draw.choice(self.callers)
        status = START if not caller.session else self.draw.choice([INTERIM, INTERIM, INTERIM, STOP])
        if status == STOP:
            made = self.packet(caller, STOP)
            self.past.update(caller.addresses.values())
            caller.session, caller.addresses = "", {}
            return made
        if status == START:
            caller.session = f"s{secrets.token_hex(8)}"
            self.sessions.add(caller.session)
            self.pairs.add((caller.mac, caller.session))
        self.past.update(caller.addresses.values())
        caller.addresses = self._addresses()
        return self.packet(caller, status)

    def _addresses(self) -> dict[str, str]:
        inside = ipaddress.IPv4Address(int.from_bytes(b"\x0a" + self.draw.randbytes(3), "big"))
        prefix = ipaddress.IPv6Network(
            (int.from_bytes(b"\x20\x01\x0d\xb8" + self.draw.randbytes(4) + bytes(8), "big"), 64)
        )
        return {"Framed-IP-Address": str(inside), "Delegated-IPv6-Prefix": str(prefix)}

    @property
    def present(self) -> set[str]:
        """The addresses that a line has."""
        return {each for caller in self.callers for each in caller.addresses.values()}


def forms(address: str) -> Iterator[tuple[str, bytes]]:
    """The forms in which an address or a prefix could be kept, each long enough not to come by chance."""
    network = ipaddress.ip_network(address)
    packed = network.network_address.packed
    text = str(network.network_address)
    yield "text", text.encode()
    yield "text in UTF-16", text.encode("utf-16-le")
    if network.version == 6:
        yield "exploded text", network.network_address.exploded[:19].encode()
        yield "binary", packed[:8]
        yield "reversed", packed[:8][::-1]
        yield "hex", packed[:8].hex().encode()
        return
    yield "reversed text", ".".join(reversed(text.split("."))).encode() + b".in-addr"
    yield "hex", packed.hex().encode() + b"00000000"
    for name, each in (("binary", packed), ("reversed", packed[::-1])):
        yield f"{name}, mapped", b"\xff\xff" + each
        yield f"{name}, before zeros", each + bytes(4)
        yield f"{name}, after zeros", bytes(4) + each


class Search:
    """Many addresses that are looked for at once."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._kinds: dict[tuple[int, str], dict[bytes, str]] = {}
        for address in addresses:
            for form, text in forms(address):
                kind = (ipaddress.ip_network(address).version, form)
                self._kinds.setdefault(kind, {})[text] = address

    def found_in(self, data: bytes, *, by_chance: bool = False) -> set[tuple[str, str]]:
        """Each address that stands in the bytes, and its form. ``by_chance``: the bytes are as good as
        random, and after an hour one in a hundred addresses of the network was somebody's; forms of four
        bytes, even beside zeros, are met by chance there."""
        return {
            (address, form)
            for (_, form), texts in self._kinds.items()
            if not (by_chance and form.endswith("zeros"))
            for address in _standing(data, texts, whole=form == "text")
        }


def _standing(data: bytes, texts: dict[bytes, str], *, whole: bool) -> Iterator[str]:
    """Found by what all texts of a kind begin or end with. ``whole``: 10.1.2.3 is not part of 110.1.2.34."""
    lengths = {len(each) for each in texts}
    begin = _common_beginning(texts)
    end = _common_beginning(each[::-1] for each in texts)[::-1]
    if not any(begin) and end:
        begin = b""  # zeros are everywhere
    anchor = begin or end
    assert any(anchor)
    at = data.find(anchor)
    while at >= 0:
        for length in lengths:
            first = at if begin else at + len(end) - length
            text = data[max(first, 0) : first + length]
            beside = data[max(first - 1, 0) : max(first, 0)] + data[first + length : first + length + 1]
            if text in texts and not (whole and any(each in b"0123456789" for each in beside)):
                yield texts[text]
        at = data.find(anchor, at + 1)


def _common_beginning(texts: Iterable[bytes]) -> bytes:
    ordered = sorted(texts)
    first, last = ordered[0], ordered[-1]
    alike = next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:alike]


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def _tell(site: SessionSite, evening: Evening) -> None:
    """One packet, sent again until it is answered, as a NAS does."""
    request = site.nas.packet(evening.next()).RequestPacket()
    site.nas.timeout = 0.5
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            assert site.nas.send_bytes(request)[0] == ANSWERED
        except (TimeoutError, ConnectionRefusedError):
            continue
        evening.packets += 1
        return
    raise AssertionError(f"no answer: {site.filterd.log()}")


def _look(site: SessionSite, evening: Evening) -> None:
    """The commands that people type meanwhile, and a question of a client."""
    caller = evening.draw.choice(evening.callers)
    site.filterd.run("session", "list")
    if caller.registered:
        site.filterd.run("session", "show", "--line", caller.user)
    if caller.addresses:
        site.filterd.run("session", "show", caller.addresses["Framed-IP-Address"])
        site.filterd.run("check", "adult.example", "--client", caller.addresses["Framed-IP-Address"])


def _mac() -> str:
    return ":".join(["02", *(secrets.token_hex(1).upper() for _ in range(5))])


def _run(site: SessionSite, evening: Evening, seconds: float) -> None:
    begin = time.monotonic()
    kills = [begin + seconds * (number + 1) / (KILLS + 1) for number in range(KILLS)]
    roles = ["control", "resolver"] * KILLS
    while (now := time.monotonic()) < begin + seconds:
        if kills and now > kills[0]:
            site.kill(roles[len(kills)])
            kills.pop(0)
            _look(site, evening)
        _tell(site, evening)
        time.sleep(0.02)
    site.filterd.wait_ready()


def test_no_past_address_is_on_any_disk(tmp_path: Path) -> None:
    marked = secrets.token_hex(6)
    callers = [Caller(f"c{marked}{number:02}", _mac(), registered=number % 3 != 0) for number in range(LINES)]
    evening = Evening(callers, random.Random(20261126))

    def prepare(site: SessionSite) -> None:
        for each in callers:
            if each.registered:
                site.add(each.user)
        site.filterd.environment["TMPDIR"] = str(tmp_path / "tmp")

    (tmp_path / "tmp").mkdir()
    with session_site(tmp_path, prepare=prepare, accounting={"pools": POOLS}) as site:
        _run(site, evening, SECONDS)
        live = site.filterd.folder / LIVE
        assert soon(lambda: _present_are_there(live, evening)), "the search would find nothing at all"
        running = _search(site.filterd.folder, tmp_path, evening) + _left_elsewhere(site, tmp_path)
    stopped = _search(site.filterd.folder, tmp_path, evening)
    size = sum(len(data) for _, data in _files(tmp_path))
    gone = len(evening.past - evening.present)
    noted(f"{evening.packets} packets of sessions: {gone} past addresses searched for in {size:,} bytes")
    assert running == []
    assert stopped == []


def _present_are_there(live: Path, evening: Evening) -> bool:
    found = {address for address, _ in Search(evening.present).found_in(live.read_bytes())}
    return found == evening.present


def _search(installation: Path, folder: Path, evening: Evening) -> list[str]:
    """Whatever stands anywhere that should not: past addresses; present ones outside the table of sessions;
    ids of sessions, hardware addresses, the NAS's name and people whom nobody has registered."""
    live = str((installation / LIVE).relative_to(folder))
    past, present = Search(evening.past - evening.present), Search(evening.present)
    words = {*evening.sessions, "torre-norte", "pppoe-clientes", *(each.mac for each in evening.callers)}
    words |= {each.user for each in evening.callers if not each.registered}
    registered = {each.user for each in evening.callers if each.registered}
    beside = {str((installation / place).relative_to(folder)) for place in ("serve.log", LIVE)}
    forms = search_of(evening)
    found = []
    for path, data in _files(folder):
        found += [f"{thing}, {form}: {path}" for thing, form in forms.found_in(data)]
        hits = past.found_in(data, by_chance=path.endswith(".snapshot"))
        found += [f"past {address}, {form}: {path}" for address, form in hits]
        if path != live:
            found += [f"present {address}, {form}: {path}" for address, form in present.found_in(data)]
        unwanted = words | registered if path in beside else words
        found += [f"{word}: {path}" for word in unwanted if word.encode() in data]
    past_numbers = {int(ipaddress.IPv4Address(each)): each for each in evening.past if ":" not in each}
    for database in folder.rglob("*.db"):
        kept = past_numbers.keys() & numbers_in(database)
        found += [f"past {past_numbers[each]}, number: {database}" for each in kept]
    return sorted(found)


def search_of(evening: Evening) -> FormSearch:
    """All that may stand nowhere, in forms of eight bytes and more: past addresses, sessions, hardware
    addresses and the two together, and people whom nobody has registered."""
    forms = [(each, form) for each in evening.past - evening.present for form in address_forms(each)]
    forms += [(each, form) for each in evening.sessions for form in word_forms(each)]
    forms += [(each.mac, form) for each in evening.callers for form in mac_forms(each.mac)]
    forms += [(f"{mac} {each}", form) for mac, each in evening.pairs for form in pair_forms(mac, each)]
    forms += [
        (each.user, form) for each in evening.callers if not each.registered for form in word_forms(each.user)
    ]
    return FormSearch(forms)


def _left_elsewhere(site: SessionSite, folder: Path) -> list[str]:
    """All that a role could leave where the search does not look: files elsewhere, and core files."""
    found = []
    for role in ("resolver", "control"):
        pid = site.pid(role)
        assert pid is not None
        found += [f"{role} writes {path}" for path in written_elsewhere(pid, folder)]
        if (limit := core_limit(pid)) != "0":
            found.append(f"{role} may leave a core file of {limit} bytes")
    return found


def test_every_other_form_is_found_at_every_place() -> None:
    things = {
        "10.77.66.55": list(address_forms("10.77.66.55")),
        "2001:db8:aabb:ccdd::/64": list(address_forms("2001:db8:aabb:ccdd::/64")),
        "02:AB:CD:EF:01:23": list(mac_forms("02:AB:CD:EF:01:23")),
        "s0123456789": [*word_forms("s0123456789"), *pair_forms("02:AB:CD:EF:01:23", "s0123456789")],
    }
    search = FormSearch((thing, form) for thing, forms in things.items() for form in forms)
    for thing, forms in things.items():
        for place, (name, text) in enumerate(forms):
            data = bytes(place % 9) + b"\x01\x02" + text + b"\x03\x04"
            assert (thing, name) in search.found_in(data), name
    number = int(ipaddress.IPv4Address("10.77.66.55"))
    assert search.found_in(b"1%d %d1" % (number, number)) == set()
    across = bytes((1 << 20) - 4) + things["10.77.66.55"][0][1]
    assert search.found_in(across), "what lies across two chunks is found"


def test_numbers_and_open_files_are_seen(tmp_path: Path) -> None:
    database = tmp_path / "some.db"
    with contextlib.closing(sqlite3.connect(database)) as link:
        link.execute("CREATE TABLE leases (address INTEGER)")
        link.execute("INSERT INTO leases VALUES (172769847)")
        link.commit()
    assert 172_769_847 in numbers_in(database)
    (tmp_path / "inside").mkdir()
    with (tmp_path / "written").open("w"), (tmp_path / "inside/written").open("w"):
        assert str(tmp_path / "written") in written_elsewhere(os.getpid(), tmp_path / "inside")
        assert str(tmp_path / "inside/written") not in written_elsewhere(os.getpid(), tmp_path / "inside")


@pytest.mark.parametrize("address", ["10.77.66.55", "2001:db8:aabb:ccdd::/64"])
def test_every_form_of_an_address_is_found(address: str) -> None:
    search = Search([address, "10.1.2.3", "2001:db8:1:2::/64"])
    for form, text in forms(address):
        assert (address, form) in search.found_in(b"\x01\x02" + text + b"\x03\x04"), form
    assert search.found_in(b"110.77.66.55 10.77.66.551 " + bytes(64)) == set()


POOLS = ["10.0.0.0/8", "2001:db8::/32"]
"""in which addresses of lines are drawn; others are no claims"""
