"""The people behind an order, and behind what else takes two of them.

Whoever makes a token for another person's name can use it. So the maker of the token by which somebody adds
or approves an order stands behind that order too: one person who makes two tokens stays one. The audit entry
of each approval names the maker, and the next approval is compared with those. One human is one person with
whatever account: ``people`` of the configuration says which accounts are of the same one.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import Order
from filterd.model.order_sql import DECISIONS
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, NotAllowedError, OperationError
from filterd.store import change_log

MADE_BY = "token_made_by"
"""the key of the maker in the audited state of an order"""
_MOST_ENTRIES = 1_000
"""on one order"""


def audited_maker(context: Context) -> dict[str, str]:
    """The maker of the token by which somebody decides, for the trail; nothing where it is their own."""
    return {MADE_BY: context.token_made_by} if context.token_made_by else {}


async def require_another(
    connection: AsyncConnection, order: Order, context: Context, behind: Collection[str] | None = None
) -> None:
    """Refuse whoever stands behind the order already, be it by another account or by a token that they made.
    ``behind``: the accounts of whoever counts; None: all who added and approved it."""
    actor, maker = context.human, context.person_of(context.token_made_by) if context.token_made_by else ""
    standing = {context.person_of(each) for each in (order.approvals if behind is None else behind)}
    if actor in standing:
        message = f"{actor} stands behind order {order.reference} already"
        raise ConflictError(message, "another person has to do it, under their own user")
    entries = await change_log.newest_entries(
        connection, _MOST_ENTRIES, f"order:{order.reference}", DECISIONS
    )
    made = {(each.entry.after or {}).get(MADE_BY) for each in entries} - {None, ""}
    makers = {context.person_of(str(each)) for each in made}
    if actor in makers:
        message = f"{actor} made a token that stands behind order {order.reference} already"
        raise NotAllowedError(message, "another person has to do it, under their own account")
    if maker and maker in makers | standing:
        message = f"{maker} made this token, and stands behind order {order.reference} already"
        remedy = "do it with a token that another person made, or under your own account"
        raise NotAllowedError(message, remedy)


async def stands_behind(context: Context, order: Order) -> bool:
    """True for whoever stands behind the order already, so that another person has to approve it."""
    async with context.store.read() as connection:
        try:
            await require_another(connection, order, context)
        except OperationError:
            return True
    return False


def require_own(context: Context, people: int) -> None:
    """Refuse a token that somebody else made, for an act that takes more than one person."""
    maker = context.token_made_by
    if people > 1 and maker and context.person_of(maker) != context.human:
        message = f"this takes {people} people, and {context.token_made_by} made this token"
        remedy = "do it with a token that you made yourself (filterd token add), or by command"
        raise NotAllowedError(message, remedy)
