"""Sums an explanation up in a sentence and suggests the next command, for the support agent on the phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from filterd.operations import own_advice

if TYPE_CHECKING:
    from filterd.operations.explain import ExplainedStage, Explanation, Tried

UNNAMED = "ID"
"""stands in a command for an unknown subscriber"""
CONFIDENTIAL = "a mandatory rule, confidential"
DECIDED = "decided"
LIFTED = "lifted"
NOT_LOOKED_AT = "not evaluated"
NOTHING_TO_JUDGE = "nothing to judge"
_LIFTED_BY_PROTECTION = ("mandatory", "schedule", "category", "security")
"""the stages that a protected name passes (decision 0138)"""
_BUT_KEPT = "; but nodes keep orders that are not looked at here"


def why(found: Explanation) -> str:
    """The reason for the verdict, as a sentence."""
    if found.verdict == "refuse":
        return "the client's address is outside dns.allow_from"
    stage = deciding_stage(found)
    if stage is None:
        return f"{_passes(found)}{_BUT_KEPT}" if found.kept_orders else _passes(found)
    return _sentence(found, found.reason, stage)


def _sentence(found: Explanation, reason: str, stage: ExplainedStage) -> str:
    sentence = _SENTENCES[reason](found, stage)
    if stage.part == "query":
        return sentence
    return f"{sentence}; not for the name itself, but for {stage.matched_name or 'a name'} in its answer"


def stays(found: Explanation, moment: str) -> str:
    """The sentence on a name that an own allow name does not open at this moment, and why."""
    what = "stays blocked" if found.verdict == "block" else "is not answered as it is"
    return f"{found.name} {what} (at {moment}): {why(found)}"


def next_step(found: Explanation) -> str:
    """The next step, with commands where there are some; empty if there is none."""
    who = str(found.identity.get("subscriber") or UNNAMED)
    if found.verdict == "refuse":
        return "if it is a customer's, add its prefix to dns.allow_from"
    if found.verdict == "pass":
        if found.verdict_of_a:
            line = f" --subscriber {who}" if found.identity.get("subscriber") else ""
            return f"what blocks it: filterd check {found.name}{line}"
        if answer_unjudged(found) and not found.answer_seen:
            return "the answer was not looked at (aliases, addresses): add --resolve"
        return ""
    stage = deciding_stage(found)
    step = _STEPS.get(found.reason)
    if step is None or stage is None:
        return ""
    first = step(found, stage, who)
    return _after_trials(found, first, who) if found.tried else first


def _after_trials(found: Explanation, first: str, who: str) -> str:
    """The step that was tried out and opens the name, and why a milder one does not. ``first``: the step
    against the reason of the verdict, as it reads where it helps by itself."""
    failed = [each for each in found.tried if each.verdict == "block"]
    last = found.tried[-1]
    if last.stage is None or last.verdict != "block":
        led = "" if last.stage is None else f"; it is then {_sentence(found, last.reason, last.stage)}"
        if not failed:
            return f"{first}{led}"
        return f"{'; '.join(_fails(found, each) for each in failed)}; {_pause_or_other(who)}{led}"
    begun = f"{first}; " if last.act == "remove" else ""
    step = _STEPS[last.reason](found, last.stage, who)
    return f"{begun}{'; '.join(_fails(found, each) for each in failed)}; then also: {step}"


def _fails(found: Explanation, tried: Tried) -> str:
    sentence = "" if tried.stage is None else _sentence(found, tried.reason, tried.stage)
    return f"{_ACTS[tried.act]} alone does not open it: {sentence}"


_ACTS = {"allow": "an own allow name", "remove": "that", "pause": "a pause"}
"""the acts as the subject of a sentence"""


def deciding_stage(found: Explanation) -> ExplainedStage | None:
    """The stage that the verdict comes from; None where no stage decided."""
    outcomes = (DECIDED, "allowed") if found.reason in ("own_allow", "exception") else (DECIDED,)
    matching = [each for each in found.stages if each.stage == found.reason and each.outcome in outcomes]
    return matching[-1] if matching else None


def answer_unjudged(found: Explanation) -> bool:
    """Return whether no stage looked at anything of an answer: there was none, or nothing in it is judged."""
    return all(each.outcome == NOT_LOOKED_AT for each in found.stages if each.part == "answer")


def _passes(found: Explanation) -> str:
    """The reason for a verdict that no stage decided."""
    if found.verdict_of_a:
        return (
            "a DS record is the parent zone's data, so that the question passes at a rule's own name; "
            f"an A question gets: {found.verdict_of_a}"
        )
    lifted, left_open = _lifted_by_protection(found), _left_open(found)
    if left_open is not None:
        sentence = (
            f"at this hour {own_advice.hours(found, left_open)} blocks everything, "
            f"and leaves {_list(left_open)} open"
        )
    elif lifted:
        sentence = f"the name is protected, which lifts {' and '.join(lifted)} for everybody"
    else:
        sentence = _nothing(found)
    if found.answer_seen and answer_unjudged(found):
        return f"{sentence}; its answer holds nothing that is judged (aliases, targets, addresses)"
    return sentence


def _left_open(found: Explanation) -> ExplainedStage | None:
    """The schedule's stage, where a list of always-allowed names let the name through."""
    return next((each for each in found.stages if each.always_allowed), None)


