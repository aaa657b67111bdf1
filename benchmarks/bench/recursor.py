"""PowerDNS Recursor among the peers (:mod:`bench.peers`)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench.machine import free_port, program
from bench.systems import (
    CACHE_ENTRIES,
    CATEGORIES,
    PROFILES,
    Households,
    Running,
    Task,
    line_address,
    serving,
)

SCRIPT = """
local profiles = {{{lines}}}
function gettag(remote, subnet, here, qname, qtype, options, tcp)
  return (profiles[remote:toString()] or 0) + 1
end
function prerpz(dq)
  local profile = dq.tag - 1
  for category = 0, {last} do
    if profile % 2 == 0 then dq:discardPolicy("category" .. category) end
    profile = math.floor(profile / 2)
  end
  return true
end
"""
RECURSOR = """
incoming:
  listen: ['127.0.0.1:{port}']
  allow_from: ['127.0.0.0/8']
  pdns_distributes_queries: false
recursor:
  forward_zones_recurse:
  - zone: .
    forwarders: ['127.0.0.1:{upstream}']
  daemon: false
  socket_dir: {folder}
  threads: 1
  security_poll_suffix: ''
  max_mthreads: 4096
dnssec:
  validation: off
outgoing:
  dont_query: []
packetcache:
  max_entries: {entries}
logging:
  disable_syslog: true
  loglevel: 3
"""
RPZ_HEAD = "$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 86400 60\n@ NS localhost.\n"


@contextlib.contextmanager
def recursor(task: Task) -> Iterator[Running]:
    """PowerDNS Recursor: RPZ files with two records for each name, itself and all below."""
    port = free_port()
    text = RECURSOR.format(port=port, upstream=task.upstream, folder=task.folder, entries=CACHE_ENTRIES)
    zones = _write_zones(task)
    listed = "".join(f"  - name: {zone}\n    policyName: {zone.stem}\n" for zone in zones)
    if zones:
        text = text.replace("  daemon: false\n", f"  daemon: false\n  rpzs:\n{listed}")
    if task.households is not None:
        script = task.folder / "profiles.lua"
        script.write_text(_script(task.households))
        text = text.replace("  daemon: false\n", f"  daemon: false\n  lua_dns_script: {script}\n")
    (task.folder / "recursor.yml").write_text(text)
    words = [program("pdns_recursor"), f"--config-dir={task.folder}"]
    with serving("recursor", words, port, task) as running:
        yield running


def _write_zones(task: Task) -> list[Path]:
    """One file of all names, or one for each category where lines have profiles."""
    if task.names is None:
        return []
    names = task.names.blocked.read_text().splitlines()
    parts = [names] if task.households is None else [names[bit::CATEGORIES] for bit in range(CATEGORIES)]
    zones = []
    for number, part in enumerate(parts):
        zone = task.folder / f"category{number}.rpz"
        with zone.open("w") as file:
            file.write("$ORIGIN list.rpz.\n" + RPZ_HEAD)
            file.writelines(f"{name} CNAME .\n*.{name} CNAME .\n" for name in part)
        zones.append(zone)
    return zones


def _script(households: Households) -> str:
    """Which profile a client has, and which zones that leaves out."""
    lines = "".join(f'["{line_address(number)}"]={number % PROFILES},' for number in range(households.count))
    return SCRIPT.format(lines=lines, last=CATEGORIES - 1)
