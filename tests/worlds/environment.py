"""The environment that the tests and the programs that they start see: the same on every machine.

What the terminal, the language, the zone of the clock, a proxy, sudo or a service manager put there is
removed, and so is filterd's own: a test must not touch the installation of whoever runs it.
"""

from __future__ import annotations

import os
import tempfile
import time

import pytest

REMOVED = (
    "ALL_PROXY", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLUMNS", "FILTERD_CONFIG",
    "FORCE_COLOR", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "LANGUAGE", "LINES", "LISTEN_FDS",
    "LISTEN_PID", "NOTIFY_SOCKET", "NO_COLOR", "NO_PROXY", "PYTHONWARNINGS", "SUDO_COMMAND",
    "SUDO_GID", "SUDO_UID", "SUDO_USER", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "WATCHDOG_PID",
    "WATCHDOG_USEC",
)  # fmt: skip
"""variables that decide what a program does, whatever their case; besides all of LC_*"""
FIXED = {"LANG": "C.UTF-8", "TERM": "xterm-256color", "TZ": "UTC"}
LONGEST_ROOT = 16
"""bytes of the folder of temporary files: the path of a Unix socket below it may have 107 (unix(7))"""
SHORT_ROOTS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - tests make folders of their own there, as pytest does


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


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose where pytest makes the tests' folders, before it makes one. ``--basetemp`` has the last word."""
    del config
    given = os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()
    os.environ["PYTEST_DEBUG_TEMPROOT"] = short_root(given)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Change the environment after pytest has read what shapes its output, before any test is imported."""
    clean = same_everywhere(dict(os.environ))
    os.environ.clear()
    os.environ.update(clean)
    time.tzset()
