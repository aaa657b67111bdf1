"""``filterd config``: check, show, schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.failure import Misconfigured
from filterd.cli.group import Group
from filterd.cli.options import common, config_path, policies_of, settings_of

if TYPE_CHECKING:
    from filterd.config.cautions import Caution
    from filterd.config.settings import Settings
    from filterd.policy.adoption import InForce, Orphaned
    from filterd.policy.documents import Policies
    from filterd.policy.losses import Losses

_LOST = {
    "vanished": "vanished",
    "weakened": "would lift what was adopted",
    "rekeyed": "has another key than was adopted, or none: filterd feed trust FEED --reason ...",
}


@click.group(cls=Group)
def config() -> None:
    """Check and show the configuration."""


@config.command()
@click.option(
    "--settings", "settings_alone", is_flag=True, help="Check the configuration file alone, as a start does."
)
@common
def check(config: Path | None, as_json: bool, settings_alone: bool) -> None:
    """Say everything that is wrong with the configuration file and the policies directory.

    Where the store can be read, a feed in force that has lost its entry in feeds.yaml is wrong too, and so is
    a profile that lines have and that is gone, or that lost much against the snapshot in force. What is valid
    but dangerous, such as answering everybody, gets a warning and exit code 0.

    --settings leaves the policies and the store out: only the file decides whether filterd starts, and the
    units ask for it before a start and a reload. With wrong policies the last snapshot stays in force.
    """
    from filterd.config.cautions import cautions

    settings = settings_of(config)
    if settings_alone:
        _show_settings_alone(config, as_json, cautions(settings))
        return
    policies = policies_of(settings)
    unread, gone = _require_what_is_in_force(settings, policies)
    warnings = cautions(settings)
    if as_json:
        output.show_json(
            {
                "valid": True,
                "file": config_path(config),
                "policies": settings.policies,
                "policies_base": settings.policies_base,
                "remarks": policies.remarks,
                "gone": gone,
                "store_unread": unread or None,
                "warnings": warnings,
            }
        )
    else:
        file = config_path(config) or "no file, all defaults"
        over = f" over {settings.policies_base}" if settings.policies_base else ""
        click.echo(f"the configuration is valid: {file}, policies in {settings.policies}{over}")
        for remark in policies.remarks:
            output.done(f"{remark}: correct it, or remove it")
        if unread:
            output.done(f"feeds and profiles in force were not compared with the files: {unread}")
    for what in gone:
        output.warn(f"{what} is in force, and gone from the policies", "put it back, if it was not meant")
    for each in warnings:
        output.warn(str(each), each.remedy)


def _show_settings_alone(config: Path | None, as_json: bool, warnings: Sequence[Caution]) -> None:
    """The result of a check of the file alone."""
    if as_json:
        output.show_json({"valid": True, "file": config_path(config), "warnings": warnings})
    else:
        file = config_path(config) or "no file, all defaults"
        click.echo(f"the settings are valid: {file}; the policies were not looked at")
    for each in warnings:
        output.warn(str(each), each.remedy)


def _require_what_is_in_force(settings: Settings, policies: Policies) -> tuple[str, tuple[str, ...]]:
    """Raise Misconfigured if feeds in force have lost their entries, or profiles of lines their rules. Return
    why the store could not be asked, empty if it could; and what is in force and gone from the policies."""
    import asyncio

    from filterd.operations import lost_rules, snapshots
    from filterd.operations.context import OperationError, open_context
    from filterd.operations.feeds.adoption import policies_in_force
    from filterd.operations.lost_rules import MissingProfileError
    from filterd.store.errors import StoreMissingError

    async def find() -> tuple[InForce, Losses]:
        async with open_context(settings) as context:
            return await policies_in_force(context), await snapshots.losses_of(context, policies)

    try:
        found, lost = asyncio.run(find())
    except MissingProfileError as error:
        raise Misconfigured([str(error)], error.remedy) from error
    except OperationError as error:
        # Nothing is in force where there is no store yet.
        return "" if isinstance(error.__cause__, StoreMissingError) else str(error), ()
    _require_entries(found.orphans)
    if lost.profiles:
        messages = [lost_rules.kept_message(each, what) for each, what in lost.profiles.items()]
        raise Misconfigured(messages, lost_rules.REMEDY.format(profile=next(iter(lost.profiles))))
    return "", lost.gone


def _require_entries(orphans: Mapping[str, Orphaned]) -> None:
    """Raise Misconfigured if feeds in force have lost their entries."""
    if orphans:
        messages = [f"feeds.yaml: the entry of the feed {feed} {_LOST[how]}" for feed, how in orphans.items()]
        remedy = (
            "put the entries back; where one was taken out on purpose: filterd feed retire FEED --reason ..."
        )
        raise Misconfigured([*messages, "all of these feeds stay in force"], remedy)


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
