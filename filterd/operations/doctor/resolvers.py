"""Resolvers on this machine that are not ours, and the one that the machine itself asks."""

from __future__ import annotations

from collections.abc import Iterator

from filterd.config.resolvers import loops, system_resolvers
from filterd.operations.doctor import processes
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found

DNS_PORT = 53


def check(case: Case) -> Iterator[Finding]:
    """Look for other DNS servers on port 53, and at resolv.conf(5)."""
    yield from _other_servers(case)
    asked = system_resolvers(case.machine.resolv_conf)
    if not asked:
        yield found("resolvers.no_resolver", path=str(case.machine.resolv_conf))
    for each in asked:
        if loops(each, case.settings.dns.listen):
            yield found("resolvers.machine_asks_us", path=str(case.machine.resolv_conf), at=str(each))
    if any(not each.address.is_loopback for each in case.settings.dns.listen):
        yield found("resolvers.second")


def _other_servers(case: Case) -> Iterator[Finding]:
    proc = case.machine.proc
    sockets = [each for each in processes.bound_sockets(proc) if each.at.port == DNS_PORT]
    owners = processes.holders(proc, {each.inode for each in sockets})
    resolver = case.roles.get("resolver")
    others: dict[str, list[str]] = {}
    for each in sockets:
        process = processes.process(proc, owners[each.inode]) if each.inode in owners else None
        if process is not None and process.role:
            continue
        if process is None and resolver is not None and each.uid == resolver.uid:
            continue  # only root may look at the files of a role
        name = f"{process.program} ({process.pid})" if process is not None else "?"
        others.setdefault(name, []).append(str(each.at))
    for name, places in others.items():
        yield found("resolvers.other", program=name, at=", ".join(dict.fromkeys(places)))
