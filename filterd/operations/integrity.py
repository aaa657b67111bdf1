"""Compares the rows that mandatory blocking rests on with what the audit trail says was decided.

A page of the store that is damaged in the middle of a name, a row that was changed by hand and one that is
gone are not seen by SQLite, nor by the chain's own proof. Whoever reads such rows to make something of them
refuses; what was made of them before stays in force.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.disk.keys import DIGEST_KEY
from filterd.model.audit_chain import canonical
from filterd.model.records import AdoptedFeed, AdoptionState, FeedVersion
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, rule_files
from filterd.operations.keys import load_key
from filterd.operations.policies import policies
from filterd.operations.privacy import preservation
from filterd.operations.trail import key_rows, time_rows
from filterd.policy.documents import Feed
from filterd.store import adoptions, feeds, orders

SHOWN = 8
"""damaged rows that one message names"""
REMEDY = "see which rows, and what to do about each: filterd audit verify"
DAMAGED_REMEDY = (
    "restore the store from a backup; or take the order in anew (filterd order add), have it approved "
    "(filterd order approve), see it in force in filterd order list, and only then end this one, whose names "
    "are lifted with it: filterd order withdraw {0} --damaged --replaced-by O-... --reason ..."
)
FEED_REMEDY = (
    "see that its entry stands in feeds.yaml or feeds.d, and read the list again: filterd feed update {0}; "
    "where that does not mend it, restore the store from a backup"
)

KEY_REMEDY = (
    "somebody changed the store, perhaps to hide a key that took another one's place: keep its file as "
    "evidence, compare the key with the published one (filterd key list --signing), and restore from a backup"
)
TIME_REMEDY = (
    "somebody changed the store: keep its file as evidence; what nodes told stands in the trail "
    "(filterd audit tail); give out no receipt of it until the store is restored from a backup"
)
HOLD_REMEDY = (
    "what it keeps may be deleted: enter the demand again from its document (filterd hold add), or restore"
    " the store from a backup"
)


@dataclass(frozen=True, slots=True)
class RowFault:
    """Rows that are not what was decided."""

    subject: str
    """``order:O-1`` or ``feed:ID``, as in the trail"""
    fault: str
    remedy: str
    version_of: str = ""
    """the feed, where the row of its current version is at fault and nothing else"""


async def faults(connection: AsyncConnection, read: Iterable[str] | None = None) -> tuple[RowFault, ...]:
    """The damaged orders and feeds, as one transaction shows them.

    ``read``: the ids of the feeds that the policies name; None: every feed that ever was read. Those that
    were adopted and not retired are among them in any case.
    """
    found = [
        RowFault(f"order:{order.reference}", order.damage, DAMAGED_REMEDY.format(order.reference))
        for order in (await orders.all_orders(connection)).damaged
    ]
    current, versions = await feeds.current(connection), await feeds.recorded(connection)
    adopted, decided = await adoptions.every(connection), await adoptions.recorded(connection)
    ended = await feeds.ended(connection)
    retired = {each for each, told in decided.items() if told.get("state") == AdoptionState.RETIRED}
    named = {*current, *versions} if read is None else set(read)
    for each in sorted({*adopted, *decided, *(named - retired)}):
        version_of, fault = "", _adoption_fault(adopted.get(each), decided.get(each))
        if not fault and each not in retired and not (each in ended and each not in current):
            version_of, fault = each, feeds.fault_of(current.get(each), versions.get(each))
        if fault:
            found.append(_of_feed(each, fault, version_of))
    return tuple(found)


def _adoption_fault(adopted: AdoptedFeed | None, told: Mapping[str, Any] | None) -> str:
    if adopted is None:
        return "" if told is None else "the record of its adoption is gone"
    if told is None:
        return "no decision on its adoption is on record"
    try:
        same = json.loads(canonical(adoption.audited(adopted))) == told
    except OperationError:
        same = False
    return "" if same else "the record of its adoption is not what was decided"


def require_sound(found: Iterable[RowFault]) -> None:
    """Raise OperationError where rows are damaged."""
    subjects = [each.subject for each in found]
    if subjects:
        more = f" and {len(subjects) - SHOWN} more" if len(subjects) > SHOWN else ""
        message = f"the store is not what was decided: {', '.join(subjects[:SHOWN])}{more}"
        raise OperationError(message, REMEDY)


async def compare(context: Context) -> tuple[RowFault, ...]:
    """All damaged rows, and the mandatory lists whose file is not the one that was read."""
    async with context.store.read() as connection:
        found = await faults(connection)
        current = await feeds.current(connection)
        definitions = await adoption.definitions(connection)
    known = {each.subject for each in found}
    altered = await asyncio.to_thread(_altered_files, context, current, definitions)
    holds = [RowFault(each, fault, HOLD_REMEDY) for each, fault in await preservation.altered(context)]
    told = await _altered_evidence(context)
    return (*found, *(each for each in altered if each.subject not in known), *holds, *told)


async def _altered_evidence(context: Context) -> list[RowFault]:
    """The rows that receipts and signatures rest on, and nothing that is blocked does: nothing is refused for
    them."""
    async with context.store.read() as connection:
        keys, times = await key_rows.altered(connection), await time_rows.altered(connection)
    found = [RowFault(subject, fault, KEY_REMEDY) for subject, fault in keys]
    return found + [RowFault(subject, fault, TIME_REMEDY) for subject, fault in times]


async def altered_lists(context: Context, read: Iterable[Feed]) -> list[str]:
    """The feeds whose list's file is not the one that was read, or is gone, while their rows are what was
    decided: a row that was changed is a person's to look at. Raises OperationError."""
    async with context.store.read() as connection:
        told = await feeds.recorded(connection)
        rows = await feeds.current(connection)
    current = {feed: each for feed, each in rows.items() if not feeds.fault_of(each, told.get(feed))}
    return [feed.id for feed, _ in await asyncio.to_thread(_altered, context, read, current)]


def _altered(
    context: Context, read: Iterable[Feed], current: Mapping[str, FeedVersion]
) -> list[tuple[Feed, FeedVersion]]:
    found = []
    for feed in read:
        version = current.get(feed.id)
        if version is None:
            continue
        secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
        path = rule_files.rule_file(context.settings.state_dir, feed.id, version.version)
        if rule_files.digest_of(path, secret) != version.digest:
            found.append((feed, version))
    return found


def _altered_files(
    context: Context, current: Mapping[str, FeedVersion], definitions: Iterable[str]
) -> list[RowFault]:
    try:
        read = adoption.combined(policies(context), definitions).policies.feeds
    except OperationError as error:
        return [RowFault("policies", f"the files of lists were not looked at: {error}", error.remedy)]
    return [
        _of_feed(feed.id, f"the file of version {version.version} is not what was read")
        for feed, version in _altered(context, [each for each in read if each.mandatory], current)
    ]


def _of_feed(identifier: str, fault: str, version_of: str = "") -> RowFault:
    return RowFault(f"feed:{identifier}", fault, FEED_REMEDY.format(identifier), version_of)
