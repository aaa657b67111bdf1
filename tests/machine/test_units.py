"""The unit of the resolver on a booted Debian 13: systemd tells a stop from a restart, ends what is left
behind, and gives up on a wrong configuration. The main process is a made-up one that says what it got."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.machine.conftest import INSIDE, ROOT
from tests.worlds.machine import Machine, booted

UNIT = "filterd-resolver.service"
INSTALL = """
cd /systemd
install -m 0644 *.service *.target /usr/lib/systemd/system
install -D -t /usr/libexec/filterd libexec/*
for each in sysusers.d tmpfiles.d; do install -m 0644 -t /usr/lib/$each $each/*; done
install /inside/fake_filterd.py /usr/bin/filterd
mkdir -p /etc/filterd /etc/systemd/system/filterd-resolver.service.d
printf '[Service]\\nWatchdogSec=3\\n' > /etc/systemd/system/filterd-resolver.service.d/short.conf
systemd-sysusers
systemd-tmpfiles --create filterd.conf
systemctl daemon-reload
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("units")
    with booted(folder, {ROOT / "systemd": "/systemd", INSIDE: "/inside"}) as found:
        found.shell(INSTALL)
        yield found


class Unit:
    """The unit on the machine, from a moment on."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._cursor = ""

    def begin(self) -> None:
        """Start it anew with nothing left of before."""
        script = f"systemctl reset-failed; systemctl start {UNIT}; systemctl stop {UNIT}"
        self._machine.shell(f"rm -f /etc/filterd/refused /etc/filterd/forks; {script}")
        assert self.processes() == set()
        self._machine.run("systemctl", "start", UNIT)
        self.mark()

    def mark(self) -> None:
        """Forget what was said so far."""
        words = ("journalctl", "-n0", "--show-cursor", "--quiet")
        self._cursor = self._machine.out(*words).rpartition("-- cursor: ")[2]

    def said(self) -> list[str]:
        """The signals that main processes got since, in order."""
        lines = self.lines()
        return [line.split()[-1] for line in lines if line.startswith("main process got")]

    def lines(self) -> list[str]:
        """The lines of the unit's journal since."""
        self._machine.run("journalctl", "--sync")
        words = ("journalctl", "--no-pager", "-ocat", "-u", UNIT, f"--after-cursor={self._cursor}")
        return self._machine.out(*words).splitlines()

    def show(self, name: str) -> str:
        """A property of the unit."""
        return self._machine.out("systemctl", "show", "--value", f"--property={name}", UNIT)

    def processes(self) -> set[int]:
        """The processes of the unit."""
        script = f"cat /sys/fs/cgroup/system.slice/{UNIT}/cgroup.procs 2>/dev/null || "
        script += f"cat /sys/fs/cgroup/unified/system.slice/{UNIT}/cgroup.procs 2>/dev/null || true"
        return set(map(int, self._machine.shell(script).split()))

    def kill(self, signal: str) -> None:
        """Send the main process a signal."""
        self._machine.run("kill", f"-{signal}", self.show("MainPID"))

    def wait(self, condition: Callable[[], bool], wanted: str) -> None:
        """Wait until it is so."""
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, f"{wanted}: {self.lines()}"
            time.sleep(0.1)

    def wait_for(self, state: str) -> None:
        """Wait for the state, with no job left."""
        self.wait(lambda: (self.show("ActiveState"), self.show("Job")) == (state, ""), state)


@pytest.fixture
def unit(machine: Machine) -> Unit:
    found = Unit(machine)
    found.begin()
    return found


@pytest.mark.parametrize("command", ["restart", "try-restart", "condrestart"])
def test_a_restart_hands_over_and_leaves_the_resolver_process(
    machine: Machine, unit: Unit, command: str
) -> None:
    before = unit.processes()
    child = before - {int(unit.show("MainPID"))}
    machine.run("systemctl", command, UNIT)
    assert unit.said() == ["SIGUSR2"]
    assert unit.show("ActiveState") == "active"
    assert before & unit.processes() == child
    assert len(unit.processes()) == 3


def test_a_restart_of_the_target_is_one_of_the_unit(machine: Machine, unit: Unit) -> None:
    machine.run("systemctl", "start", "filterd.target")
    machine.run("systemctl", "restart", "filterd.target")
    unit.wait_for("active")
    assert unit.said() == ["SIGUSR2"]
    machine.run("systemctl", "stop", "filterd.target")
    unit.wait_for("inactive")
    assert unit.said() == ["SIGUSR2", "SIGTERM"]


def test_a_stop_ends_everything(machine: Machine, unit: Unit) -> None:
    machine.run("systemctl", "restart", UNIT)  # leaves a predecessor
    machine.run("systemctl", "stop", UNIT)
    assert unit.said() == ["SIGUSR2", "SIGTERM"]
    assert unit.processes() == set()
    assert sum("was left behind and is ended" in line for line in unit.lines()) == 2


def test_a_stop_ends_what_forks_all_the_time(machine: Machine, unit: Unit) -> None:
    machine.run("systemctl", "stop", UNIT)
    machine.write("/etc/filterd/forks", "")
    try:
        machine.run("systemctl", "start", UNIT)
        time.sleep(0.5)
        before = unit.processes()
        time.sleep(0.5)
        assert before - unit.processes(), "another process takes the child's place"
        machine.run("systemctl", "stop", UNIT)
        assert unit.processes() == set()
        assert (unit.show("ActiveState"), unit.show("Result")) == ("inactive", "success")
    finally:
        machine.run("rm", "/etc/filterd/forks")


def test_starts_that_fail_are_tried_for_good(machine: Machine, unit: Unit) -> None:
    """More often than systemd would allow by itself, after pauses that stay short."""
    for count in range(1, 8):
        unit.kill("KILL")
        unit.wait(lambda count=count: unit.show("NRestarts") == str(count), f"restart {count}")  # type: ignore[misc]  # the default binds the number
        unit.wait_for("active")


def test_a_start_that_fails_leaves_the_predecessor_alone(machine: Machine, unit: Unit) -> None:
    child = unit.processes() - {int(unit.show("MainPID"))}
    machine.write("/etc/filterd/refused", "")
    assert machine.run("systemctl", "restart", UNIT, check=False).returncode == 1
    assert (unit.said(), unit.show("ActiveState")) == (["SIGUSR2"], "failed")
    assert unit.processes() == child


def test_a_stop_and_a_start_are_no_restart(machine: Machine, unit: Unit) -> None:
    before = unit.processes()
    machine.run("systemctl", "stop", UNIT)
    machine.run("systemctl", "start", UNIT)
    assert unit.said() == ["SIGTERM"]
    assert before & unit.processes() == set()


def test_a_reload_reaches_the_main_process_alone(machine: Machine, unit: Unit) -> None:
    before = unit.processes()
    machine.run("systemctl", "reload", UNIT)
    machine.run("systemctl", "reload-or-restart", UNIT)
    unit.wait(lambda: unit.said() == ["SIGHUP", "SIGHUP"], "two reloads")
    assert unit.processes() == before


@pytest.mark.parametrize("signal", ["KILL", "SEGV", "TERM"])
def test_a_main_process_that_ends_is_started_again(unit: Unit, signal: str) -> None:
    child = unit.processes() - {int(unit.show("MainPID"))}
    unit.kill(signal)
    unit.wait(lambda: unit.show("NRestarts") != "0", "a restart")
    unit.wait_for("active")
    assert child < unit.processes()  # for the next start to end, or to take over from
    assert len(unit.processes()) == 3


def test_a_main_process_that_is_stuck_is_ended_by_the_watchdog(unit: Unit) -> None:
    stuck = unit.show("MainPID")
    unit.kill("STOP")
    unit.wait(lambda: unit.show("NRestarts") != "0", "a restart")
    unit.wait_for("active")
    assert any("Watchdog timeout" in line for line in unit.lines())
    assert int(stuck) not in unit.processes()


def test_a_wrong_configuration_is_a_failed_unit_and_no_loop(machine: Machine, unit: Unit) -> None:
    machine.run("systemctl", "stop", UNIT)
    machine.write("/etc/filterd/refused", "")
    assert machine.run("systemctl", "start", UNIT, check=False).returncode == 1
    time.sleep(1)  # more than RestartSec=
    assert (unit.show("ActiveState"), unit.show("NRestarts")) == ("failed", "0")
    machine.run("rm", "/etc/filterd/refused")
    machine.run("systemctl", "start", UNIT)


def test_a_wrong_configuration_is_not_reloaded(machine: Machine, unit: Unit) -> None:
    machine.write("/etc/filterd/refused", "")
    assert machine.run("systemctl", "reload", UNIT, check=False).returncode == 1
    assert unit.said() == []
    assert unit.show("ActiveState") == "active"


def test_the_exposure_of_both_units_is_at_most_1_5(machine: Machine) -> None:
    machine.run("systemd-analyze", "security", "--threshold=15", UNIT, "filterd-control.service")


def test_each_example_of_a_drop_in_is_understood(machine: Machine) -> None:
    folder = "/etc/systemd/system/filterd-resolver.service.d"
    for name in sorted(path.name for path in (ROOT / "systemd/examples").iterdir()):
        machine.shell(f"install -m 0644 /systemd/examples/{name} {folder}/{name}; systemctl daemon-reload")
        said = machine.run("systemd-analyze", "verify", "--man=no", UNIT, check=False)
        assert (said.returncode, said.stdout, said.stderr) == (0, "", ""), name
        assert f"{folder}/{name}" in machine.out("systemctl", "show", "--value", "-pDropInPaths", UNIT)
        machine.shell(f"rm {folder}/{name}; systemctl daemon-reload")
