"""Values of privacy as commands print them with ``--json``, and as the API replies."""

from __future__ import annotations

from typing import Any

from filterd.operations.plain_values import plain
from filterd.operations.privacy.arco import ShownArco
from filterd.operations.privacy.classes import classes
from filterd.operations.privacy.preservation import ShownHold
from filterd.operations.privacy.retention import ClassState, RetentionProof


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


def plain_proof(proof: RetentionProof) -> dict[str, Any]:
    """A proof with its verdict."""
    return {"holds": proof.holds, **plain(proof)}
