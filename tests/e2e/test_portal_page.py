"""docs/portal.md, typed: every ``filterd`` command of its blocks of shell does what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from filterd.cli.main import main
from filterd.config.load import from_value
from tests.e2e.deployment import Deployment
from tests.meta.test_known_failures import ROOT
from tests.worlds.operations_page import filterd_commands

PAGE = ROOT / "docs/portal.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web = {"api": {"listen": "127.0.0.1:21101"}, "portal": {"public_url": "https://filtro.isp.example"}}
    filterd = Deployment(tmp_path / "filterd", 1)
    written = yaml.safe_load(filterd.config.read_text()) | {"web": web}
    filterd.config.write_text(yaml.safe_dump(written))
    filterd.cli("store", "migrate")
    monkeypatch.setenv("FILTERD_CONFIG", str(filterd.config))
    shown = []
    for command in filterd_commands(PAGE):
        done = CliRunner().invoke(main, list(command.words))
        assert done.exit_code == 0, f"{command.heading}: filterd {shlex.join(command.words)}: {done.output}"
        shown.append(done.output)
    links = re.findall(r"https://filtro\.isp\.example/portal/entrar\?k=([A-Za-z0-9_-]{43})", "".join(shown))
    assert len(set(links)) == 3


def test_its_settings_are_those_of_the_configuration(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found = []
    for block in blocks:
        value = yaml.safe_load(block)
        value["web"]["api"] = {"listen": "127.0.0.1:21101"}
        settings = from_value(value | {"dns": {"upstreams": ["192.0.2.53:53"]}}, base=tmp_path)
        assert settings.web is not None
        found.append(settings.web.sign_in)
    assert found[1].openid is not None
    assert found[1].openid.scopes == ("openid", "lines")
