"""Addresses that are taken, absent or not bound, and other resolvers: with real sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.operations.doctor import ports, processes, resolvers
from filterd.operations.doctor.case import Account, Case, running_roles
from filterd.operations.doctor.processes import Process
from tests.worlds.findings import ids, values, write

WITH_CASE = Callable[..., Case]
HOLD = """
import socket, sys
held = socket.socket(type=socket.SOCK_DGRAM)
held.bind(("127.0.0.1", 0))
print(held.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def another_program() -> Iterator[tuple[int, int]]:
    """A program with a UDP socket: its process and its port."""
    words = [sys.executable, "-c", HOLD]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.pid, int(process.stdout.readline())
        process.stdin.close()


def real(case: Case) -> Case:
    """The case with the kernel's own files."""
    return replace(case, machine=replace(case.machine, proc=Path("/proc")))


def listening(make: WITH_CASE, port: int, host: str = "127.0.0.1") -> Case:
    """A case that listens at this port."""
    return real(make(dns={"listen": [f"{host}:{port}"]}))


def test_another_program_at_our_address_is_named(with_settings: WITH_CASE) -> None:
    with another_program() as (pid, port):
        found = values(ports.check(listening(with_settings, port)), "ports.taken")
        wide = ids(ports.check(listening(with_settings, port, "0.0.0.0")))
    assert (found["pid"], found["program"].startswith("python"), found["port"]) == (pid, True, port)
    assert found["bound"] == f"127.0.0.1:{port} (udp)"
    assert "ports.taken" in wide


def test_a_program_whose_files_may_not_be_looked_at(with_settings: WITH_CASE, kernel: Path) -> None:
    line = "0: 0100007F:14B4 00000000:0000 07 00000000:00000000 00:00000000 00000000 105 0 4711 2 0 0\n"
    write(kernel / "net/udp", f"heading\n{line}")
    case = with_settings(dns={"listen": ["127.0.0.1:5300"]})
    assert values(ports.check(case), "ports.taken_by_unknown")["port"] == 5300


def test_the_running_resolver_is_no_stranger(with_settings: WITH_CASE, resolver: Process) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        case = listening(with_settings, bound.getsockname()[1])
        assert "ports.taken" in ids(ports.check(case))
        found = ids(ports.check(replace(case, roles={"resolver": resolver})))
    assert not {"ports.taken", "ports.taken_by_unknown"} & set(found)


def test_a_role_whose_files_only_root_may_look_at(
    with_settings: WITH_CASE, kernel: Path, resolver: Process
) -> None:
    """Seen by the user that runs it: the sockets at its addresses belong to that user."""
    line = "0: 0100007F:14B4 00000000:0000 07 00000000:00000000 00:00000000 00000000 {} 0 4711 2 0 0\n"
    write(kernel / "net/udp", "heading\n" + line.format(resolver.uid))
    case = replace(with_settings(dns={"listen": ["127.0.0.1:5300"]}), roles={"resolver": resolver})
    assert "ports.taken_by_unknown" not in ids(ports.check(case))
    write(kernel / "net/udp", "heading\n" + line.format(resolver.uid + 1))
    assert "ports.taken_by_unknown" in ids(ports.check(case))


def test_an_address_that_is_not_bound_by_the_role_that_runs(
    with_settings: WITH_CASE, resolver: Process
) -> None:
    case = replace(listening(with_settings, 5300), roles={"resolver": resolver})
    assert values(ports.check(case), "ports.not_bound")["key"] in ("dns.listen[0]", "metrics.listen")


def test_a_port_of_the_kernels_choice_is_nobodys_fault(with_settings: WITH_CASE, resolver: Process) -> None:
    case = with_settings(dns={"listen": ["127.0.0.1:0"]}, metrics={"listen": "127.0.0.1:0"})
    assert "ports.not_bound" not in ids(ports.check(replace(case, roles={"resolver": resolver})))


def test_an_address_that_no_interface_has(with_settings: WITH_CASE) -> None:
    found = values(ports.check(with_settings(dns={"listen": ["192.0.2.53:5300"]})), "ports.no_interface")
    assert found == {"key": "dns.listen[0]", "at": "192.0.2.53:5300"}


def test_an_address_that_customers_cannot_reach(with_settings: WITH_CASE) -> None:
    assert "ports.loopback_only" in ids(ports.check(with_settings()))
    assert "ports.loopback_only" not in ids(ports.check(with_settings(dns={"listen": ["0.0.0.0:5300"]})))


@pytest.mark.parametrize(("port", "uid", "told"), [(53, 1000, True), (53, 0, False), (5300, 1000, False)])
def test_a_port_that_takes_a_capability(with_settings: WITH_CASE, port: int, uid: int, told: bool) -> None:
    case = with_settings(dns={"listen": [f"127.0.0.1:{port}"]})
    case = replace(case, account=Account("someone", uid, frozenset()))
    assert ("ports.privileged" in ids(ports.check(case))) is told


def test_other_resolvers_on_this_machine(with_settings: WITH_CASE, kernel: Path) -> None:
    line = "0: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 101 0 99 2 0 0\n"
    write(kernel / "net/udp", f"heading\n{line}")
    (kernel / "77/fd").mkdir(parents=True)
    (kernel / "77/fd/3").symlink_to("socket:[99]")
    write(kernel / "77/stat", "77 (systemd-resolve) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0")
    write(kernel / "77/cmdline", "/lib/systemd/systemd-resolved\0")
    write(kernel / "77/status", "Uid:\t101\t101\t101\t101\n")
    found = values(resolvers.check(with_settings()), "resolvers.other")
    assert found == {"program": "systemd-resolve (77)", "at": "127.0.0.53:53"}


def test_the_machines_own_resolver(with_settings: WITH_CASE, tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 127.0.0.1\n")
    case = with_settings(dns={"listen": ["127.0.0.1:53"]})
    case = replace(case, machine=replace(case.machine, resolv_conf=path))
    assert ids(resolvers.check(case)) == ["resolvers.machine_asks_us"]
    path.write_text("search example\n")
    assert ids(resolvers.check(case)) == ["resolvers.no_resolver"]


def test_a_second_resolver_of_customers_cannot_be_seen(with_settings: WITH_CASE) -> None:
    assert "resolvers.second" in ids(resolvers.check(with_settings(dns={"listen": ["192.0.2.1:53"]})))
    assert "resolvers.second" not in ids(resolvers.check(with_settings()))


def test_sockets_are_read_as_the_kernel_has_them() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as bound:
        bound.bind(("::1", 0))
        bound.listen()
        port = bound.getsockname()[1]
        inode = os.fstat(bound.fileno()).st_ino
        mine = [each for each in processes.bound_sockets(Path("/proc")) if each.inode == inode]
        owners = processes.holders(Path("/proc"), {inode})
    assert [(each.protocol, str(each.at)) for each in mine] == [("tcp", f"[::1]:{port}")]
    assert owners == {inode: os.getpid()}


def test_a_role_is_the_process_that_holds_the_lock(tmp_path: Path, case: Case) -> None:
    program = (
        "import fcntl, sys\n"
        f"f = open({str(tmp_path / 'resolver.lock')!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX)\n"
        "print(1, flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", program, "filterd.serve.resolver"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        found = running_roles(real(case).machine, tmp_path)
        elsewhere = running_roles(real(case).machine, tmp_path / "other")
        process.stdin.close()
    assert {role: each.pid for role, each in found.items()} == {"resolver": process.pid}
    assert elsewhere == {}


WEB = {"portal": {"listen": "10.0.0.5:8443"}, "public": {"listen": "10.0.0.5:8443"}}
TLS = {"tls": {"certificate": "/c.pem", "key": "/k.pem"}}


@pytest.mark.parametrize(
    ("sections", "keys"),
    [
        ({"metrics": {"listen": "0.0.0.0:9353"}}, ["metrics.listen"]),
        ({"control": {"listen": "[::]:9363"}}, ["control.listen"]),
        ({"web": {"desk": {"listen": "0.0.0.0:8444"}, **TLS}}, ["web.desk.listen"]),
        ({"web": {"api": {"listen": "8.8.8.8:8080"}, **TLS}}, ["web.api.listen"]),
        ({"web": {"desk": {"listen": "10.0.0.9:8444"}, **TLS}}, []),
        ({}, []),
    ],
)
def test_what_strangers_must_not_reach(
    with_settings: WITH_CASE, sections: dict[str, object], keys: list[str]
) -> None:
    case = with_settings(**sections)
    told = [each.values["key"] for each in ports.check(case) if each.id == "ports.open_to_strangers"]
    assert told == keys


def test_a_desk_beside_the_portal(with_settings: WITH_CASE) -> None:
    case = with_settings(web={**WEB, "desk": {"listen": "10.0.0.5:8444"}, **TLS})
    found = values(ports.check(case), "ports.beside_public")
    assert (found["key"], found["other"]) == ("web.desk.listen", "web.portal.listen")
    apart = with_settings(web={**WEB, "desk": {"listen": "10.0.0.6:8444"}, **TLS})
    on_this_machine = {"portal": {"listen": "127.0.0.1:8443"}, "desk": {"listen": "127.0.0.1:8444"}}
    for case in (apart, with_settings(web=on_this_machine)):
        assert "ports.beside_public" not in ids(ports.check(case))


def test_a_desk_beside_the_block_page(with_settings: WITH_CASE) -> None:
    """The address to which everybody is led who asks for a blocked name."""
    block = {"listen": ["10.0.0.4:80", "10.0.0.5:80"], "health": "0.0.0.0:8083"}
    case = with_settings(web={"desk": {"listen": "10.0.0.5:8444"}, "block": block, **TLS})
    found = values(ports.check(case), "ports.beside_public")
    assert (found["key"], found["other"]) == ("web.desk.listen", "web.block.listen")
    assert found["place"] == "10.0.0.5:80"
    assert values(ports.check(case), "ports.open_to_strangers")["key"] == "web.block.health"
