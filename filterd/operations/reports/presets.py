"""Presets of reports, as data: ``presets.toml`` says which report, which range, and for whom."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from filterd.operations.errors import UnknownError


@dataclass(frozen=True, slots=True)
class Preset:
    """A preset."""

    id: str
    kind: str
    range: str
    """``year`` or ``half``: the last whole one where nothing else is asked for"""
    parts: tuple[str, ...]
    """reports whose sections follow"""
    law: str
    title: dict[str, str]
    """language -> its title"""
    country: str = ""
    """where it holds; empty: everywhere"""


@cache
def presets() -> dict[str, Preset]:
    """Every preset, by its id."""
    text = resources.files(__package__).joinpath("presets.toml").read_text(encoding="utf-8")
    return {
        name: Preset(
            name,
            each["kind"],
            each["range"],
            tuple(each["parts"]),
            each["law"],
            each["title"],
            each.get("country", ""),
        )
        for name, each in tomllib.loads(text).items()
    }


def preset_of(name: str, country: str) -> Preset:
    """The preset of this id. Raises UnknownError for one that does not hold in the country."""
    found = presets().get(name)
    if found is None or found.country not in ("", country):
        known = ", ".join(sorted(each.id for each in presets().values() if each.country in ("", country)))
        message = f"there is no preset {name[:32]!r} for {country}"
        raise UnknownError(message, f"choose one of these: {known}")
    return found
