"""Finds what the rows of a list's document say of each name, against what is known of it.

Of several rows the newest date wins, and where two are of the same moment, the block. A removal that is no
newer than what is known unblocks nothing, and neither does one whose name stands in a row that cannot be
read; one whose time is still to come waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from filterd.model.register import ItemAct, ItemReason
from filterd.operations.registers.items import JudgedItem
from filterd.store.register_dates import EntryDate

OLDER = "a newer entry or removal of this name is known: nothing changed"
UNCLEAR = "another row of this name cannot be read: it stays blocked"
_NONE = EntryDate()


@dataclass(slots=True)
class DocumentWord:
    """The word of a document on each name."""

    blocks: dict[str, JudgedItem] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """names that rows say are removed"""
    ahead: dict[str, JudgedItem] = field(default_factory=dict)
    """names that are removed at a time to come: they stay blocked until then"""
    stale: list[JudgedItem] = field(default_factory=list)
    """rows that change nothing, refused with why"""
    refused: list[JudgedItem] = field(default_factory=list)
    """rows that are refused by themselves"""
    standing: set[str] = field(default_factory=set)
    """names that are written in it, whatever else is wrong with their row: they are not absent"""
    nameless: int = 0
    """rows of which not even the name can be read"""
    dates: dict[str, EntryDate] = field(default_factory=dict)
    """what is known from now on, where that is something else"""


def said(
    judged: Sequence[JudgedItem], known: Mapping[str, EntryDate], now: float, *, whole: bool = True
) -> DocumentWord:
    """The word of these rows. ``known``: the dates of each name; ``now``: Unix seconds; ``whole``: the
    document is the whole list, whose entries stand however old they are."""
    found = DocumentWord(refused=[each for each in judged if each.reason is not None])
    found.nameless = sum(each.nameless for each in found.refused)
    unclear = {each.value for each in found.refused}
    for value, row in _newest(judged).items():
        before = known.get(value, _NONE)
        if row.item.act is ItemAct.BLOCK:
            after = _block(found, row, before, now, whole=whole)
        else:
            after = _unblock(found, row, before, now, unclear=value in unclear)
        if after != before:
            found.dates[value] = after
    found.standing = {*found.blocks, *unclear, *(each.value for each in found.stale)}
    return found


def _newest(judged: Sequence[JudgedItem]) -> dict[str, JudgedItem]:
    """The row of each name that counts."""
    found: dict[str, JudgedItem] = {}
    for each in judged:
        if each.reason is None:
            other = found.get(each.value)
            if other is None or _rank(each) > _rank(other):
                found[each.value] = each
    return found


def _rank(judged: JudgedItem) -> tuple[float, bool]:
    return judged.item.at, judged.item.act is ItemAct.BLOCK


def _block(found: DocumentWord, row: JudgedItem, before: EntryDate, now: float, *, whole: bool) -> EntryDate:
    at = min(row.item.at, now)
    if not whole and 0 < at < before.known_at(now):
        found.stale.append(row.refused(ItemReason.MALFORMED, OLDER))
        return before
    found.blocks[row.value] = row
    return EntryDate(max(at, before.known_at(now)))


def _unblock(
    found: DocumentWord, row: JudgedItem, before: EntryDate, now: float, *, unclear: bool
) -> EntryDate:
    at = row.item.at
    still = replace(before, opens_at=before.opens_at if not 0 < before.opens_at <= now else 0.0)
    if unclear or 0 < at <= max(before.said_at, before.known_at(now)):
        found.stale.append(row.refused(ItemReason.MALFORMED, UNCLEAR if unclear else OLDER))
        return still
    if at > now:
        found.ahead[row.value] = row
        found.blocks[row.value] = replace(row, item=replace(row.item, act=ItemAct.BLOCK, at=0.0))
        return EntryDate(max(before.said_at, before.known_at(now)), at)
    found.gone.add(row.value)
    return EntryDate(before.said_at, -at) if at else EntryDate(max(before.said_at, before.known_at(now)))
