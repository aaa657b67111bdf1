"""Lines behind one outside address: 64 of them by a fixed rule, some by port ranges, and one by MAP.

Every question comes from the outside address and a port of a line's share; the answers say which line it is.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import dns.message
import dns.query
import pytest

from tests.e2e.deployment import soon
from tests.worlds.measured import noted
from tests.worlds.radius_client import ANSWERED, START, mikrotik_pppoe
from tests.worlds.session_site import SessionSite, session_site

pytestmark = pytest.mark.ring("night")

NAT, RANGES, MAPPED = "127.0.0.60", "127.0.0.61", "127.0.0.62"
LINES, FIRST_PORT, PORTS = 64, 1024, 1008
RANGE_LINES = {"range-a": (10_000, 10_999), "range-b": (11_000, 11_003), "range-c": (11_004, 11_004)}
MAP_RULE = {"ipv4": f"{MAPPED}/32", "ipv6": "2001:db8:4d00::/40", "ea_bits": 8, "psid_offset": 6}
MAP_PSID, MAP_PREFIX = 0x2A, "2001:db8:4d2a::/48"


def _line(number: int) -> str:
    return f"cgnat-{number:02}"


def _inside(number: int) -> str:
    return f"100.64.0.{number}"


def _prepare(site: SessionSite) -> None:
    for number in range(LINES):
        site.mark(_line(number))
    for line, (first, last) in RANGE_LINES.items():
        site.mark(line)
        site.filterd.cli("binding", "add", f"{RANGES}:{first}-{last}", line)
    site.mark("by-map")
    site.filterd.cli("binding", "add", MAP_PREFIX, "by-map")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionSite]:
    """A running installation in which 64 sessions of inside addresses have begun."""
    rules = {
        "shared_addresses": [
            {"outside": f"{NAT}/32", "inside": "100.64.0.0/26", "first_port": FIRST_PORT, "ports": PORTS}
        ],
        "map_rules": [MAP_RULE],
    }
    folder = tmp_path_factory.mktemp("shared")
    with session_site(folder, dns_section=rules, prepare=_prepare) as made:
        for number in range(LINES):
            address = {"Framed-IP-Address": _inside(number)}
            begin = mikrotik_pppoe(
                START, _line(number), "00:11:22:aa:bb:cc", f"{number:08x}", address, int(time.time()) - 5
            )
            assert made.nas.send(begin) == ANSWERED
        last = _asking(made, NAT, FIRST_PORT + (LINES - 1) * PORTS, 50)
        assert soon(lambda: made.recognised(last) == [_line(LINES - 1)]), made.filterd.log()
        yield made


def _asking(site: SessionSite, address: str, first: int, many: int) -> Callable[[str], dns.message.Message]:
    """Asks from a port out of ``many`` that is free at this moment."""

    def ask(name: str) -> dns.message.Message:
        query = dns.message.make_query(name, "A", use_edns=0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for port in range(first, first + many):
                with contextlib.suppress(OSError):
                    udp.bind((address, port))
                    break
            return dns.query.udp(query, "127.0.0.1", port=site.filterd.port, sock=udp, timeout=3.0)

    return ask


def test_each_of_64_lines_on_one_address_gets_its_own_verdict(site: SessionSite) -> None:
    """At the first and the last ports of each share: its own name is blocked and no other's."""
    asked = 0
    for number in range(LINES):
        first = FIRST_PORT + number * PORTS
        for port, many in ((first, 4), (first + PORTS - 4, 4)):
            found = site.recognised(_asking(site, NAT, port, many))
            assert found == [_line(number)], (number, port, found)
            asked += len(site.marked)
    noted(f"64 lines on one address: {asked} questions, each answered for its own line")


def test_a_port_below_the_first_belongs_to_nobody(site: SessionSite) -> None:
    assert site.recognised(_asking(site, NAT, 900, 100)) == []


def test_a_port_range_belongs_to_its_line_alone(site: SessionSite) -> None:
    for line, (first, last) in RANGE_LINES.items():
        assert site.recognised(_asking(site, RANGES, first, 1)) == [line]
        assert site.recognised(_asking(site, RANGES, last, 1)) == [line]
    assert site.recognised(_asking(site, RANGES, 9_990, 10)) == []
    assert site.recognised(_asking(site, RANGES, 11_005, 10)) == []


def test_a_map_rule_finds_the_end_user_prefix(site: SessionSite) -> None:
    """PSID 0x2a of 8 bits, behind an offset of 6: ports whose bits 6 to 13 are 0x2a."""
    for high in (1, 2, 63):
        port = (high << 10) | (MAP_PSID << 2)
        assert site.recognised(_asking(site, MAPPED, port, 4)) == ["by-map"], port
    assert site.recognised(_asking(site, MAPPED, (1 << 10) | ((MAP_PSID + 1) << 2), 4)) == []
