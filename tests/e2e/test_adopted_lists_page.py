"""docs/adopted-lists.md, typed from top to bottom on a terminal: keys, signatures, two people, the end."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.deployment import ROOT
from tests.worlds.operations_page import Step, steps

pytestmark = [pytest.mark.ring("night"), pytest.mark.system("minisign"), pytest.mark.timeout(600)]

PAGE = ROOT / "docs/adopted-lists.md"
SPANISH = ROOT / "docs/es/listas-adoptadas.md"
KEY = re.compile(r"RW[A-Za-z0-9+/]{54}")
STYLE = re.compile(r"\x1b\[[0-9;]*m")
PASSWORD = b"a long password of the second person"
LEAST_BLOCKS = 11
TURN = 240.0
"""seconds for one block: a password takes a second of work and 1 GiB, on an idle machine"""

SUDO = """#!/bin/sh
shift
case "$1" in ana) export SUDO_USER=daemon ;; luis) export SUDO_USER=bin ;; esac
shift
exec "$@"
"""
"""sudo(8) as far as the page uses it: the people are accounts that every machine has"""


@dataclass
class Machine:
    """The folders of the page, an empty installation, and a terminal."""

    folder: Path

    def __post_init__(self) -> None:
        self.apart = self.folder / "apart"
        self.programs = self.folder / "bin"
        for each in (self.apart, self.programs, self.folder / "etc/filterd/policies"):
            each.mkdir(parents=True)
        self._program("sudo", SUDO)
        self._program("filterd", f'#!/bin/sh\nexec {sys.executable} -m filterd.cli.entry "$@"\n')
        self.config = self.folder / "filterd.yaml"
        self.config.write_text(
            "{dns: {upstreams: [192.0.2.53]}, orders: {approvals: 2}, policies: etc/filterd/policies,"
            f" policies_base: {ROOT}/policies, store: {{url: 'sqlite:///{self.folder}/filterd.db'}},"
            " state_dir: state}"
        )

    def _program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def filterd(self, *words: str) -> str:
        """A command that is not of the page."""
        done = CliRunner().invoke(main, [*words, "--config", str(self.config)])
        assert done.exit_code in {0, 1}, done.output
        return done.output

    def here(self, text: str) -> str:
        """The text with the folders of this machine, whose files belong to whoever runs the test."""
        for place in ("/etc/filterd", "/var/lib/filterd-lists"):
            text = text.replace(place, f"{self.folder}{place}")
        return text.replace("-o filterd ", "")

    @property
    def entries(self) -> Path:
        return self.folder / "etc/filterd/policies/feeds.yaml"

    def carry_out(self, step: Step) -> str:
        """Write the file of a step, or type it; what the terminal showed."""
        if step.file is None:
            return self._typed(self.here(step.text))
        public = (self.apart / "worst-of.pub").read_text().splitlines()[1]
        text, changed = KEY.subn(public, self.here(step.text))
        assert changed == 1
        self.entries.write_text(text)
        return ""

    def _typed(self, text: str) -> str:
        """Run a script on a terminal of its own, and type the password whenever it is asked for."""
        ours, theirs = pty.openpty()
        environment = {
            **os.environ,
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "FILTERD_CONFIG": str(self.config),
        }
        command = ["setsid", "--ctty", "--wait", "bash", "-euo", "pipefail", "-c", text]
        with subprocess.Popen(
            command, cwd=self.apart, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        ) as running:
            os.close(theirs)
            shown = self._answered(ours)
            status = running.wait()
        os.close(ours)
        assert status == 0, f"{text}\n{shown}"
        return shown

    @staticmethod
    def _answered(terminal: int) -> str:
        shown, answered, ends = b"", 0, time.monotonic() + TURN
        while time.monotonic() < ends:
            if not select.select([terminal], [], [], 1.0)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # the last program that had it is gone
                break
            if not piece:
                break
            shown += piece
            if re.search(rb"[Pp]assword[^\n]*: ?$", shown[answered:]):
                os.write(terminal, PASSWORD + b"\n")
                answered = len(shown)
        assert PASSWORD not in shown
        return shown.decode(errors="replace")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    (made.apart / "worst-of.txt").write_text("worst.example\nworse.example\nhttp://page.example/path\n")
    made.filterd("store", "migrate")
    return made


def test_every_command_of_the_page_does_what_it_says(machine: Machine) -> None:
    blocks = list(steps(PAGE))
    assert len(blocks) >= LEAST_BLOCKS
    for step in blocks:
        if step.heading == "How it ends":
            machine.entries.write_text("[]\n")
        shown = machine.carry_out(step)
        if "feed parse" in step.text:
            assert "2 names, 1 skipped" in shown, "an address of a page is no name"
        if "feed show" in step.text:
            words = " ".join(STYLE.sub("", shown).split())
            assert "state current" in words, words
            assert re.search(r" signed by [0-9A-F]{16}, serial 2\d{13} ", words), words
    listed = machine.filterd("feed", "list", "--json")
    assert '"worst-of"' not in listed, "it ended"
    trail = machine.filterd("audit", "tail", "--count", "100", "--json")
    for word in ("feed.adopt", "feed.update", "feed.ask_trust", "feed.change", "feed.retire"):
        assert word in trail
    assert "worst.example" not in trail


def test_both_languages_type_the_same() -> None:
    assert [each.text for each in steps(SPANISH)] == [each.text for each in steps(PAGE)]
    assert [each.file for each in steps(SPANISH)] == [each.file for each in steps(PAGE)]
