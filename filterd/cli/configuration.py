"""``filterd config``: check, show, schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from filterd.cli import output
from filterd.cli.options import common, config_path, policies_of, settings_of


@click.group()
def config() -> None:
    """Check and show the configuration."""


@config.command()
@common
def check(config: Path | None, as_json: bool) -> None:
    """Say everything that is wrong with the configuration file and the policies directory."""
    settings = settings_of(config)
    policies_of(settings)
    if as_json:
        output.show_json({"valid": True, "file": config_path(config), "policies": settings.policies})
    else:
        file = config_path(config) or "no file, all defaults"
        click.echo(f"the configuration is valid: {file}, policies in {settings.policies}")


@config.command()
@common
def show(config: Path | None, as_json: bool) -> None:
    """Show the settings in force, defaults included."""
    settings = settings_of(config).as_dict()
    if as_json:
        output.show_json(settings)
    else:
        output.show_fields(list(_flat(settings)))


@config.command()
@common
def schema(config: Path | None, as_json: bool) -> None:
    """Print the JSON schema of the configuration file (it is JSON with and without --json)."""
    from filterd.config.raw import json_schema

    output.show_json(json_schema())


def _flat(value: dict[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for name, item in value.items():
        pairs += _flat(item, f"{prefix}{name}.") if isinstance(item, dict) else [(prefix + name, item)]
    return pairs
