"""Keeps a line's own names from those who may not see them, in what is told of a check."""

from __future__ import annotations

from dataclasses import replace

from filterd.operations.explain import ExplainedStage, Explanation

OWN = ("own_deny", "own_allow")
"""stages that speak of a line's own names"""


def without_own_names(found: Explanation) -> Explanation:
    """The explanation without which own name decides: that one does stays."""

    def masked(stage: ExplainedStage) -> ExplainedStage:
        return replace(stage, matched_name="", rule="") if stage.stage in OWN else stage

    tried = tuple(replace(each, stage=each.stage and masked(each.stage)) for each in found.tried)
    return replace(found, stages=tuple(map(masked, found.stages)), tried=tried)
