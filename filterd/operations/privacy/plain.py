"""Values of privacy as commands print them with ``--json``, and as the API replies."""

from __future__ import annotations

from typing import Any

from filterd.operations.consent_report import LEAST
from filterd.operations.plain_values import plain
from filterd.operations.privacy.arco import ShownArco
from filterd.operations.privacy.classes import classes
from filterd.operations.privacy.preservation import ShownHold
from filterd.operations.privacy.retention import ClassState, RetentionProof
from filterd.operations.reports.measures import told, told_part


def plain_arco(found: ShownArco, held_until: int = 0) -> dict[str, Any]:
    """A request with the term that runs. ``held_until``: a hold stops the erasure that it asks for until
    then, Unix seconds; 0: none does."""
    value: dict[str, Any] = plain(found.request)
    ticket = value.pop("reference")
    del value["number"]
    return {
        "request": found.reference,
        "id": found.id or None,
        **value,
        "ticket": ticket,
        "due": found.request.due or None,
        "days_left": found.days_left,
        "overdue": found.overdue,
        "held_until": held_until,
    }


def plain_hold(found: ShownHold) -> dict[str, Any]:
    """A hold with the ids of its lines, not their numbers."""
    value: dict[str, Any] = plain(found.hold)
    for name in ("number", "lines"):
        del value[name]
    return {"hold": found.hold.reference, "state": found.state, **value, "subscribers": list(found.ids)}


def plain_table(states: tuple[ClassState, ...]) -> list[dict[str, Any]]:
    """The retention table with the present state of each class."""
    table = {each.id: plain(each) for each in classes()}
    return [table[each.id] | plain(each) for each in states]


def without_small(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table for those outside the house: a small count, or one that would tell such a one, is None."""
    return [
        each
        | {"rows": None if each["rows"] is None else told(each["rows"], LEAST)}
        | {name: told_part(each[name], each["rows"] or 0, LEAST) for name in ("due", "on_hold")}
        for each in table
    ]


def plain_proof(proof: RetentionProof) -> dict[str, Any]:
    """A proof with its verdict."""
    return {"holds": proof.holds, **plain(proof)}
