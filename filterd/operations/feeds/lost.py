"""Feeds that the snapshot in force has, and that neither the store nor the files know any more.

That is so where an entry was lost before feeds were adopted (an upgrade from such a version), and where the
store was replaced by an older one. They are adopted by what the snapshot tells of them, before the next
compile leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.rule import Scope
from filterd.model.verdict import Kind
from filterd.operations.context import Context
from filterd.operations.feeds.adoption import adopt
from filterd.policy.classes import MANDATORY
from filterd.policy.documents import Feed, Format, MandatoryTerms, Policies
from filterd.policy.published import mandate_from_meta
from filterd.store import adoptions

UNKNOWN = "unknown"
"""source, authority and ground of such a feed; it is not read until its entry is back"""
REASON = "the snapshot in force has it, and neither the store nor the policies"


async def take_back(context: Context, documents: Policies, meta: Mapping[str, Any]) -> None:
    """Adopt the feeds of a snapshot's meta that nobody else knows."""
    lost = await lost_feeds(context, documents, meta)
    if lost:
        async with context.store.write(context.actor, context.clock()) as write:
            for feed in lost:
                await adopt(context, write, feed, reason=REASON)


async def lost_feeds(context: Context, documents: Policies, meta: Mapping[str, Any]) -> list[Feed]:
    """The feeds of a snapshot's meta that nobody else knows."""
    listed = {each.id for each in documents.feeds}
    async with context.store.read() as connection:
        adopted, decided = await adoptions.every(connection), await adoptions.recorded(connection)
    known = listed | adopted.keys() | decided.keys()  # a record that is gone is damage, for a person to mend
    return [each for each in feeds_in(meta) if each.id not in known]


def feeds_in(meta: Mapping[str, Any]) -> Iterator[Feed]:
    """The feeds of a snapshot as far as it tells. The scope is the narrowest, which every entry covers that
    names one or gives the whole subtree."""
    mandates = {each.id: each for each in map(mandate_from_meta, meta["mandates"])}
    for entry in meta["lists"]:
        category = terms = way = None
        if entry["kind"] == MANDATORY:
            if entry["mandatory_id"] >= FIRST_ORDER_ID:
                continue
            mandate = mandates[entry["mandatory_id"]]
            terms = MandatoryTerms(UNKNOWN, UNKNOWN, mandate.mode, mandate.confidential)
        elif entry["kind"] == Kind.CATEGORY.word:
            category = entry["category"]
        elif entry["kind"] == Kind.BYPASS.word and entry.get("way"):
            way = entry["way"]
        elif entry["kind"] != Kind.SECURITY.word:
            continue
        security = category is None and terms is None and way is None
        yield Feed(entry["id"], UNKNOWN, Format.DOMAINS, Scope.EXACT, category, terms, security, bypass=way)
