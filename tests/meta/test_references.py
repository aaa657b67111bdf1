"""The references are whole: every metric, setting, alert and command stands in its document, and one that is
missing is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from filterd.cli.main import main
from filterd.config import schema_keys
from filterd.config.raw import json_schema
from filterd.telemetry.api_metrics import ApiMetrics
from filterd.telemetry.block_metrics import BlockMetrics
from filterd.telemetry.metrics import (
    ControlMetrics,
    ResolverMetrics,
    block_registry,
    control_registry,
    resolver_registry,
    web_registry,
)
from monitoring.source.catalogue import GROUPS
from tests.meta.generated import ALERTS, commands

ROW = re.compile(r"^\| `?\[?([\w.-]+(?:\[\][\w.-]+)*)[`\]]", re.MULTILINE)
NESTED = [
    "accounting.radius.listen",
    "accounting.radius.clients[].secret_file",
    "accounting.radius.clients[].timestamps",
    "accounting.leases[].line",
    "dns.shared_addresses[].first_port",
    "dns.map_rules[].psid_offset",
    "dns.upstreams[].tls.ca",
]
"""keys that no reader finds anywhere else"""
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def metrics() -> Iterator[str]:
    """The metrics of both roles."""
    for registry in (
        resolver_registry(ResolverMetrics),
        control_registry(ControlMetrics),
        web_registry(ApiMetrics),
        block_registry(BlockMetrics),
    ):
        for family in registry.collect():
            yield family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")


def settings() -> Iterator[str]:
    """The keys of the configuration file that hold a value."""
    schema = json_schema()
    yield from (name for name, _, _ in schema_keys.keys(schema, schema, ""))


@pytest.mark.parametrize("key", NESTED)
def test_the_keys_of_lists_and_optional_sections_are_documented(key: str, root: Path) -> None:
    assert key in set(settings())
    page = (root / "docs/configuration.md").read_text()
    (row,) = (each for each in page.splitlines() if f"| `{key}` |" in each)
    _, _, form, default, meaning, _ = row.split("|")
    assert all(each.strip() for each in (form, default, meaning))


def alerts() -> Iterator[str]:
    """The alerts."""
    yield from (alert.name for group in GROUPS for alert in group.alerts)


def command_names() -> Iterator[str]:
    """The commands with their groups."""
    yield from (path for path, _ in commands(main, "filterd"))


REFERENCES: dict[str, tuple[Callable[[], Iterator[str]], re.Pattern[str]]] = {
    "docs/metrics.md": (metrics, ROW),
    "docs/configuration.md": (settings, ROW),
    "docs/alerts.md": (alerts, ROW),
    "docs/es/alerts.md": (alerts, ROW),
    "docs/cli.md": (command_names, HEADING),
}


def missing(name: str, text: str) -> set[str]:
    """The things that exist and stand in no row or heading of a reference."""
    things, form = REFERENCES[name]
    return set(things()) - set(form.findall(text))


@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_is_whole(name: str, root: Path) -> None:
    things, _ = REFERENCES[name]
    assert len(list(things())) > 10
    assert missing(name, (root / name).read_text()) == set()


@pytest.mark.ring("night")
@pytest.mark.parametrize("name", REFERENCES)
def test_what_is_missing_in_a_reference_is_found(name: str, root: Path) -> None:
    text = (root / name).read_text()
    things, form = REFERENCES[name]
    for thing in things():
        kept = [
            line
            for line in text.splitlines(keepends=True)
            if not (found := form.match(line)) or found[1] != thing
        ]
        assert missing(name, "".join(kept)) == {thing}


def test_every_command_says_what_it_does() -> None:
    assert [path for path, command in commands(main, "filterd") if not _help(command)] == []


def _help(command: click.Command) -> str:
    return command.help or command.short_help or ""


def test_every_metric_says_when_to_look() -> None:
    assert set(metrics()) == ALERTS.keys()
