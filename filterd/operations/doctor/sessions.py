"""Lines whose addresses move: what tells of them, who may, and bindings that should be sessions."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterable, Iterator

from filterd.config.settings import ParentalFail, RadiusSettings
from filterd.operations import bindings, identification, subscribers
from filterd.operations.doctor import pages, reading
from filterd.operations.doctor.access import allowed
from filterd.operations.doctor.case import Case, stands
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.selection import Selection
from filterd.operations.sessions.secrets import SecretFileError, read_secret
from filterd.store.errors import StoreError

PACKETS = "filterd_accounting_packets_total"
CLOCKS = "filterd_nas_clocks"
QUIET_SECONDS = 3600.0
"""without a packet; networks tell of sessions that go on at least so often"""
REJECTED = {"unknown_client": "sessions.strangers", "bad_authenticator": "sessions.bad_secret"}
_READ = 4
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check(case: Case) -> Iterator[Finding]:
    """Look at the settings of accounting, its secrets, what control has received, and the bindings."""
    accounting = case.settings.accounting
    if accounting.radius is not None:
        yield from _radius(case, accounting.radius)
    told = accounting.radius is not None or bool(accounting.leases)
    closed = case.settings.dns.parental_fail is ParentalFail.CLOSED
    if told and closed and not accounting.pools:
        yield found("sessions.no_pools")
    yield from _of_store(case)


def _radius(case: Case, radius: RadiusSettings) -> Iterator[Finding]:
    if not radius.clients:
        identifier = "sessions.no_clients" if radius.listen.address.is_loopback else "sessions.open_listener"
        yield found(identifier, listen=str(radius.listen))
    for path in dict.fromkeys(each.secret_file for each in radius.clients):
        if stands(path) and not allowed(case.account, path, _READ):
            yield found("sessions.secret_unreadable", path=str(path), user=case.account.name)
            continue
        try:
            read_secret(path)
        except SecretFileError as error:
            yield found("sessions.secret_unusable", says=str(error))
            continue
        if path.stat().st_mode & _OTHERS:
            mode = f"{stat.S_IMODE(path.stat().st_mode):04o}"
            yield found("sessions.secret_open", path=str(path), mode=mode)
    yield from _received(case)


def _received(case: Case) -> Iterator[Finding]:
    """Look at the packets that the running control has counted."""
    control = case.roles.get("control")
    page = pages.metrics(case.settings.control.listen) if control is not None else {}
    counted = page.get(PACKETS)
    if control is None or counted is None:
        return
    yield from _clocks(page.get(CLOCKS, ()), case.machine.clock() - control.started)
    outcomes = {each.labels.get("outcome", ""): int(each.value) for each in counted}
    if not any(outcomes.values()) and case.machine.clock() - control.started > QUIET_SECONDS:
        yield found("sessions.silent")
    for outcome, identifier in REJECTED.items():
        if outcomes.get(outcome):
            yield found(identifier, count=outcomes[outcome])


def _clocks(counted: Iterable[pages.Sample], running: float) -> Iterator[Finding]:
    """Look at the clocks of NASes. ``running``: seconds since the start of control."""
    clocks = {each.labels.get("clock", ""): int(each.value) for each in counted}
    if clocks.get("off"):
        yield found("sessions.clocks_off", count=clocks["off"])
    if clocks.get("unproven") and running > QUIET_SECONDS:
        yield found("sessions.clocks_unproven", count=clocks["unproven"])


def _of_store(case: Case) -> Iterator[Finding]:
    """Bindings that move, and shared addresses that lead to nobody. What keeps the store from being read,
    ``store`` says."""
    try:
        moving, idle = asyncio.run(_read(case))
    except StoreError:
        return
    if moving:
        yield found("sessions.moving_bindings", count=moving, most=bindings.PACE)
    for outside, inside in idle:
        yield found("sessions.shared_idle", outside=outside, inside=inside)


async def _read(case: Case) -> tuple[int, list[tuple[str, str]]]:
    """The number of lines whose bindings move, and the rules (outside, inside) behind which no line is."""
    idle = []
    async with reading.opened(case) as context:
        rules = () if identification.in_use(case.settings) else case.settings.dns.shared_addresses
        for rule in rules:
            wanted = Selection(prefix=str(rule.inside))
            lines = subscribers.list_subscribers(context, wanted=wanted, limit=1)
            if not [each async for each in lines]:
                idle.append((str(rule.outside), str(rule.inside)))
        return await bindings.count_changing(context), idle
