"""Real DHCP servers and clients: a lease becomes a session, its end ends it, its address goes to another
line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from filterd.accounting.leases.watched import WatchedFile
from filterd.accounting.leases.watcher import watch
from tests.unit.accounting.leases.samples import address
from tests.unit.accounting.leases.sessions import KEY, Heard, SessionTable, subscriber
from tests.worlds.command_socket import Control
from tests.worlds.dhcp import (
    BRIDGE,
    DhcpWorld,
    kea_environment,
    kea_settings,
    release,
    until,
)
from tests.worlds.network_namespace import in_own_network

pytestmark = pytest.mark.ring("night")

FIRST, SECOND, THIRD = "192.0.2.11", "192.0.2.12", "192.0.2.13"


class Followed:
    """A lease file that is followed into a table of sessions."""

    def __init__(self, form: str, path: Path, value: str = "hw-address") -> None:
        self.table = SessionTable()
        self.heard = Heard()
        self._watch = watch(WatchedFile(form, path, value), self.table, KEY, time.time, time.sleep)

    def shows(self, wanted: Mapping[str, bytes | None], what: str) -> None:
        """Wait until each address is the line's that is named so, or nobody's."""

        def fact() -> bool:
            self._watch.look(self.heard)
            return all(
                self.table.line_of(address(text.split("/")[0]), int((text + "/128").split("/")[1]))
                == (None if value is None else subscriber(value))
                for text, value in wanted.items()
            )

        until(fact, what)

    def prefixes(self) -> list[tuple[bytes, int]]:
        """Address and length of each session after another look."""
        self._watch.look(self.heard)
        return [row[0][:2] for row in self.table.rows.values()]


def within(folder: Path, body: Callable[[DhcpWorld], None]) -> None:
    """Run a test in a network of its own; the servers' words are shown when it fails."""

    def run() -> None:
        with ExitStack() as stack:
            world = DhcpWorld(folder, stack)
            try:
                body(world)
            except AssertionError:
                for log in sorted(folder.glob("*.log")):
                    print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")
                raise

    in_own_network(run)


def an_address_moves(world: DhcpWorld, followed: Followed) -> None:
    """Two clients take turns on an address, and one of them comes back with another."""
    one, two = (world.mac(each).encode() for each in (1, 2))
    client = world.lease(1, FIRST)
    followed.shows({FIRST: one}, "the first client's lease")
    release(client)
    followed.shows({FIRST: None}, "its release")
    world.lease(2, FIRST)
    followed.shows({FIRST: two}, "the second client's lease of the same address")
    world.lease(1, SECOND)
    followed.shows({FIRST: two, SECOND: one}, "the first client's other address")
    assert followed.heard.told == []


