"""Findings: an id of the catalogue with the concrete values, and the text of it in a language.

``catalogue.toml`` beside this file has every id with its severity and its texts in English and Spanish.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "es")
Value = str | int | float


class Severity(StrEnum):
    """The weight of a finding: an error stops or endangers the service, a warning will, a note may."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. ``values`` fill the texts of the catalogue."""

    id: str
    """stable: ``ports.taken``; the area stands before the point"""
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def area(self) -> str:
        """The part of the installation that was looked at."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """The catalogue's entry of an id; texts by language, with the names of values in braces."""

    id: str
    severity: Severity
    message: Mapping[str, str]
    meaning: Mapping[str, str]
    remedy: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Described:
    """A finding in one language."""

    id: str
    area: str
    severity: Severity
    message: str
    remedy: str
    values: Mapping[str, Value]


def found(identifier: str, /, **values: Value) -> Finding:
    """A finding of this id."""
    return Finding(identifier, values)


@cache
def catalogue() -> Mapping[str, CatalogueEntry]:
    """Every entry by its id, in the order of the file."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text("utf-8")
    areas: dict[str, dict[str, dict[str, Any]]] = tomllib.loads(text)
    entries = (
        _entry(f"{area}.{name}", each) for area, names in areas.items() for name, each in names.items()
    )
    return {each.id: each for each in entries}


def _entry(identifier: str, fields: Mapping[str, Any]) -> CatalogueEntry:
    texts = {
        kind: {each: fields[kind][each] for each in LANGUAGES} for kind in ("message", "meaning", "remedy")
    }
    return CatalogueEntry(identifier, Severity(fields["severity"]), **texts)


def severity_of(finding: Finding) -> Severity:
    """The severity that the catalogue gives the finding."""
    return catalogue()[finding.id].severity


def describe(finding: Finding, language: str) -> Described:
    """The finding as a sentence and a remedy."""
    entry = catalogue()[finding.id]
    return Described(
        finding.id,
        finding.area,
        entry.severity,
        entry.message[language].format_map(finding.values),
        entry.remedy[language].format_map(finding.values),
        finding.values,
    )
