"""The addresses of the configuration: who has each, and whether filterd could bind it."""

from __future__ import annotations

from collections.abc import Iterator

from filterd.config.value_types import Endpoint
from filterd.dataplane.listeners.socket_binding import is_present
from filterd.operations.doctor import listeners, processes
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.doctor.processes import BoundSocket

BIND_CAPABILITY = 10
"""CAP_NET_BIND_SERVICE"""


def check(case: Case) -> Iterator[Finding]:
    """Look at each address of ``dns.listen``, ``metrics.listen`` and ``control.listen``."""
    sockets = processes.bound_sockets(case.machine.proc)
    owners = processes.holders(case.machine.proc, {each.inode for each in sockets})
    for key, at, role, protocols in wanted(case):
        taken = [each for each in sockets if each.protocol in protocols and each.meets(at)]
        strangers = [each for each in taken if not _is_ours(case, role, each, owners)]
        if strangers:
            yield _taken(case, key, at, strangers[0], owners)
        if not is_present(at.address):
            yield found("ports.no_interface", key=key, at=str(at))
        elif at.port and not taken and case.roles.get(role):
            yield found("ports.not_bound", key=key, at=str(at), role=role)
    yield from _privileged(case)
    yield from listeners.check(case)
    if all(each.address.is_loopback for each in case.settings.dns.listen):
        yield found("ports.loopback_only", at=", ".join(map(str, case.settings.dns.listen)))


def wanted(case: Case) -> Iterator[tuple[str, Endpoint, str, tuple[str, ...]]]:
    """Each address with its key, the role that binds it, and the protocols."""
    settings = case.settings
    for index, each in enumerate(settings.dns.listen):
        yield f"dns.listen[{index}]", each, "resolver", ("udp", "tcp")
    yield "metrics.listen", settings.metrics.listen, "resolver", ("tcp",)
    yield "control.listen", settings.control.listen, "control", ("tcp",)
    if settings.web is not None:
        for key, at in settings.web.listeners():
            yield key, at, "web", ("tcp",)


def _is_ours(case: Case, role: str, bound: BoundSocket, owners: dict[int, int]) -> bool:
    """Return whether the role that runs has the socket. Only root may look at the files of a role; for all
    others it has the sockets of its user at its addresses."""
    running = case.roles.get(role)
    if running is None:
        return False
    holder = owners.get(bound.inode)
    if holder is None:
        return bound.uid == running.uid
    process = processes.process(case.machine.proc, holder)
    return holder == running.pid or (process is not None and process.role == role)


def _taken(case: Case, key: str, at: Endpoint, bound: BoundSocket, owners: dict[int, int]) -> Finding:
    holder = owners.get(bound.inode)
    process = None if holder is None else processes.process(case.machine.proc, holder)
    where: dict[str, str | int] = {
        "key": key,
        "at": str(at),
        "bound": f"{bound.at} ({bound.protocol})",
        "port": at.port,
    }
    if process is None:
        return found("ports.taken_by_unknown", **where)
    return found("ports.taken", pid=process.pid, program=process.role or process.program, **where)


def _privileged(case: Case) -> Iterator[Finding]:
    """Ports that the service's user may not bind: judged by the running resolver where there is one, which
    has bound them then."""
    if case.roles.get("resolver") or case.account.uid == 0 or case.machine.systemd.exists():
        return
    try:
        text = (case.machine.proc / "sys/net/ipv4/ip_unprivileged_port_start").read_text("ascii")
    except OSError:
        return
    for each in case.settings.dns.listen:
        if 0 < each.port < int(text):
            yield found("ports.privileged", at=str(each), user=case.account.name)
            return
