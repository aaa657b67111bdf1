"""The life of a package on a booted Debian 13: installed, configured with a mistake, mended, serving port 53
under load through whatever happens to it, upgraded, downgraded, removed and purged.

The tests are one story, in their order. The upstream has an address for every name: whoever gets one for the
name that an order blocks was let through.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.machine.conftest import INSIDE
from tests.machine.traffic import traffic
from tests.worlds.machine import Machine, booted, short_queues
from tests.worlds.machine_package import next_version, package, version_of
from tests.worlds.measured import measured

pytestmark = pytest.mark.timeout(1100)  # the package may have to be built first
QUEUE = 212_992
"""bytes: the kernel's own net.core.rmem_max, with which a socket keeps some 256 queries"""
RESOLVER, CONTROL = "filterd-resolver.service", "filterd-control.service"
CONFIGURATION = """
node: {name: machine}
dns:
  listen: ["127.0.0.1:53", "[::1]:53"]
  upstreams: ["127.0.0.2:5353"]
  allow_from: [127.0.0.0/8, "::1/128"]
store: {url: "sqlite:////var/lib/filterd/filterd.db"}
state_dir: /var/lib/filterd
policies: /etc/filterd/policies
policies_base: /usr/share/filterd/policies
orders: {approvals: 1}
"""
MISTAKE = ("allow_from: [127.0.0.0/8", "allow_from: [127.0.0.0/33")
COMPILER = """
import os, time
print("looking", flush=True)
wanted, seen, end = f"{min(os.nice(0) + 19, 19)} 5", "", time.monotonic() + 90
while seen != wanted and time.monotonic() < end:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if b"filterd.operations." + b"compile" in open(f"/proc/{pid}/cmdline", "rb").read():
                values = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
                seen = f"{values[16]} {values[38]}"
        except OSError:
            pass
print(seen == wanted, seen)
"""
"""looks for niceness and policy of the compiler's process (proc_pid_stat(5), 19 and 41): 19 below ours, which
the units share, and SCHED_IDLE"""
OWN_LISTS = "/etc/filterd/policies/lists"
OWN_FEED = "- {id: own, source: lists/own.txt, format: domains, category: gambling}\n"
SQUAT = "import socket, sys, time; s = socket.create_server(('', int(sys.argv[1]))); time.sleep(600)"
ORDER = """filterd order add blocked.example --authority judge --official "The judge" --document 12/2026 \
--ground lmtr-182 --law "Law 1" --reason "served today" """
LEFT = """
find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /exchange \\
    -o -path /packages -o -path /inside -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg \\
    -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /var/tmp -o -path /root -o -name '*-' \\
    -o -name __pycache__ \\) -prune -o -print | sort
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """This version and the next one."""
    first = package()
    return [first, next_version(first, tmp_path_factory.mktemp("next"))]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, packages: list[Path]) -> Iterator[Machine]:
    binds = {each.parent: f"/packages/{number}" for number, each in enumerate(packages)}
    with booted(tmp_path_factory.mktemp("package"), {INSIDE: "/inside", **binds}) as found:
        found.run("systemd-run", "--unit=upstream", "python3", "/inside/upstream.py", "127.0.0.2", "5353")
        found.shell(f"({LEFT}) > /root/before")
        yield found


def install(machine: Machine, packages: list[Path], number: int) -> None:
    """Install one of the packages by apt, over whatever is there."""
    words = ("apt-get", "install", "--yes", "--quiet", "--allow-downgrades", "--no-install-recommends")
    machine.run(*words, f"/packages/{number}/{packages[number].name}")


def show(machine: Machine, unit: str, name: str) -> str:
    return machine.out("systemctl", "show", "--value", f"--property={name}", unit)


def worker(machine: Machine) -> str:
    """The resolver process that answers: the newest; empty: there is none at the moment."""
    return machine.run("pgrep", "--newest", "--full", "filterd.serve.resolver", check=False).stdout.strip()


def restarted(machine: Machine, unit: str, times: int) -> bool:
    return show(machine, unit, "NRestarts") == str(times)


def ready(machine: Machine) -> bool:
    fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9353/readyz', timeout=2).status)"
    return machine.run("python3", "-c", fetch, check=False).stdout.strip() == "200"


def soon(machine: Machine, condition: Callable[[], bool], wanted: str) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"{wanted}\n{machine.journal(RESOLVER, CONTROL)}"
        time.sleep(0.1)


def bound(machine: Machine, port: int) -> bool:
    return f":{port} " in machine.out("ss", "--tcp", "--listening", "--numeric")


def nodes(machine: Machine) -> str:
    """The remarks of ``node list``."""
    return machine.run("filterd", "node", "list", user="filterd").stderr


def control_page(machine: Machine) -> str:
    fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/readyz', timeout=2).read())"
    return machine.run("python3", "-c", fetch, check=False).stdout


def verdict(machine: Machine, name: str) -> str:
    """The status and extended error of an answer; what dig says where there is none."""
    said = machine.run("dig", "+tries=1", "@127.0.0.1", name, check=False).stdout
    return "blocked" if "status: NXDOMAIN" in said and "EDE: 16" in said else said


def test_the_package_is_installed_and_starts_nothing(machine: Machine, packages: list[Path]) -> None:
    began = time.monotonic()
    install(machine, packages, 0)
    measured("apt install of the package", time.monotonic() - began)
    assert machine.out("filterd", "--version").endswith(version_of(packages[0]))
    for unit in (RESOLVER, CONTROL, "filterd.target"):
        assert machine.out("systemctl", "is-enabled", unit) == "enabled"
        assert show(machine, unit, "ActiveState") == "inactive"
    assert machine.out("stat", "-c%a %U", "/var/lib/filterd") == "700 filterd"


def test_a_mistake_is_found_by_the_check_and_refused_by_the_unit(machine: Machine) -> None:
    machine.write("/etc/filterd/filterd.yaml", CONFIGURATION.replace(*MISTAKE))
    checked = machine.run("filterd", "config", "check", check=False)
    assert (checked.returncode, checked.stdout) == (2, "")
    assert "dns.allow_from" in checked.stderr
    assert "what to do" in checked.stderr
    doctor = machine.run("filterd", "doctor", "--json", check=False)
    assert doctor.returncode == 1
    findings = json.loads(doctor.stdout)["findings"]
    assert [each["message"] for each in findings if each["id"] == "config.invalid"], doctor.stdout
    assert machine.run("systemctl", "start", RESOLVER, check=False).returncode == 1
    assert (show(machine, RESOLVER, "ActiveState"), show(machine, RESOLVER, "NRestarts")) == ("failed", "0")
    assert "dns.allow_from" in machine.journal(RESOLVER)


def test_mended_it_serves_port_53_with_the_queues_that_the_kernel_gives(machine: Machine) -> None:
    machine.write("/etc/filterd/filterd.yaml", CONFIGURATION)
    machine.run("filterd", "config", "check")
    machine.shell("filterd store migrate", user="filterd")
    began = time.monotonic()
    with short_queues(QUEUE):
        machine.run("systemctl", "start", "filterd.target")
        soon(machine, lambda: ready(machine), "ready")
    measured("systemctl start to ready, on an empty disk", time.monotonic() - began)
    assert machine.out("dig", "+short", "@127.0.0.1", "www.open.example") == "198.51.100.7"
    machine.shell(ORDER, user="filterd")
    soon(machine, lambda: verdict(machine, "www.blocked.example") == "blocked", "blocked")
    sockets = machine.out("ss", "--udp", "--listening", "--numeric", "--memory", "sport = :53")
    assert f"rb{2 * QUEUE}," in sockets  # the kernel doubles what it is asked for


def test_a_reload_loses_nothing(machine: Machine) -> None:
    with traffic(machine, "reload of both units") as counts:
        machine.run("systemctl", "reload", RESOLVER, CONTROL)
    counts.require_none_lost()


def test_a_restart_of_the_resolver_loses_nothing(machine: Machine) -> None:
    before = worker(machine)
    with traffic(machine, "restart of the resolver") as counts:
        machine.run("systemctl", "restart", RESOLVER)
    counts.require_none_lost()
    assert worker(machine) != before
    soon(machine, lambda: machine.out("pgrep", "-fc", "filterd.serve.resolver") == "1", "one resolver left")


def test_a_restart_with_a_wrong_file_leaves_the_time_to_mend_it(machine: Machine) -> None:
    with traffic(machine, "restart with a wrong file, mended") as counts:
        machine.write("/etc/filterd/filterd.yaml", CONFIGURATION.replace(*MISTAKE))
        assert machine.run("systemctl", "restart", RESOLVER, check=False).returncode == 1
        machine.write("/etc/filterd/filterd.yaml", CONFIGURATION)
        machine.run("systemctl", "start", RESOLVER)
    counts.require_none_lost()


@pytest.mark.parametrize("units", [(CONTROL,), (RESOLVER, CONTROL)], ids=["control", "both"])
def test_a_restart_of_control_loses_nothing(machine: Machine, units: tuple[str, ...]) -> None:
    with traffic(machine, f"restart of {' and '.join(units)}") as counts:
        machine.run("systemctl", "restart", *units)
    counts.require_none_lost()


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_resolver_process_that_dies_or_is_stuck_comes_back(machine: Machine, signal: str) -> None:
    before = worker(machine)
    with traffic(machine, f"resolver process, {signal}") as counts:
        machine.run("kill", f"-{signal}", before)
        soon(machine, lambda: worker(machine) not in ("", before) and ready(machine), "another")
    counts.require_none_unfiltered()
    assert show(machine, RESOLVER, "NRestarts") == "0"


def test_a_supervisor_that_dies_comes_back(machine: Machine) -> None:
    with traffic(machine, "supervisor, KILL") as counts:
        machine.run("kill", "-KILL", show(machine, RESOLVER, "MainPID"))
        soon(machine, lambda: show(machine, RESOLVER, "NRestarts") == "1" and ready(machine), "a new start")
    counts.require_none_unfiltered()
    assert machine.out("pgrep", "-fc", "filterd.serve.resolver") == "1"


def test_a_port_of_the_pages_that_another_has_keeps_dns_from_nothing(machine: Machine) -> None:
    """Any user may bind it while it is free, as after a crash. It is bound again once it is free."""
    machine.run("systemctl", "stop", RESOLVER, CONTROL)
    machine.run("systemctl", "reset-failed", RESOLVER, CONTROL, check=False)
    for port in (9353, 8080):
        machine.run(
            "systemd-run", f"--unit=squatter-{port}", "--uid=nobody", "python3", "-c", SQUAT, str(port)
        )
        soon(machine, lambda port=port: bound(machine, port), "squatted")  # type: ignore[misc]  # binds the port
    machine.run("systemctl", "start", RESOLVER, CONTROL)
    soon(machine, lambda: verdict(machine, "www.blocked.example") == "blocked", "DNS without pages")
    machine.run("kill", "-KILL", show(machine, RESOLVER, "MainPID"))
    soon(machine, lambda: show(machine, RESOLVER, "NRestarts") == "1", "a new start")
    soon(machine, lambda: verdict(machine, "www.blocked.example") == "blocked", "DNS after a crash")
    assert "it is held by a process of the user nobody" in machine.journal(RESOLVER)
    soon(machine, lambda: "no metrics and health pages" in nodes(machine), "the remark")
    machine.run("systemctl", "stop", "squatter-9353", "squatter-8080")
    soon(machine, lambda: ready(machine), "pages")
    soon(machine, lambda: "no metrics" not in nodes(machine), "no remark")


def test_wrong_policies_keep_nothing_from_starting(machine: Machine) -> None:
    machine.write("/etc/filterd/policies/protected.yaml", "- {slip\n")
    try:
        assert machine.run("filterd", "config", "check", check=False).returncode == 2
        with traffic(machine, "wrong policies and a supervisor that is killed") as counts:
            for unit in (RESOLVER, CONTROL):
                restarts = int(show(machine, unit, "NRestarts"))
                machine.run("kill", "-KILL", show(machine, unit, "MainPID"))
                soon(machine, partial(restarted, machine, unit, restarts + 1), "again")
            soon(machine, lambda: ready(machine), "ready")
        counts.require_none_unfiltered()
        with traffic(machine, "restart with wrong policies") as counts:
            machine.run("systemctl", "restart", RESOLVER, CONTROL)
        counts.require_none_lost()
        for unit in (RESOLVER, CONTROL):
            assert show(machine, unit, "ActiveState") == "active"
        assert verdict(machine, "www.blocked.example") == "blocked"
        soon(machine, lambda: "the policies cannot be read" in control_page(machine), "control says so")
    finally:
        machine.run("rm", "/etc/filterd/policies/protected.yaml")


def test_a_secret_comes_by_credential(machine: Machine) -> None:
    folder = "/etc/systemd/system/filterd-resolver.service.d"
    example = "/usr/share/doc/filterd/examples/systemd/secrets.conf"
    setting = "cookie_secret_file: /run/credentials/filterd-resolver.service/cookie-secret"
    machine.shell(f"""
