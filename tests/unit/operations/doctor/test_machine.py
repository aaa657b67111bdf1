"""The machine: kernel, clock, memory, disks, systemd, and the clients that are served."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.operations import subscribers
from filterd.operations.doctor import clients, clock, disk, memory, systemd
from filterd.operations.doctor import kernel as queues
from filterd.operations.doctor.case import Case, synchronised
from filterd.operations.doctor.processes import Process
from tests.worlds.findings import ids, values, write
from tests.worlds.installation import Installation

WITH_CASE = Callable[..., Case]
LIMITS = "Limit                     Soft Limit           Hard Limit           Units     \n"
FILES = "Max open files            1024                 {}               files     \n"
UNIT = """Id=filterd-{role}.service
LoadState={load}
ActiveState={active}
Result=exit-code
UnitFileState={file}
WatchdogUSec={watchdog}
NeedDaemonReload={reload}
NRestarts={restarts}
"""
FINE = {
    "load": "loaded",
    "active": "active",
    "file": "enabled",
    "watchdog": "30s",
    "reload": "no",
    "restarts": "0",
}


def test_a_sound_machine_has_no_findings(built: Case, resolver: Process) -> None:
    running = replace(built, roles={"resolver": resolver})
    for check in (queues.check, clock.check, memory.check, systemd.check, clients.check):
        assert ids(check(running)) == []
    assert ids(disk.check(running)) == ["disk.ledger_beside"]


def test_queues_of_the_kernel(case: Case, kernel: Path, resolver: Process) -> None:
    write(kernel / "sys/net/core/rmem_max", "212992\n")
    write(kernel / "sys/net/core/somaxconn", "128\n")
    assert ids(queues.check(case)) == ["kernel.receive_queue", "kernel.backlog"]
    write(kernel / str(resolver.pid) / "status", "CapEff:\t0000000000001000\n")  # CAP_NET_ADMIN
    assert ids(queues.check(replace(case, roles={"resolver": resolver}))) == ["kernel.backlog"]


@pytest.mark.parametrize(
    ("used", "told"), [(0, []), (10, ["kernel.conntrack"]), (90, ["kernel.conntrack_full"])]
)
def test_connections_that_the_firewall_tracks(case: Case, kernel: Path, used: int, told: list[str]) -> None:
    write(kernel / "sys/net/netfilter/nf_conntrack_count", f"{used}\n")
    write(kernel / "sys/net/netfilter/nf_conntrack_max", "100\n")
    assert ids(queues.check(case)) == told


def test_queries_that_were_lost(with_settings: WITH_CASE, kernel: Path, resolver: Process) -> None:
    line = "0: 0100007F:14B4 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0 {}\n"
    write(kernel / "net/udp", "heading\n" + line.format(3) + line.format(4))
    case = replace(with_settings(dns={"listen": ["127.0.0.1:5300"]}), roles={"resolver": resolver})
    assert values(queues.check(case), "kernel.lost_datagrams") == {"at": "127.0.0.1:5300", "count": 7}


@pytest.mark.parametrize(
    ("hard", "told"), [("4096", True), ("20000", False), ("524288", False), ("unlimited", False)]
)
def test_open_files(case: Case, kernel: Path, resolver: Process, hard: str, told: bool) -> None:
    write(kernel / str(resolver.pid) / "limits", LIMITS + FILES.format(hard))
    found = ids(queues.check(replace(case, roles={"resolver": resolver})))
    assert ("kernel.open_files" in found) is told


async def test_a_clock_that_nobody_sets_or_that_went_back(built: Case, installation: Installation) -> None:
    unset = replace(built, machine=replace(built.machine, synchronised=lambda: False))
    assert ids(clock.check(unset)) == ["clock.unsynchronised"]
    installation.now -= 3600.0
    assert values(clock.check(built), "clock.behind") == {"seconds": 3600}


def test_the_kernel_tells_of_its_clock() -> None:
    assert synchronised() in (True, False)


def test_memory_that_does_not_suffice(case: Case, kernel: Path, resolver: Process) -> None:
    write(kernel / "meminfo", "MemAvailable: 100000 kB\n")
    write(kernel / str(resolver.pid) / "status", "VmRSS:\t100000 kB\nVmSwap:\t5000 kB\n")
    found = list(memory.check(replace(case, roles={"resolver": resolver})))
    assert ids(found) == ["memory.short", "memory.swapped"]
    assert values(found, "memory.short") == {"free": 97, "needed": 352}


def test_memory_that_the_unit_allows(case: Case, kernel: Path, resolver: Process) -> None:
    write(kernel / str(resolver.pid) / "cgroup", "0::/system.slice/filterd-resolver.service\n")
    group = kernel / "cgroups/system.slice/filterd-resolver.service"
    write(group / "memory.max", "104857600\n")
    write(group / "memory.events", "low 0\noom 3\noom_kill 2\n")
    found = list(memory.check(replace(case, roles={"resolver": resolver})))
    assert values(found, "memory.limit") == {"limit": 100, "needed": 352}
    assert values(found, "memory.killed") == {"count": 2}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"f_bavail": 1}, "disk.full"),
        ({"f_bavail": 100 * 256}, "disk.low"),
        ({"f_favail": 5}, "disk.inodes"),
        ({"f_flag": os.ST_RDONLY}, "disk.read_only"),
    ],
)
async def test_disks(built: Case, monkeypatch: pytest.MonkeyPatch, status: dict[str, int], told: str) -> None:
    fields: dict[str, Any] = {"f_bavail": 1 << 30, "f_frsize": 4096, "f_flag": 0, "f_files": 1 << 20}
    fields |= {"f_favail": 1 << 20, **status}
    monkeypatch.setattr(os, "statvfs", lambda _: type("Status", (), fields))
    assert ids(disk.check(built)) == [told, "disk.ledger_beside"]


async def test_a_store_on_another_machine(built: Case, kernel: Path) -> None:
    write(kernel / "mounts", f"/dev/sda1 / ext4 rw 0 0\nserver:/x {built.store.parent} nfs4 rw 0 0\n")
    assert values(disk.check(built), "disk.network")["kind"] == "nfs4"


@pytest.mark.parametrize(
    ("prefixes", "told"),
    [
        (["0.0.0.0/0"], "clients.open"),
        (["0.0.0.0/1", "128.0.0.0/1"], "clients.open"),
        (["::/0"], "clients.open"),
        (["2000::/3"], "clients.open"),
        (["200.0.0.0/6"], "clients.wide"),
        (["2800::/12"], "clients.wide"),
    ],
)
def test_more_clients_than_ours(with_settings: WITH_CASE, prefixes: list[str], told: str) -> None:
    assert ids(clients.check(with_settings(dns={"allow_from": prefixes}))) == [told]


def test_our_own_prefixes_are_fine(with_settings: WITH_CASE) -> None:
    prefixes = ["100.64.0.0/10", "198.51.100.0/22", "2001:db8::/32", "10.0.0.0/8", "127.0.0.0/8", "fc00::/7"]
    assert ids(clients.check(with_settings(dns={"allow_from": prefixes}))) == []


def test_fronts_are_single_addresses(with_settings: WITH_CASE) -> None:
    found = values(clients.check(with_settings(dns={"ecs_from": ["0.0.0.0/0"]})), "clients.wide_fronts")
    assert found == {"key": "dns.ecs_from", "prefix": "0.0.0.0/0"}


@pytest.mark.parametrize("key", ["proxy_from", "ecs_from", "edns_id_from"])
def test_the_customers_own_prefix_is_no_front(with_settings: WITH_CASE, key: str) -> None:
    many = with_settings(dns={key: ["10.1.0.0/24", "192.0.2.0/28", "2001:db8::/124", "127.0.0.0/8"]})
    found = values(clients.check(many), "clients.many_fronts")
    assert found == {"key": f"dns.{key}", "prefix": "10.1.0.0/24", "most": 16}


@pytest.fixture
def lines(case: Case, installation: Installation) -> Case:
    """Two lines with their prefixes in the store."""

    async def register() -> None:
        async with installation.open("ana") as context:
            await subscribers.add(context, "one", prefixes=("198.51.100.7", "2001:db8:1::/56"))
            await subscribers.add(context, "two", prefixes=("203.0.113.9", "203.0.113.10"))

    asyncio.run(register())
    return case


@pytest.mark.parametrize(
    ("allowed", "count"),
    [
        (["198.51.100.0/24", "2001:db8::/32", "203.0.113.0/24"], 0),
        (["198.51.100.0/24", "2001:db8::/32", "203.0.113.8/31"], 1),
        (["198.51.100.0/24", "203.0.113.0/24"], 1),
        (["192.0.2.0/24"], 2),
    ],
)
def test_lines_that_are_not_served(
    with_settings: WITH_CASE, lines: Case, allowed: list[str], count: int
) -> None:
    del lines
    found = list(clients.check(with_settings(dns={"allow_from": allowed})))
    assert ids(found) == (["clients.lines_outside"] if count else [])
    assert not count or values(found, "clients.lines_outside") == {"count": count}


def test_more_lines_than_there_is_time_for(
    with_settings: WITH_CASE, lines: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    del lines
    monkeypatch.setattr(clients, "COMPARE_SECONDS", 0.0)
    found = list(clients.check(with_settings(dns={"allow_from": ["192.0.2.0/24"]})))
    assert values(found, "clients.lines_unchecked") == {"count": 0}


def test_the_default_clients_are_private(with_settings: WITH_CASE) -> None:
    assert ids(clients.check(with_settings(dns={"listen": ["192.0.2.1:53"]}))) == ["clients.default"]


def with_systemd(case: Case, folder: Path, script: str) -> Case:
    """The case on a machine whose systemd replies by a script."""
    program = folder / "systemctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (folder / "systemd").mkdir()
    return replace(case, machine=replace(case.machine, systemd=folder / "systemd", systemctl=str(program)))


def units(case: Case, folder: Path, **changes: str) -> Case:
    """The same with a unit of each role; ``changes`` are of the resolver's."""
    shown = UNIT.format(role="resolver", **FINE | changes) + "\n" + UNIT.format(role="control", **FINE)
    return with_systemd(case, folder, f"cat <<'END'\n{shown}END")


