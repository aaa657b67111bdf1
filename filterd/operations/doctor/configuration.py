"""Reads the configuration as far as it can be read, and says everything that is wrong with it.

A wrong key keeps nothing else from being looked at: its default, or nothing, stands in its place.
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
from filterd.operations.doctor.case import Case, Machine, account_of, running_roles
from filterd.operations.doctor.finding import Finding, found

_PLACEHOLDER = "192.0.2.53"
"""stands for an upstream while settings are made; no query is sent there"""


def read(config: Path | None, machine: Machine, take: Callable[[Case], None]) -> Iterator[Finding]:
    """Say what is wrong with configuration and policies; the case is given to ``take`` first."""
    configuration, errors = _settings(config, machine.resolv_conf)
    settings = configuration.settings
    roles = running_roles(machine, settings.state_dir)
    account = account_of(settings, config, roles)
    take(Case(settings, account, config, configuration.written, machine, roles))
    if config is None:
        yield found("config.none")
    for error in errors:
        yield found("config.invalid", path=error.path, problem=error.message)
    try:
        load_policies(settings.policies, settings.policies_base)
    except PoliciesError as error:
        for problem in error.problems:
            yield found("config.policies", problem=str(problem))


def _settings(config: Path | None, resolv_conf: Path) -> tuple[Configuration, tuple[ConfigError, ...]]:
    """The settings, and the errors of the file."""
    try:
        return load_configuration(config, resolv_conf=resolv_conf), ()
    except ConfigErrors as error:
        value = _value(config)
        return _salvaged(value, (config or Path("/x")).absolute().parent, resolv_conf), error.errors


def _value(config: Path | None) -> dict[str, Any]:
    try:
        value = read_yaml(config) if config is not None else {}
    except (YamlError, OSError):
        return {}
    return dict(value) if isinstance(value, dict) else {}


def _salvaged(value: dict[str, Any], base: Path, resolv_conf: Path) -> Configuration:
    """The settings of what is right in the file."""
    for _ in range(8):  # an error may hide others: those across keys are seen once each key is right
        try:
            written = _written(value)
            return Configuration(from_value(value, base=base, resolv_conf=resolv_conf), written)
        except ConfigErrors as error:
            paths = {each.path.partition("[")[0] for each in error.errors}
        removed = [_removed(value, path) for path in paths]
        if not any(removed):
            break
    return Configuration(_without_upstreams(value, base), _written(value))


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
