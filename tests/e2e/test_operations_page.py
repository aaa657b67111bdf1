"""docs/operations.md, typed from top to bottom: every filterd command does what the page says it does."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.authority import nsd
from tests.e2e.conftest import WORLD, adult_names
from tests.e2e.deployment import ROOT, Deployment, ede, soon
from tests.e2e.names import STRANGER
from tests.worlds.operations_page import Typed, filterd_commands, steps

pytestmark = pytest.mark.system("nsd")

CENSORED = 16
PEOPLE = {"root": "root", "ana": "daemon", "luis": "bin"}
"""the people of the page -> accounts that every machine has"""
BEFORE_THE_START = ("config check", "store migrate", "feed update", "snapshot build")
ORDERED = "shop.example"
LEAST_COMMANDS = 35


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    with nsd(tmp_path / "authority", {".": WORLD.format(adult=adult_names()[0])}) as upstream:
        yield Deployment(tmp_path / "filterd", upstream, settings={"orders": {"approvals": 2}})


def here(words: tuple[str, ...], backups: Path) -> list[str]:
    """The words with the folders of this machine."""
    moved = {"/usr/share/filterd/policies": str(ROOT / "policies"), "/backup": str(backups)}
    said = list(words)
    for old, new in moved.items():
        said = [word.replace(old, new) for word in said]
    return said


def typed(filterd: Deployment, command: Typed, backups: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SUDO_USER", PEOPLE[command.person])
    monkeypatch.setenv("FILTERD_CONFIG", str(filterd.config))
    done = CliRunner().invoke(main, here(command.words, backups))
    allowed = {0, 1} if command.words[0] == "doctor" else {0}  # it looks at the machine of the tests too
    assert done.exit_code in allowed, f"{command.heading}: filterd {shlex.join(command.words)}: {done.output}"
    return done.output


@pytest.mark.ring("night")
@pytest.mark.timeout(600)
def test_every_command_of_the_page_runs(
    filterd: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    commands = list(filterd_commands())
    assert len(commands) >= LEAST_COMMANDS
    with contextlib.ExitStack() as running:
        serving = False
        for command in commands:
            if not serving and " ".join(command.words[:2]) not in BEFORE_THE_START:
                running.enter_context(filterd.serving())
                serving = True
            said = typed(filterd, command, backups, monkeypatch)
            if command.words[:2] == ("order", "approve"):
                assert soon(lambda: ede(filterd.ask(ORDERED, source=STRANGER)) == [CENSORED])
            if command.words[:2] == ("audit", "verify"):
                assert "whole" in said
        assert ede(filterd.ask(ORDERED, source=STRANGER)) == [CENSORED], "the restore kept the order"
        assert filterd.ask("www.example.org", source=STRANGER).rcode() in {
            dns.rcode.NOERROR,
            dns.rcode.NXDOMAIN,
        }


def test_the_page_is_a_script() -> None:
    """A machine carries it out from the top: the configuration is there before the first start."""
    found = list(steps())
    files = [step.file for step in found if step.file is not None]
    assert files == [Path("/etc/filterd/filterd.yaml")]
    text = "".join(step.text for step in found)
    assert text.index("apt-get install") < text.index("node: {name: resolver-1}")
    assert text.index("node: {name: resolver-1}") < text.index("systemctl start filterd.target")
