"""The environment that the tests and the programs that they start see: the same on every machine.

What the terminal, the language, the zone of the clock, a proxy, sudo or a service manager put there is
removed, and so is filterd's own: a test must not touch the installation of whoever runs it.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

REMOVED = (
    "ALL_PROXY", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLUMNS", "FILTERD_CONFIG",
    "FORCE_COLOR", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "LANGUAGE", "LINES", "LISTEN_FDS",
    "LISTEN_PID", "NOTIFY_SOCKET", "NO_COLOR", "NO_PROXY", "PYTHONDONTWRITEBYTECODE",
    "PYTHONWARNINGS", "SUDO_COMMAND", "SUDO_GID", "SUDO_UID", "SUDO_USER", "TTY_COMPATIBLE",
    "TTY_INTERACTIVE", "WATCHDOG_PID", "WATCHDOG_USEC",
)  # fmt: skip
"""variables that decide what a program does, whatever their case; besides all of LC_*. Without bytecode each
process that a test starts would compile filterd anew"""
FIXED = {"LANG": "C.UTF-8", "TERM": "xterm-256color", "TZ": "UTC"}
LONGEST_ROOT = 8
"""bytes of the folder below which a run makes its own. The path of a Unix socket may have 107 (unix(7)); the
names of a process, a test, an installation, a state directory and a socket take 79 of them"""
SHORT_ROOTS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - each run makes a folder of its own there
MEMORY_ROOT = "/dev/shm"  # noqa: S108 - the same
LEAST_MEMORY = 6 << 30
"""bytes that must be free in memory for a run to keep its files there"""


_MADE = pytest.StashKey[str]()


def same_everywhere(environment: dict[str, str]) -> dict[str, str]:
    """The environment with nothing in it that would change a test."""
    kept = {
        name: value
        for name, value in environment.items()
        if name.upper() not in REMOVED and not name.startswith("LC_")
    }
    return kept | FIXED


def short_root(root: str) -> str:
    """The folder for temporary files: the one given, or a writable one in its place if its path is long."""
    if len(os.fsencode(root)) <= LONGEST_ROOT:
        return root
    return next((short for short in SHORT_ROOTS if os.access(short, os.W_OK | os.X_OK)), root)


def root_of_run(environment: Mapping[str, str], memory: str = MEMORY_ROOT, least: int = LEAST_MEMORY) -> str:
    """The folder below which a run makes its own: that of TMPDIR, else memory where there is enough.

    Stores, ledgers and snapshots are made durable at each step: on a disk the tests mostly wait for it. A
    process that is killed loses nothing in memory that it would keep on a disk.
    """
    if not environment.get("TMPDIR") and _has_room(memory, least):
        return memory
    return short_root(tempfile.gettempdir())


def _has_room(root: str, least: int) -> bool:
    """True for a folder in memory in which programs may be written and run, with so many bytes free."""
    try:
        found = os.statvfs(root)
        lines = Path("/proc/meminfo").read_text().splitlines()
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return False
    available = next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 0)
    in_memory = any(mount[1:3] == [root, "tmpfs"] for mount in mounts)
    usable = os.access(root, os.W_OK | os.X_OK) and not found.f_flag & os.ST_NOEXEC
    return in_memory and usable and min(available, found.f_bavail * found.f_frsize) >= least


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the run, for all its processes, unless ``--basetemp`` names one."""
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        made = tempfile.mkdtemp(prefix="filterd-", dir=root_of_run(os.environ))
        config.option.basetemp = config.stash[_MADE] = made


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove what was made, or leave it to be looked at where a test failed."""
    made = Path(session.config.stash.get(_MADE, ""))
    if made.name and (exitstatus == 0 or not any(made.iterdir())):
        shutil.rmtree(made, ignore_errors=True)


def pytest_terminal_summary(exitstatus: int, config: pytest.Config) -> None:
    """Say where the folders of a run with failures are."""
    if exitstatus and Path(config.stash.get(_MADE, "/nowhere")).exists():
        terminal = config.pluginmanager.getplugin("terminalreporter")
        terminal.write_line(f"what the tests wrote is in {config.stash[_MADE]}")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without garbage collection: it would walk all tests many times, then and in the run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Change the environment after pytest has read what shapes its output, before any test is imported."""
    clean = same_everywhere(dict(os.environ))
    os.environ.clear()
    os.environ.update(clean)
    sys.dont_write_bytecode = False
    time.tzset()
