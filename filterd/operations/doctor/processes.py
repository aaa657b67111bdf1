"""Reads from ``/proc`` which processes run, which sockets are bound, and which process holds what."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from filterd.config.value_types import Endpoint

ROLES = {
    b"filterd.serve.resolver": "resolver",
    b"filterd.serve.control": "control",
    b"filterd.serve.web": "web",
}
_LISTENING = "0A"
_UDP_DROPS = 12
"""the column of /proc/net/udp that counts lost datagrams"""
_START = 19
"""the place of the start time behind the name in /proc/PID/stat, in clock ticks after the machine's start"""
_SOCKET = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Process:
    """A process. ``role``: resolver, control or web, empty for any other program."""

    pid: int
    program: str
    role: str
    parent: int
    stopped: bool
    uid: int
    started: float
    """Unix seconds"""


@dataclass(frozen=True, slots=True)
class BoundSocket:
    """A socket that takes datagrams or connections."""

    protocol: str
    """``udp`` or ``tcp``"""
    at: Endpoint
    inode: int
    uid: int
    """the user that made it"""
    drops: int
    """datagrams that were lost to its full queue"""

    def meets(self, other: Endpoint) -> bool:
        """Return whether packets to ``other`` may arrive here."""
        if self.at.port != other.port or not other.port:
            return False
        mine, theirs = self.at.address, other.address
        if mine.version != theirs.version:
            return False
        return mine == theirs or mine.is_unspecified or theirs.is_unspecified


def processes(proc: Path) -> list[Process]:
    """Every process that can be seen."""
    pids = sorted(int(each.name) for each in proc.iterdir() if each.name.isdecimal())
    return [each for pid in pids if (each := process(proc, pid)) is not None]


def process(proc: Path, pid: int) -> Process | None:
    """The process of this number; None where it has ended."""
    folder = proc / str(pid)
    try:
        name, _, rest = (folder / "stat").read_text("utf-8", "replace").rpartition(") ")
        words = (folder / "cmdline").read_bytes().split(b"\0")
        owner = re.search(r"^Uid:\s+(\d+)", (folder / "status").read_text("utf-8", "replace"), re.MULTILINE)
    except OSError:
        return None
    fields = rest.split()
    role = next((role for module, role in ROLES.items() if module in words), "")
    return Process(
        pid,
        name.partition("(")[2],
        role,
        parent=int(fields[1]),
        stopped=fields[0] in "Tt",
        uid=int(owner[1]) if owner else -1,
        started=_booted(proc) + int(fields[_START]) / os.sysconf("SC_CLK_TCK"),
    )


def _booted(proc: Path) -> float:
    """The time of the machine's start, by its clock as it is now; 0 where the kernel does not tell."""
    try:
        found = re.search(r"^btime (\d+)", (proc / "stat").read_text("ascii"), re.MULTILINE)
    except OSError:
        return 0.0
    return float(found[1]) if found else 0.0


def bound_sockets(proc: Path) -> list[BoundSocket]:
    """Every UDP socket with a port, and every TCP socket that listens. Raises ``OSError``."""
    found = []
    for protocol in ("udp", "tcp"):
        for family in ("", "6"):
            path = proc / "net" / f"{protocol}{family}"
            if path.exists():
                found += [each for each in _sockets(path, protocol) if each.at.port]
    return found


def _sockets(path: Path, protocol: str) -> Iterator[BoundSocket]:
    for line in path.read_text("ascii").splitlines()[1:]:
        words = line.split()
        if protocol == "tcp" and words[3] != _LISTENING:
            continue
        address, _, port = words[1].rpartition(":")
        drops = int(words[_UDP_DROPS]) if protocol == "udp" else 0
        yield BoundSocket(
            protocol, Endpoint(_address(address), int(port, 16)), int(words[9]), int(words[7]), drops
        )


def _address(digits: str) -> IPv4Address | IPv6Address:
    """The address in the kernel's digits: words of 32 bits, each in the machine's byte order."""
    packed = b"".join(
        int(digits[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(digits), 8)
    )
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


def holders(proc: Path, inodes: set[int]) -> dict[int, int]:
    """Socket inode -> the process that has it open, of those whose files may be looked at."""
    owners: dict[int, int] = {}
    for folder in proc.iterdir():
        if not folder.name.isdecimal():
            continue
        for inode in _open_sockets(folder / "fd") & inodes:
            owners.setdefault(inode, int(folder.name))
    return owners


def _open_sockets(folder: Path) -> set[int]:
    found = set()
    try:
        for each in folder.iterdir():
            match = _SOCKET.fullmatch(str(each.readlink()))
            if match:
                found.add(int(match[1]))
    except OSError:
        return found
    return found


def lock_holders(proc: Path, path: Path) -> list[int]:
    """The processes that hold a lock on a file of this inode number (flock(2)): the device that the kernel
    names is not always that of the file. Raises ``OSError``."""
    try:
        inode = str(path.stat().st_ino)
    except FileNotFoundError:
        return []
    lines = map(str.split, (proc / "locks").read_text("ascii").splitlines())
    held = (words for words in lines if "FLOCK" in words and "->" not in words)
    return [int(words[4]) for words in held if words[5].rpartition(":")[2] == inode]


def status_fields(proc: Path, pid: int) -> dict[str, str]:
    """``/proc/PID/status`` by field; empty where the process has ended."""
    try:
        text = (proc / str(pid) / "status").read_text("utf-8", "replace")
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
