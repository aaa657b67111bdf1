"""Tries out the acts that ``check`` can advise: one that leaves the name blocked is no advice.

Each act is a change of the line's own choices. The query, and its answer where there is one, is decided once
more on the line as it would then be, by the same code and on the same state.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from enum import Enum

from filterd.model.line import LineChoices, OwnName
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Outcome, Reason
from filterd.operations.check import Answers, CheckState, inspect_answer
from filterd.operations.context import OperationError
from filterd.policy.decide import decide_name
from filterd.policy.trace import Decision
from filterd.wire.names import NameTextError, name_from_text


class Act(Enum):
    """A change of a line's choices that may open a name."""

    ALLOW = "allow"
    """an own allow name"""
    REMOVE = "remove"
    """the own block name is taken away"""
    PAUSE = "pause"
    """the profile is paused; another profile may do the same"""


ACTS: dict[Reason, tuple[Act, ...]] = {
    Reason.OWN_DENY: (Act.REMOVE,),
    Reason.SCHEDULE: (Act.PAUSE,),
    Reason.SERVICE: (Act.ALLOW, Act.PAUSE),
    Reason.CATEGORY: (Act.ALLOW, Act.PAUSE),
    Reason.SAFE_SEARCH: (Act.PAUSE,),
    Reason.BYPASS: (Act.PAUSE,),
    Reason.SECURITY: (Act.ALLOW,),
}
"""the acts against each reason, the mildest first"""


def remembered(answers: Answers) -> Answers:
    """The same answers, each looked up once."""
    known: dict[tuple[bytes, int], bytes | None] = {}

    async def find(wire: bytes, qtype: int) -> bytes | None:
        if (wire, qtype) not in known:
            known[wire, qtype] = await answers(wire, qtype)
        return known[wire, qtype]

    return find


async def tried(
    state: CheckState, answers: Answers, name: str, qtype: int, final: Decision, now: int
) -> AsyncIterator[tuple[Act, Decision]]:
    """The acts against a verdict, each with the verdict that it leads to; the last one helps, if any does."""
    choices = state.identity.choices
    if choices is None or final.verdict.outcome not in (Outcome.BLOCK, Outcome.REWRITE):
        return
    for act in ACTS.get(final.verdict.reason, ()):
        changed = _after(choices, act, name, _matched(final), now)
        found = await _decided(state, answers, changed, name, qtype, now)
        yield act, found
        if found.verdict.outcome is not Outcome.BLOCK:
            return


def _matched(final: Decision) -> str:
    """The name or prefix that the deciding rule carries."""
    found = (each.matched for each in final.stages if each.stage is final.verdict.reason)
    return next(found, "")


def _after(choices: LineChoices, act: Act, name: str, matched: str, now: int) -> LineChoices:
    """The choices of the line once the act is done."""
    if act is Act.PAUSE:
        return replace(choices, paused_until=now + 3600)
    gone = matched if act is Act.REMOVE else name
    kept = tuple(each for each in choices.own_names if each.name != gone)
    if act is Act.ALLOW:
        kept = (*kept, OwnName(name, Action.ALLOW, Scope.SUBTREE))
    return replace(choices, own_names=kept)


async def _decided(
    state: CheckState, answers: Answers, choices: LineChoices, name: str, qtype: int, now: int
) -> Decision:
    """The verdict on a line with these choices; of the query alone where its answer cannot be had."""
    changed = replace(state, line=state.line_of(choices))
    wire = name_from_text(name)
    decision = decide_name(changed.published, changed.line, wire, now, qtype=qtype)
    try:
        found = await inspect_answer(changed, answers, wire, qtype, decision, now)
    except (OperationError, NameTextError):
        return decision
    return found.decision or decision
