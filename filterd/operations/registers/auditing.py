"""The entries of registers in the audit trail: counts and digests, never a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from filterd.model.order import Order
from filterd.model.register import ItemAct, ItemAnswer, RegisterItem, RegisterRun
from filterd.operations.registers.finding import register_subject
from filterd.store.store import Write


def audit_take(
    write: Write,
    run: RegisterRun,
    items: Sequence[RegisterItem],
    order: Order | None = None,
    *,
    again_of: int = 0,
) -> None:
    """Record that a document was taken in; ``again_of``: what it was refused in that run was taken up."""
    after = audited_run(run)
    if again_of:
        after["again_of"] = again_of
    if order is not None:
        after["order"] = order.reference
    write.audit("register.take", register_subject(run.register), after={**after, **audited_items(items)})


def audited_run(run: RegisterRun) -> dict[str, Any]:
    """A run as the trail has it."""
    found: dict[str, Any] = {
        "run": run.number,
        "document": run.document,
        "digest": run.digest,
        "origin": run.origin.value,
        "state": run.state.value,
        "received_at": run.received_at,
        "answers_due_at": run.due_at,
    }
    return {**found, "problem": run.problem} if run.problem else found


def audited_items(items: Sequence[RegisterItem]) -> dict[str, Any]:
    """The items by number: how many demand what, and how they were answered."""
    acts = Counter(each.act for each in items)
    answers = Counter("waiting" if each.answer is None else each.answer.value for each in items)
    reasons = Counter(each.reason.value for each in items if each.reason is not None)
    return {
        "items": len(items),
        "blocks": acts[ItemAct.BLOCK],
        "unblocks": acts[ItemAct.UNBLOCK],
        "processed": answers[ItemAnswer.PROCESSED.value],
        "waiting": answers["waiting"],
        "unprocessed": dict(sorted(reasons.items())),
    }
