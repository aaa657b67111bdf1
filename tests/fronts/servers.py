"""The fronts: resolvers that a provider runs before filterd, each with filterd as its only upstream.

They run in the foreground as children of whoever asks, in the network of the calling thread, and end with the
``with`` block. Each has a cache; that of dnsdist is turned on for it.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.authority import free_port, running
from tests.fronts.zones import FREE, Zones, zone_name
from tests.worlds.system import command

READY = zone_name(FREE, "signed")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a front is to stand."""

    folder: Path
    upstream: int
    """filterd's port on 127.0.0.1"""
    zones: Zones
    validating: bool


def program(name: str) -> str:
    """Where a command is, which has to be there."""
    found = command(name)
    assert found is not None, f"{name} is not installed"
    return str(found)


Start = Callable[[Place], AbstractContextManager[int]]


@dataclass(frozen=True, slots=True)
class Front:
    """One of them. ``validating``: with the trust anchor of the zones."""

    name: str
    command: str
    start: Start
    validating: bool = False
    own_network: bool = False
    """it runs in a network of the test's own alone"""

    @property
    def installed(self) -> bool:
        """True if its command is there."""
        return command(self.command) is not None

    @property
    def version(self) -> str:
        """What it says of itself, in one line."""
        words = [program(self.command), _VERSION.get(self.command, "--version")]
        done = subprocess.run(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=10
        )
        return next(iter(done.stdout.decode(errors="replace").splitlines()), "").strip()


_VERSION = {"named": "-V", "unbound": "-V"}


def _running(place: Place, words: list[str], port: int) -> AbstractContextManager[int]:
    return running(words, port, READY, place.folder / "log")


@contextlib.contextmanager
def bind(place: Place) -> Iterator[int]:
    """BIND."""
    port, folder = free_port(), place.folder
    flags, protocol, algorithm, *key = place.zones.key.split()
    anchors = f'trust-anchors {{ example. static-key {flags} {protocol} {algorithm} "{"".join(key)}"; }};\n'
    (folder / "named.conf").write_text(
        "options {\n"
        f'  directory "{folder}"; pid-file none; session-keyfile none; managed-keys-directory "{folder}";\n'
        f"  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n"
        f"  forwarders {{ 127.0.0.1 port {place.upstream}; }}; forward only; recursion yes;\n"
        f"  dnssec-validation {'yes' if place.validating else 'no'};\n"
        "  allow-query { any; }; allow-recursion { any; };\n"
        "};\ncontrols { };\n" + (anchors if place.validating else "")
    )
    words = [program("named"), "-g", "-n", "1", "-c", str(folder / "named.conf")]
    with _running(place, words, port) as ready:
        yield ready


@contextlib.contextmanager
def unbound(place: Place) -> Iterator[int]:
    """Unbound, which passes extended errors on where it is told to."""
    port, folder = free_port(), place.folder
    modules = (
        f"validator iterator\"\n  trust-anchor: '{place.zones.anchor}'" if place.validating else 'iterator"'
    )
    (folder / "unbound.conf").write_text(
        "server:\n"
        f"  interface: 127.0.0.1@{port}\n  port: {port}\n  do-daemonize: no\n  use-syslog: no\n"
        '  username: ""\n  chroot: ""\n  pidfile: ""\n  num-threads: 1\n  do-ip6: no\n  ede: yes\n'
        f'  directory: "{folder}"\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n'
        f'  module-config: "{modules}\n'
        "remote-control:\n  control-enable: no\n"
        f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{place.upstream}\n'
    )
    with _running(place, [program("unbound"), "-d", "-c", str(folder / "unbound.conf")], port) as ready:
        yield ready


@contextlib.contextmanager
def dnsdist(place: Place) -> Iterator[int]:
    """dnsdist with a packet cache."""
    port, config = free_port(), place.folder / "dnsdist.conf"
    config.write_text(
        f'setLocal("127.0.0.1:{port}")\nnewServer{{address="127.0.0.1:{place.upstream}", '
        'healthCheckMode="up"}\nsetSecurityPollSuffix("")\n'
        'getPool(""):setCache(newPacketCache(10000))\n'
    )
    words = [program("dnsdist"), "--supervised", "--disable-syslog", "-C", str(config)]
    with _running(place, words, port) as ready:
        yield ready


@contextlib.contextmanager
def dnsmasq(place: Place) -> Iterator[int]:
    """dnsmasq. It wants an anchor for the root too, which no name here leads to."""
    port, config = free_port(), place.folder / "dnsmasq.conf"
    tag, algorithm, kind, *digest = place.zones.digest.split()
    anchor = f"dnssec\ntrust-anchor=.,1,13,2,{'00' * 32}\n"
    anchor += f"trust-anchor=example,{tag},{algorithm},{kind},{''.join(digest)}\n"
    config.write_text(
        f"port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\n"
        f"server=127.0.0.1#{place.upstream}\ncache-size=1000\nuser=\ngroup=\nlog-facility=-\n"
        + (anchor if place.validating else "")
    )
    words = [program("dnsmasq"), "--keep-in-foreground", f"--conf-file={config}", "--pid-file="]
    with _running(place, words, port) as ready:
        yield ready


_RESOLVED = """
mount --make-rprivate / && mount -t tmpfs none /run &&
mkdir -p /run/systemd/resolved.conf.d /run/dnssec-trust-anchors.d &&
cp "$1/resolved.conf" /run/systemd/resolved.conf.d/front.conf &&
cp "$1/example.positive" "$1/none.negative" /run/dnssec-trust-anchors.d/ &&
exec "$2"
"""


@contextlib.contextmanager
def resolved(place: Place) -> Iterator[int]:
    """systemd-resolved, in a file system of its own for /run: nothing of the machine's is read or written."""
    port, folder = free_port(), place.folder
    (folder / "resolved.conf").write_text(
        f"[Resolve]\nDNS=127.0.0.1:{place.upstream}\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\nDNSOverTLS=no\n"
        f"DNSSEC={'yes' if place.validating else 'no'}\n"
        f"DNSStubListener=no\nDNSStubListenerExtra=127.0.0.1:{port}\nReadEtcHosts=no\n"
    )
    (folder / "example.positive").write_text(f"{READY.partition('.')[2]} IN DS {place.zones.digest}\n")
    (folder / "none.negative").write_text("")
    words = ["unshare", "--mount", "sh", "-c", _RESOLVED, "sh", str(folder), program("systemd-resolved")]
    with _running(place, words, port) as ready:
        yield ready


FRONTS = (
    Front("BIND", "named", bind),
    Front("BIND, validating", "named", bind, validating=True),
    Front("Unbound", "unbound", unbound),
    Front("Unbound, validating", "unbound", unbound, validating=True),
    Front("systemd-resolved", "systemd-resolved", resolved, own_network=True),
    Front("systemd-resolved, validating", "systemd-resolved", resolved, validating=True, own_network=True),
    Front("dnsdist", "dnsdist", dnsdist),
    Front("dnsmasq", "dnsmasq", dnsmasq),
    Front("dnsmasq, validating", "dnsmasq", dnsmasq, validating=True),
)
