"""The installation that is looked at: its settings, its machine, its user and its running roles."""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import filterd
from filterd.config.settings import Settings
from filterd.operations.doctor import processes
from filterd.operations.doctor.processes import Process
from filterd.store.engine import database_path

PACKAGED = Path("/etc/filterd/filterd.yaml")
"""the configuration of the packaged service, which runs as :data:`USER`"""
USER = "filterd"
_TIMEX_BYTES = 512
"""more than struct timex takes (adjtimex(2))"""
_TIME_ERROR = 5
ROLES = ("resolver", "control", "web")
EVERYTHING = "*"
"""stands for every key: nothing of the file could be read"""


def synchronised() -> bool:
    """Return whether the kernel takes its clock as synchronised (adjtimex(2)). Changes nothing."""
    state = ctypes.create_string_buffer(_TIMEX_BYTES)
    return int(ctypes.CDLL(None).adjtimex(state)) not in (-1, _TIME_ERROR)


@dataclass(frozen=True, slots=True)
class Machine:
    """The parts of the operating system that are looked at."""

    proc: Path = Path("/proc")
    cgroups: Path = Path("/sys/fs/cgroup")
    resolv_conf: Path = Path("/etc/resolv.conf")
    systemd: Path = Path("/run/systemd/system")
    """a directory that is there where systemd runs the machine (sd_booted(3))"""
    systemctl: str = "systemctl"
    clock: Callable[[], float] = time.time
    synchronised: Callable[[], bool] = synchronised
    code: Path = Path(filterd.__file__)
    """a file of the installed code"""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that the service runs as."""

    name: str
    uid: int
    groups: frozenset[int]
    group: int = -1
    """its own one, as the password file has it; -1: not known"""


@dataclass(frozen=True, slots=True)
class Case:
    """The installation on its machine, as every check is given it."""

    settings: Settings
    account: Account
    config: Path | None = None
    """None: no file was read, and all settings are defaults"""
    written: frozenset[str] = frozenset()
    """the keys that the file has, like ``dns.allow_from``"""
    machine: Machine = field(default_factory=Machine)
    roles: dict[str, Process] = field(default_factory=dict)
    """role -> the process that runs it for this state directory"""
    unread: frozenset[str] = frozenset()
    """the keys and sections that are wrong in the file, like ``dns.listen``, ``dns``; EVERYTHING: the file"""

    def knows(self, *keys: str) -> bool:
        """True if these settings, or all of their sections, are the file's own or rightly left to their
        defaults."""
        if EVERYTHING in self.unread:
            return not keys
        return not any(_meet(key, wrong) for key in keys for wrong in self.unread)

    @property
    def store(self) -> Path:
        """The file of the store."""
        return database_path(self.settings.store.url)

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.settings.state_dir


def _meet(key: str, wrong: str) -> bool:
    """True if one of the two keys is the other one, or a section that holds it."""
    return key == wrong or key.startswith(f"{wrong}.") or wrong.startswith(f"{key}.")


def stands(path: Path) -> bool:
    """Return whether anything stands at the path. Raises ``OSError`` where this user may not look: nobody
    must take that for an absent file."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def running_roles(machine: Machine, state_dir: Path) -> dict[str, Process]:
    """The processes that run the roles with this state directory. Where its lock files may not be looked at,
    those that run the roles at all."""
    try:
        alive = processes.processes(machine.proc)
    except OSError:
        return {}
    found = {}
    for role in ROLES:
        candidates = [each for each in alive if each.role == role]
        try:
            holders = processes.lock_holders(machine.proc, state_dir / f"{role}.lock")
        except OSError:
            holders = [each.pid for each in candidates]
        mine = [each for each in candidates if each.pid in holders]
        if mine:
            found[role] = mine[-1]
    return found


def account_of(settings: Settings, config: Path | None, roles: dict[str, Process]) -> Account:
    """The user that the service runs as: that of a running role, the packaged one, or the owner of the
    state directory; else this one."""
    if roles:
        return account(next(iter(roles.values())).uid)
    if config == PACKAGED and _packaged_user(-1) >= 0:
        return account(_packaged_user(-1))
    try:
        return account(settings.state_dir.stat().st_uid)
    except OSError:
        return account(_packaged_user(os.geteuid()))


def _packaged_user(otherwise: int) -> int:
    try:
        return pwd.getpwnam(USER).pw_uid
    except KeyError:
        return otherwise


def account(uid: int) -> Account:
    """The account of a user."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, frozenset())
    groups = {entry.pw_gid, *(each.gr_gid for each in grp.getgrall() if entry.pw_name in each.gr_mem)}
    return Account(entry.pw_name, uid, frozenset(groups), entry.pw_gid)


def user_name(uid: int) -> str:
    """The name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The name of a group, or the number where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
