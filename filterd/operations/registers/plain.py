"""Registers, documents and items as plain values, for commands, the API, and the receivers of answers."""

from __future__ import annotations

from typing import Any

from filterd.model.register import RegisterItem, RegisterRun
from filterd.operations.registers.handed import TakenDocument


def plain_run(run: RegisterRun) -> dict[str, Any]:
    """A document that was taken in. Times are Unix seconds, 0 for none."""
    return {
        "register": run.register,
        "run": run.number,
        "document": run.given,
        "again": run.again,
        "digest": run.digest,
        "origin": run.origin.value,
        "state": run.state.value,
        "received_at": run.received_at,
        "answers_due_at": run.due_at,
        "answered_at": run.answered_at,
        "items": run.items,
        "order": f"O-{run.order}" if run.order else "",
        "problem": run.problem,
    }


def plain_item(item: RegisterItem) -> dict[str, Any]:
    """An item with its answer; ``answer`` and ``reason`` are empty where there is none."""
    return {
        "item": item.number,
        "place": item.place,
        "line": item.line,
        "action": item.act.value,
        "entry": item.value,
        "answer": "" if item.answer is None else item.answer.value,
        "reason": "" if item.reason is None else item.reason.value,
        "detail": item.detail,
    }


def plain_delivery(run: RegisterRun) -> dict[str, Any]:
    """A document with the state of the delivery of its answers."""
    return {
        **plain_run(run),
        "attempts": run.attempts,
        "next_attempt_at": run.next_at,
        "delivered_at": run.delivered_at,
        "trouble": run.trouble,
    }


def plain_taken(taken: TakenDocument) -> dict[str, Any]:
    """The outcome of taking a document in, or of a look at it."""
    return {
        **plain_run(taken.run),
        "dry_run": taken.dry,
        "repeated": taken.repeated,
        "taken_up": taken.again,
        "whole": taken.whole,
        "listed": taken.listed,
        "added": taken.added,
        "removed": taken.removed,
        "refused": taken.refused,
        "waiting": taken.waiting,
        "answers": [plain_item(each) for each in taken.items],
    }
