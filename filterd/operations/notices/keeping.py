"""Shows the notices that are stored, sends some anew, and deletes those that are done."""

from __future__ import annotations

import json
from dataclasses import dataclass

from filterd.model.notice import Delivery, HolderNotice, NoticeState
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.notices.texts import Told, Wording
from filterd.policy.documents import Text
from filterd.store import notices as rows
from filterd.store.notices import NoticeFilter
from filterd.store.store import Store, Write


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """A notice with its words and those who have not taken it."""

    notice: HolderNotice
    told: Told
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class NoticeFigures:
    """The notices that are stored, for metrics and the doctor."""

    states: dict[str, int]
    oldest_waiting: float
    """Unix seconds; 0: none waits"""


async def list_notices(
    context: Context, wanted: NoticeFilter, *, after: int = 0, limit: int = 100
) -> list[NoticeShown]:
    """The wanted notices by number, from behind ``after``."""
    async with context.store.read() as connection:
        found = await rows.page(connection, wanted, after=after, limit=limit)
        ways = await rows.deliveries(connection, [each.number for each in found])
    wording = Wording(context)
    return [_shown(each, ways.get(each.number, []), wording) for each in found]


async def show(context: Context, identifier: str) -> NoticeShown:
    """One notice."""
    async with context.store.read() as connection:
        found = await rows.find(connection, identifier.strip())
        ways = {} if found is None else await rows.deliveries(connection, [found.number])
    if found is None:
        raise unknown(identifier)
    return _shown(found, ways.get(found.number, []), Wording(context))


def _shown(notice: HolderNotice, ways: list[Delivery], wording: Wording) -> NoticeShown:
    told = wording.tell(notice) if not notice.told else _sent(notice.told)
    return NoticeShown(notice, told, tuple(ways))


def _sent(text: str) -> Told:
    """The words with which a notice was sent."""
    words = json.loads(text)
    return Told(words["template"], Text(es=words["es"], en=words["en"]))


def unknown(identifier: str) -> UnknownError:
    """The error for a notice that does not exist."""
    message = f"unknown notice {identifier.strip()[:64]!r}"
    return UnknownError(message, "see those that exist with: filterd notice list")


async def retry(context: Context, identifier: str) -> int:
    """Send one notice anew to the receivers that have not taken it: 1, or 0 where nobody wants it."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await rows.find(write.connection, identifier.strip())
        if found is None:
            raise unknown(identifier)
        if found.state is NoticeState.DELIVERED:
            message = f"the notice {found.id} was delivered"
            raise ConflictError(message, "see who has it in the receiver's own record")
        return await _again(write, context, [found.number], f"notice:{found.id}")


async def retry_all(context: Context) -> int:
    """Send everything anew that was not taken, in transactions of bounded size: the number of notices."""
    sent = after = 0
    while True:
        async with context.store.write(context.actor, context.clock()) as write:
            numbers = await rows.undelivered(write.connection, after, rows.ROWS)
            if not numbers:
                return sent
            sent += await _again(write, context, numbers, "notice:all")
            after = numbers[-1]


async def _again(write: Write, context: Context, numbers: list[int], subject: str) -> int:
    webhooks = {each.id: each.events for each in context.settings.notices.webhooks}
    if not webhooks:
        message = "the settings have no receiver of notices"
        raise ConflictError(message, "add one to notices.webhooks, or tell the holders yourself")
    await rows.go_on(write.connection, tuple(webhooks))
    sent = await rows.again(write.connection, numbers, webhooks, write.now)
    write.audit("notice.retry", subject, after={"notices": sent})
    return sent


async def figures(store: Store) -> NoticeFigures:
    """The notices by state, and since when the oldest waits."""
    async with store.read() as connection:
        return NoticeFigures(await rows.counts(connection), await rows.oldest_waiting(connection))


async def purge_notices(store: Store, before: float) -> int:
    """Delete the notices that were delivered, failed or kept before a time (Unix seconds), in transactions of
    bounded size: their number. Those that wait stay. Raises StoreError."""
    gone = 0
    while True:
        async with store.read() as connection:
            if not await rows.any_ended(connection, before):
                return gone
        async with store.report() as connection:
            gone += await rows.purge(connection, before)
