"""When the items of a register have to be in force, or lifted, by the ground in the jurisdiction's file."""

from __future__ import annotations

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import ItemAct
from filterd.policy.deadlines import due, resolve
from filterd.policy.jurisdictions import DeadlineKind, Jurisdiction


class Deadlines:
    """The deadlines of one register's items."""

    def __init__(self, country: Jurisdiction | None, register: RegisterSettings) -> None:
        """``country``: the jurisdiction in force; without it there are no deadlines."""
        self._country = country
        self._basis = None if country is None else resolve(country, register.authority, register.ground)

    def due(self, act: ItemAct, start: float) -> float:
        """The last second for an item that the authority entered, or handed over, at ``start``; 0: none."""
        if self._country is None or self._basis is None or self._basis.ground is None:
            return 0.0
        kind = DeadlineKind.ENFORCE if act is ItemAct.BLOCK else DeadlineKind.UNBLOCK
        body = self._basis.authority
        authority = "" if body is None else body.id
        return float(due(self._country, self._basis.ground, authority, kind, int(start)) or 0)
