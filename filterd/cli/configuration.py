"""``filterd config``: check, show, schema."""

from __future__ import annotations

from collections.abc import Sequence
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
    from filterd.operations.context import Context
    from filterd.policy.adoption import InForce
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
    settings = settings_of(config)
    if settings_alone:
        _show_settings_alone(config, as_json, _cautions(settings))
        return
    policies = policies_of(settings)
    in_force, gone, unread = _require_what_is_in_force(settings, policies)
    remarks = _remarks(in_force)
    warnings = [*_cautions(settings), *_ports_in_rules(settings)]
    if as_json:
        output.show_json(
            {
                "valid": True,
                "file": config_path(config),
                "policies": settings.policies,
                "policies_base": settings.policies_base,
                "remarks": remarks,
                "gone": gone,
                "store_unread": unread or None,
                "warnings": warnings,
            }
        )
    else:
        file = config_path(config) or "no file, all defaults"
        over = f" over {settings.policies_base}" if settings.policies_base else ""
        click.echo(f"the configuration is valid: {file}, policies in {settings.policies}{over}")
        for remark in remarks:
            output.done(f"{remark}: correct it, or remove it")
        if unread:
            output.done(f"feeds and profiles in force were not compared with the files: {unread}")
    for what in gone:
        output.warn(f"{what} is in force, and gone from the policies", "put it back, if it was not meant")
    for each in warnings:
        output.warn(str(each), each.remedy)


def _cautions(settings: Settings) -> list[Caution]:
    """The warnings on the settings, and on the secrets that they name."""
    from filterd.config.cautions import cautions, facts_missing, holders_untold
    from filterd.operations.sessions.secrets import cautions_on_secrets

    secrets = cautions_on_secrets(settings.accounting.radius)
    return [*cautions(settings), *facts_missing(settings), *holders_untold(settings), *secrets]


def _ports_in_rules(settings: Settings) -> list[Caution]:
    """Bindings of ports that lie in a rule for shared addresses, where the store can be read."""
    from filterd.cli import in_force
    from filterd.config.cautions import Caution
    from filterd.operations.port_rules import ports_in_rules

    if not (settings.dns.shared_addresses or settings.dns.map_rules):
        return []
    found, _ = in_force.ask(settings, ports_in_rules)
    return [Caution(each.rule, f"the binding {each.message}", each.remedy) for each in found or ()]


def _show_settings_alone(config: Path | None, as_json: bool, warnings: Sequence[Caution]) -> None:
    """The result of a check of the file alone."""
    if as_json:
        output.show_json({"valid": True, "file": config_path(config), "warnings": warnings})
    else:
        file = config_path(config) or "no file, all defaults"
        click.echo(f"the settings are valid: {file}; the policies were not looked at")
    for each in warnings:
        output.warn(str(each), each.remedy)


def _require_what_is_in_force(
    settings: Settings, documents: Policies
) -> tuple[Policies, tuple[str, ...], str]:
    """Raise Misconfigured if feeds in force have lost their entries, or profiles of lines their rules. Return
    the policies with the feeds in force, what is in force and gone from them, and why the store could not be
    asked; empty if it could."""
    from filterd.cli import in_force
    from filterd.operations import lost_rules, snapshot_losses
    from filterd.operations.feeds.adoption import policies_in_force

    async def find(context: Context) -> tuple[InForce, Losses]:
        found = await policies_in_force(context, documents)
        try:
            return found, await snapshot_losses.losses_of(context, documents)
        except lost_rules.MissingProfileError as error:
            raise Misconfigured([str(error)], error.remedy) from error

    answer, unread = in_force.ask(settings, find)
    if answer is None:
        return documents, (), unread
    found, lost = answer
    _require_entries(found)
    if lost.profiles:
        messages = [lost_rules.kept_message(each, what) for each, what in lost.profiles.items()]
        raise Misconfigured(messages, lost_rules.REMEDY.format(profile=next(iter(lost.profiles))))
    return found.policies, lost.gone, unread


def _require_entries(found: InForce) -> None:
    """Raise Misconfigured if feeds in force have lost their entries."""
    if found.orphans:
        messages = [
            f"{_place_of(feed, found)}: the entry of the feed {feed} {_LOST[how]}"
            for feed, how in found.orphans.items()
        ]
        remedy = (
            "put the entries back; where one was taken out on purpose: filterd feed retire FEED --reason ..."
        )
        raise Misconfigured([*messages, "all of these feeds stay in force"], remedy)


def _remarks(policies: Policies) -> tuple[str, ...]:
    """The remarks on the files, and on each category that own profiles restrict and no feed fills."""
    own = [each for each in policies.profiles if ("profiles", each.id) not in policies.shipped]
    empty = policies.empty_categories(category for each in own for category in each.every_category)
    found = [(category, [each.id for each in own if category in each.every_category]) for category in empty]
    told = (
        f"category {category}: no feed fills it, so nothing is closed where profiles restrict it "
        f"({', '.join(profiles)}); filterd feed list --ready shows feeds that could"
        for category, profiles in found
    )
    return (*policies.remarks, *told)


def _place_of(feed: str, found: InForce) -> str:
    """The files that have the entry of a feed, or had it: of one that vanished nobody knows which."""
    if found.orphans[feed] == "vanished":
        return "feeds.yaml, feeds.d"
    return "feeds.d" if feed in found.enabled else "feeds.yaml"


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
