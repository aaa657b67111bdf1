"""docs/sessions.md, typed: every ``filterd`` command of its blocks of shell does what the page says."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.deployment import soon
from tests.meta.test_known_failures import ROOT
from tests.worlds.operations_page import Typed, filterd_commands
from tests.worlds.radius_client import START, mikrotik_pppoe
from tests.worlds.session_site import SessionSite, session_site

pytestmark = pytest.mark.ring("night")

PAGE = ROOT / "docs/sessions.md"
SPANISH = ROOT / "docs/es/sesiones.md"
PACKET, MANY = "packet.pcap", "sessions.txt"
COMMANDS = {"explain", "put", "end", "list", "show"}
"""the commands of ``filterd session``, each of which a page types"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SessionSite]:
    networks = {"allow_from": ["127.0.0.0/8", "100.64.0.0/16"]}
    with session_site(
        tmp_path / "site", accounting={"pools": ["100.64.0.0/16"]}, dns_section=networks
    ) as made:
        yield made


def _typed(site: SessionSite, command: Typed, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FILTERD_CONFIG", str(site.filterd.config))
    words = [*command.words]
    if command.words[:2] == ("session", "explain"):
        words.append("--from=127.0.0.1")
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, f"{command.heading}: filterd {shlex.join(command.words)}: {done.output}"
    return done.output


def _names_the_line(command: Typed, said: str) -> bool:
    """False where the page goes on from the line of an address, and the answer does not name it."""
    shown = command.words[:2] == ("session", "show") or command.words[0] == "check"
    return not shown or "100.64.3.7" not in command.words or ("casa-7" in said and "command" in said)


@pytest.mark.parametrize("page", [PAGE, SPANISH], ids=["en", "es"])
def test_a_page_runs(page: Path, site: SessionSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mac, addresses = "00:11:22:aa:bb:cc", {"Framed-IP-Address": "100.64.3.9"}
    attributes = mikrotik_pppoe(START, "ana", mac, "80d0001a", addresses, int(time.time()))
    Path(PACKET).write_bytes(site.nas.packet(attributes).RequestPacket())
    Path(MANY).write_text(f"100.64.3.8 ana\n{json.dumps({'address': '100.64.3.9', 'subscriber': 'luis'})}\n")
    commands = list(filterd_commands(page))
    assert {each.words[1] for each in commands if each.words[0] == "session"} == COMMANDS
    for command in commands:
        said = _typed(site, command, monkeypatch)
        if not _names_the_line(command, said):  # control hears of a new subscriber within a second
            again = partial(_typed, site, command, monkeypatch)
            assert soon(lambda again=again, command=command: _names_the_line(command, again())), said  # type: ignore[misc]  # the defaults bind them
