"""The unit files: how much each role could do if it were taken over, and a reason for each open line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[3] / "systemd"
UNITS = ["filterd-resolver", "filterd-control", "filterd-web", "filterd-block"]
MOST_EXPOSURE = 15
"""tenths; 100 is a service without any limit"""
REASONS = {
    "AmbientCapabilities": "The one privilege is port",
    "CapabilityBoundingSet": "The one privilege is port",
    "IPAddressDeny": "Not PrivateNetwork=, IPAddressDeny=:",
    "PrivateNetwork": "Not PrivateNetwork=, IPAddressDeny=:",
    "PrivateUsers": "Not PrivateUsers=:",
    "ProcSubset": "Not ProcSubset=pid:",
    "RestrictAddressFamilies": "Internet sockets for",
    "SystemCallFilter": "Of @resources, what",
}
"""a setting that may be less than the strictest -> how the comment begins that says why"""
NOT_OURS = {"RootDirectory", "DeviceAllow"}
"""open lines of the assessment without a setting to give a reason for: an image of its own, and /dev/rtc,
which ProtectClock= itself adds read-only"""


def text_of(unit: str) -> str:
    return (SYSTEMD / f"{unit}.service").read_text()


def assessment(unit: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", *options, f"{unit}.service"],
        cwd=SYSTEMD,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.system("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS)
def test_the_exposure_of_a_role_is_at_most_1_5(unit: str) -> None:
    done = assessment(unit, f"--threshold={MOST_EXPOSURE}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Overall exposure level" in done.stdout


@pytest.mark.system("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS)
def test_each_line_that_is_not_the_strictest_has_its_reason(unit: str) -> None:
    comments = [line for line in text_of(unit).splitlines() if line.startswith("#")]
    open_settings = set(re.findall(r"^✗ ([A-Z]\w+)=", assessment(unit).stdout, re.MULTILINE)) - NOT_OURS
    assert "PrivateNetwork" in open_settings  # the assessment was understood
    assert open_settings <= REASONS.keys()
    assert [name for name in open_settings if REASONS[name] not in "\n".join(comments)] == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_checks_the_configuration_before_a_start_and_a_reload(unit: str) -> None:
    lines = text_of(unit).splitlines()
    assert "ExecStartPre=/usr/bin/filterd config check --settings" in lines
    reload = [line for line in lines if line.startswith("ExecReload=")]
    check = "ExecReload=/usr/bin/filterd config check --settings"
    assert reload == [check, "ExecReload=/bin/kill -HUP $MAINPID"]


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_never_gives_up_starting(unit: str) -> None:
    lines = text_of(unit).splitlines()
    assert "StartLimitIntervalSec=0" in lines
    longest = next(line for line in lines if line.startswith("RestartMaxDelaySec="))
    assert longest == {"filterd-resolver": "RestartMaxDelaySec=3s"}.get(unit, "RestartMaxDelaySec=30s")


def test_the_kernel_is_asked_for_the_queues_that_a_socket_takes() -> None:
    from filterd.dataplane.listeners.socket_binding import UDP_BUFFER

    text = (SYSTEMD / "sysctl.d/filterd.conf").read_text()
    assert f"net.core.rmem_max = {UDP_BUFFER}" in text.splitlines()


@pytest.mark.parametrize("path", sorted((SYSTEMD / "libexec").iterdir()), ids=lambda path: path.name)
def test_a_script_of_the_units_is_sound_shell(path: Path) -> None:
    assert path.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(path)], check=True)
    assert f"/usr/libexec/filterd/{path.name} " in text_of("filterd-resolver")
