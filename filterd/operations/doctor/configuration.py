"""Reads the configuration as far as it can be read, and says everything that is wrong with it.

A wrong key keeps nothing else from being looked at. What depends on it is left out: its default would be
taken for what the operator wrote, and one mistake would be told as many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from filterd.config.load import (
    ConfigError,
    ConfigErrors,
    Configuration,
    from_value,
    load_configuration,
)
from filterd.config.policies import PoliciesError, load_policies
from filterd.config.settings import Settings
from filterd.config.yamlfile import YamlError, read_yaml
from filterd.model.rule import NameRule, Scope
from filterd.operations.doctor.case import EVERYTHING, Case, Machine, account_of, running_roles
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.rights import kept_from, this_user
from filterd.operations.snapshot_input import zones_of

_PLACEHOLDER = "192.0.2.53"
"""stands for an upstream while settings are made; no query is sent there"""


def read(config: Path | None, machine: Machine, take: Callable[[Case], None]) -> Iterator[Finding]:
    """Say what is wrong with configuration and policies; the case is given to ``take`` first."""
    if config is not None and (user := kept_from(config)):
        yield found("config.forbidden", path=str(config), user=this_user(), reader=user)
        return
    configuration, errors, unread = _settings(config, machine.resolv_conf)
    settings = configuration.settings
    roles = running_roles(machine, settings.state_dir)
    account = account_of(settings, config, roles)
    case = Case(settings, account, config, configuration.written, machine, roles, unread)
    take(case)
    if config is None:
        yield found("config.none")
    for error in errors:
        yield found("config.invalid", path=error.path, problem=error.message)
    if not case.knows("policies", "policies_base", "jurisdiction"):
        return
    try:
        policies = load_policies(settings.policies, settings.policies_base, settings.jurisdiction)
    except PoliciesError as error:
        for problem in error.problems:
            yield found("config.policies", problem=str(problem))
        return
    zone = zones_of(settings)[1]
    if zone and any(_covers(each, zone) for each in policies.protected.names):
        yield found("config.test_zone", zone=zone)


def _covers(protected: NameRule, zone: str) -> bool:
    """Return whether a protected name stands above the names of a zone."""
    return protected.scope is not Scope.EXACT and f".{zone}".endswith(f".{protected.name}")


def _settings(
    config: Path | None, resolv_conf: Path
) -> tuple[Configuration, tuple[ConfigError, ...], frozenset[str]]:
    """The settings, the errors of the file, and the keys that these leave unknown."""
    try:
        return load_configuration(config, resolv_conf=resolv_conf), (), frozenset()
    except ConfigErrors as error:
        value = _value(config)
        base = (config or Path("/x")).absolute().parent
        made, wrong = _salvaged(value, base, resolv_conf)
        unread = frozenset().union(*map(_unknown, (*error.errors, *wrong)))
        return made, error.errors, unread if value else frozenset((EVERYTHING,))


def _unknown(error: ConfigError) -> frozenset[str]:
    """The keys that an error leaves unknown: its own; for an unknown key the one that was meant, or its whole
    section."""
    path = error.path.partition("[")[0]
    if error.meant is None:
        return frozenset((path,))
    section = path.rpartition(".")[0]
    meant = ".".join(filter(None, (section, error.meant)))
    return frozenset((meant,) if meant else ())


def _value(config: Path | None) -> dict[str, Any]:
    try:
        value = read_yaml(config) if config is not None else {}
    except (YamlError, OSError):
        return {}
    return dict(value) if isinstance(value, dict) else {}


def _salvaged(
    value: dict[str, Any], base: Path, resolv_conf: Path
) -> tuple[Configuration, tuple[ConfigError, ...]]:
    """The settings of what is right in the file, and all errors that were met on the way."""
    met: list[ConfigError] = []
    for _ in range(8):  # an error may hide others: those across keys are seen once each key is right
        try:
            written = _written(value)
            return Configuration(from_value(value, base=base, resolv_conf=resolv_conf), written), tuple(met)
        except ConfigErrors as error:
            met += error.errors
            paths = {each.path.partition("[")[0] for each in error.errors}
        removed = [_removed(value, path) for path in paths]
        if not any(removed):
            break
    return Configuration(_without_upstreams(value, base), _written(value)), tuple(met)


def _without_upstreams(value: dict[str, Any], base: Path) -> Settings:
    """The settings where no upstream is known; all defaults where nothing else helps."""
    dns = value.get("dns")
    for given in (
        value | {"dns": {**(dns if isinstance(dns, dict) else {}), "upstreams": [_PLACEHOLDER]}},
        {},
    ):
        try:
            made = from_value(given or {"dns": {"upstreams": [_PLACEHOLDER]}}, base=base)
        except ConfigErrors:
            continue
        return replace(made, dns=replace(made.dns, upstreams=()))
    msg = "the defaults of the configuration are no settings"
    raise AssertionError(msg)


def _removed(value: dict[str, Any], path: str) -> bool:
    """Take the key ``dns.upstreams`` out of the file's value; its section, where that is wrong as a whole."""
    section, _, rest = path.partition(".")
    part, key = value.get(section), rest.partition(".")[0]
    if isinstance(part, dict) and key in part:
        del part[key]
        return True
    return value.pop(section, None) is not None


def _written(value: dict[str, Any]) -> frozenset[str]:
    inner = {f"{name}.{key}" for name, part in value.items() if isinstance(part, dict) for key in part}
    return frozenset(value) | inner
