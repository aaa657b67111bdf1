"""``/api/v1/feeds``: lists are shown, read, held at the version before, and accepted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from filterd.model.token import Permission
from filterd.operations.feeds import acceptance, holding, listing, updating
from filterd.operations.plain_feeds import plain_feed, plain_update
from filterd.operations.plain_values import plain, with_times
from filterd.web.api.fields import ListPart, Plain, RequestBody, RequiredText, Text
from filterd.web.api.routing import Called, router, takes

routes = router("feeds")
FeedId = Annotated[str, Path(max_length=64, description="The id of a feed.")]


class FeedReason(RequestBody):
    """The reason of an act on a feed."""

    reason: RequiredText


class FeedAccepted(FeedReason):
    """The decision that what is held back of a feed is right."""

    digest: str = Field("", max_length=64, description="The beginning of the digest that was reviewed.")


@routes.get("/feeds", **takes(Permission.FEEDS_READ))
async def list_feeds(caller: Called) -> ListPart[Plain]:
    """List the feeds and where each stands."""
    return ListPart(
        items=[_timed(plain_feed(each)) for each in await listing.list_feeds(caller.context)], next=None
    )


@routes.get("/feeds/{id}", **takes(Permission.FEEDS_READ))
async def show_feed(caller: Called, id: FeedId) -> Plain:
    """Show a feed with its versions."""
    status = await listing.show(caller.context, id)
    versions = await listing.versions(caller.context, id)
    origin = await listing.origin(caller.context, id)
    return _timed({**plain_feed(status), "versions": plain(versions), "provenance": plain(origin)})


@routes.post("/feeds/{id}/update", **takes(Permission.FEEDS_WRITE))
async def update_feed(caller: Called, id: FeedId) -> Plain:
    """Read a feed now. What it brings reaches the nodes with the next snapshot, which control makes."""
    (done,) = await updating.update(caller.context, (id,))
    return _timed(plain_update(done))


@routes.put("/feeds/{id}/hold", **takes(Permission.FEEDS_WRITE))
async def hold_feed(caller: Called, id: FeedId, body: FeedReason) -> Plain:
    """Take a feed back to the version before, and keep it there. Where that lifts what is mandatory, another
    person has to say it again: `waits` is true until then."""
    done = await holding.hold(caller.context, id, reason=body.reason)
    return _timed({**plain(done), "waits": done.waits})


@routes.delete("/feeds/{id}/hold", **takes(Permission.FEEDS_WRITE))
async def release_feed(caller: Called, id: FeedId, reason: Annotated[Text, Query()] = "") -> Plain:
    """End a hold: the feed takes what its source says when it is read the next time."""
    return _timed(plain(await holding.release(caller.context, id, reason=reason)))


@routes.post("/feeds/{id}/accept", **takes(Permission.FEEDS_WRITE))
async def accept_feed(caller: Called, id: FeedId, body: FeedAccepted) -> Plain:
    """Take into force what is held back of a feed; of a mandatory one, as the second person."""
    done = await acceptance.accept(caller.context, id, reason=body.reason, digest=body.digest)
    return _timed(plain(done))


def _timed(value: Any) -> Plain:
    found: Plain = with_times(value)
    return found
