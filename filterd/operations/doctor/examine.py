"""Runs every check, each on a thread of its own and with an end: a disk or server that hangs keeps no other
check from its result, and is itself a finding.

::

    examine(config) -> Report
        configuration.read      settings, and the keys that are wrong in the file
        AREAS                   each a function of the Case that yields findings; without those that go by
                                a wrong key (NEEDS)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import cast

from filterd.operations.doctor.case import EVERYTHING, Case, Machine
from filterd.operations.doctor.finding import Finding, Severity, catalogue, found, severity_of

AREAS = (
    "access",
    "keys",
    "ports",
    "service",
    "systemd",
    "upstreams",
    "clients",
    "resolvers",
    "kernel",
    "clock",
    "memory",
    "disk",
    "store",
    "trail",
    "signed",
    "snapshot",
    "feeds",
    "liftings",
    "people",
    "consent",
    "privacy",
    "reviews",
    "notices",
    "deadlines",
    "registers",
    "published",
    "accounts",
    "nodes",
    "sessions",
)
"""the modules of the checks beside this one, in the order in which their findings are told"""
_STORE = ("store", "state_dir")
NEEDS: dict[str, tuple[str, ...]] = {
    "keys": (*_STORE, "dns.cookie_secret_file", "web"),
    "ports": ("dns.listen", "control.listen", "metrics.listen", "state_dir"),
    "service": ("dns.listen", "dns.proxy_from", "control.listen", "metrics.listen", "state_dir"),
    "upstreams": ("dns.upstreams", "dns.identity", "node.name"),
    "clients": ("dns.allow_from", "dns.proxy_from", "dns.ecs_from", "dns.edns_id_from"),
    "resolvers": ("dns.listen",),
    "kernel": ("dns.listen", "dns.tcp", "state_dir"),
    "memory": ("cache.size", "state_dir"),
    "disk": _STORE,
    "store": _STORE,
    "trail": _STORE,
    "signed": (*_STORE, "signing"),
    "snapshot": ("state_dir", "policies", "policies_base"),
    "feeds": (*_STORE, "policies", "policies_base"),
    "liftings": _STORE,
    "people": (*_STORE, "people"),
    "consent": (*_STORE, "policies", "policies_base"),
    "privacy": (*_STORE, "policies", "policies_base", "retention"),
    "reviews": (*_STORE, "policies", "policies_base", "jurisdiction"),
    "notices": (*_STORE, "notices"),
    "deadlines": (*_STORE, "policies", "policies_base", "jurisdiction", "orders", "mail"),
    "registers": (*_STORE, "policies", "policies_base", "jurisdiction", "registers"),
    "published": (*_STORE, "policies", "policies_base", "service"),
    "accounts": ("web",),
    "nodes": _STORE,
    "sessions": (*_STORE, "accounting", "control.listen", "dns.parental_fail", "dns.shared_addresses"),
}
"""area -> the keys that it goes by; where one of them is wrong in the file, the area is left out. An area
that is not here goes by none, or leaves out its own parts (``access``)"""
CONFIG_SECONDS = 5.0
AREA_SECONDS = 9.0
"""until a check that has not ended is given up; with CONFIG_SECONDS it bounds the whole"""

Check = Callable[[Case], Iterable[Finding]]
Tell = Callable[[str, int, int], None]
"""takes the area that ended last, the number of areas that ended, and of how many"""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, errors first, and within a severity in the order of the catalogue."""

    findings: tuple[Finding, ...]
    seconds: float
    hanging: bool
    """true if a thread still waits for something that hangs"""

    def count(self, severity: Severity) -> int:
        """The number of findings of this severity."""
        return sum(severity_of(each) is severity for each in self.findings)


@dataclass(slots=True)
class _Task:
    """A check on its thread. The thread appends to ``findings``; nobody reads them before it has ended or was
    given up."""

    name: str
    findings: list[Finding] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


def examine(config: Path | None, machine: Machine | None = None, tell: Tell | None = None) -> Report:
    """Look at the installation of this configuration file; None: all defaults."""
    begin = time.monotonic()
    cases: list[Case] = []

    def read() -> Iterator[Finding]:
        from filterd.operations.doctor import configuration

        yield from configuration.read(config, machine or Machine(), cases.append)

    first = _started("config", read)
    _wait([first], CONFIG_SECONDS, None)
    left_out = [area for area in AREAS if cases and not cases[0].knows(*NEEDS.get(area, ()))]
    looked_at = [area for area in AREAS if cases and area not in left_out]
    tasks = [_started(area, _check_of(area, cases[0])) for area in looked_at]
    _wait(tasks, AREA_SECONDS, tell)
    hanging = [each.name for each in (first, *tasks) if not each.done.is_set()]
    findings = [finding for task in (first, *tasks) for finding in tuple(task.findings)]
    findings += [found("doctor.unfinished", what=each) for each in hanging]
    if cases and cases[0].unread:
        findings.append(_left_out(cases[0], left_out))
    return Report(_sorted(findings), time.monotonic() - begin, bool(hanging))


def _left_out(case: Case, areas: Iterable[str]) -> Finding:
    """The finding on what was not looked at, since the file does not say it."""
    partly = () if case.knows("policies", "policies_base", *_STORE) else ("access",)
    keys = "" if EVERYTHING in case.unread else ", ".join(sorted(case.unread))
    told = ", ".join((*partly, *areas))
    if not keys:
        return found("doctor.unread_file", path=str(case.config), areas=told)
    return found("doctor.unread_keys", keys=keys, areas=told or "-")


def _check_of(area: str, case: Case) -> Callable[[], Iterable[Finding]]:
    def run() -> Iterable[Finding]:
        check = cast("Check", import_module(f"filterd.operations.doctor.{area}").check)
        return check(case)

    return run


def _started(name: str, check: Callable[[], Iterable[Finding]]) -> _Task:
    task = _Task(name)

    def run() -> None:
        try:
            for each in check():
                task.findings.append(each)
        except OSError as error:
            task.findings.append(unread(name, error))
        except Exception as error:
            task.findings.append(found("doctor.failed", what=name, error=type(error).__name__))
        finally:
            task.done.set()

    threading.Thread(target=run, name=f"doctor-{name}", daemon=True).start()
    return task


def unread(what: str, error: OSError) -> Finding:
    """The finding for something that this user, or anybody, cannot read."""
    reason = (error.strerror or str(error)).lower()
    return found("doctor.unread", what=str(error.filename or what), reason=reason)


def _wait(tasks: list[_Task], seconds: float, tell: Tell | None) -> None:
    deadline = time.monotonic() + seconds
    for ended, task in enumerate(tasks, start=1):
        task.done.wait(max(deadline - time.monotonic(), 0.0))
        if tell is not None:
            tell(task.name, ended, len(tasks))


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first; equal findings once."""
    order = {identifier: place for place, identifier in enumerate(catalogue())}
    weights = tuple(Severity)
    unique = {(each.id, tuple(each.values.items())): each for each in findings}
    return tuple(sorted(unique.values(), key=lambda each: (weights.index(severity_of(each)), order[each.id])))
