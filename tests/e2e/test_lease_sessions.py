"""An installation that watches a lease file: leases are sessions of its lines, and no past one is on disk."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, stop
from tests.unit.accounting.leases.samples import address
from tests.worlds.dhcp import until

pytestmark = pytest.mark.ring("night")

ONE, TWO = "02:00:00:00:00:01", "02:00:00:00:00:02"


def lease(mac: str, text: str) -> str:
    """A line of dnsmasq's file."""
    return f"{time.time() + 3600:.0f} {mac} {text} * *\n"


@contextmanager
def control(filterd: Deployment) -> Iterator[subprocess.Popen[bytes]]:
    """Control, ready for commands."""
    process = filterd.start("--role", "control")
    try:
        until(lambda: (filterd.state / "sessions-command.sock").exists(), "control's socket", 60)
        until(lambda: filterd.http(filterd.control, "/healthz")[0] == 200, "control's health", 60)
        yield process
    finally:
        stop(process)


def lines(filterd: Deployment, text: str) -> list[tuple[int | None, str]]:
    """Line and source of the sessions of an address."""
    return [(each["line"], each["source"]) for each in filterd.cli("session", "show", text)]


def on_disk(filterd: Deployment, texts: list[bytes]) -> list[str]:
    """The files of the installation that have one of these texts."""
    files = [each for each in filterd.state.rglob("*") if each.is_file()]
    return [str(each) for each in files if any(text in each.read_bytes() for text in texts)]


def written(text: str) -> list[bytes]:
    """An address as text, and as the table has it."""
    return [text.encode(), address(text)]


def test_leases_of_the_configured_file_are_sessions(tmp_path: Path) -> None:
    file = tmp_path / "dnsmasq.leases"
    leases = [{"format": "dnsmasq", "file": str(file), "normalize": ["mac"]}]
    filterd = Deployment(tmp_path / "filterd", free_port(), settings={"accounting": {"leases": leases}})
    filterd.cli("store", "migrate")
    file.write_text(lease(ONE, "192.0.2.11") + lease(TWO, "192.0.2.12"))
    with control(filterd):
        filterd.cli("subscriber", "add", ONE)
        filterd.cli("subscriber", "add", TWO)
        until(lambda: lines(filterd, "192.0.2.11") == [(1, "lease")], "the first lease")
        until(lambda: lines(filterd, "192.0.2.12") == [(2, "lease")], "the second lease")
        file.write_text(lease(TWO, "192.0.2.11"))
        until(lambda: lines(filterd, "192.0.2.11") == [(2, "lease")], "the address moves to the other line")
        until(lambda: lines(filterd, "192.0.2.12") == [], "the other address is nobody's")
    file.write_text(lease(ONE, "192.0.2.13"))
    with control(filterd):
        until(lambda: lines(filterd, "192.0.2.13") == [(1, "lease")], "a lease of while control was down")
        until(lambda: lines(filterd, "192.0.2.11") == [], "a lease that ended while control was down")
        assert on_disk(filterd, written("192.0.2.13")) == [str(filterd.state / "sessions" / "live")]
        assert on_disk(filterd, written("192.0.2.11") + written("192.0.2.12")) == []
        assert "192.0.2." not in filterd.log_whole()
