"""Lines whose addresses move: what tells of them, who may, and bindings that should be sessions."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from filterd.config.accounting_settings import RadiusSettings
from filterd.config.settings import ParentalFail
from filterd.disk.session_place import were_used
from filterd.model.session import SessionSource
from filterd.operations import bindings, subscribers
from filterd.operations.doctor import pages, reading
from filterd.operations.doctor.access import allowed
from filterd.operations.doctor.case import Case, group_name, stands
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.port_rules import PortsInRule, ports_in_rules
from filterd.operations.selection import Selection
from filterd.operations.sessions.secrets import SecretFileError, has_white_space, read_secrets
from filterd.store.errors import StoreError

PACKETS = "filterd_accounting_packets_total"
KNOWN, MOST, REFUSED = "filterd_sessions_known", "filterd_sessions_most", "filterd_sessions_refused_total"
SILENCE, WITHIN = "filterd_accounting_silence_seconds", "filterd_sessions_confirmed_within_seconds"
CLOCKS = "filterd_nas_clocks"
CLAIMS = "filterd_session_claims_refused_total"
QUIET_SECONDS = 3600.0
"""without a packet; networks tell of sessions that go on at least so often"""
PACKETS_OF_A_SESSION = 3
"""expected within ``accounting.stale_after``: two may be lost"""
REJECTED = {"unknown_client": "sessions.strangers", "bad_authenticator": "sessions.bad_secret"}
_READ = 4
_GROUP, _OTHERS = stat.S_IRWXG, stat.S_IRWXO


def check(case: Case) -> Iterator[Finding]:
    """Look at the settings of accounting, its secrets, what control has received, and the bindings."""
    accounting = case.settings.accounting
    if accounting.radius is not None:
        yield from _radius(case, accounting.radius)
    told = accounting.radius is not None or bool(accounting.leases)
    closed = case.settings.dns.parental_fail is ParentalFail.CLOSED
    if told and closed and not accounting.pools:
        yield found("sessions.no_pools")
    yield from _lease_files(case)
    yield from _of_control(case)
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
            secrets = read_secrets(path)
        except SecretFileError as error:
            yield found("sessions.secret_unusable", says=str(error))
            continue
        if has_white_space(secrets):
            yield found("sessions.secret_spaced", path=str(path))
        if _is_open(case, path.stat()):
            mode = f"{stat.S_IMODE(path.stat().st_mode):04o}"
            group = group_name(path.stat().st_gid)
            yield found(
                "sessions.secret_open", path=str(path), mode=mode, group=group, user=case.account.name
            )


def _is_open(case: Case, status: os.stat_result) -> bool:
    """True where others than root and the service may read or write. Its own group is the service alone: the
    package makes it so. A group that the service is in beside it has others in it."""
    if status.st_mode & _OTHERS or status.st_uid not in (0, case.account.uid):
        return True
    return bool(status.st_mode & _GROUP) and status.st_gid not in (0, case.account.group)


def _lease_files(case: Case) -> Iterator[Finding]:
    """Look at the lease files, and at what control says of them: it knows which ones are damaged."""
    page = pages.get(case.settings.control.listen, "/readyz") if "control" in case.roles else None
    for path in dict.fromkeys(each.file for each in case.settings.accounting.leases):
        reason = _out_of_reach(case, path) or _said_of(path, "" if page is None else page.text)
        if reason:
            yield found("sessions.lease_file", path=str(path), reason=reason, user=case.account.name)


def _out_of_reach(case: Case, path: Path) -> str:
    """The reason why the service cannot read a file; empty: it can."""
    if not stands(path):
        return "it is not there"
    return "" if allowed(case.account, path, _READ) else f"the user {case.account.name} may not read it"


def _said_of(path: Path, text: str) -> str:
    """The reason that the readiness page gives for a lease file; empty: it does not name the file."""
    _, named, rest = text.partition(f"; the lease file {path}: ")
    return rest.partition("; ")[0] if named else ""


def _of_control(case: Case) -> Iterator[Finding]:
    """Look at what the running control has counted."""
    if "control" not in case.roles:
        return
    samples = pages.metrics(case.settings.control.listen)
    yield from _room(samples)
    yield from _claims(samples.get(CLAIMS, ()))
    yield from _clocks(samples.get(CLOCKS, ()), case.machine.clock() - case.roles["control"].started)
    if PACKETS not in samples:
        return
    outcomes = {each.labels.get("outcome", ""): int(each.value) for each in samples[PACKETS]}
    silence = _sum(samples, SILENCE)
    if silence > QUIET_SECONDS:
        yield found("sessions.silent", minutes=int(silence // 60))
    stale, within = case.settings.accounting.stale_after, _sum(samples, WITHIN)
    if stale < PACKETS_OF_A_SESSION * within:
        yield found("sessions.stale_soon", minutes=round(within / 60, 1), stale=stale // 60)
    for outcome, identifier in REJECTED.items():
        if outcomes.get(outcome):
            yield found(identifier, count=outcomes[outcome])


def _room(samples: Mapping[str, list[pages.Sample]]) -> Iterator[Finding]:
    """Look at the room of the table, and at what it refused."""
    most, known, refused = (int(_sum(samples, name)) for name in (MOST, KNOWN, REFUSED))
    if known >= most > 0:
        yield found("sessions.full", most=most, count=refused)
    elif refused:
        yield found("sessions.refused", count=refused)


def _claims(counted: Iterable[pages.Sample]) -> Iterator[Finding]:
    """Look at the addresses that were refused, by what told of them."""
    refused = {each.labels.get("source", ""): int(each.value) for each in counted}
    if any(refused.values()):
        told = {each.word: refused.get(each.word, 0) for each in SessionSource}
        yield found("sessions.claims_refused", **told)


def _sum(samples: Mapping[str, list[pages.Sample]], name: str) -> float:
    return sum(each.value for each in samples.get(name, ()))


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
        moving, idle, ruled = asyncio.run(_read(case))
    except StoreError:
        return
    if moving:
        yield found("sessions.moving_bindings", count=moving, most=bindings.PACE)
    for outside, inside in idle:
        yield found("sessions.shared_idle", outside=outside, inside=inside)
    if ruled:
        yield found("sessions.ports_in_rule", count=len(ruled), bound=ruled[0].bound, rule=ruled[0].rule)


async def _read(case: Case) -> tuple[int, list[tuple[str, str]], list[PortsInRule]]:
    """The number of lines whose bindings move, the rules (outside, inside) behind which no line is, and the
    bindings of ports that a rule covers."""
    idle = []
    async with reading.opened(case) as context:
        told = case.settings.accounting.radius is not None or bool(case.settings.accounting.leases)
        told = told or were_used(case.state)
        rules = () if told else case.settings.dns.shared_addresses
        for rule in rules:
            wanted = Selection(prefix=str(rule.inside))
            lines = subscribers.list_subscribers(context, wanted=wanted, limit=1)
            if not [each async for each in lines]:
                idle.append((str(rule.outside), str(rule.inside)))
        return await bindings.count_changing(context), idle, await ports_in_rules(context)
