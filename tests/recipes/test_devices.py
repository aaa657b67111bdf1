"""The recipes of docs/sessions.md, with packets as MikroTik's and Huawei's devices send them.

Each goes through an evening of a subscriber: the line comes up, goes on, gets another address and ends,
and its address goes to somebody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.deployment import soon
from tests.worlds.radius_client import (
    ANSWERED,
    INTERIM,
    OFF,
    ON,
    START,
    STOP,
    Attributes,
    huawei_bras,
    mikrotik_pppoe,
)
from tests.worlds.session_site import SessionSite, session_site

FIRST, SECOND = "192.0.2.11", "192.0.2.12"
DELEGATED, INSIDE = "2001:db8:a1:100::/56", "2001:db8:a1:1ff::5"


def _mikrotik(who: str, status: int, session: str, addresses: dict[str, str], at: int) -> Attributes:
    mac = {"ana": "00:11:22:aa:bb:cc", "luis": "00:11:22:aa:bb:dd"}[who]
    return mikrotik_pppoe(status, who, mac, session, addresses, at, age=60)


def _huawei(who: str, status: int, session: str, addresses: dict[str, str], at: int) -> Attributes:
    circuit = (f"OLT7 eth 0/3/{who}", f"remoto-{who}")
    return huawei_bras(status, f"{who.upper()}@isp", circuit, session, addresses, at, age=60)


def _huawei_by_circuit(who: str, status: int, session: str, addresses: dict[str, str], at: int) -> Attributes:
    """An IPoE line, for which the BRAS makes up a user name of its own."""
    made = huawei_bras(status, "00112201101000000@dhcp", ("", who), session, addresses, at, age=60)
    made["Agent-Circuit-Id"] = f"ODF-{who}"
    made["Agent-Remote-Id"] = who
    return made


@dataclass(frozen=True, slots=True)
class Recipe:
    """A device, and the keys of ``accounting.radius`` that go with it."""

    device: Callable[[str, int, str, dict[str, str], int], Attributes]
    radius: dict[str, Any]


RECIPES = {
    "MikroTik PPPoE": Recipe(_mikrotik, {}),
    "Huawei PPPoE": Recipe(_huawei, {"normalize": ["realm", "case"]}),
    "Huawei IPoE": Recipe(_huawei_by_circuit, {"line": "Agent-Remote-Id"}),
}


@pytest.fixture(scope="module", params=RECIPES)
def recipe(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SessionSite, Recipe]]:
    """A running installation with the recipe's configuration, and the recipe."""
    chosen = RECIPES[request.param]
    with session_site(tmp_path_factory.mktemp("recipe"), radius=chosen.radius) as site:
        yield site, chosen


def test_a_line_is_known_from_start_to_stop_and_its_address_goes_to_the_next(
    recipe: tuple[SessionSite, Recipe],
) -> None:
    site, chosen = recipe
    at = int(time.time()) - 100

    def send(who: str, status: int, session: str, address: str, after: int) -> None:
        packet = chosen.device(who, status, session, {"Framed-IP-Address": address}, at + after)
        assert site.nas.send(packet) == ANSWERED

    assert not site.is_filtered(FIRST)
    send("ana", START, "81a00001", FIRST, 0)
    assert soon(lambda: site.is_filtered(FIRST), "a recipe's Start in force"), site.filterd.log()
    send("ana", INTERIM, "81a00001", FIRST, 10)
    assert site.is_filtered(FIRST)
    send("ana", STOP, "81a00001", FIRST, 20)
    assert soon(lambda: not site.is_filtered(FIRST)), site.filterd.log()
    send("luis", START, "81a00002", FIRST, 30)
    send("ana", START, "81a00003", SECOND, 40)
    assert soon(lambda: site.is_filtered(SECOND)), site.filterd.log()
    assert not site.is_filtered(FIRST)
    send("ana", INTERIM, "81a00001", FIRST, 15)  # late: the session that it speaks of has ended
    send("luis", INTERIM, "81a00002", FIRST, 50)
    assert not site.is_filtered(FIRST)
    send("ana", STOP, "81a00003", SECOND, 60)
    assert soon(lambda: not site.is_filtered(SECOND))


def test_a_delegated_prefix_is_the_line_s_with_all_addresses_in_it(
    recipe: tuple[SessionSite, Recipe],
) -> None:
    site, chosen = recipe
    at = int(time.time()) - 30
    addresses = {"Framed-IP-Address": SECOND, "Delegated-IPv6-Prefix": DELEGATED}
    assert not site.is_filtered(INSIDE)
    assert site.nas.send(chosen.device("ana", START, "81b00001", addresses, at)) == ANSWERED
    assert soon(lambda: site.is_filtered(INSIDE)), site.filterd.log()
    assert site.is_filtered(SECOND)
    assert not site.is_filtered("2001:db8:a1:200::5")
    assert site.nas.send(chosen.device("ana", STOP, "81b00001", addresses, at + 5)) == ANSWERED
    assert soon(lambda: not site.is_filtered(INSIDE))
    assert soon(lambda: not site.is_filtered(SECOND))


@pytest.mark.parametrize("status", [ON, OFF])
def test_a_device_that_starts_anew_ends_all_its_sessions(
    recipe: tuple[SessionSite, Recipe], status: int
) -> None:
    site, chosen = recipe
    """Of an address that nobody had before: against older owners a NAS that is heard for the first time, and
    late, proves nothing."""
    at, session, address = int(time.time()) - 30, f"81c0000{status}", f"192.0.2.2{status}"
    start = chosen.device("ana", START, session, {"Framed-IP-Address": address}, at)
    start["NAS-Identifier"] = f"nas-{status}"
    assert site.nas.send(start) == ANSWERED
    assert soon(lambda: site.is_filtered(address)), site.filterd.log()
    identity = {name: start[name] for name in ("NAS-Identifier", "NAS-IP-Address")}
    restart = {"Acct-Status-Type": status, "Event-Timestamp": at + 10, "Acct-Session-Id": "0", **identity}
    assert site.nas.send(restart) == ANSWERED
    assert soon(lambda: not site.is_filtered(address)), site.filterd.log()


def test_packets_of_others_are_dropped(recipe: tuple[SessionSite, Recipe]) -> None:
    site, chosen = recipe
    packet = chosen.device("ana", START, "81d00001", {"Framed-IP-Address": FIRST}, int(time.time()))
    site.nas.source, site.nas.timeout = "127.0.0.77", 0.5
    try:
        with pytest.raises(TimeoutError):
            site.nas.send(packet)
    finally:
        site.nas.source, site.nas.timeout = "127.0.0.1", 3.0
    assert not site.is_filtered(FIRST)
