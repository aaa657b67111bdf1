"""The units of systemd, where it runs the machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping

from filterd.operations.doctor.case import ROLES, Case
from filterd.operations.doctor.finding import Finding, found

SECONDS = 4.0
LEAST_WATCHDOG = 20.0
"""seconds: the supervisor ends a stuck resolver after 10, and needs time for that"""
_PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "WatchdogUSec",
    "NeedDaemonReload",
    "NRestarts",
    "MainPID",
)
_UNITS = {"s": 1.0, "ms": 0.001, "us": 0.000001, "min": 60.0, "h": 3600.0, "d": 86400.0}


def check(case: Case) -> Iterator[Finding]:
    """Look at the unit of each role."""
    if not case.machine.systemd.exists() or shutil.which(case.machine.systemctl) is None:
        return
    roles = [role for role in ROLES if role != "web" or case.settings.web is not None]
    units = {role: f"filterd-{role}.service" for role in roles}
    shown = _show(case, list(units.values()))
    if shown is None:
        yield found("systemd.no_reply")
        return
    if all(shown.get(unit, {}).get("LoadState") != "loaded" for unit in units.values()):
        yield found("systemd.no_units")
        return
    for role, unit in units.items():
        yield from _unit(case, role, unit, shown.get(unit, {}))


def _show(case: Case, units: list[str]) -> dict[str, dict[str, str]] | None:
    """The properties of the units by name; None where systemd does not reply."""
    command = [case.machine.systemctl, "show", f"--property={','.join(_PROPERTIES)}", *units]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    blocks = (dict(_pair(line) for line in block.splitlines()) for block in done.stdout.split("\n\n"))
    return {block["Id"]: block for block in blocks if "Id" in block}


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name, value


def _unit(case: Case, role: str, unit: str, shown: Mapping[str, str]) -> Iterator[Finding]:
    if shown.get("LoadState") != "loaded":
        yield found("systemd.unit_missing", unit=unit, state=shown.get("LoadState", "unknown"))
        return
    if shown.get("ActiveState") == "failed":
        yield found("systemd.failed", unit=unit, result=shown.get("Result", "unknown"))
    if shown.get("UnitFileState") not in ("enabled", "enabled-runtime", "static", "indirect", "alias"):
        yield found("systemd.not_enabled", unit=unit, state=shown.get("UnitFileState") or "unknown")
    if shown.get("NeedDaemonReload") == "yes":
        yield found("systemd.reload_needed", unit=unit)
    watchdog = seconds(shown.get("WatchdogUSec", "0"))
    if watchdog < LEAST_WATCHDOG:
        yield found("systemd.watchdog", unit=unit, seconds=watchdog)
    restarts = int(shown.get("NRestarts") or 0)
    if restarts:
        yield found("systemd.restarted", unit=unit, count=restarts)
    running = case.roles.get(role)
    if running is not None and shown.get("ActiveState") in ("inactive", "failed"):
        yield found("systemd.outside_unit", unit=unit, role=role, pid=running.pid)


def seconds(text: str) -> float:
    """The seconds of a time span as systemd shows it: ``30s``, ``1min 30s``, ``0``, ``infinity``."""
    total = 0.0
    for word in text.split():
        digits = word.rstrip("abcdefghijklmnopqrstuvwxyz")
        try:
            total += float(digits) * _UNITS.get(word[len(digits) :] or "s", 0.0)
        except ValueError:
            return float("inf") if word == "infinity" else 0.0
    return total
