"""The form of a weekly stretch: what it holds, and what it was filled in with."""

from __future__ import annotations

import re
from typing import Any

from filterd.config.policy_documents import DAYS
from filterd.model.slot import Slot
from filterd.operations.plan_file import childrens_things
from filterd.operations.plans import clock
from filterd.policy.documents import Policies
from filterd.web.pages.forms import SentForm

CHILDRENS, TOPICS, EVERYTHING, KEEP = "ninos", "temas", "todo", "igual"
"""what a stretch closes: children's things, topics one by one, everything, or what it closed before"""
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00")


def blank_form(documents: Policies) -> dict[str, object]:
    """The form of a new stretch: bedtime of children's things on the evenings before school."""
    return {
        "days": ["sun", "mon", "tue", "wed", "thu"],
        "from": "20:30",
        "until": "06:30",
        "what": CHILDRENS if any(childrens_things(documents)) else TOPICS,
        "topics": [],
        "left": [each.id for each in documents.protected.groups],
        "mixed": False,
    }


def stretch_form(slot: Slot, documents: Policies) -> dict[str, object]:
    """The form of a stretch that there is."""
    groups = [each.id for each in documents.protected.groups]
    what = _kind_of(slot, documents)
    return {
        "days": [DAYS[each] for each in slot.days],
        "from": clock(slot.start),
        "until": "00:00" if slot.end == 1440 else clock(slot.end),
        "what": what,
        "topics": list(slot.categories) if what in (TOPICS, KEEP) else [],
        "left": groups if slot.leaves is None else list(slot.leaves),
        "mixed": what == KEEP,
    }


def _kind_of(slot: Slot, documents: Policies) -> str:
    if slot.everything:
        return EVERYTHING
    categories, services = (tuple(sorted(each)) for each in childrens_things(documents))
    if tuple(sorted(slot.categories)) == categories and tuple(sorted(slot.services)) == services:
        return CHILDRENS
    return KEEP if slot.services else TOPICS


def read_stretch(form: SentForm, documents: Policies) -> dict[str, Any] | tuple[str, ...]:
    """The stretch in the words of a plan, without what it closes for :data:`KEEP`; or the keys of all that is
    wrong with the form."""
    days = [each for each in DAYS if each in form.all("dia")]
    begin, end, closed = form.one("de"), form.one("a"), _closed(form, documents)
    no_time = not (_TIME.fullmatch(begin) and _TIME.fullmatch(end)) or begin == "24:00"
    wrong = {
        "portal.hours.no_days": not days,
        "portal.hours.no_time": no_time,
        "portal.hours.same_time": not no_time and begin.zfill(5) == end.zfill(5),
        "portal.hours.no_topics": closed is None,
    }
    if closed is None or any(wrong.values()):
        return tuple(key for key, is_wrong in wrong.items() if is_wrong)
    return {"days": days, "from": begin.zfill(5), "until": end.zfill(5), **closed}


def _closed(form: SentForm, documents: Policies) -> dict[str, Any] | None:
    """The part of a plan that says what is closed; None: nothing was chosen."""
    what = form.one("que")
    if what == KEEP:
        return {}
    if what == CHILDRENS:
        return {"block": {"childrens": True}}
    if what == EVERYTHING:
        groups = [each.id for each in documents.protected.groups]
        left = [each for each in groups if each in form.all("deja")]
        return {"block": "everything"} if left == groups else {"block": "everything", "leaves": left}
    topics = [each.id for each in documents.categories if each.id in form.all("tema")]
    if what != TOPICS or not topics:
        return None
    return {"block": {"categories": topics}}
