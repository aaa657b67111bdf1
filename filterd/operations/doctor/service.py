"""The running roles: there, answering, ready, healthy, and of the code that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import filterd
from filterd.config.value_types import Endpoint
from filterd.operations.doctor import dns_probe, pages
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.doctor.processes import Process

CLOCK_TOLERANCE = 5.0
"""seconds between the installation of code and the start of a process with it"""
_NOT_READY = "not ready: "
_FAILING = "failing: "
_WAITING = "; settings wait for a restart of control: "


def check(case: Case) -> Iterator[Finding]:
    """Look at both roles, and ask the resolver at each of its addresses."""
    listens = {"resolver": case.settings.metrics.listen, "control": case.settings.control.listen}
    for role, listen in listens.items():
        process = case.roles.get(role)
        if process is None:
            yield _absent(case, role, listen)
        elif process.stopped:
            yield found("service.stopped", role=role, pid=process.pid)
        else:
            yield from _running(case, role, process, listen)
    resolver = case.roles.get("resolver")
    if resolver is not None and not resolver.stopped:
        yield from _silent_addresses(case)


def _absent(case: Case, role: str, listen: Endpoint) -> Finding:
    """The finding for a role without a process: it may be hidden from this user, or run in a container."""
    if pages.get(listen, "/healthz") is None:
        return found(f"service.{role}_down", state_dir=str(case.state))
    reason = f"its page at {listen} answers, and its process cannot be seen"
    return found("doctor.unread", what=f"filterd serve --role {role}", reason=reason)


def _running(case: Case, role: str, process: Process, listen: Endpoint) -> Iterator[Finding]:
    ready, health = pages.get(listen, "/readyz"), pages.get(listen, "/healthz")
    if ready is None or health is None:
        yield found("service.no_page", role=role, pid=process.pid, at=str(listen))
        return
    if health.status != HTTPStatus.OK:
        yield found("service.unhealthy", role=role, reason=health.text.removeprefix(_FAILING))
    if ready.status != HTTPStatus.OK:
        yield found(f"service.{role}_not_ready", reason=ready.text.removeprefix(_NOT_READY))
    _, waits, keys = ready.text.partition(_WAITING)
    if waits:
        yield found("service.settings_wait", role=role, keys=keys.partition("; ")[0])
    samples = pages.metrics(listen)
    if any(each.value for each in samples.get("filterd_reduced_mode", ())):
        yield found("service.reduced_mode")
    if case.machine.code.stat().st_ctime > process.started + CLOCK_TOLERANCE:
        yield found("service.outdated", role=role, pid=process.pid, version=filterd.__version__)


def _silent_addresses(case: Case) -> Iterator[Finding]:
    """Addresses at which the resolver does not answer a question that it answers by itself."""
    from filterd.dataplane.listeners.socket_binding import is_present

    for each in case.settings.dns.listen:
        if not is_present(each.address) or _needs_proxy_header(case, each):
            continue
        for protocol in ("udp", "tcp"):
            if not dns_probe.answers(each, protocol):
                yield found("service.silent_address", at=str(each), protocol=protocol.upper())


def _needs_proxy_header(case: Case, at: Endpoint) -> bool:
    """Return whether our own question would come from a sender that must speak PROXY protocol."""
    source = dns_probe.reachable(at).address
    return any(source in network for network in case.settings.dns.proxy_from)
