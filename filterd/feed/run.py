"""A run of rules: the form in which the parsers hand a list on."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.rule import Action, Scope


@dataclass(frozen=True, slots=True)
class Run:
    """Rules of one scope and action: ``names`` in lower-case ASCII, each ended by a newline."""

    scope: Scope
    action: Action
    names: bytes

    @property
    def count(self) -> int:
        """The number of names, with repetitions."""
        return self.names.count(b"\n")
