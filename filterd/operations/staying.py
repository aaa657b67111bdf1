"""Finds where a name stays blocked although somebody has just let it through: a line, or an exception.

Confidential orders and lists are left out of the state that is decided on: what is said, and what is not, is
the same as if there were none. Only ``check`` may speak of them, which puts that on record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import dns.rdatatype

from filterd.model.verdict import Outcome, Reason
from filterd.operations import check
from filterd.operations.check import CheckState
from filterd.operations.context import Context, OperationError
from filterd.operations.explain import Explanation, explain_on
from filterd.policy.decide import LineHandle, decide_name
from filterd.policy.trace import Decision
from filterd.wire.names import name_from_text

AHEAD = 8 * 86400
"""seconds looked ahead: every slot of a schedule comes once"""
_MOST_MOMENTS = 100


async def on_line(context: Context, subscriber: str, name: str) -> Explanation | None:
    """The verdict at the first moment of the coming week at which the line does not get the name as it is.
    None where there is none, and where no snapshot can tell."""
    now = int(context.clock())
    try:
        state = tellable(await check.load_state(context, now, subscriber=subscriber), now)
    except OperationError:
        return None
    for moment, decision in _moments(state, state.line, name, now):
        if decision.verdict.outcome in (Outcome.BLOCK, Outcome.REWRITE):
            then = state.moved(moment)
            return await explain_on(context.settings, then, name, dns.rdatatype.A, moment, check.no_answers)
    return None


def tellable(state: CheckState, now: int) -> CheckState:
    """The state as it would be without what is confidential."""
    mandates = [
        replace(each, withdrawn=each.withdrawn or each.confidential)
        for each in state.published.mandates.values()
    ]
    return replace(state, published=state.published.evolve(now, mandates=mandates))


def in_closed_hours(state: CheckState, zone: str, name: str, now: int) -> tuple[str, ...]:
    """The profiles whose schedule blocks everything at some hour, and this name then too."""
    profiles = sorted(state.snapshot.meta.get("profiles", {}))
    lines = {each: LineHandle(0, policy=state.book.index(each, zone), opted_in=True) for each in profiles}
    known = state.moved(now)
    return tuple(each for each, line in lines.items() if _is_closed(_moments(known, line, name, now)))


def _is_closed(moments: Iterable[tuple[int, Decision]]) -> bool:
    return any(
        decision.verdict.outcome is Outcome.BLOCK and decision.verdict.reason is Reason.SCHEDULE
        for _, decision in moments
    )


def _moments(
    state: CheckState, line: LineHandle | None, name: str, now: int
) -> Iterator[tuple[int, Decision]]:
    """The verdicts on the name, each with the moment from which it holds, as far as we look ahead."""
    wire = name_from_text(name)
    moment = now
    for _ in range(_MOST_MOMENTS):
        decision = decide_name(state.moved(moment).published, line, wire, moment)
        yield moment, decision
        moment = decision.valid_until
        if not now < moment < now + AHEAD:
            return
