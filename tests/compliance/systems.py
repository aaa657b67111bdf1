"""The resolvers that are asked, each a forwarder to the same upstream, on loopback, in a folder of its own.

They run in the foreground as children of whoever asks, on ports that were free, and end with the ``with``
block. Validation is off in all of them: the upstream's signatures are made up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from filterd.policy import special_names
from filterd.policy.classes import BIT_LOCALHOST, BIT_RESOLVER_ARPA, BIT_SPECIAL_USE, FIXED, Classes
from tests.e2e.authority import free_port, running
from tests.e2e.resolver_process import resolver_of, resolver_settings
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot
from tests.worlds.system import command

IDENTITY = "compliance"
"""the name that every system is told to give for id.server and in NSID"""


def _special_rules() -> list[tuple[str, int]]:
    names = special_names.SPECIAL_USE_NAMES + special_names.REVERSE_ZONES
    return [
        *((name, BIT_LOCALHOST) for name in special_names.LOCALHOST),
        *((name, BIT_RESOLVER_ARPA) for name in special_names.RESOLVER_ARPA),
        *((name, BIT_SPECIAL_USE) for name in names),
    ]


@contextlib.contextmanager
def filterd(folder: Path, upstream: int) -> Iterator[int]:
    """A resolver process of our own, ready, with the rules that every snapshot has."""
    folder.mkdir(parents=True)
    store = ScriptedStore(make_store(folder / "filterd.db"))
    settings = resolver_settings(
        folder, 0, upstreams=[{"address": f"127.0.0.1:{upstream}", "trusted": True}], identity=IDENTITY
    )
    resolver = resolver_of(settings, folder / "log")
    (folder / "state" / "keys").mkdir()
    (folder / "state" / "keys" / "fingerprint.key").write_bytes(KEY)
    put_snapshot(folder / "state", 0, Classes(FIXED), {}, _special_rules())
    resolver.start()
    try:
        resolver.wait_for(lambda: resolver.get("/readyz")[0] == 200)
        yield resolver.port
    finally:
        resolver.stop()
        store.close()


def _started(words: list[str], port: int, folder: Path) -> AbstractContextManager[int]:
    return running(words, port, "a.c.example.", folder / "log")


@contextlib.contextmanager
def bind(folder: Path, upstream: int) -> Iterator[int]:
    """BIND. Its empty zones need ``forward first``; the root that it would then ask is not there."""
    folder.mkdir(parents=True)
    (folder / "hints").write_text(". 3600 NS a.root.example.\na.root.example. 3600 A 127.0.0.1\n")
    port = free_port()
    (folder / "named.conf").write_text(
        "options {\n"
        f'  directory "{folder}"; pid-file none; session-keyfile none; managed-keys-directory "{folder}";\n'
        f"  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n"
        f"  forwarders {{ 127.0.0.1 port {upstream}; }}; forward first; recursion yes;\n"
        f'  dnssec-validation no; server-id "{IDENTITY}"; qname-minimization off;\n'
        "  allow-query { any; }; allow-recursion { any; };\n"
        "  resolver-query-timeout 1000; max-records-per-type 0;\n"
        '};\nzone "." { type hint; file "hints"; };\ncontrols { };\n'
    )
    words = [str(command("named")), "-g", "-n", "1", "-c", str(folder / "named.conf")]
    with _started(words, port, folder) as running_port:
        yield running_port


@contextlib.contextmanager
def unbound(folder: Path, upstream: int) -> Iterator[int]:
    """Unbound."""
    folder.mkdir(parents=True)
    port = free_port()
    (folder / "unbound.conf").write_text(
        "server:\n"
        f"  interface: 127.0.0.1@{port}\n  port: {port}\n  do-daemonize: no\n  use-syslog: no\n"
        '  username: ""\n  chroot: ""\n  pidfile: ""\n  num-threads: 1\n'
        f'  directory: "{folder}"\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n'
        '  incoming-num-tcp: 200\n  module-config: "iterator"\n  do-ip6: no\n  ede: yes\n'
        f'  identity: "{IDENTITY}"\n'
        f'  nsid: "ascii_{IDENTITY}"\nremote-control:\n  control-enable: no\n'
        f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{upstream}\n'
    )
    words = [str(command("unbound")), "-d", "-c", str(folder / "unbound.conf")]
    with _started(words, port, folder) as running_port:
        yield running_port


@contextlib.contextmanager
def recursor(folder: Path, upstream: int) -> Iterator[int]:
    """PowerDNS Recursor."""
    folder.mkdir(parents=True)
    port = free_port()
    (folder / "recursor.yml").write_text(
        f"incoming:\n  listen: ['127.0.0.1:{port}']\n"
        f"recursor:\n  server_id: {IDENTITY}\n  forward_zones_recurse:\n"
        f"  - zone: .\n    forwarders: ['127.0.0.1:{upstream}']\n  daemon: false\n"
        f"  socket_dir: {folder}\n  threads: 1\n"
        "dnssec:\n  validation: process-no-validate\noutgoing:\n  dont_query: []\n"
        "logging:\n  disable_syslog: true\n"
    )
    words = [str(command("pdns_recursor")), f"--config-dir={folder}"]
    with _started(words, port, folder) as running_port:
        yield running_port


System = Callable[[Path, int], AbstractContextManager[int]]
SYSTEMS: dict[str, tuple[str, System]] = {
    "filterd": ("python3", filterd),
    "BIND": ("named", bind),
    "Unbound": ("unbound", unbound),
    "Recursor": ("pdns_recursor", recursor),
}
"""name -> the command that it needs, and how it is started: (folder, upstream's port) -> its port"""
