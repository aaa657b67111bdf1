"""Keeps a line's own names from those who may not see them, in what is told of a check, and puts on record
that a check touched them: who may ask about any name could otherwise learn the list by asking."""

from __future__ import annotations

from dataclasses import replace

from filterd.operations import view_codes
from filterd.operations.context import Context
from filterd.operations.explain import ExplainedStage, Explanation

OWN = ("own_deny", "own_allow")
"""stages that speak of a line's own names"""
QUIET = ("not evaluated", "off", "no match")
"""outcomes of a stage that says nothing of the name"""


def without_own_names(found: Explanation) -> Explanation:
    """The explanation without which own name decides: that one does stays."""

    def masked(stage: ExplainedStage) -> ExplainedStage:
        return replace(stage, matched_name="", rule="") if stage.stage in OWN else stage

    tried = tuple(replace(each, stage=each.stage and masked(each.stage)) for each in found.tried)
    return replace(found, stages=tuple(map(masked, found.stages)), tried=tried)


async def seen(context: Context, found: Explanation, *, whole: bool) -> Explanation:
    """The explanation for one who sees own names (``whole``) or does not. Where an own name of the line bears
    on the answer, the look is in the line's record, without the name."""
    line = found.identity.get("subscriber")
    if line and (found.own_allow or any(_speaks(each) for each in found.stages)):
        await view_codes.look(context, str(line))
    return found if whole else without_own_names(found)


def _speaks(stage: ExplainedStage) -> bool:
    return stage.stage in OWN and stage.outcome not in QUIET
