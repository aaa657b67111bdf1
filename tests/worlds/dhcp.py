"""A DHCP server and its clients, real ones, each client in a network of its own behind a bridge."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.worlds.network_namespace import ip
from tests.worlds.system import command

BRIDGE = "srv0"
SERVER = "192.0.2.1"
SERVER6 = "2001:db8::1"
_SCRIPT = """#!/bin/sh
case "$1" in
deconfig) ip -4 addr flush dev "$interface" ;;
bound | renew) ip addr replace "$ip/24" dev "$interface" ;;
esac
"""


def until(fact: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait for a fact; fail with its name."""
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


class DhcpWorld:
    """The network of one test: the server on a bridge, and clients. To be used within ``in_own_network``."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        folder.chmod(0o777)
        self._stack = stack
        self._clients: dict[int, int] = {}
        """number -> the process that holds its network"""
        self._script = folder / "client.sh"
        self._script.write_text(_SCRIPT)
        self._script.chmod(0o755)
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{SERVER}/24", "dev", BRIDGE)
        ip("addr", "add", f"{SERVER6}/64", "dev", BRIDGE, "nodad")
        ip("link", "set", BRIDGE, "up")

    def run(
        self, name: str, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A process that ends with the test; its output goes to ``NAME.log``."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                words, stdout=log, stderr=log, cwd=self.folder, env=os.environ | dict(environment or {})
            )
        self._stack.callback(_end, process)
        return process

    def server(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """The DHCP server."""
        return self.run("server", str(command(words[0])), *words[1:], environment=environment)

    def mac(self, client: int) -> str:
        """A client's hardware address."""
        return f"02:00:00:00:00:{client:02x}"

    def _inside(self, client: int) -> list[str]:
        """The words that run a command in a client's network, which is made at first."""
        if client not in self._clients:
            holder = self.run("holder", "unshare", "-n", "sleep", "600")
            self._clients[client] = holder.pid
            until(lambda: _network(holder.pid) != _network(os.getpid()), "a client's network")
            ip("link", "add", f"b{client}", "type", "veth", "peer", "name", f"c{client}")
            ip("link", "set", f"b{client}", "master", BRIDGE, "up")
            ip("link", "set", f"c{client}", "address", self.mac(client), "netns", str(holder.pid))
            subprocess.run(
                ["nsenter", "-t", str(holder.pid), "-n", "ip", "link", "set", f"c{client}", "up"], check=True
            )
        return ["nsenter", "-t", str(self._clients[client]), "-n"]

    def lease(self, client: int, address: str, *options: str) -> subprocess.Popen[bytes]:
        """A client that asks for an address and keeps it until it gets SIGUSR2, which releases it."""
        inside = self._inside(client)
        words = [
            "-i",
            f"c{client}",
            "-f",
            "-t",
            "10",
            "-T",
            "1",
            "-A",
            "1",
            "-r",
            address,
            "-s",
            str(self._script),
        ]
        return self.run(f"client{client}", *inside, str(command("udhcpc")), *words, *options)

    def lease6(self, client: int) -> None:
        """A client that asks for an address and a prefix, and keeps them."""
        inside = self.join6(client)
        leases = self.folder / f"c{client}.leases"
        leases.touch()
        pid = self.folder / f"c{client}.pid"
        words = [
            "-6",
            "-d",
            "-N",
            "-P",
            "-lf",
            str(leases),
            "-pf",
            str(pid),
            "-sf",
            "/bin/true",
            f"c{client}",
        ]
        self.run(f"client{client}", *inside, str(command("dhclient")), *words)

    def join6(self, client: int) -> list[str]:
        """Wait for the link-local addresses of server and client; the server's comes with a client."""
        inside = self._inside(client)

        def usable(*words: str) -> bool:
            shown = subprocess.run([*words, "scope", "link"], check=True, capture_output=True).stdout
            return b"fe80" in shown and b"tentative" not in shown

        until(lambda: usable("ip", "-6", "addr", "show", "dev", BRIDGE), "the server's link-local address")
        until(lambda: usable(*inside, "ip", "-6", "addr", "show", "dev", f"c{client}"), "the client's")
        return inside

    def log(self, name: str) -> str:
        """The output of a process."""
        return (self.folder / f"{name}.log").read_text(errors="replace")


def release(client: subprocess.Popen[bytes]) -> None:
    """The client gives its address back, and ends."""
    client.send_signal(signal.SIGUSR2)
    time.sleep(0.5)  # the packet is on its way when the client ends
    client.terminate()
    client.wait(10)


def kea_settings(world: DhcpWorld, family: int, **more: object) -> Path:
    """The configuration file of Kea on the bridge, with an address pool and, with IPv6, a prefix pool."""
    subnet: dict[str, object] = {
        "id": 1,
        "subnet": "192.0.2.0/24",
        "pools": [{"pool": "192.0.2.10 - 192.0.2.20"}],
    }
    if family == 6:
        pd = {"prefix": "2001:db8:100::", "prefix-len": 40, "delegated-len": 56}
        pools = [{"pool": "2001:db8::100 - 2001:db8::200"}]
        subnet = {"id": 1, "subnet": "2001:db8::/64", "pools": pools, "pd-pools": [pd], "interface": BRIDGE}
    settings = {
        "interfaces-config": {"interfaces": [BRIDGE]},
        "lease-database": {
            "type": "memfile",
            "persist": True,
            "name": str(world.folder / f"leases{family}.csv"),
            "lfc-interval": 0,
        },
        "valid-lifetime": 600,
        "expired-leases-processing": {"hold-reclaimed-time": 0},
        "store-extended-info": True,
        f"subnet{family}": [subnet],
        "loggers": [
            {"name": f"kea-dhcp{family}", "output_options": [{"output": "stdout"}], "severity": "INFO"}
        ],
    } | more
    path = world.folder / f"kea{family}.json"
    path.write_text(json.dumps({f"Dhcp{family}": settings}))
    return path


def kea_environment(world: DhcpWorld) -> dict[str, str]:
    """The places where Kea may write."""
    folder = str(world.folder)
    return {"KEA_DHCP_DATA_DIR": folder, "KEA_PIDFILE_DIR": folder, "KEA_LOCKFILE_DIR": folder}


def _network(process: int) -> str:
    return str(Path(f"/proc/{process}/ns/net").readlink())


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
