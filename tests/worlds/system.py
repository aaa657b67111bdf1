"""Tests that need a command of the system say so; without it they are skipped, with one line in the summary.

``@pytest.mark.system("dig", "unbound")`` on a test, class or module (``pytestmark``). With ``CI=true`` in the
environment a missing command is a failure: a machine of ours has them all (.ci/run installs them).
The plugin is registered by ``pytest_plugins = ["tests.worlds.system"]`` in tests/conftest.py.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PACKAGES = {
    "bash": "bash",
    "chromium": "chromium",
    "delv": "bind9-dnsutils",
    "dhclient": "isc-dhcp-client",
    "dhcpd": "isc-dhcp-server",
    "dig": "bind9-dnsutils",
    "dnsmasq": "dnsmasq-base",
    "dnssec-keygen": "bind9-utils",
    "dnssec-signzone": "bind9-utils",
    "dnsdist": "dnsdist",
    "dpkg-deb": "dpkg-dev",
    "fish": "fish",
    "freeradius": "freeradius",
    "gcc": "gcc",
    "groff": "groff",
    "kea-dhcp4": "kea-dhcp4-server",
    "kea-dhcp6": "kea-dhcp6-server",
    "kdig": "knot-dnsutils",
    "lintian": "lintian",
    "minisign": "minisign",
    "named": "bind9",
    "named-compilezone": "bind9-utils",
    "nsd": "nsd",
    "nsd-checkconf": "nsd",
    "openssl": "openssl",
    "pdfdetach": "poppler-utils",
    "pdftotext": "poppler-utils",
    "pdns_recursor": "pdns-recursor",
    "prometheus": "prometheus",
    "radclient": "freeradius-utils",
    "promtool": "prometheus",
    "systemd-analyze": "systemd",
    "systemd-resolved": "systemd-resolved",
    "udhcpc": "udhcpc",
    "unbound": "unbound",
    "unbound-checkconf": "unbound",
    "zsh": "zsh",
}
"""command -> the Debian package that brings it"""

_skipped: dict[str, list[str]] = {}
"""test -> the packages for want of which it was skipped"""


def command(name: str) -> Path | None:
    """Where the command is, or None. Daemons live in folders that are not on every user's PATH."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", "/usr/lib/systemd"])
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def missing_packages(item: pytest.Item) -> list[str]:
    """The Debian packages, sorted, that a test names with its ``system`` marks and that are not installed."""
    wanted = {name for mark in item.iter_markers("system") for name in mark.args}
    return sorted({PACKAGES[name] for name in wanted if command(name) is None})


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail under ``CI=true``, what cannot run here."""
    packages = missing_packages(item)
    if not packages:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"system package missing: apt-get install {' '.join(packages)}", pytrace=False)
    _skipped[item.nodeid] = packages
    pytest.skip(f"needs {' '.join(packages)}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what one of several processes skipped to the one that prints the summary."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["skipped"] = _skipped


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take in what one of several processes skipped."""
    _skipped.update(getattr(node, "workeroutput", {}).get("skipped", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The one line that names what to install."""
    if _skipped:
        names = " ".join(sorted({package for packages in _skipped.values() for package in packages}))
        line = f"{len(_skipped)} tests skipped, to run them: apt-get install {names}"
        terminalreporter.write_line(line, yellow=True)
