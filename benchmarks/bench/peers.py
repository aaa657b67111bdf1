"""The peers, each in its own words: one thread, the same list, the same upstream, no validation, no log.

All of them block a name and everything below it with NXDOMAIN, forward to one upstream from many random
ports, and keep answers in a cache that holds all popular names. What else is set is what their manuals advise
for speed; what is not set is their default.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench.machine import CannotRunError, free_port, program, version
from bench.recursor import recursor
from bench.systems import (
    CACHE_ENTRIES,
    CATEGORIES,
    PROFILES,
    SOCKETS,
    Running,
    System,
    Task,
    line_address,
    responder,
    serving,
)


def listed(task: Task) -> list[str]:
    """The names to block."""
    return task.names.blocked.read_text().splitlines() if task.names is not None else []


@contextlib.contextmanager
def bare(task: Task) -> Iterator[Running]:
    """It blocks nothing and keeps nothing: it is no peer but the measure."""
    with responder(task, free_port(), task.cores.system) as running:
        yield running


DNSMASQ_ENTRIES = 20_000
"""twice the popular names; a full cache of more makes each miss dearer"""

DNSDIST = """
setSecurityPollSuffix("")
addLocal("127.0.0.1:{port}")
setACL({{"127.0.0.0/8"}})
newServer({{address="127.0.0.1:{upstream}", sockets={sockets}, healthCheckMode="up"}})
setRandomizedIdsOverUDP(true)
setRandomizedOutgoingSockets(true)
setMaxUDPOutstanding(65535)
setUDPMultipleMessagesVectorSize(32)
getPool(""):setCache(newPacketCache({entries}, {{maxTTL=86400, numberOfShards=1}}))
"""
DNSDIST_LIST = """
local names = newSuffixMatchNode()
for line in io.lines("{path}") do names:add(line) end
addAction(SuffixMatchNodeRule(names), RCodeAction(DNSRCode.NXDOMAIN))
"""
DNSDIST_CATEGORY = """
local names, lines = newSuffixMatchNode(), newNMG()
for line in io.lines("{names}") do names:add(line) end
for line in io.lines("{lines}") do lines:addMask(line) end
addAction(AndRule({{SuffixMatchNodeRule(names), NetmaskGroupRule(lines)}}), RCodeAction(DNSRCode.NXDOMAIN))
"""


@contextlib.contextmanager
def dnsdist(task: Task) -> Iterator[Running]:
    """dnsdist: a packet cache, and a SuffixMatchNode for the list."""
    port, path = free_port(), task.folder / "dnsdist.conf"
    text = DNSDIST.format(port=port, upstream=task.upstream, sockets=SOCKETS, entries=CACHE_ENTRIES)
    if task.households is not None:
        for category in range(CATEGORIES):
            names, lines = task.folder / f"names{category}", task.folder / f"lines{category}"
            write_category(task, category, names, lines)
            text += "do" + DNSDIST_CATEGORY.format(names=names, lines=lines) + "end\n"
    elif task.names is not None:
        text += DNSDIST_LIST.format(path=task.names.blocked)
    path.write_text(text)
    words = [program("dnsdist"), "--supervised", "--disable-syslog", "-C", str(path)]
    with serving("dnsdist", words, port, task) as running:
        yield running


def write_category(task: Task, category: int, names: Path, lines: Path) -> None:
    """The names of one category, and the addresses of the lines that block it."""
    count = task.households.count if task.households is not None else 0
    names.write_text("".join(f"{name}\n" for name in listed(task)[category::CATEGORIES]))
    blocking = (number for number in range(count) if number % PROFILES >> category & 1)
    lines.write_text("".join(f"{line_address(number)}/32\n" for number in blocking))


UNBOUND = """
server:
  interface: 127.0.0.1@{port}
  port: {port}
  do-daemonize: no
  use-syslog: no
  verbosity: 0
  username: ""
  chroot: ""
  pidfile: ""
  directory: "{folder}"
  num-threads: 1
  outgoing-range: 4096
  num-queries-per-thread: 4096
  so-rcvbuf: 4m
  msg-cache-size: 256m
  rrset-cache-size: 256m
  module-config: "iterator"
  do-ip6: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  answer-cookie: yes
  include: "{path}"
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{upstream}
"""


@contextlib.contextmanager
def unbound(task: Task) -> Iterator[Running]:
    """Unbound: a local zone for each name."""
    port, path = free_port(), task.folder / "names.conf"
    with path.open("w") as file:
        if task.households is not None:
            file.write('server:\n  define-tag: "c0 c1 c2 c3"\n')
            for number in range(task.households.count):
                tags = " ".join(f"c{bit}" for bit in range(CATEGORIES) if number % PROFILES >> bit & 1)
                if tags:
                    file.write(f'access-control-tag: {line_address(number)}/32 "{tags}"\n')
        for number, name in enumerate(listed(task)):
            file.write(f'local-zone: "{name}." always_nxdomain\n')
            if task.households is not None:
                file.write(f'local-zone-tag: "{name}." "c{number % CATEGORIES}"\n')
    config = task.folder / "unbound.conf"
    config.write_text(UNBOUND.format(port=port, upstream=task.upstream, folder=task.folder, path=path))
    with serving("unbound", [program("unbound"), "-d", "-c", str(config)], port, task) as running:
        yield running


@contextlib.contextmanager
def dnsmasq(task: Task) -> Iterator[Running]:
    """dnsmasq: an address line without address for each name."""
    if task.households is not None:
        message = "dnsmasq knows no profiles by client"
        raise CannotRunError(message)
    port, path = free_port(), task.folder / "dnsmasq.conf"
    with path.open("w") as file:
        file.write(
            f"port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\n"
            f"server=127.0.0.1#{task.upstream}\ncache-size={DNSMASQ_ENTRIES}\ndns-forward-max=8192\n"
            "user=\ngroup=\nlog-facility=-\n"
        )
        file.writelines(f"local=/{name}/\n" for name in listed(task))
    words = [program("dnsmasq"), "--keep-in-foreground", f"--conf-file={path}", "--pid-file="]
    with serving("dnsmasq", words, port, task) as running:
        yield running


PEERS = (
    System("dnsdist", dnsdist, lambda: version([program("dnsdist"), "--version"])),
    System("unbound", unbound, lambda: version([program("unbound"), "-V"])),
    System("dnsmasq", dnsmasq, lambda: version([program("dnsmasq"), "--version"])),
    System("recursor", recursor, lambda: version([program("pdns_recursor"), "--version"])),
)
BARE = System("bare", bare, lambda: "benchmarks/responder.c")