@pytest.mark.system("kea-dhcp4", "udhcpc")
def test_kea(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        settings = kea_settings(world, 4)
        world.server("kea-dhcp4", "-c", str(settings), environment=kea_environment(world))
        an_address_moves(world, Followed("kea", world.folder / "leases4.csv"))

    within(tmp_path, body)


@pytest.mark.system("kea-dhcp4", "udhcpc")
def test_kea_cleans_up_while_it_is_followed(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        path = world.folder / "leases4.csv"
        database = {"type": "memfile", "persist": True, "name": str(path), "lfc-interval": 2}
        settings = kea_settings(world, 4, **{"lease-database": database})
        world.server("kea-dhcp4", "-c", str(settings), environment=kea_environment(world))
        followed = Followed("kea", path)
        world.lease(1, FIRST)
        followed.shows({FIRST: world.mac(1).encode()}, "a lease")
        inode = path.stat().st_ino
        cleaned = path.with_name("leases4.csv.2")
        until(lambda: cleaned.exists() and path.exists() and path.stat().st_ino != inode, "a cleaned file")
        world.lease(2, SECOND)
        both = {FIRST: world.mac(1).encode(), SECOND: world.mac(2).encode()}
        followed.shows(both, "a lease of before the cleaning and one of after it")
        again = Followed("kea", path)
        again.shows(both, "both after a restart")

    within(tmp_path, body)


@pytest.mark.system("kea-dhcp6", "dhclient")
def test_kea_of_ipv6(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        world.join6(1)
        settings = kea_settings(world, 6)
        world.server("kea-dhcp6", "-c", str(settings), environment=kea_environment(world))
        followed = Followed("kea", world.folder / "leases6.csv")
        world.lease6(1)
        address_and_prefix(world, followed)

    within(tmp_path, body)


def address_and_prefix(world: DhcpWorld, followed: Followed) -> None:
    """The client's address and its delegated prefix are the line's."""
    until(lambda: len(followed.prefixes()) == 2, "an address and a prefix")
    assert sorted(length for _, length in followed.prefixes()) == [56, 128]
    assert {row[1] for row in followed.table.rows.values()} == {subscriber(world.mac(1).encode())}


@pytest.mark.system("dnsmasq", "udhcpc")
def test_dnsmasq(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        path = world.folder / "dnsmasq.leases"
        world.server(
            "dnsmasq", "-C", "/dev/null", "-d", "-p", "0", "-i", BRIDGE, "--bind-interfaces", "--user=root",
            "--dhcp-range=192.0.2.10,192.0.2.20,600", f"--dhcp-leasefile={path}", "--no-ping",
        )  # fmt: skip
        world.lease(3, THIRD)  # a file without leases would end nothing
        an_address_moves(world, Followed("dnsmasq", path))

    within(tmp_path, body)


def dhcpd(world: DhcpWorld, family: str, settings: str) -> Path:
    """dhcpd with these settings; its lease file."""
    path, conf = world.folder / f"dhcpd{family}.leases", world.folder / f"dhcpd{family}.conf"
    path.touch()
    conf.write_text(settings)
    pid = world.folder / "dhcpd.pid"
    world.server(
        "dhcpd", family, "-f", "-cf", str(conf), "-lf", str(path), "-pf", str(pid), "-user", "root",
        "-group", "root", BRIDGE,
    )  # fmt: skip
    return path


@pytest.mark.system("dhcpd", "udhcpc")
def test_dhcpd(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        path = dhcpd(
            world,
            "-4",
            "default-lease-time 600; max-lease-time 600; authoritative; ping-check false;\n"
            "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.10 192.0.2.20; }\n",
        )
        an_address_moves(world, Followed("isc", path))

    within(tmp_path, body)


@pytest.mark.system("dhcpd", "dhclient")
def test_dhcpd_of_ipv6(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        world.join6(1)
        path = dhcpd(
            world,
            "-6",
            "default-lease-time 600; authoritative;\n"
            "subnet6 2001:db8::/64 { range6 2001:db8::100 2001:db8::200;\n"
            "  prefix6 2001:db8:100:: 2001:db8:1ff:: /56; }\n",
        )
        followed = Followed("isc", path)
        world.lease6(1)
        address_and_prefix(world, followed)

    within(tmp_path, body)


def circuits(world: DhcpWorld, by_circuit: Followed, by_remote: Followed) -> None:
    """A lease behind a relay is the line's that the relay names, as text and as digits."""
    got = world.relayed_lease(1, b"olt1/1/7", bytes.fromhex("00ff0001"))
    by_circuit.shows({got: b"olt1/1/7"}, "the circuit's line")
    by_remote.shows({got: b"00:ff:00:01"}, "the line of the remote id")


@pytest.mark.system("kea-dhcp4")
def test_kea_keeps_what_a_relay_says(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        settings = kea_settings(world, 4)
        world.server("kea-dhcp4", "-c", str(settings), environment=kea_environment(world))
        path = world.folder / "leases4.csv"
        circuits(world, Followed("kea", path, "circuit-id"), Followed("kea", path, "remote-id"))

    within(tmp_path, body)


@pytest.mark.system("dhcpd")
def test_dhcpd_keeps_what_a_relay_says(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        path = dhcpd(
            world,
            "-4",
            "default-lease-time 600; max-lease-time 600; authoritative; ping-check false;\n"
            "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.10 192.0.2.20; }\n",
        )
        circuits(world, Followed("isc", path, "circuit-id"), Followed("isc", path, "remote-id"))

    within(tmp_path, body)


HOOKS = sorted(Path("/usr/lib").glob("*/kea/hooks/libdhcp_run_script.so"))
SCRIPT = Path(__file__).parents[2] / "packaging" / "kea" / "filterd-kea-lease"


def script_in(folder: Path) -> Path:
    """The script with settings of the test's own, which name a socket there."""
    settings, script = folder / "kea.json", folder / "filterd-kea-lease"
    settings.write_text(json.dumps({"socket": str(folder / "s")}))
    script.write_text(SCRIPT.read_text().replace("/etc/filterd/kea.json", str(settings)))
    script.chmod(0o755)
    return script


@pytest.mark.system("kea-dhcp4", "udhcpc")
@pytest.mark.skipif(not HOOKS, reason="Kea's hook library for scripts is not installed")
def test_keas_script_tells_of_a_lease_and_of_its_release(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        control = Control(world.folder / "s")
        try:
            hook = {
                "library": str(HOOKS[0]),
                "parameters": {"name": str(script_in(world.folder)), "sync": False},
            }
            settings = kea_settings(world, 4, **{"hooks-libraries": [hook]})
            world.server("kea-dhcp4", "-c", str(settings), environment=kea_environment(world))
            client = world.lease(1, FIRST)
            until(lambda: len(control.commands) >= 1, "the lease")
            release(client)
            until(lambda: len(control.commands) >= 2, "its release")
        finally:
            control.close(world.folder / "s")
        put, end = control.commands[0], control.commands[-1]
        lasts = put["sessions"][0].pop("until") - time.time()
        assert 500 < lasts <= 601
        told = {"addresses": [FIRST], "subscriber": world.mac(1), "source": "lease"}
        assert put == {"command": "put", "sessions": [told]}
        assert end == {"command": "end", "sessions": [{"addresses": [FIRST], "source": "lease"}]}

    within(tmp_path, body)


@pytest.mark.system("kea-dhcp6", "dhclient")
@pytest.mark.skipif(not HOOKS, reason="Kea's hook library for scripts is not installed")
def test_keas_script_tells_of_addresses_and_prefixes(tmp_path: Path) -> None:
    def body(world: DhcpWorld) -> None:
        control = Control(world.folder / "s")
        try:
            world.join6(1)
            hook = {
                "library": str(HOOKS[0]),
                "parameters": {"name": str(script_in(world.folder)), "sync": False},
            }
            settings = kea_settings(world, 6, **{"hooks-libraries": [hook]})
            world.server("kea-dhcp6", "-c", str(settings), environment=kea_environment(world))
            world.lease6(1)
            until(lambda: len(control.commands) >= 1, "the leases")
        finally:
            control.close(world.folder / "s")
        sessions = control.commands[0]["sessions"]
        assert sorted(each["addresses"][0].rpartition("/")[2] for each in sessions) == ["2001:db8::100", "56"]
        assert {each["subscriber"] for each in sessions} == {world.mac(1)}

    within(tmp_path, body)
