"""Memory: for the response cache, and for two policy snapshots while a new one takes over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from filterd.operations.doctor import processes
from filterd.operations.doctor.case import Case, stands
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout

MIB = 1024 * 1024
BESIDE = 96 * MIB
"""the resolver without cache and snapshots"""
_UNLIMITED = "max"


def needed(case: Case) -> int:
    """The bytes that the resolver takes at most in ordinary operation: cache, two snapshots, and itself."""
    path = current_file(case.state / snapshot_layout.DIRECTORY)
    snapshot = path.stat().st_size if path is not None and stands(path) else 0
    return int(case.settings.cache.size) + 2 * snapshot + BESIDE


def check(case: Case) -> Iterator[Finding]:
    """Compare what the resolver needs with what the machine and its unit leave to it."""
    proc, need = case.machine.proc, needed(case)
    resolver = case.roles.get("resolver")
    status = processes.status_fields(proc, resolver.pid) if resolver is not None else {}
    free = _kibibytes((proc / "meminfo").read_text("ascii"), "MemAvailable")
    if free is not None and free + _kibibytes_of(status, "VmRSS") < need:
        yield found("memory.short", free=_mib(free), needed=_mib(need))
    swapped = _kibibytes_of(status, "VmSwap")
    if swapped:
        yield found("memory.swapped", swapped=max(_mib(swapped), 1))
    if resolver is not None:
        yield from _cgroup(case, resolver.pid, need)


def _cgroup(case: Case, pid: int, need: int) -> Iterator[Finding]:
    folder = _cgroup_of(case, pid)
    if folder is None:
        return
    limit = (folder / "memory.max").read_text("ascii").strip()
    if limit != _UNLIMITED and int(limit) < need:
        yield found("memory.limit", limit=_mib(int(limit)), needed=_mib(need))
    events = dict(map(str.split, (folder / "memory.events").read_text("ascii").splitlines()))
    killed = int(events.get("oom_kill", "0"))
    if killed:
        yield found("memory.killed", count=killed)


def _cgroup_of(case: Case, pid: int) -> Path | None:
    """The resolver's own control group with a memory controller; None where it has none."""
    try:
        lines = (case.machine.proc / str(pid) / "cgroup").read_text("utf-8").splitlines()
    except FileNotFoundError:
        return None
    path = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    folder = case.machine.cgroups / path
    return folder if path and stands(folder / "memory.max") else None


def _kibibytes(text: str, name: str) -> int | None:
    line = next((each for each in text.splitlines() if each.startswith(f"{name}:")), None)
    return None if line is None else int(line.split()[1]) * 1024


def _kibibytes_of(status: dict[str, str], name: str) -> int:
    return int(status.get(name, "0").split()[0]) * 1024


def _mib(size: int) -> int:
    return size // MIB