def test_units_that_are_as_they_should_be(case: Case, tmp_path: Path) -> None:
    assert ids(systemd.check(units(case, tmp_path))) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"active": "failed"}, "systemd.failed"),
        ({"file": "disabled"}, "systemd.not_enabled"),
        ({"reload": "yes"}, "systemd.reload_needed"),
        ({"watchdog": "0"}, "systemd.watchdog"),
        ({"watchdog": "10s"}, "systemd.watchdog"),
        ({"watchdog": "1min 30s"}, ""),
        ({"watchdog": "infinity"}, ""),
        ({"restarts": "4"}, "systemd.restarted"),
        ({"load": "masked"}, "systemd.unit_missing"),
    ],
)
def test_units(case: Case, tmp_path: Path, changes: dict[str, str], told: str) -> None:
    assert ids(systemd.check(units(case, tmp_path, **changes))) == ([told] if told else [])


def test_a_role_beside_its_unit(case: Case, tmp_path: Path, resolver: Process) -> None:
    running = replace(units(case, tmp_path, active="inactive"), roles={"resolver": resolver})
    assert values(systemd.check(running), "systemd.outside_unit")["pid"] == resolver.pid


def test_a_machine_without_our_units_or_without_a_reply(case: Case, tmp_path: Path) -> None:
    absent = UNIT.format(role="resolver", **FINE | {"load": "not-found"})
    assert ids(systemd.check(with_systemd(case, tmp_path, f"cat <<'END'\n{absent}END"))) == [
        "systemd.no_units"
    ]
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    broken = replace(
        case,
        machine=replace(case.machine, systemd=tmp_path, systemctl=str(tmp_path / "systemctl")),
    )
    assert ids(systemd.check(broken)) == ["systemd.no_reply"]
