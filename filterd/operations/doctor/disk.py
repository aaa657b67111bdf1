"""The disks of state directory, store and ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from filterd.operations.doctor.case import Case, stands
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout

MIB = 1024 * 1024
LEAST = 16 * MIB
"""below which nothing works for long"""
SPARE = 256 * MIB
"""for the write-ahead log, drafts and feeds"""
LEAST_INODES = 1_000
NETWORK_FILE_SYSTEMS = frozenset(("nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs"))
"""on which the locks and the shared memory of SQLite do not work, or not surely"""


def check(case: Case) -> Iterator[Finding]:
    """Look at the room that is left, and at the kind of file system."""
    places = {
        "state_dir": case.state,
        "store.url": case.store.parent,
        "store.ledger": case.settings.store.ledger,
    }
    there = {key: _existing(path) for key, path in places.items()}
    devices: set[int] = set()
    for key, path in there.items():
        device = path.stat().st_dev
        if device not in devices:
            devices.add(device)
            yield from _room(case, key, path)
    kind = _file_system(case, there["store.url"])
    if kind in NETWORK_FILE_SYSTEMS:
        yield found("disk.network", path=str(case.store), kind=kind)
    if there["store.ledger"].stat().st_dev == there["store.url"].stat().st_dev:
        yield found("disk.ledger_beside", path=str(case.settings.store.ledger))


def _existing(path: Path) -> Path:
    """The path, or what stands of it."""
    return next(each for each in (path, *path.parents) if stands(each))


def _room(case: Case, key: str, path: Path) -> Iterator[Finding]:
    status = os.statvfs(path)
    free = status.f_bavail * status.f_frsize
    where = {"key": key, "path": str(path)}
    if status.f_flag & os.ST_RDONLY:
        yield found("disk.read_only", **where)
    if free < LEAST:
        yield found("disk.full", free=free // MIB, **where)
    elif free < (wanted := wanted_room(case)):
        yield found("disk.low", free=free // MIB, wanted=wanted // MIB, **where)
    if status.f_files and status.f_favail < LEAST_INODES:
        yield found("disk.inodes", free=status.f_favail, **where)


def wanted_room(case: Case) -> int:
    """The bytes that the next compile and a backup beside the store take."""
    snapshot = current_file(case.state / snapshot_layout.DIRECTORY)
    sizes = [each.stat().st_size for each in (snapshot, case.store) if each is not None and stands(each)]
    return SPARE + 2 * sum(sizes)


def _file_system(case: Case, path: Path) -> str:
    """The kind of the file system that the path is on: that of the longest mount point above it."""
    real = path.resolve()
    best, kind = Path("/"), ""
    for line in (case.machine.proc / "mounts").read_text("utf-8", "replace").splitlines():
        words = line.split()
        point = Path(words[1].replace("\\040", " "))
        if real.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, words[2]
    return kind
