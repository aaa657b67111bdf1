"""Makes the notice of a change, in the transaction of the change.

It needs neither the policies nor a receiver: an opt-out waits for nobody. Facts are ids, numbers and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from filterd.config.settings import Settings
from filterd.model.adjustments import KINDS, Adjustments
from filterd.model.line import LineChoices
from filterd.model.notice import FIELDS
from filterd.model.rule import Action
from filterd.store import notices as rows
from filterd.store.notices import NewNotice
from filterd.store.write import Write

Facts = dict[str, Any]


async def note(
    write: Write, settings: Settings, action: str, before: LineChoices, after: LineChoices
) -> None:
    """Make the notice of a line's change. ``action``: that of the audit trail, without its ``subscriber.``"""
    await note_all(write, settings, [made(action, before, after)])


async def note_all(write: Write, settings: Settings, found: Iterable[tuple[int, str, Facts]]) -> None:
    """Make notices: line, kind and facts of each."""
    await rows.add(write.connection, new_notices(settings, found, write.token), write.now)


def new_notices(
    settings: Settings, found: Iterable[tuple[int, str, Facts]], token: Callable[[], str]
) -> list[NewNotice]:
    """Notices of line, kind and facts, for the receivers of the settings; ``token`` gives ids."""
    receivers = settings.notices.webhooks
    return [
        NewNotice(token(), line, kind, facts, tuple(each.id for each in receivers if each.wants(kind)))
        for line, kind, facts in found
    ]


def made(action: str, before: LineChoices, after: LineChoices) -> tuple[int, str, Facts]:
    """The line, the kind of notice and its facts."""
    kind, facts_of = _KINDS.get(action, (action, _nothing))
    if action == "opt_in" and before.opted_in:
        kind = "evidence" if before == after else "profile"
    elif action == "leave_security":
        kind = "security_left" if after.security_left else "security_back"
    if kind not in FIELDS:  # an action that nobody named here is told as what it did to the choices
        kind, facts_of = "choices", _choices
    return after.line, kind, {"zone": after.zone, **facts_of(before, after)}


def _nothing(_before: LineChoices, _after: LineChoices) -> Facts:
    return {}


def _profile(_before: LineChoices, after: LineChoices) -> Facts:
    return {"profile": after.profile}


def _pause(_before: LineChoices, after: LineChoices) -> Facts:
    return {"until": after.paused_until}


def _choices(_before: LineChoices, after: LineChoices) -> Facts:
    own = after.adjustments
    return {"profile": after.profile, "closed": _ids(own, "added"), "opened": _ids(own, "taken")}


def _ids(adjustments: Adjustments, word: str) -> list[list[str]]:
    return [[kind, each] for kind in KINDS for each in getattr(getattr(adjustments, kind), word)]


def _plan(_before: LineChoices, after: LineChoices) -> Facts:
    plan = after.adjustments.plan
    return {"slots": None if plan is None else len(plan), "holidays": list(after.adjustments.holidays)}


def _closing(before: LineChoices, after: LineChoices) -> Facts:
    new = [each for each in after.adjustments.once if each not in before.adjustments.once]
    slot = new[0] if new else after.adjustments.once[-1]
    closed = [["categories", each] for each in slot.categories] + [
        ["services", each] for each in slot.services
    ]
    return {"until": slot.end, "everything": slot.everything, "closed": closed}


def _own_names(_before: LineChoices, after: LineChoices) -> Facts:
    blocked = sum(each.action is Action.BLOCK for each in after.own_names)
    return {"blocked": blocked, "allowed": len(after.own_names) - blocked}


_KINDS: dict[str, tuple[str, Callable[[LineChoices, LineChoices], Facts]]] = {
    "opt_in": ("opt_in", _profile),
    "set_profile": ("profile", _profile),
    "accept_profile": ("profile", _profile),
    "pause": ("pause", _pause),
    "choose": ("choices", _choices),
    "plan": ("plan", _plan),
    "close": ("closing", _closing),
    "open": ("reopened", _nothing),
    "allow": ("own_names", _own_names),
    "deny": ("own_names", _own_names),
    "remove": ("own_names", _own_names),
    "own_name_ended": ("own_names", _own_names),
    "leave_security": ("security_left", _nothing),
    "set_zone": ("zone", _nothing),
    "contract_ended": ("opt_out", _nothing),
}
