"""The first day on a booted Debian 13: docs/operations.md from top to bottom, typed as it stands, as root.

Every command has to succeed, in one shell: the installation from the package, the first start, lines, orders,
a restart that hands over, a backup and its restore, the support desk.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machine.conftest import INSIDE
from tests.worlds.machine import Machine, booted
from tests.worlds.machine_package import package
from tests.worlds.operations_page import steps

pytestmark = pytest.mark.timeout(900)
OURS = ("192.0.2.53/32", "2001:db8::53/128")
UPSTREAMS = ("192.0.2.10", "192.0.2.11")
CUSTOMER = "192.0.2.5"
"""a line of the page"""
FAILED = "/exchange/failed"
SHELL = f"""
failed() {{ echo "exit code $1: $2" >>{FAILED}; }}
trap 'failed $? "$BASH_COMMAND"' ERR
cd /packages
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the addresses of the page, and the package where root is."""
    deb = package()
    with booted(tmp_path_factory.mktemp("first-day"), {INSIDE: "/inside", deb.parent: "/packages"}) as found:
        for address in (*OURS, *UPSTREAMS, CUSTOMER):
            found.run("ip", "address", "add", address, "dev", "lo")
        for number, address in enumerate(UPSTREAMS):
            words = ("systemd-run", f"--unit=upstream-{number}", "python3", "/inside/upstream.py")
            found.run(*words, address, "53")
        yield found


def script() -> str:
    """The page as a script that goes on after a command that fails, and notes it."""
    parts = [SHELL]
    for step in steps():
        if step.file is None:
            parts.append(step.text)
        else:
            parts.append(f"cat >{step.file} <<'END_OF_THE_FILE'\n{step.text}END_OF_THE_FILE\n")
    return "".join(parts)


def test_every_command_of_the_page_succeeds(machine: Machine) -> None:
    machine.write("/root/first-day", script())
    done = machine.start("bash", "/root/first-day")
    printed, _ = done.communicate(timeout=800)
    failed = machine.exchange / "failed"
    assert not failed.exists(), f"{failed.read_text()}\n{printed[-4000:]}"
    for answer in ("NOERROR", "EDE: 16"):
        assert answer in printed


def test_what_the_page_set_up_is_there_in_the_end(machine: Machine) -> None:
    asked = machine.out("dig", "@192.0.2.53", "-b", CUSTOMER, "shop.example")
    assert "EDE: 16" in asked, "the order outlived restart and restore"
    assert (
        machine.out("systemctl", "is-active", "filterd-resolver", "filterd-control").split() == ["active"] * 2
    )
    assert "whole" in machine.shell("sudo -u filterd filterd audit verify 2>&1")