install -d -m 0700 /etc/filterd/secrets; (umask 077; printf '%032d\n' 7 > /etc/filterd/secrets/cookie-secret)
install -D -m 0644 -t {folder} {example}; systemctl daemon-reload""")
    machine.write("/etc/filterd/filterd.yaml", CONFIGURATION.replace("dns:\n", f"dns:\n  {setting}\n"))
    machine.run("systemctl", "restart", RESOLVER, CONTROL)
    soon(machine, lambda: ready(machine), "ready")
    fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9353/readyz', timeout=2).read())"
    assert "cookie" not in machine.out("python3", "-c", fetch)
    machine.write("/etc/filterd/filterd.yaml", CONFIGURATION)
    machine.shell(f"rm -r {folder} /etc/filterd/secrets; systemctl daemon-reload")
    machine.run("systemctl", "restart", RESOLVER, CONTROL)


def test_the_compiler_gives_way_under_the_sandbox(machine: Machine) -> None:
    found = machine.start("python3", "-c", COMPILER)
    assert found.stdout is not None
    assert found.stdout.readline() == "looking\n"
    # A list that takes long enough to be seen, beside the shipped ones.
    machine.write("/etc/filterd/policies/feeds.yaml", OWN_FEED)
    machine.shell(f"mkdir -p {OWN_LISTS}; seq -f name%.0f.example 1500000 >{OWN_LISTS}/own.txt")
    # Control may read the new list at the same moment: whoever comes second is told to read it again.
    machine.run("sh", "-c", "filterd feed update own || filterd feed update own", user="filterd")
    printed, _ = found.communicate(timeout=120)
    assert printed.startswith("True"), f"niceness 19 and SCHED_IDLE (sched(7)) were never seen: {printed}"


def test_the_resolver_starts_from_a_store_that_was_closed(machine: Machine) -> None:
    machine.run("systemctl", "stop", RESOLVER, CONTROL)
    # The last one to close it removes its side files: a reader who cannot write finds no way in.
    machine.run("sqlite3", "/var/lib/filterd/filterd.db", "VACUUM", user="filterd")
    assert "filterd.db-wal" not in machine.out("ls", "/var/lib/filterd").split()
    machine.run("rm", "-r", "/var/lib/filterd/node")
    with short_queues(QUEUE):
        machine.run("systemctl", "start", RESOLVER)
    soon(machine, lambda: ready(machine), "ready without control")
    assert verdict(machine, "www.blocked.example") == "blocked"
    machine.run("systemctl", "start", "filterd.target")


def test_an_upgrade_and_a_downgrade_lose_nothing(machine: Machine, packages: list[Path]) -> None:
    """Also where a feed in force has lost its entry, which the check of the policies reports."""
    machine.write("/etc/filterd/policies/feeds.yaml", OWN_FEED)
    machine.shell(
        f"mkdir -p {OWN_LISTS}; [ -e {OWN_LISTS}/own.txt ] || echo bets.example >{OWN_LISTS}/own.txt"
    )
    machine.run("filterd", "feed", "update", "own", user="filterd")
    machine.write("/etc/filterd/policies/feeds.yaml", "[]\n")
    assert machine.run("filterd", "config", "check", user="filterd", check=False).returncode == 2
    for number, event in ((1, "upgrade"), (0, "downgrade")):
        with traffic(machine, event) as counts:
            install(machine, packages, number)
        counts.require_none_lost()
        version = version_of(packages[number])
        assert machine.out("filterd", "--version").endswith(version)
        maps = machine.shell(f"cat /proc/{worker(machine)}/maps")
        assert f"/usr/lib/filterd/{version}/" in maps
        assert show(machine, CONTROL, "ActiveState") == "active"


def test_installed_over_kept_data_it_says_what_is_next(machine: Machine, packages: list[Path]) -> None:
    machine.run("apt-get", "remove", "--yes", "filterd")
    said = machine.out("apt-get", "install", "--yes", "--quiet", f"/packages/0/{packages[0].name}")
    assert "installed again over /etc/filterd/filterd.yaml and the data" in said
    assert "systemctl start filterd.target" in said
    assert show(machine, RESOLVER, "ActiveState") == "inactive"
    machine.run("systemctl", "start", "filterd.target")
    soon(machine, lambda: verdict(machine, "www.blocked.example") == "blocked", "as before")


def test_removed_it_keeps_the_data_and_purged_nothing(machine: Machine) -> None:
    machine.run("apt-get", "remove", "--yes", "filterd")
    assert show(machine, RESOLVER, "ActiveState") in ("inactive", "failed")
    assert machine.run("pgrep", "-u", "filterd", check=False).stdout == ""
    machine.run("test", "-s", "/var/lib/filterd/filterd.db", "-a", "-s", "/etc/filterd/filterd.yaml")
    machine.run("apt-get", "purge", "--yes", "filterd")
    assert machine.shell(f"({LEFT}) | comm -13 /root/before -").splitlines() == []
    assert machine.run("getent", "passwd", "filterd", check=False).stdout == ""
