"""Sessions under the package's own units on a booted Debian 13: the sandbox lets control receive accounting,
write the file of sessions and serve its sockets, and a restart of either unit, or of both, keeps each line.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.machine.conftest import INSIDE
from tests.machine.test_package import CONFIGURATION, CONTROL, RESOLVER, ready, soon
from tests.worlds.machine import Machine, booted
from tests.worlds.machine_package import package
from tests.worlds.radius_client import ANSWERED, START, Nas, mikrotik_pppoe

pytestmark = pytest.mark.timeout(1100)  # the package may have to be built first
SECRET = "a-secret-of-this-machine"  # noqa: S105 - of this test machine alone
SECRET_FILE = "/etc/filterd/radius-secret"  # noqa: S105 - a path
ACCOUNTING = f"""
accounting:
  radius:
    listen: 127.0.0.1:1813
    clients: [{{prefix: 127.0.0.1/32, secret_file: {SECRET_FILE}}}]
  pools: [192.0.2.0/24]
"""
BY_COMMAND, BY_RADIUS, BY_LEASE = "192.0.2.31", "192.0.2.32", "192.0.2.33"
"""addresses of the machine's own loopback interface: no accounting tells of 127.0.0.0/8"""
OWN = "own.example"
"""blocked for both lines by their own choice, and served to everybody else"""
SEND = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(5)
udp.sendto(bytes.fromhex(sys.argv[1]), ("127.0.0.1", 1813))
print(udp.recv(4096)[0])
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    deb = package()
    binds = {INSIDE: "/inside", deb.parent: "/packages"}
    with booted(tmp_path_factory.mktemp("sessions"), binds) as found:
        found.run("systemd-run", "--unit=upstream", "python3", "/inside/upstream.py", "127.0.0.2", "5353")
        found.run(
            "apt-get", "install", "--yes", "--quiet", "--no-install-recommends", f"/packages/{deb.name}"
        )
        for address in (BY_COMMAND, BY_RADIUS, BY_LEASE):
            found.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        allowed = CONFIGURATION.replace("allow_from: [", "allow_from: [192.0.2.0/24, ")
        found.write("/etc/filterd/filterd.yaml", allowed + ACCOUNTING)
        found.write(SECRET_FILE, SECRET + "\n")
        found.run("chown", "root:filterd", SECRET_FILE)
        found.run("chmod", "0640", SECRET_FILE)
        lines = "; ".join(
            f"filterd subscriber add {line}; filterd subscriber deny {line} {OWN}"
            for line in ("casa-7", "ana")
        )
        found.shell(f"filterd store migrate; {lines}", user="filterd")
        found.run("systemctl", "start", "filterd.target")
        soon(found, lambda: ready(found), "ready")
        yield found


def command(machine: Machine, *words: str) -> dict[str, Any]:
    """What a command of filterd says."""
    said: dict[str, Any] = json.loads(machine.out("filterd", *words, "--json", user="filterd"))
    return said


def known(machine: Machine, client: str) -> bool:
    """True if the resolver takes the client for its line."""
    asked = ("dig", "+tries=1", "@127.0.0.1", "-b", client, f"www.{OWN}")
    return "status: NXDOMAIN" in machine.run(*asked, check=False).stdout


def test_a_session_by_command_and_one_by_radius_are_known(machine: Machine) -> None:
    assert not known(machine, BY_COMMAND)
    command(machine, "session", "put", BY_COMMAND, "casa-7", "--for", "8h")
    addresses = {"Framed-IP-Address": BY_RADIUS}
    told = mikrotik_pppoe(START, "ana", "00:11:22:aa:bb:cc", "80d0001a", addresses, int(time.time()))
    sent = Nas(1813, SECRET.encode()).packet(told).RequestPacket()
    assert machine.out("python3", "-c", SEND, sent.hex()) == str(ANSWERED)
    for client in (BY_COMMAND, BY_RADIUS):
        soon(machine, lambda client=client: known(machine, client), client)  # type: ignore[misc]  # the default binds it


@pytest.mark.parametrize(
    "units", [(CONTROL,), (RESOLVER,), (RESOLVER, CONTROL)], ids=["control", "node", "both"]
)
def test_a_restart_keeps_every_session(machine: Machine, units: tuple[str, ...]) -> None:
    machine.run("systemctl", "restart", *units)
    soon(machine, lambda: ready(machine), "ready")
    assert sum(command(machine, "session", "list")["known"].values()) == 2
    assert known(machine, BY_COMMAND)
    assert known(machine, BY_RADIUS)


def test_a_stop_of_control_leaves_the_lines_known_to_a_resolver_that_starts(machine: Machine) -> None:
    machine.run("systemctl", "stop", CONTROL, RESOLVER)
    machine.run("systemctl", "start", RESOLVER)
    soon(machine, lambda: known(machine, BY_RADIUS), "known from the file")
    assert known(machine, BY_COMMAND)


def test_the_files_and_sockets_are_the_service_s_alone(machine: Machine) -> None:
    machine.run("systemctl", "start", CONTROL)
    soon(machine, lambda: "sessions.sock" in machine.out("ls", "/var/lib/filterd"), "the sockets")
    names = ("sessions", "sessions/live", "sessions.sock", "sessions-command.sock")
    modes = machine.out("stat", "-c%a %U", *(f"/var/lib/filterd/{name}" for name in names)).splitlines()
    assert modes == ["700 filterd", "600 filterd", "600 filterd", "600 filterd"]
    assert BY_RADIUS not in machine.journal(CONTROL, RESOLVER, lines=10_000)


def test_kea_s_way_in_is_a_socket_unit_that_systemd_accepts(machine: Machine) -> None:
    machine.shell("groupadd --system _kea; cp /usr/share/filterd/kea/*.s* /etc/systemd/system")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "filterd-kea.socket")
    assert machine.out("stat", "-c%a %U %G", "/run/filterd-kea/sessions.sock") == "660 filterd _kea"
    lease = {"ADDRESS": BY_LEASE, "HWADDR": "casa-7", "VALID_LIFETIME": "600", "CLTT": str(int(time.time()))}
    told = " ".join(["LEASES4_SIZE=1", *(f"LEASES4_AT0_{name}={value}" for name, value in lease.items())])
    as_kea = "setpriv --reuid=nobody --regid=_kea --clear-groups"
    machine.shell(f"{told} {as_kea} /usr/share/filterd/kea/filterd-kea-lease leases4_committed")
    soon(machine, lambda: known(machine, BY_LEASE), "the line of a lease")
