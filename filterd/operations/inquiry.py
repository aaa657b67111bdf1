"""A check that a person asked for: where its answer touches a confidential list or order, it is on record,
and nobody gets more than a few of them a minute.

Who may run ``check`` could otherwise try name after name, unseen. Beyond the limit every check of that person
is refused, whatever the name: a refusal says nothing about it. The trail has a keyed digest in the place of
the name, with which whoever holds the key can prove that a name they know was asked for.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from filterd.disk.given_file import GivenFile
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.operations import explain
from filterd.operations.context import Context, OperationError
from filterd.operations.explain import Explanation
from filterd.operations.identification import QueryClient
from filterd.operations.keys import load_key
from filterd.store import change_log

LIMIT = 10
"""answers about confidential names that one person gets within the window"""
WINDOW = 60.0


async def ask(
    context: Context,
    name: str,
    *,
    qtype: str = "A",
    subscriber: str | None = None,
    client: QueryClient | str | None = None,
    at: int | None = None,
    resolve: bool = False,
    answer: Path | GivenFile | None = None,
) -> Explanation:
    """:func:`filterd.operations.explain.explain` for a person. Raises OperationError beyond the limit, and
    where the answer must be on record and cannot."""
    await _require_within_limit(context)
    found = await explain.explain(
        context,
        name,
        qtype=qtype,
        subscriber=subscriber,
        client=client,
        at=at,
        resolve=resolve,
        answer=answer,
    )
    if found.confidential:
        await _record(context, found)
    return found


async def _require_within_limit(context: Context) -> None:
    async with context.store.read() as connection:
        asked = await change_log.newest_entries(connection, LIMIT, _subject(context))
    if len(asked) < LIMIT:
        return
    left = asked[0].entry.at + WINDOW - context.clock()
    if 0 < left <= WINDOW:
        message = f"{context.actor} had {LIMIT} answers about confidential names within a minute"
        raise OperationError(message, f"wait for {int(left) + 1} seconds; until then no name is checked")


async def _record(context: Context, found: Explanation) -> None:
    key = load_key(context.settings, FINGERPRINT_KEY)
    digest = hmac.new(key, b"check\n" + found.name.encode(), hashlib.sha256).hexdigest()
    async with context.store.write(context.actor, context.clock()) as write:
        write.audit("check.confidential", _subject(context), after={"name_digest": digest})


def _subject(context: Context) -> str:
    return f"check:{context.actor}"
