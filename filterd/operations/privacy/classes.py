"""The retention table: the classes of data of ``classes.toml``, each with its term in this installation."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from filterd.config.settings import Settings


@dataclass(frozen=True, slots=True)
class DataClass:
    """One class of data. Texts are by language, grounds in law by jurisdiction."""

    id: str
    holds: Mapping[str, str]
    counted: Mapping[str, str]
    tables: tuple[str, ...]
    """``table`` or ``table.column``, of the store"""
    files: tuple[str, ...]
    personal: bool
    term: str
    """the key of the section ``retention``; empty: no setting changes it"""
    seconds: int
    """a term that no setting changes; 0: none"""
    law: Mapping[str, str]
    hold: str
    """how a preservation hold reaches it: ``line`` (as a whole, or of one line), ``class`` (as a whole), or
    not (empty)"""

    def seconds_in(self, settings: Settings) -> int:
        """The term in this installation, in seconds; 0: none that runs by the clock."""
        return int(getattr(settings.retention, self.term)) if self.term else self.seconds


@cache
def classes() -> tuple[DataClass, ...]:
    """Every class, in the order of the table."""
    text = resources.files(__package__).joinpath("classes.toml").read_text(encoding="utf-8")
    return tuple(_class(name, fields) for name, fields in tomllib.loads(text).items())


def with_terms() -> tuple[DataClass, ...]:
    """The classes that have a term."""
    return tuple(each for each in classes() if each.term or each.seconds)


def _class(name: str, fields: Mapping[str, Any]) -> DataClass:
    return DataClass(
        id=name,
        holds=fields["holds"],
        counted=fields["counted"],
        tables=tuple(fields.get("tables", ())),
        files=tuple(fields.get("files", ())),
        personal=fields.get("personal", True),
        term=fields.get("term", ""),
        seconds=fields.get("seconds", 0),
        law=fields["law"],
        hold=fields.get("hold", ""),
    )
