"""Finds the process that holds a lock or an address that a starting role needs, and the command against it.

The kernel tells who holds a lock (``/proc/locks``), and which socket has a port; a socket's process can be
found where its files may be looked at, which those of a role may not, except by root. Then the processes that
run the role are named.
"""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_ROLES = {
    b"filterd.serve.resolver": "resolver",
    b"filterd.serve.control": "control",
    b"filterd.serve.web": "web",
}
PARENT = b"parent="
"""before the number of the ``filterd serve`` that started it, among the words of a role"""
_SOCKETS = ("net/udp", "net/udp6", "net/tcp", "net/tcp6")


class HeldError(OSError):
    """Another process has what this one needs. The text names it; ``remedy`` is the command."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds something. ``program``: its role, or else the name of its program."""

    pid: int
    program: str
    parent: int
    stopped: bool
    """by a signal (SIGSTOP)"""
    user: int = -1
    orphaned: bool = False
    """the ``filterd serve`` that started it is gone"""

    @property
    def text(self) -> str:
        """The process in words."""
        return f"process {self.pid} ({self.program})" + (", which is stopped" if self.stopped else "")

    @property
    def remedy(self) -> str:
        """The command against it."""
        if self.program not in _ROLES.values():
            return f"stop it, or use another one: ps -fp {self.pid} shows it"
        if self.stopped:
            return f"let it go on: kill -CONT {self.pid}; or end it: kill -KILL {self.pid}; then start again"
        if b"serve" in _words(self.parent):
            return f"stop the filterd serve above it: kill -TERM {self.parent}, then start again"
        return f"its filterd serve is gone: kill -TERM {self.pid}, then start again"


def holder_of_lock(path: Path) -> Holder | None:
    """The process that holds the lock file; None if that cannot be found out."""
    try:
        inode = path.stat().st_ino
        locks = (PROC / "locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in locks:
        words = line.split()
        if "FLOCK" in words and "->" not in words and words[5].rpartition(":")[2] == str(inode):
            return process_of(int(words[4]))
    return None


def holder_of_port(port: int, role: str) -> Holder | None:
    """The process that has bound the port; else one of the socket's user that runs the role and is no child
    of our parent."""
    bound = dict(_sockets_at(port))
    inodes = {f"socket:[{inode}]" for inode in bound}
    for pid in _pids():
        if pid != os.getpid() and inodes & _links(pid):
            return process_of(pid)
    others = (found for found in map(process_of, _pids()) if found is not None and found.program == role)
    apart = (each for each in others if each.pid != os.getpid() and each.parent != os.getppid())
    return next((each for each in apart if each.user in bound.values()), None)


def remedy_of(error: BaseException, role: str, ports: tuple[int, ...] = ()) -> str:
    """An action against an error that keeps a role from starting; empty if the text itself says it.
    ``ports``: those that the role listens on."""
    if isinstance(error, HeldError):
        return error.remedy
    code = _errno_of(error)
    if code == errno.EADDRINUSE:
        text = str(error)
        port = next((each for each in ports if f":{each}:" in text or f" port {each}:" in text), 0)
        holder = holder_of_port(port, role) if port else None
        if holder is None:
            return f"{_owner_of_port(port)}see who has it: ss -lntup 'sport = :{port}'"
        return f"it is held by {holder.text}: {holder.remedy}"
    name = getattr(error, "filename", None)
    if code in (errno.EACCES, errno.EPERM) and name:
        return f"give {name} to the user that runs filterd"
    return _REMEDIES.get(code, "")


_REMEDIES = {
    errno.ENOSPC: "free room on that file system (df), then start again",
    errno.EDQUOT: "raise the quota of the user that runs filterd, then start again",
    errno.EIO: "look for a failing disk (dmesg)",
    errno.EMFILE: "raise LimitNOFILE= of the unit (ulimit -n)",
}


def _errno_of(error: BaseException | None) -> int:
    """The number of the error, or of the one that it was made of; 0: it has none."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        error = error.__cause__ or error.__context__
    return 0


def _pids() -> Iterator[int]:
    return (int(each.name) for each in PROC.iterdir() if each.name.isdecimal())


def process_of(pid: int) -> Holder | None:
    """The process with this number; None where there is none."""
    try:
        name, _, rest = (PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(") ")
        status = (PROC / str(pid) / "status").read_text("utf-8", "replace")
    except OSError:
        return None
    words = _words(pid)
    role = next((role for module, role in _ROLES.items() if module in words), "")
    state, parent = rest.split()[:2]
    given = (word.removeprefix(PARENT) for word in words if word.startswith(PARENT))
    started_by = next(given, parent.encode())
    return Holder(
        pid,
        role or name.partition("(")[2],
        int(parent),
        state in "Tt",
        int(status.partition("\nUid:")[2].split()[0]),
        started_by != parent.encode(),
    )


def _words(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _links(pid: int) -> set[str]:
    """The targets of a process's open files; none if they may not be looked at."""
    found = set()
    try:
        for each in (PROC / str(pid) / "fd").iterdir():
            found.add(str(each.readlink()))
    except OSError:
        return found
    return found


def _owner_of_port(port: int) -> str:
    """The words that name the user whose socket has the port: its process is hidden from us."""
    for user in dict(_sockets_at(port)).values():
        try:
            return f"it is held by a process of the user {pwd.getpwuid(user).pw_name}; "
        except KeyError:
            return f"it is held by a process of the user {user}; "
    return ""


def _sockets_at(port: int) -> Iterator[tuple[str, int]]:
    """The inode and the user of each socket that is bound to the port."""
    for name in _SOCKETS:
        try:
            lines = (PROC / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for words in map(str.split, lines):
            if int(words[1].rpartition(":")[2], 16) == port and words[9] != "0":
                yield words[9], int(words[7])
