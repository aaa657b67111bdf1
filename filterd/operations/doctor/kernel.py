"""The kernel's limits and queues: too small, or already too small for what came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from filterd.dataplane.listeners.socket_binding import BACKLOG, UDP_BUFFER
from filterd.operations.doctor import processes
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found

NET_ADMIN = 12
"""CAP_NET_ADMIN, with which a socket gets its queue whatever net.core.rmem_max is"""
CONNTRACK_FULL = 0.8
SPARE_FILES = 512
"""open files beside those of TCP clients and of queries that wait for upstreams"""


def check(case: Case) -> Iterator[Finding]:
    """Look at queues, connection tracking and open files."""
    sys = case.machine.proc / "sys"
    yield from _receive_queue(case, _number(sys / "net/core/rmem_max"))
    backlog = _number(sys / "net/core/somaxconn")
    if backlog is not None and backlog < BACKLOG:
        yield found("kernel.backlog", value=backlog, wanted=BACKLOG)
    yield from _lost(case)
    yield from _conntrack(sys)
    yield from _open_files(case)


def _number(path: Path) -> int | None:
    """The number in a kernel file; None where this kernel has no such file."""
    try:
        return int(path.read_text("ascii").split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def _receive_queue(case: Case, limit: int | None) -> Iterator[Finding]:
    if limit is None or limit >= UDP_BUFFER or _may_exceed(case):
        return
    yield found("kernel.receive_queue", value=limit, wanted=UDP_BUFFER)


def _may_exceed(case: Case) -> bool:
    resolver = case.roles.get("resolver")
    if resolver is None:
        return False
    effective = processes.status_fields(case.machine.proc, resolver.pid).get("CapEff", "0")
    return bool(int(effective, 16) >> NET_ADMIN & 1)


def _lost(case: Case) -> Iterator[Finding]:
    """Datagrams that were lost to full queues of our sockets."""
    listen = case.settings.dns.listen
    if not case.roles.get("resolver"):
        return
    for each in listen:
        mine = [
            bound
            for bound in processes.bound_sockets(case.machine.proc)
            if bound.protocol == "udp" and bound.at == each
        ]
        lost = sum(bound.drops for bound in mine)
        if lost:
            yield found("kernel.lost_datagrams", at=str(each), count=lost)


def _conntrack(sys: Path) -> Iterator[Finding]:
    used = _number(sys / "net/netfilter/nf_conntrack_count")
    most = _number(sys / "net/netfilter/nf_conntrack_max")
    if not used or not most:
        return
    if used >= most * CONNTRACK_FULL:
        yield found("kernel.conntrack_full", used=used, most=most)
    else:
        yield found("kernel.conntrack", used=used, most=most)


def _open_files(case: Case) -> Iterator[Finding]:
    from filterd.dataplane.slow.slowpath import MAX_WAITING

    resolver = case.roles.get("resolver")
    if resolver is None:
        return
    try:
        text = (case.machine.proc / str(resolver.pid) / "limits").read_text("ascii")
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            return  # it has just ended
        raise
    line = next((each for each in text.splitlines() if each.startswith("Max open files")), "")
    hard = line.split()[4] if line else "unlimited"
    if hard == "unlimited":
        return
    clients, most = case.settings.dns.tcp.connections, int(hard)
    # The resolver keeps a quarter at most for waiting queries (serve.listening).
    if most - SPARE_FILES - min(MAX_WAITING, most // 4) < clients:
        yield found("kernel.open_files", value=most, wanted=clients + MAX_WAITING + SPARE_FILES)