def _lifted_by_protection(found: Explanation) -> list[str]:
    """The orders and lists that would block a protected name; a confidential one is not named."""
    if not found.protected:
        return []
    lifted = [each for each in found.stages if each.outcome == LIFTED and each.stage in _LIFTED_BY_PROTECTION]
    return list(dict.fromkeys(_named(each) for each in lifted))


def _named(stage: ExplainedStage) -> str:
    if stage.confidential:
        return CONFIDENTIAL
    is_order = bool(stage.order)
    if stage.list == "schedule":
        return "the schedule"
    if not stage.matched_name:
        return "an order" if is_order else "a list"
    return f"order {stage.order}" if is_order else f"the list {stage.list}"


def _nothing(found: Explanation) -> str:
    if found.identity.get("line") is None:
        return "nothing that holds for everybody blocks it; no line is known, so no profile was looked at"
    if not found.identity.get("opted_in"):
        return "nothing that holds for this line blocks it; the line has not opted in to a profile"
    if found.suspended_until:
        return "nothing that holds for this line blocks it; parental filtering is suspended for every line"
    if found.identity.get("paused"):
        return "nothing that holds for this line blocks it; its profile is paused"
    return "nothing that holds for this line blocks it"


def _list(stage: ExplainedStage) -> str:
    title = f" ({stage.title})" if stage.title else ""
    if stage.category:
        return f"list {stage.list}, category {stage.category}{title}"
    if stage.way:
        return f"list {stage.list}, way around {stage.way}{title}"
    return f"{stage.list}{title}"


def _mandatory(found: Explanation, stage: ExplainedStage) -> str:
    del found
    if stage.confidential:
        return f"{CONFIDENTIAL} blocks it for every line"
    source = f"order {stage.order}" if stage.order else f"the mandatory list {stage.list}"
    return f"{source} blocks it for every line"


def _profile(found: Explanation, stage: ExplainedStage, kind: str = "") -> str:
    if own_advice.chosen(found, stage):
        return f"the line itself chose to close {kind}{_list(stage)}, beyond its profile"
    return f"profile {found.identity.get('profile')} restricts {kind}{_list(stage)}"


def _schedule(found: Explanation, stage: ExplainedStage) -> str:
    what = "everything" if stage.list == "schedule" else _list(stage)
    return f"at this hour {own_advice.hours(found, stage)} blocks {what}"


_SENTENCES: dict[str, Callable[[Explanation, ExplainedStage], str]] = {
    "local": lambda found, stage: "the resolver answers this name itself",
    "mandatory": _mandatory,
    "special_use": lambda found, stage: "a special-use name that does not exist in DNS (RFC 6761, RFC 6303)",
    "own_deny": lambda found, stage: f"the line itself blocks {stage.matched_name or 'it'}",
    "schedule": _schedule,
    "exception": lambda found, stage: f"the operator has an exception on {stage.matched_name or 'it'}",
    "own_allow": lambda found, stage: f"the line itself allows {stage.matched_name or 'it'}",
    "service": lambda found, stage: _profile(found, stage, "service "),
    "category": _profile,
    "safe_search": lambda found, stage: f"answered with the safe host of {_list(stage)}",
    "bypass": lambda found, stage: f"a way around the resolver: {_list(stage)}",
    "security": lambda found, stage: f"the operator's security list {_list(stage)} has it",
}


def _see_mandate(found: Explanation, stage: ExplainedStage, who: str) -> str:
    del found, who
    if stage.confidential:
        return "no choice of a subscriber lifts it; whose it is: ask those who look after orders"
    show = f"filterd order show {stage.order}" if stage.order else f"filterd feed show {stage.list}"
    return f"no choice of a subscriber lifts it; whose it is: {show}"


def _allow(found: Explanation, stage: ExplainedStage, who: str) -> str:
    allow = f"if the line's holder wants it: filterd subscriber allow {who} {found.name}"
    chosen = own_advice.chosen(found, stage)
    return f"{allow}; for all of it: {own_advice.undo(chosen, who)}" if chosen else allow


def _pause(found: Explanation, stage: ExplainedStage, who: str) -> str:
    return f"no allow name lifts it; {own_advice.opening(found, stage, who)}{_pause_or_other(who)}"


def _pause_or_other(who: str) -> str:
    return (
        f"filterd subscriber pause {who} --for 1h, "
        f"or another profile: filterd subscriber set-profile {who} PROFILE"
    )


def _allow_or_leave(found: Explanation, stage: ExplainedStage, who: str) -> str:
    return f"{_allow(found, stage, who)}; to leave all of it: filterd subscriber leave-security {who}"


_STEPS: dict[str, Callable[[Explanation, ExplainedStage, str], str]] = {
    "mandatory": _see_mandate,
    "own_deny": lambda found, stage, who: f"filterd subscriber remove {who} {stage.matched_name or 'NAME'}",
    "schedule": _pause,
    "service": _allow,
    "category": _allow,
    "safe_search": _pause,
    "bypass": _pause,
    "security": _allow_or_leave,
}
