"""A provider's first day on a booted Debian 13: docs/operations.md is typed from top to bottom, five names
are explained, and the backup of the day is put in force on another machine."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.conftest import INSIDE
from tests.worlds.machine import Machine, booted
from tests.worlds.machine_package import package
from tests.worlds.measured import measured, noted
from tests.worlds.operations_page import steps

pytestmark = pytest.mark.timeout(900)
ADDRESSES = ("192.0.2.53", "192.0.2.10", "192.0.2.11", "192.0.2.5", "192.0.2.7", "2001:db8::53")
"""the addresses of the page: filterd's, two resolvers', two lines'"""
LEAST_BLOCKS = 20
FAILED = "/exchange/failed"
SHELL = f"""
failed() {{ echo "exit code $1: $2" >>{FAILED}; }}
trap 'failed $? "$BASH_COMMAND"' ERR
cd /root
"""
FIRST_ANSWER = """
until dig +tries=1 +timeout=1 +short @127.0.0.1 -p 5300 www.open.example | grep -q .; do sleep 0.05; done
"""
FILTERD = ("sudo", "-u", "filterd", "filterd")
CHOICES = """
filterd() { sudo -u filterd /usr/bin/filterd "$@"; }
filterd subscriber add casa-7 --prefix 192.0.2.7 --prefix 2001:db8:a:7::/64 --prefix 2001:db8:700::/56
filterd subscriber opt-in casa-7 --profile children --channel telephone --who "the line's holder" \
    --text-version 2026-11 --reference "call 4720"
filterd subscriber deny casa-7 library.example
"""
EXPECTED = {
    "www.shop.example": ("mandatory", 16),
    "library.example": ("own_deny", 17),
    "www.tiktok.com": ("service", 17),
    "mask.icloud.com": ("bypass", 17),
    "bellesa.co": ("category", 17),
}
"""name -> the reason of its block, and the extended error that tells clients"""


@pytest.fixture(scope="module")
def deb() -> Path:
    return package()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, deb: Path) -> Iterator[Machine]:
    with booted(tmp_path_factory.mktemp("day"), {INSIDE: "/inside", deb.parent: "/packages"}) as found:
        prepare(found)
        yield found


def prepare(machine: Machine) -> None:
    """Give the machine the addresses of the page, and resolvers to forward to."""
    for address in ADDRESSES:
        machine.run("ip", "address", "add", address, "dev", "lo")
    for address in ("192.0.2.10", "192.0.2.11"):
        machine.run("systemd-run", "python3", "/inside/upstream.py", address, "53")


def page_script() -> str:
    """The page as a script that goes on after a command that fails, and notes it."""
    parts = [SHELL]
    for step in steps():
        if step.file is None:
            parts.append(step.text)
        else:
            parts.append(f"cat >{step.file} <<'END_OF_THE_FILE'\n{step.text}END_OF_THE_FILE\n")
    assert len(parts) > LEAST_BLOCKS, "the page has no commands any more"
    return "".join(parts)


def test_every_command_of_the_page_succeeds(machine: Machine, deb: Path) -> None:
    machine.write("/root/first-day", page_script())
    machine.shell(f"cp /packages/{deb.name} /root/filterd_0.2.0_amd64.deb")
    began = time.monotonic()
    typed = machine.start("bash", "/root/first-day")
    printed, _ = typed.communicate(timeout=800)
    failed = machine.exchange / "failed"
    assert not failed.exists(), f"{failed.read_text()}\n{printed[-4000:]}"
    measured("every command of operations.md", time.monotonic() - began)
    for answer in ("NOERROR", "EDE: 16"):
        assert answer in printed


def test_what_the_page_set_up_is_there_in_the_end(machine: Machine) -> None:
    asked = machine.out("dig", "@192.0.2.53", "-b", "192.0.2.5", "shop.example")
    assert "EDE: 16" in asked, "the order outlived restart and restore"
    active = machine.out("systemctl", "is-active", "filterd-resolver", "filterd-control")
    assert active.split() == ["active"] * 2
    assert "whole" in machine.shell("sudo -u filterd filterd audit verify 2>&1")


def test_five_names_are_explained(machine: Machine) -> None:
    """By the support desk, in words and in JSON."""
    machine.shell(CHOICES)
    for name, (reason, error) in EXPECTED.items():
        said = machine.run(*FILTERD, "check", name, "--client", "192.0.2.7").stdout
        found = json.loads(machine.run(*FILTERD, "check", name, "--client", "192.0.2.7", "--json").stdout)
        assert (found["verdict"], found["reason"], found["ede"]) == ("block", reason, [error]), said
        assert "next" in said, said


def test_the_backup_of_the_day_is_put_in_force_on_another_machine(
    machine: Machine, deb: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As the page says under "On another machine"."""
    machine.run(*FILTERD, "backup", "/backup/evening")
    machine.shell(
        "tar -C / -cf /exchange/moved.tar backup etc/filterd var/lib/filterd/keys var/lib/filterd/ledger"
    )
    trail = machine.run(*FILTERD, "audit", "verify").stdout
    binds = {INSIDE: "/inside", deb.parent: "/packages"}
    with booted(tmp_path_factory.mktemp("other"), binds) as other:
        prepare(other)
        shutil.copy(machine.exchange / "moved.tar", other.exchange / "moved.tar")
        began = time.monotonic()
        other.run("apt-get", "install", "--yes", "--quiet", f"/packages/{deb.name}")
        other.shell(
            "tar -C / --numeric-owner -xf /exchange/moved.tar;"
            "chown -R filterd:filterd /backup /var/lib/filterd;"
            "sudo -u filterd filterd restore /backup/evening --reason 'the old machine broke';"
            "sudo -u filterd filterd snapshot build; systemctl start filterd.target;"
            "curl -sf --retry 60 --retry-delay 1 --retry-all-errors http://127.0.0.1:9353/readyz"
        )
        measured("another machine, from apt install to ready with the backup", time.monotonic() - began)
        answer = other.out("dig", "+tries=1", "@192.0.2.53", "www.shop.example")
        assert "status: NXDOMAIN" in answer, answer
        assert "EDE: 16" in answer, answer
        assert "EDE: 17" in other.out("dig", "-b", "192.0.2.7", "@192.0.2.53", "library.example")
        assert other.out("dig", "+short", "@192.0.2.53", "www.open.example") == "198.51.100.7"
        assert trail.split()[0] == other.run(*FILTERD, "audit", "verify").stdout.split()[0]


def test_the_time_from_the_package_to_the_first_answer(
    deb: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With the configuration that the package makes, and nothing else."""
    binds = {INSIDE: "/inside", deb.parent: "/packages"}
    with booted(tmp_path_factory.mktemp("quick"), binds) as found:
        prepare(found)
        began = time.monotonic()
        found.run("apt-get", "install", "--yes", "--quiet", f"/packages/{deb.name}")
        found.shell(
            "sudo -u filterd filterd store migrate; sudo -u filterd filterd feed update;"
            "sudo -u filterd filterd snapshot build; systemctl start filterd.target;" + FIRST_ANSWER
        )
        measured("apt install to the first answer", time.monotonic() - began)
        size = found.out("du", "-sm", "/usr/lib/filterd").split()[0]
        noted(f"package {deb.stat().st_size / 1e6:.1f} MB, installed code and environment {size} MB")
