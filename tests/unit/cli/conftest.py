"""An installation in a temporary folder for the commands to work on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from filterd.cli.main import main
from tests.worlds.migrated import migrated

TEXTS = "title: {es: a, en: a}, description: {es: a, en: a}"
ADULT = "{id: adult, title: {es: Adultos, en: Adult}, description: {es: a, en: a}}"
GAMES = "{id: games, title: {es: Juegos, en: Games}, description: {es: a, en: a}}"

DOCUMENTS = {
    "categories.yaml": f"[{ADULT}, {GAMES}]",
    "feeds.yaml": "[{id: starter-adult, source: lists/adult.txt, format: domains, category: adult}]",
    "services.yaml": "[]",
    "safesearch.yaml": "[]",
    "bypass.yaml": "[]",
    "protected.yaml": "{public_suffixes: true, names: {subtree: [help.example]}}",
    "expected.yaml": "{}",
    "profiles/children.yaml": (f"{{{TEXTS}, audience: {{es: a, en: a}}, categories: [adult, games]}}"),
    "profiles/teenagers.yaml": f"{{{TEXTS}, audience: {{es: a, en: a}}, categories: [adult]}}",
    "lists/adult.txt": "adult.test.example\n",
}

Run = Callable[..., Result]


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A folder with filterd.yaml, policies and a migrated store; returns the configuration file."""
    for name, text in DOCUMENTS.items():
        file = tmp_path / "policies" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "policies/jurisdictions").mkdir()
    url = f"sqlite:///{tmp_path}/filterd.db"
    config = tmp_path / "filterd.yaml"
    config.write_text(
        json.dumps(
            {
                "store": {"url": url},
                "state_dir": "state",
                "policies": "policies",
                "orders": {"approvals": 1},
                "dns": {"upstreams": ["192.0.2.53"]},
            }
        )
    )
    asyncio.run(migrated(url, tmp_path / "state/ledger"))
    return config


@pytest.fixture
def run(installation: Path) -> Run:
    """Runs a command line on the installation, giving click's result."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(installation)])

    return invoke


@pytest.fixture
def answer(run: Run) -> Callable[..., Any]:
    """Runs a command line with ``--json``, which must succeed, and gives the document."""

    def invoke(*arguments: str) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return invoke
