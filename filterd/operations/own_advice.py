"""The part of an advice that comes of a line's own choices, plan and closings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from filterd.operations.plain_values import moment

if TYPE_CHECKING:
    from filterd.operations.explain import ExplainedStage, Explanation


def chosen(found: Explanation, stage: ExplainedStage) -> str:
    """The line's own choice that the stage follows, as ``category:games``; empty where the profile has it."""
    wanted = _choices(stage)
    beyond = [each.removeprefix("+") for each in _own(found).get("choices", ()) if each.startswith("+")]
    return next((each for each in beyond if each in wanted), "")


def undo(choice: str, who: str) -> str:
    """The command that lets the profile decide again."""
    return f"filterd subscriber choose {who} --as-profile {choice}"


def hours(found: Explanation, stage: ExplainedStage) -> str:
    """The subject of a sentence: the hours that the schedule's stage follows."""
    closing = _closing(found, stage)
    if closing is not None:
        return f"a closing of the line (until {moment(closing['until'])})"
    if _own(found).get("plan"):
        return "the line's own plan"
    return f"the schedule of profile {found.identity.get('profile')}"


def opening(found: Explanation, stage: ExplainedStage, who: str) -> str:
    """The milder step before a pause, with its semicolon; empty where there is none."""
    choice = chosen(found, stage)
    if choice:
        return f"{undo(choice, who)}; or "
    if stage.stage != "schedule":
        return ""
    if _closing(found, stage) is not None:
        return f"filterd subscriber open {who}; or "
    return f"filterd subscriber plan {who} --file PLAN; or " if _own(found).get("plan") else ""


def _own(found: Explanation) -> dict[str, Any]:
    own: dict[str, Any] = found.identity.get("own") or {}
    return own


def _choices(stage: ExplainedStage) -> set[str]:
    """The choices that the list of a stage may follow."""
    kinds = {"service": "service", "safe_search": "safe-search", "bypass": "way"}
    if stage.category:
        return {f"category:{stage.category}"}
    return {f"{kinds.get(stage.stage, '')}:{stage.way or stage.list}"}


def _closing(found: Explanation, stage: ExplainedStage) -> dict[str, Any] | None:
    """The closing that runs and closes what the stage is about."""
    for each in _own(found).get("closings", ()):
        block = each["block"]
        if block == "everything":
            return dict(each)
        if stage.category in block["categories"] or stage.list in block["services"]:
            return dict(each)
    return None
