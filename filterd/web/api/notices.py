"""``/api/v1/notices``: the notices to holders, and those that no receiver has taken."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, Field

from filterd.model.notice import NoticeState
from filterd.model.token import Permission
from filterd.operations.errors import NotAllowedError
from filterd.operations.notices import keeping
from filterd.operations.notices.keeping import NoticeShown
from filterd.operations.repeats import Said
from filterd.store.notices import NoticeFilter
from filterd.web.api.fields import ListPart, time_of
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("notices")
NoticeId = Annotated[str, Path(max_length=32, description="The notice's id: that of `webhook-id`.")]
Number = Annotated[int, Query(ge=0, le=2**53, description="Go on behind this number.")]


class DeliveryShown(BaseModel):
    """A receiver that has not taken a notice."""

    webhook: str
    failed: bool = Field(description="It is not asked again by itself.")
    attempts: int
    next_at: datetime | None
    trouble: str


class NoticeReply(BaseModel):
    """A notice to the holder of a line."""

    id: str
    number: int
    subscriber: str
    kind: str
    at: datetime | None
    state: NoticeState
    template: str
    es: str
    en: str
    waiting: list[DeliveryShown]


class NoticesSent(BaseModel):
    """The number of notices that are sent again."""

    notices: int


@routes.get("/notices", **takes(Permission.NOTICES_READ))
async def list_notices(
    caller: Called,
    undelivered: bool = False,
    subscriber: Annotated[str, Query(max_length=128)] = "",
    after: Number = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ListPart[NoticeReply]:
    """List notices, oldest first."""
    if subscriber:
        caller.require_line(subscriber)
    begins = caller.token.lines
    wanted = NoticeFilter(undelivered, subscriber, begins)
    found = await keeping.list_notices(caller.context, wanted, after=after, limit=limit)
    more = len(found) == limit
    return ListPart(
        items=[_reply(each) for each in found], next=str(found[-1].notice.number) if more else None
    )


@routes.get("/notices/{id}", **takes(Permission.NOTICES_READ))
async def show(caller: Called, id: NoticeId) -> NoticeReply:
    """Show a notice with the text that the holder gets."""
    return _reply(await _of(caller, id))


@routes.post("/notices/retry", **takes(Permission.NOTICES_WRITE))
async def retry_all(attempt: Attempted, caller: Called) -> NoticesSent:
    """Send every notice anew that was not delivered. A token that is limited to some lines may not."""
    if caller.token.lines:
        message = "the token is limited to some lines, and this is about all"
        raise NotAllowedError(message, "send single notices anew: POST /api/v1/notices/{id}/retry")

    async def act() -> Said:
        return Said({"notices": await keeping.retry_all(caller.context)})

    return NoticesSent(**(await once(attempt, caller, act)).values)


@routes.post("/notices/{id}/retry", **takes(Permission.NOTICES_WRITE))
async def retry(attempt: Attempted, caller: Called, id: NoticeId) -> NoticesSent:
    """Send a notice anew to the receivers that have not taken it."""
    found = await _of(caller, id)

    async def act() -> Said:
        return Said({"notices": await keeping.retry(caller.context, found.notice.id)})

    return NoticesSent(**(await once(attempt, caller, act)).values)


async def _of(caller: Called, identifier: str) -> NoticeShown:
    """The notice, if it is of a line that the token may see."""
    found = await keeping.show(caller.context, identifier)
    if not caller.reaches(found.notice.subscriber):
        raise keeping.unknown(identifier)
    return found


def _reply(found: NoticeShown) -> NoticeReply:
    notice = found.notice
    return NoticeReply(
        id=notice.id,
        number=notice.number,
        subscriber=notice.subscriber,
        kind=notice.kind,
        at=time_of(notice.at),
        state=notice.state,
        template=found.told.version,
        es=found.told.text.es,
        en=found.told.text.en,
        waiting=[
            DeliveryShown(
                webhook=each.webhook,
                failed=each.failed,
                attempts=each.attempts,
                next_at=time_of(each.next_at),
                trouble=each.trouble,
            )
            for each in found.deliveries
        ],
    )
