"""Real name servers as upstreams on loopback: NSD serving a test's zones, Unbound validating above it.

Both run in the foreground as children of the test, on ports that were free, with every file in the
test's own folder; they end with the ``with`` block.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from tests.worlds.system import command

READY_SECONDS = 60.0
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_DRAW = random.SystemRandom()
_GIVEN: set[int] = set()


def free_port(address: str = "127.0.0.1") -> int:
    """A port that was free for UDP and TCP a moment ago, and that this process was not given before. It is
    none that the kernel gives away, and none of another process of the suite: a server that begins late, or
    again, finds it free, whatever clients opened and other tests started meanwhile."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(50):
        with (
            socket.socket(family, socket.SOCK_STREAM) as tcp,
            socket.socket(family, socket.SOCK_DGRAM) as udp,
        ):
            port = _DRAW.choice(_own_ports())
            if port in _GIVEN:
                continue
            with contextlib.suppress(OSError):
                tcp.bind((address, port))
                udp.bind((address, port))
                _GIVEN.add(port)
                return port
    msg = "no port free for both UDP and TCP"
    raise RuntimeError(msg)


def _own_ports() -> range:
    """The share of this process of the suite (gw0, gw1 …) in the ports that the kernel does not give away."""
    first = int(_EPHEMERAL.read_text().split()[0])
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return range(10_000 + number, first, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def _wait(port: int, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    query = dns.message.make_query(name, "SOA")
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(dns.exception.DNSException, OSError):
            dns.query.udp(query, "127.0.0.1", port=port, timeout=0.3)
            return
    process.kill()
    process.wait()
    msg = f"the name server did not answer: {log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(msg)


@contextlib.contextmanager
def running(words: list[str], port: int, name: str, log: Path) -> Iterator[int]:
    """A name server in the foreground, once it answers for ``name``; yields its port."""
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(port, name, process, log)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def nsd(folder: Path, zones: Mapping[str, str]) -> Iterator[int]:
    """NSD serving ``zones`` (zone name -> master file text); yields its port on 127.0.0.1."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    entries = []
    for number, (zone, text) in enumerate(zones.items()):
        (folder / f"zone{number}").write_text(text)
        entries.append(f'zone:\n  name: "{zone}"\n  zonefile: "zone{number}"\n')
    (folder / "nsd.conf").write_text(
        "server:\n"
        f"  ip-address: 127.0.0.1@{port}\n"
        "  server-count: 1\n"
        '  username: ""\n'
        f'  zonesdir: "{folder}"\n'
        f'  pidfile: ""\n  zonelistfile: "{folder}/zones.list"\n  xfrdfile: ""\n  xfrdir: "{folder}"\n'
        "  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n  minimal-responses: no\n"
        "remote-control:\n  control-enable: no\n" + "".join(entries)
    )
    first = next(iter(zones))
    with running(
        [str(command("nsd")), "-d", "-c", str(folder / "nsd.conf")], port, first, folder / "nsd.log"
    ) as ready:
        yield ready


@contextlib.contextmanager
def unbound(folder: Path, authority: int, zones: Mapping[str, str]) -> Iterator[int]:
    """A validating Unbound that takes ``zones`` (zone name -> its DS or DNSKEY record text, or empty
    for an unsigned one) from the authority on that port; yields its own port on 127.0.0.1."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    anchors = "".join(f'  trust-anchor: "{anchor}"\n' for anchor in zones.values() if anchor)
    insecure = "".join(f'  domain-insecure: "{zone}"\n' for zone, anchor in zones.items() if not anchor)
    stubs = "".join(
        f'stub-zone:\n  name: "{zone}"\n  stub-addr: 127.0.0.1@{authority}\n  stub-prime: no\n'
        for zone in zones
    )
    (folder / "unbound.conf").write_text(
        "server:\n"
        f"  interface: 127.0.0.1@{port}\n  port: {port}\n  do-daemonize: no\n  use-syslog: no\n"
        '  username: ""\n  chroot: ""\n  pidfile: ""\n  num-threads: 1\n'
        f'  directory: "{folder}"\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n'
        '  local-zone: "example." nodefault\n  local-zone: "test." nodefault\n'
        '  module-config: "validator iterator"\n  do-ip6: no\n' + anchors + insecure + stubs
    )
    first = next(iter(zones))
    words = [str(command("unbound")), "-d", "-c", str(folder / "unbound.conf")]
    with running(words, port, first, folder / "unbound.log") as ready:
        yield ready


def signed(zone: str, text: str, now: float) -> tuple[str, str]:
    """Sign a zone (ECDSA P-256, valid around ``now``): its master file, and its DNSKEY as an anchor."""
    import dns.dnssec
    import dns.dnssectypes
    import dns.rdatatype
    import dns.zone
    from cryptography.hazmat.primitives.asymmetric import ec

    parsed = dns.zone.from_text(text, origin=zone, relativize=False)
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256, flags=257)
    dns.dnssec.sign_zone(
        parsed, keys=[(private, key)], add_dnskey=True, inception=now - 3600, expiration=now + 86400
    )
    return parsed.to_text(relativize=False), f"{zone} IN DNSKEY {key.to_text()}"
