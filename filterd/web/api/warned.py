"""The reply to a change of choices: the line, with what is to be told of the change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Response
from pydantic import Field

from filterd.model.subscriber import Subscriber
from filterd.operations import choice_warnings, subscribers
from filterd.operations.context import Context
from filterd.web.api.callers import Caller
from filterd.web.api.representations import SubscriberShown
from filterd.web.api.subscribers import changed


class WarnedSubscriber(SubscriberShown):
    """A line after a change of its choices."""

    warnings: list[str] = Field(
        description="To be read to the line's holder (in Spanish); and choices that the change dropped or "
        "that close nothing."
    )


async def profile_changed(
    caller: Caller,
    response: Response,
    id: str,
    if_match: str | None,
    step: Callable[[Context], Awaitable[Subscriber]],
) -> WarnedSubscriber:
    """Change the profile of a line by a use case."""
    told: list[str] = []

    async def change(context: Context) -> Subscriber:
        before = await subscribers.show(context, id)
        found = await step(context)
        told.extend(await choice_warnings.of_profile(context, before, found))
        return found

    line = await changed(caller, response, id, if_match, change)
    return WarnedSubscriber(**line.model_dump(), warnings=told)
