"""Reads a line's weekly plan as a person writes it: the words of a profile's ``schedule``, and two more.

``block`` may be ``{everything: true}``, and ``childrens: true`` in it stands for what bedtime closes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from filterd.config.policy_documents import read_slot
from filterd.config.policy_values import DocumentValue, Problem
from filterd.config.yamlfile import YamlError, dotted, parse_yaml, settle
from filterd.model.adjustments import MOST_SLOTS
from filterd.model.slot import Slot
from filterd.operations.nearest import MOST_GUESSED, nearest
from filterd.policy.documents import Policies

CHILDRENS_CATEGORIES = ("games", "video", "streaming", "social")
CHILDRENS_SERVICES = (
    *("youtube", "netflix", "disney-plus", "prime-video", "max", "fortnite", "minecraft", "roblox"),
    *("tiktok", "instagram", "snapchat", "twitch", "bereal"),
)
"""children's things: what the bedtime of the profile school-nights closes, and the applications of that kind
which its all-day part has; no messaging, banks, medical devices or school"""


LONGEST = 262_144
"""characters of a plan: the most slots with every category and application in each take fewer"""
MOST_TOLD = 100
"""problems of a plan that are told"""


class PlanError(Exception):
    """The problems of a plan; the text has one line for each, with its place, at most :data:`MOST_TOLD`."""


def read_plan(text: str, name: str, documents: Policies) -> tuple[Slot, ...]:
    """The slots of a plan. ``name`` is the file in messages. Raises PlanError."""
    if len(text) > LONGEST:
        message = f"{name}: is longer than {LONGEST} characters, which no plan needs"
        raise PlanError(message)
    try:
        value, empty = settle(parse_yaml(text))
    except YamlError as error:
        raise PlanError("\n".join(f"{name}: {each}" for each in error.errors)) from error
    problems = [Problem(name + dotted(at), each.complaint) for at, each in empty.items()]
    keys = DocumentValue(value, name, problems).keys(("schedule",))
    slots = [_slot(item, documents) for item in keys["schedule"].items()]
    if len(slots) > MOST_SLOTS:
        keys["schedule"].wrong(f"has {len(slots)} slots, and may have {MOST_SLOTS}")
    if problems:
        more = len(problems) - MOST_TOLD
        rest = [f"{name}: and {more} more"] if more > 0 else []
        raise PlanError("\n".join([*map(str, problems[:MOST_TOLD]), *rest]))
    return tuple(sorted(map(_canonical, slots), key=lambda slot: (slot.start, slot.end, slot.days)))


def _canonical(slot: Slot) -> Slot:
    """The same slot as every line has it that asks for the same: such lines share one policy."""
    leaves = None if slot.leaves is None else tuple(sorted(slot.leaves))
    categories, services = (tuple(sorted(set(each))) for each in (slot.categories, slot.services))
    return replace(slot, categories=categories, services=services, leaves=leaves)


def childrens_things(documents: Policies) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The categories and the services that ``childrens`` stands for, as far as the policies have them."""
    categories = {each.id for each in documents.categories}
    services = {each.id for each in documents.services}
    return (
        tuple(each for each in CHILDRENS_CATEGORIES if each in categories),
        tuple(each for each in CHILDRENS_SERVICES if each in services),
    )


def _slot(found: DocumentValue, documents: Policies) -> Slot:
    value, childrens = found.value, False
    if isinstance(value, dict) and isinstance(value.get("block"), dict):
        block = dict(value["block"])
        words = {word: block.pop(word, None) for word in ("everything", "childrens")}
        at = DocumentValue(None, f"{found.path}.block", found.problems)
        everything, childrens = (replace(at, value=each).flag() for each in words.values())
        if everything and (block or childrens):
            at.wrong("is everything, and something beside it: say one of them")
        value = {**value, "block": "everything" if everything else block}
    slot = read_slot(replace(found, value=value))
    if childrens:
        slot = _with_childrens_things(slot, found, documents)
    _require_known(slot, found, documents)
    return slot


def _with_childrens_things(slot: Slot, found: DocumentValue, documents: Policies) -> Slot:
    categories, services = childrens_things(documents)
    if not categories and not services:
        found.wrong("childrens stands for nothing: the policies have none of these categories and services")
    return replace(slot, categories=slot.categories + categories, services=slot.services + services)


def _require_known(slot: Slot, found: DocumentValue, documents: Policies) -> None:
    """Note every id that the policies lack, and a slot that closes nothing."""
    block = DocumentValue(None, f"{found.path}.block", found.problems)
    _note_unknown(block, "category", slot.categories, (each.id for each in documents.categories))
    _note_unknown(block, "service", slot.services, (each.id for each in documents.services))
    leaves = DocumentValue(None, f"{found.path}.leaves", found.problems)
    groups = (each.id for each in documents.protected.groups)
    _note_unknown(leaves, "group of always-allowed names", slot.leaves or (), groups)
    says = isinstance(found.value, dict) and found.value.get("block") is not None
    if says and not (slot.everything or slot.categories or slot.services):
        block.wrong("closes nothing: write everything, childrens, categories or services")


def _note_unknown(at: DocumentValue, kind: str, ids: Iterable[str], known: Iterable[str]) -> None:
    there = set(known)
    for each in ids:
        if each and each not in there:
            guess = nearest(each, there) if len(at.problems) < MOST_GUESSED else ""
            at.wrong(f"unknown {kind} {each!r}" + (f" (did you mean {guess}?)" if guess else ""))
